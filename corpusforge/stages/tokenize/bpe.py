"""Byte-pair encoding of one pre-token: merge the pair of least rank, the leftmost of equal ones, until none is left.

A merge is found by the two ids: an open-addressing table of two uint64 a slot, (left << 32 | right) and (rank << 32 |
merged id), with EMPTY where there is none. Most pairs have none, and the table has megabytes: `sieve`, one bit for each
hash of SIEVE_BITS, rules most of them out from the second-level cache (1.8 -> 1.5 us for a pre-token that is not known
yet), of which it takes a quarter. `first` holds the second number of a slot for every pair of bytes, uint64[65536].
"""

from typing import Any

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt64s

EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SIEVE_BITS = 21
SHORT = 48  # up to so many bytes the least rank is looked for one by one, above a queue finds it


def merge_table(left: Int64s, right: Int64s, merged: Int64s) -> tuple[UInt64s, UInt64s]:
    """Return the table of merges, listed by rank, and its sieve.

    Of a pair that is listed twice the last rank counts, as in HF's.
    """
    size = 16
    while size < 2 * len(left):
        size *= 2
    table = np.full((size, 2), EMPTY, np.uint64)
    sieve = np.zeros(1 << (SIEVE_BITS - 6), np.uint64)
    _fill(table, sieve, left, right, merged)
    return table, sieve


@njit(cache=True)
def _fill(table: UInt64s, sieve: UInt64s, left: Int64s, right: Int64s, merged: Int64s) -> None:
    for rank in range(len(left)):
        key = np.uint64(left[rank]) << np.uint64(32) | np.uint64(right[rank])
        slot = _slot(key, len(table))
        while table[slot, 0] != EMPTY and table[slot, 0] != key:
            slot = (slot + 1) & (len(table) - 1)
        bit = (key * _GOLDEN) >> np.uint64(64 - SIEVE_BITS)
        sieve[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
        table[slot, 0] = key
        table[slot, 1] = np.uint64(rank) << np.uint64(32) | np.uint64(merged[rank])


@njit(cache=True)
def first_merges(table: UInt64s, sieve: UInt64s, byte_ids: Int32s) -> UInt64s:
    """Return the merges of every pair of bytes, by `first byte << 8 | second`."""
    found = np.empty(1 << 16, np.uint64)
    for a in range(256):
        for b in range(256):
            found[a << 8 | b] = merge(table, sieve, np.int64(byte_ids[a]), np.int64(byte_ids[b]))
    return found


@njit(cache=True, inline="always")
def _slot(key: Any, size: Any) -> Any:
    mixed = np.uint64(key) * _GOLDEN
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(size - 1))


@njit(cache=True)
def merge(table: UInt64s, sieve: UInt64s, left: Any, right: Any) -> Any:
    """Return rank << 32 | id of the merge of two ids, EMPTY if there is none."""
    key = np.uint64(left) << np.uint64(32) | np.uint64(right)
    bit = (key * _GOLDEN) >> np.uint64(64 - SIEVE_BITS)
    if not sieve[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1):
        return EMPTY
    slot = _slot(key, len(table))
    while True:
        if table[slot, 0] == key:
            return table[slot, 1]
        if table[slot, 0] == EMPTY:
            return EMPTY
        slot = (slot + 1) & (len(table) - 1)


@njit(cache=True)
def encode_short(
    data: UInt8s,
    start: Any,
    end: Any,
    byte_ids: Int32s,
    first: UInt64s,
    table: UInt64s,
    sieve: UInt64s,
    ids: Int64s,
    ranks: UInt64s,
    fewest: Any,
) -> Any:
    """Write the ids of data[start:end] to `ids`; return how many. `ids` and `ranks` have a place for every byte.

    Merging ends when `fewest` are left: 1 for the ids of a text.
    """
    count = end - start
    ids[0] = byte_ids[data[start]]
    best, where = EMPTY, -1
    for k in range(count - 1):
        ids[k + 1] = byte_ids[data[start + k + 1]]
        ranks[k] = first[np.int64(data[start + k]) << 8 | np.int64(data[start + k + 1])]
        if ranks[k] < best:
            best, where = ranks[k], k
    while where >= 0 and count > fewest:
        # Of equal pairs the leftmost comes first; a rank belongs to one pair, so equal entries are equal pairs.
        ids[where] = np.int64(best & np.uint64(0xFFFFFFFF))
        count -= 1
        for k in range(where + 1, count):
            ids[k] = ids[k + 1]
        for k in range(where, count - 1):
            ranks[k] = ranks[k + 1]
        if where:
            ranks[where - 1] = merge(table, sieve, ids[where - 1], ids[where])
        if where + 1 < count:
            ranks[where] = merge(table, sieve, ids[where], ids[where + 1])
        best, where = EMPTY, -1
        for k in range(count - 1):
            if ranks[k] < best:
                best, where = ranks[k], k
    return count


@njit(cache=True)
def encode_long(
    data: UInt8s, start: Any, end: Any, byte_ids: Int32s, first: UInt64s, table: UInt64s, sieve: UInt64s
) -> Int32s:
    """Return the ids of data[start:end]; work grows with n log n."""
    size = end - start
    ids = np.empty(size, np.int32)
    after, before = np.empty(size, np.int64), np.empty(size, np.int64)
    heap = np.empty((3 * size, 2), np.uint64)  # rank << 32 | id, place
    queued = 0
    for k in range(size):
        ids[k] = byte_ids[data[start + k]]
        after[k], before[k] = k + 1, k - 1
        if k + 1 < size:
            entry = first[np.int64(data[start + k]) << 8 | np.int64(data[start + k + 1])]
            if entry != EMPTY:
                queued = _push(heap, queued, entry, k)
    while queued:
        entry, place = heap[0, 0], np.int64(heap[0, 1])
        queued = _pop(heap, queued)
        if ids[place] < 0:
            continue
        middle = after[place]
        if middle >= size or merge(table, sieve, np.int64(ids[place]), np.int64(ids[middle])) != entry:
            continue
        ids[place], ids[middle] = np.int32(entry & np.uint64(0xFFFFFFFF)), -1
        beyond = after[middle]
        after[place] = beyond
        if beyond < size:
            before[beyond] = place
            found = merge(table, sieve, np.int64(ids[place]), np.int64(ids[beyond]))
            if found != EMPTY:
                queued = _push(heap, queued, found, place)
        ahead = before[place]
        if ahead >= 0:
            found = merge(table, sieve, np.int64(ids[ahead]), np.int64(ids[place]))
            if found != EMPTY:
                queued = _push(heap, queued, found, ahead)
    return ids[ids >= 0]


@njit(cache=True)
def _before(heap: UInt64s, i: Any, j: Any) -> Any:
    return heap[i, 0] < heap[j, 0] or (heap[i, 0] == heap[j, 0] and heap[i, 1] < heap[j, 1])


@njit(cache=True)
def _swap(heap: UInt64s, i: Any, j: Any) -> None:
    for k in range(2):
        heap[i, k], heap[j, k] = heap[j, k], heap[i, k]


@njit(cache=True)
def _push(heap: UInt64s, queued: Any, entry: Any, place: Any) -> Any:
    i = queued
    heap[i, 0], heap[i, 1] = entry, np.uint64(place)
    while i and _before(heap, i, (i - 1) >> 1):
        _swap(heap, i, (i - 1) >> 1)
        i = (i - 1) >> 1
    return queued + 1


@njit(cache=True)
def _pop(heap: UInt64s, queued: Any) -> Any:
    queued -= 1
    _swap(heap, 0, queued)
    i = 0
    while 2 * i + 1 < queued:
        child = 2 * i + 1
        if child + 1 < queued and _before(heap, child + 1, child):
            child += 1
        if not _before(heap, child, i):
            break
        _swap(heap, i, child)
        i = child
    return queued
