"""Winnowing: few n-grams of a text such that whatever two texts share, they share one of these.

Of the k-grams that begin in each run of `window` words, the one with the least hash is a fingerprint. Two texts that
share `k + window - 1` words share the same run of k-grams, hence its fingerprint: candidates are found by exchanging
2 / (window + 1) of the k-grams, and none is missed.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Int64s, UInt64s
from corpusforge.text.spans import mix

BASE_HIGH = 0xD1342543DE82EF9B  # both are 3 mod 8, see text/shingles.py
BASE_LOW = 0x9FB21C651E98DF2B


def fingerprints(offsets: Int64s, hashes: UInt64s, length: int) -> tuple[Int64s, UInt64s, int]:
    """Return (places, hashes, k): the fingerprints of texts for spans of `length` words, and their words.

    `offsets` int64[documents + 1] and `hashes` uint64[words] as in `Words`; a place is a word's number in the batch, in
    order. A text of fewer than `length` words has none.
    """
    k = max(1, length // 2)
    places = np.empty(len(hashes), np.int64)
    found = np.empty(len(hashes), np.uint64)
    n = _winnow(offsets, hashes, k, length - k + 1, _power(BASE_HIGH, k), places, found)
    return places[:n].copy(), found[:n].copy(), k


def spans(offsets: Int64s, hashes: UInt64s, length: int, chosen: Int64s) -> tuple[Int64s, UInt64s]:
    """Return (places, digests uint64[spans, 2]) of every span of `length` words whose fingerprint is at a chosen place.

    `chosen` is sorted. Digests have 128 bits, from two polynomials over the words' 64-bit hashes; the second has the
    halves of each hash swapped, so that words which change places and agree in their low bits do not fool both.
    """
    k = max(1, length // 2)
    marked = np.zeros(len(hashes), np.bool_)
    marked[chosen] = True
    places = np.empty(len(hashes), np.int64)
    digests = np.empty((len(hashes), 2), np.uint64)
    powers = (_power(BASE_HIGH, k), _power(BASE_HIGH, length), _power(BASE_LOW, length))
    n = _spans(offsets, hashes, k, length - k + 1, powers, marked, places, digests)
    return places[:n].copy(), digests[:n].copy()


def _power(base: int, exponent: int) -> np.uint64:
    return np.uint64(pow(base, exponent, 1 << 64))


@njit(cache=True)
def _kgrams(hashes: UInt64s, begin: int, end: int, k: int, leaving: np.uint64, out: UInt64s) -> None:
    base = np.uint64(BASE_HIGH)
    state = np.uint64(0)
    for i in range(begin, end):
        state = state * base + hashes[i]
        if i >= begin + k:
            state -= hashes[i - k] * leaving
        if i >= begin + k - 1:
            out[i - k + 1 - begin] = mix(state)


@njit(cache=True)
def _least(grams: UInt64s, start: int, window: int, last: int) -> int:
    # The rightmost least of a window, given that of the window before; a new search only where that one has left.
    if last >= start:
        newest = start + window - 1
        return newest if grams[newest] <= grams[last] else last
    best = start
    for i in range(start + 1, start + window):
        if grams[i] <= grams[best]:
            best = i
    return best


@njit(cache=True)
def _winnow(
    offsets: Int64s, hashes: UInt64s, k: int, window: int, leaving: np.uint64, places: Int64s, found: UInt64s
) -> int:
    grams = np.empty(max(1, _longest(offsets)), np.uint64)
    n = 0
    for d in range(len(offsets) - 1):
        begin = offsets[d]
        count = offsets[d + 1] - begin - k + 1
        if count < window:
            continue
        _kgrams(hashes, begin, offsets[d + 1], k, leaving, grams)
        last = -1
        for start in range(count - window + 1):
            best = _least(grams, start, window, last)
            if best != last:
                places[n] = begin + best
                found[n] = grams[best]
                n += 1
            last = best
    return n


@njit(cache=True)
def _spans(
    offsets: Int64s,
    hashes: UInt64s,
    k: int,
    window: int,
    powers: tuple[np.uint64, np.uint64, np.uint64],
    marked: Bools,
    places: Int64s,
    digests: UInt64s,
) -> int:
    grams = np.empty(max(1, _longest(offsets)), np.uint64)
    length = k + window - 1
    high_base = np.uint64(BASE_HIGH)
    low_base = np.uint64(BASE_LOW)
    n = 0
    for d in range(len(offsets) - 1):
        begin = offsets[d]
        end = offsets[d + 1]
        if end - begin < length or not marked[begin:end].any():
            continue
        _kgrams(hashes, begin, end, k, powers[0], grams)
        last = -1
        high = np.uint64(0)
        low = np.uint64(0)
        for i in range(begin, end):
            high = high * high_base + hashes[i]
            low = low * low_base + _swapped(hashes[i])
            if i >= begin + length:
                high -= hashes[i - length] * powers[1]
                low -= _swapped(hashes[i - length]) * powers[2]
            start = i - length + 1 - begin
            if start < 0:
                continue
            last = _least(grams, start, window, last)
            if marked[begin + last]:
                places[n] = begin + start
                digests[n, 0] = mix(high)
                digests[n, 1] = mix(low)
                n += 1
    return n


@njit(cache=True)
def _swapped(value: np.uint64) -> np.uint64:
    return value << np.uint64(32) | value >> np.uint64(32)


@njit(cache=True)
def _longest(offsets: Int64s) -> int:
    longest = 0
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    return longest
