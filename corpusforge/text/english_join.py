"""Exceptions that the patterns have cut, found among the tokens and put together again, see `english.py`."""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.english_cut import describe
from corpusforge.text.spans import mix


@njit(cache=True)
def pair_key(first: np.uint64, second: np.uint64) -> np.uint64:
    """Return the key of two neighbouring tokens by their hashes."""
    return mix(first * np.uint64(0x9E3779B97F4A7C15) ^ second)


@njit(cache=True)
def _linked(data: UInt8s, starts: Int64s, ends: Int64s, hashes: UInt64s, i: int, pairs: UInt64s) -> bool:
    """Say whether a match can hold tokens i and i + 1: neighbours, or parted by one space only."""
    gap = starts[i + 1] - ends[i]
    if gap > 1 or (gap == 1 and data[ends[i]] != 32):
        return False
    key = pair_key(hashes[i], hashes[i + 1])
    low, high = 0, len(pairs)
    while low < high:
        middle = (low + high) >> 1
        if pairs[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low < len(pairs) and pairs[low] == key


@njit(cache=True)
def find_windows(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    hashes: UInt64s,
    suspects: Int64s,
    documents: Int64s,
    pairs: UInt64s,
) -> Int64s:
    """Return the runs of tokens around suspects in which joins may touch one another, int64[n, 2].

    `documents`: the first token of each, and the end of the last. `pairs`: sorted keys of tokens that may be joined.
    """
    windows = np.empty((len(suspects), 2), np.int64)
    n = 0
    document = 0
    for suspect in suspects:
        if n and suspect < windows[n - 1, 1]:
            continue
        while documents[document + 1] <= suspect:
            document += 1
        low, high = suspect, suspect + 1
        while low > documents[document] and _linked(data, starts, ends, hashes, low - 1, pairs):
            low -= 1
        while high < documents[document + 1] and _linked(data, starts, ends, hashes, high - 1, pairs):
            high += 1
        windows[n, 0], windows[n, 1] = low, high
        n += 1
    return windows[:n]


_Arrays = tuple[Int64s, Int64s, Int32s, UInt64s, UInt8s]  # starts, ends, lengths in characters, hashes, kinds


@njit(cache=True)
def replace_tokens(
    data: UInt8s,
    table: Flags,
    removed: Int64s,
    where: Int64s,
    new_starts: Int64s,
    new_ends: Int64s,
    tokens: _Arrays,
    out: _Arrays,
) -> int:
    """Take out the tokens `removed` and put new ones before the tokens `where`; return how many there are in `out`.

    `out` holds the tokens before the first one removed; it is `tokens` itself when no join makes more tokens.
    """
    starts, ends, lengths, hashes, kinds = tokens
    to_starts, to_ends, to_lengths, to_hashes, to_kinds = out
    n = removed[0]
    gone = 0
    added = 0
    for i in range(n, len(starts)):
        if added < len(where) or gone < len(removed):
            while added < len(where) and where[added] == i:
                to_starts[n], to_ends[n] = new_starts[added], new_ends[added]
                to_lengths[n], to_hashes[n], to_kinds[n] = describe(data, new_starts[added], new_ends[added], table)
                n += 1
                added += 1
            if gone < len(removed) and removed[gone] == i:
                gone += 1
                continue
        to_starts[n], to_ends[n] = starts[i], ends[i]
        to_lengths[n], to_hashes[n], to_kinds[n] = lengths[i], hashes[i], kinds[i]
        n += 1
    return int(n)
