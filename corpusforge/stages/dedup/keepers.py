"""Kept documents by the band keys that list them, and the compiled search for the first that is similar enough.

A key lists the first `max_keepers` kept documents that have it. A listed document is held as the sorted set of its
n-grams' hashes. A document is compared with the listed documents of its keys, best-ranked first, until one fits.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpusforge.text.arrays import Floats, Int64s, UInt8s, UInt64s

KEPT, GONE, ASIDE = 0, 1, 2

Int8s = NDArray[np.int8]

# places in `fill`
_KEYS, _ENTRIES, _LISTED, _HASHES, _BYTES = range(5)
_NONE = -1


class Documents(NamedTuple):
    """Documents in rank order: n-grams, band keys (both as offsets and values) and doc_ids, uint8[documents, 16]."""

    gram_offsets: Int64s
    grams: UInt64s
    key_offsets: Int64s
    keys: UInt64s
    doc_ids: UInt8s


class Outcome(NamedTuple):
    """For each document KEPT, GONE or ASIDE; for those that go, doc_id of the keeper and the similarity."""

    decision: Int8s
    keeper: UInt8s
    similarity: Floats


class Keepers:
    """What is held of kept documents: about `keeper_bytes`, beyond that documents that match nothing are set aside."""

    def __init__(self, verify: float, containment: bool, max_keepers: int, keeper_bytes: int) -> None:
        self._rule = (verify, containment, max_keepers, keeper_bytes)
        self.clear()

    def clear(self) -> None:
        """Hold nothing."""
        self._keys = np.zeros(1 << 10, np.uint64)  # open addressing; a slot is free while its count is 0
        self._counts = np.zeros(1 << 10, np.int64)  # documents the key has listed, in this block and those before
        self._fill = np.zeros(5, np.int64)
        self._hold_none()

    def release(self) -> None:
        """Hold only how many documents each key has listed."""
        self._fill[1:] = 0
        self._hold_none()

    def _hold_none(self) -> None:
        self._first = np.full(len(self._keys), _NONE, np.int64)  # slot -> its last entry
        self._next = np.empty(0, np.int64)  # entry -> the entry before it of the same key
        self._listed = np.empty(0, np.int64)  # entry -> listed document
        self._offsets = np.zeros(1, np.int64)  # listed document -> its n-grams
        self._doc_ids = np.empty((0, 16), np.uint8)
        self._hashes = np.empty(0, np.uint64)

    def decide(self, documents: Documents) -> Outcome:
        """Decide documents that rank below all that were decided before."""
        count = len(documents.doc_ids)
        self._make_room(count, len(documents.keys), len(documents.grams))
        outcome = Outcome(np.zeros(count, np.int8), np.zeros((count, 16), np.uint8), np.zeros(count))
        _decide(
            *documents,
            self._keys,
            self._counts,
            self._first,
            self._next,
            self._listed,
            self._offsets,
            self._doc_ids,
            self._hashes,
            self._fill,
            *self._rule,
            *outcome,
        )
        return outcome

    def _make_room(self, documents: int, keys: int, grams: int) -> None:
        fill = self._fill
        slots = len(self._keys)
        while slots < 2 * (fill[_KEYS] + keys):
            slots *= 2
        if slots > len(self._keys):
            table = np.zeros(slots, np.uint64), np.zeros(slots, np.int64), np.full(slots, _NONE, np.int64)
            _move(self._keys, self._counts, self._first, *table)
            self._keys, self._counts, self._first = table
        self._next = _grown(self._next, int(fill[_ENTRIES]), keys)
        self._listed = _grown(self._listed, int(fill[_ENTRIES]), keys)
        self._offsets = _grown(self._offsets, int(fill[_LISTED]) + 1, documents)
        self._doc_ids = _grown(self._doc_ids, int(fill[_LISTED]), documents)
        self._hashes = _grown(self._hashes, int(fill[_HASHES]), grams)


def _grown(values: np.ndarray, used: int, more: int) -> np.ndarray:
    if used + more <= len(values):
        return values
    larger = np.empty((max(used + more, 2 * len(values)), *values.shape[1:]), values.dtype)
    larger[:used] = values[:used]
    return larger


@njit(cache=True)
def _slot(keys: UInt64s, counts: Int64s, key: np.uint64) -> np.int64:
    # the key's slot, or the free one where it would go; keys are hashes
    last = len(keys) - 1
    at = np.int64(key >> np.uint64(8)) & last
    while counts[at] > 0 and keys[at] != key:
        at = (at + 1) & last
    return at


@njit(cache=True)
def _move(keys: UInt64s, counts: Int64s, first: Int64s, to_keys: UInt64s, to_counts: Int64s, to_first: Int64s) -> None:
    for i in range(len(keys)):
        if counts[i] > 0:
            at = _slot(to_keys, to_counts, keys[i])
            to_keys[at], to_counts[at], to_first[at] = keys[i], counts[i], first[i]


@njit(cache=True)
def _shell_sort(values: UInt64s, farthest: int) -> None:
    # `farthest`: about how many places a value may have to go
    gap = 1
    while gap < farthest // 2:
        gap = gap * 9 // 4 + 1
    while gap > 0:
        for i in range(gap, len(values)):
            value = values[i]
            k = i
            while k >= gap and values[k - gap] > value:
                values[k] = values[k - gap]
                k -= gap
            values[k] = value
        gap = gap * 4 // 9


@njit(cache=True)
def sort_distinct(values: UInt64s, sorted_values: UInt64s) -> int:
    """Write the set of `values`, which are hashes, in order into the front of `sorted_values`; return its size.

    Values fall into as many buckets as there are values by their highest bits; Shell's sort with gaps below the
    largest bucket does the rest. So it is linear for hashes, and a text made to collide costs n**1.3.
    """
    n = len(values)
    if n == 0:
        return 0
    bits = 1
    while (1 << bits) < n:
        bits += 1
    shift = np.uint64(64 - bits)
    ends = np.zeros((1 << bits) + 1, np.int64)
    for value in values:
        ends[np.int64(value >> shift) + 1] += 1
    largest = 0
    for i in range(1 << bits):
        largest = max(largest, ends[i + 1])
        ends[i + 1] += ends[i]
    for value in values:
        at = np.int64(value >> shift)
        sorted_values[ends[at]] = value
        ends[at] += 1
    _shell_sort(sorted_values[:n], largest)
    count = 1
    for i in range(1, n):
        if sorted_values[i] != sorted_values[count - 1]:
            sorted_values[count] = sorted_values[i]
            count += 1
    return count


@njit(cache=True)
def shared_count(mine: UInt64s, others: UInt64s, need: int) -> int:
    """Count the hashes two sorted sets share; -1 as soon as `need` is out of reach."""
    mine_to_lose = len(mine) - need
    others_to_lose = len(others) - need
    shared = 0
    i = 0
    j = 0
    while i < len(mine) and j < len(others):
        if mine[i] == others[j]:
            shared += 1
            i += 1
            j += 1
        elif mine[i] < others[j]:
            i += 1
            mine_to_lose -= 1
            if mine_to_lose < 0:
                return -1
        else:
            j += 1
            others_to_lose -= 1
            if others_to_lose < 0:
                return -1
    return shared


@njit(cache=True)
def similarity_of(shared: int, mine: int, others: int, containment: bool) -> float:
    """Similarity of a document of `mine` n-grams to one of `others`, `shared` of them in both."""
    return shared / (mine if containment else mine + others - shared)


@njit(cache=True)
def needed(mine: int, others: int, verify: float, containment: bool) -> int:
    """Return the least number of shared n-grams that makes the similarity `verify`."""
    bound = verify * mine if containment else verify * (mine + others) / (1 + verify)
    need = max(0, int(np.ceil(bound)) - 1)  # rounding may have gone either way
    while need <= min(mine, others) and similarity_of(need, mine, others, containment) < verify:
        need += 1
    return need


@njit(cache=True)
def _decide(
    gram_offsets: Int64s,
    grams: UInt64s,
    key_offsets: Int64s,
    keys: UInt64s,
    doc_ids: UInt8s,
    table_keys: UInt64s,
    counts: Int64s,
    first: Int64s,
    following: Int64s,
    listed: Int64s,
    offsets: Int64s,
    listed_ids: UInt8s,
    hashes: UInt64s,
    fill: Int64s,
    verify: float,
    containment: bool,
    max_keepers: int,
    keeper_bytes: int,
    decision: Int8s,
    keeper: UInt8s,
    similarity: Floats,
) -> None:
    candidates = np.empty(64, np.uint64)
    shown_to = np.full(fill[_LISTED] + len(doc_ids), _NONE, np.int64)  # listed document -> the last it was shown to
    for d in range(len(doc_ids)):
        # its n-grams go where they stay if it is listed
        start = fill[_HASHES]
        count = sort_distinct(grams[gram_offsets[d] : gram_offsets[d + 1]], hashes[start:])
        mine = hashes[start : start + count]
        found = 0
        is_open = False
        for i in range(key_offsets[d], key_offsets[d + 1]):
            at = _slot(table_keys, counts, keys[i])
            is_open |= counts[at] < max_keepers
            entry = first[at]
            while entry != _NONE:
                candidate = listed[entry]
                entry = following[entry]
                if shown_to[candidate] == d:
                    continue
                shown_to[candidate] = d
                if found == len(candidates):
                    candidates = np.append(candidates, np.empty(found, np.uint64))
                candidates[found] = candidate
                found += 1
        _shell_sort(candidates[:found], found)  # documents are numbered in rank order
        for i in range(found):
            candidate = np.int64(candidates[i])
            others = hashes[offsets[candidate] : offsets[candidate + 1]]
            need = needed(count, len(others), verify, containment)
            if need > min(count, len(others)):
                continue
            shared = shared_count(mine, others, need)
            if shared >= need:
                decision[d] = GONE
                keeper[d] = listed_ids[candidate]
                similarity[d] = similarity_of(shared, count, len(others), containment)
                break
        if decision[d] == GONE or not is_open:  # no document set aside can be listed under full keys: it stays
            continue
        if fill[_BYTES] > keeper_bytes:
            decision[d] = ASIDE
            continue
        for i in range(key_offsets[d], key_offsets[d + 1]):
            at = _slot(table_keys, counts, keys[i])
            if counts[at] == 0:
                table_keys[at] = keys[i]
                fill[_KEYS] += 1
            if counts[at] < max_keepers:
                entry = fill[_ENTRIES]
                following[entry], listed[entry], first[at] = first[at], fill[_LISTED], entry
                counts[at] += 1
                fill[_ENTRIES] += 1
                fill[_BYTES] += 40
        listed_ids[fill[_LISTED]] = doc_ids[d]
        fill[_LISTED] += 1
        fill[_HASHES] += count
        offsets[fill[_LISTED]] = fill[_HASHES]
        fill[_BYTES] += 8 * count + 24
