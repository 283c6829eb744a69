"""Shingles: the word n-grams of each document as 64-bit hashes, for near-duplicates and overlap."""

from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int64s, UInt64s
from corpusforge.text.spans import mix
from corpusforge.text.words import Words

# The polynomial's base. It is 3 mod 8, so that b**k - 1 has few factors of two: two words that change places k
# apart give another value but for a chance of about 2**-63 * k.
BASE = 0xD1342543DE82EF9B


class Shingles(NamedTuple):
    """n-grams of each document, in the order of the text, repeats included."""

    offsets: Int64s  # int64[documents + 1]: document d has the n-grams offsets[d] to offsets[d + 1]
    hashes: UInt64s  # uint64[n-grams], well mixed


def shingles(words: Words, n: int) -> Shingles:
    """Return every document's word n-grams.

    A document with fewer than n words has one: all its words. One without words has none.

    >>> from corpusforge.text import segment
    >>> grams = shingles(segment(["a b c d", "C, D!", "?"]).words, 2)
    >>> grams.offsets
    array([0, 3, 4, 4])
    >>> bool(grams.hashes[2] == grams.hashes[3])
    True
    """
    counts = words.counts
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(np.where(counts == 0, 0, np.maximum(counts - n + 1, 1)), out=offsets[1:])
    return Shingles(offsets, _roll(words.offsets, words.hashes, n, np.uint64(pow(BASE, n, 1 << 64)), offsets))


def distinct(hashes: UInt64s) -> UInt64s:
    """Return the set of `hashes`: sorted, each once.

    >>> distinct(np.array([3, 1, 3], np.uint64))
    array([1, 3], dtype=uint64)
    """
    ordered = np.sort(hashes)
    if len(ordered) < 2:
        return ordered
    new = np.empty(len(ordered), bool)
    new[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


@njit(cache=True)
def _roll(word_offsets: Int64s, words: UInt64s, n: int, leaving: np.uint64, offsets: Int64s) -> UInt64s:
    found = np.empty(offsets[-1], np.uint64)
    base = np.uint64(BASE)
    for d in range(len(word_offsets) - 1):
        at = offsets[d]
        state = np.uint64(0)
        start = word_offsets[d]
        stop = word_offsets[d + 1]
        for i in range(start, min(start + n, stop)):
            state = state * base + words[i]
        if start < stop:
            found[at] = mix(state)
        for i in range(start + n, stop):
            state = state * base + words[i] - words[i - n] * leaving
            at += 1
            found[at] = mix(state)
    return found
