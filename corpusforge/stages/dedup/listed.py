"""Search in a corpus index: the best-ranked listed document that is similar enough."""

import numpy as np
from numba import njit

from corpusforge.stages.dedup.keepers import needed, shared_count, similarity_of, sort_distinct
from corpusforge.text.arrays import Bools, Floats, Int32s, Int64s, UInt8s, UInt32s, UInt64s


def distinct_sets(offsets: Int64s, hashes: UInt64s) -> tuple[Int64s, UInt64s]:
    """Return (size, hashes): the set of each document's hashes, sorted, one document after the other."""
    counts, sets = np.zeros(len(offsets) - 1, np.int64), np.empty(len(hashes), np.uint64)
    size = _distinct_sets(offsets, hashes, counts, sets)
    return counts, sets[:size].copy()


@njit(cache=True)
def _distinct_sets(offsets: Int64s, hashes: UInt64s, counts: Int64s, sets: UInt64s) -> int:
    at = 0
    for d in range(len(offsets) - 1):
        counts[d] = sort_distinct(hashes[offsets[d] : offsets[d + 1]], sets[at:])
        at += counts[d]
    return at


@njit(cache=True)
def match_listed(
    gram_offsets: Int64s,
    grams: UInt64s,
    keys: UInt64s,
    listed_keys: UInt64s,
    numbers: UInt32s,
    offsets: Int64s,
    hashes: UInt64s,
    doc_ids: UInt8s,
    verify: float,
    containment: bool,
    max_keepers: int,
    waiting: Bools,
    consulted: Int32s,
    known: Bools,
    keeper: UInt8s,
    similarity: Floats,
) -> None:
    """Match the documents of the mask `waiting` with one part of an index; see `corpus_index`.

    `keys` uint64[documents, bands]. `consulted` int32[documents, bands]: listed documents already consulted, in this
    part and those before. Writes `known`, `keeper` (doc_id, uint8[documents, 16]) and `similarity`.
    """
    candidates = np.empty(keys.shape[1] * max_keepers, np.int64)
    mine = np.empty(0, np.uint64)
    for d in range(len(keys)):
        if not waiting[d]:
            continue
        found = 0
        for band in range(keys.shape[1]):
            at = np.searchsorted(listed_keys, keys[d, band])
            while at < len(listed_keys) and listed_keys[at] == keys[d, band] and consulted[d, band] < max_keepers:
                consulted[d, band] += 1
                candidates[found] = numbers[at]
                found += 1
                at += 1
        if found == 0:
            continue
        size = gram_offsets[d + 1] - gram_offsets[d]
        if len(mine) < size:
            mine = np.empty(2 * size, np.uint64)
        count = sort_distinct(grams[gram_offsets[d] : gram_offsets[d + 1]], mine)
        last = -1
        for candidate in np.sort(candidates[:found]):  # numbers are ranks
            if candidate == last:
                continue
            last = candidate
            others = hashes[offsets[candidate] : offsets[candidate + 1]]
            need = needed(count, len(others), verify, containment)
            if need > min(count, len(others)):
                continue
            shared = shared_count(mine[:count], others, need)
            if shared >= need:
                known[d] = True
                keeper[d] = doc_ids[candidate]
                similarity[d] = similarity_of(shared, count, len(others), containment)
                break
