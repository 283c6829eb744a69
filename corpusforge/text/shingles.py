"""Shingles: the n-grams of each document as 64-bit hashes, for near-duplicates and overlap."""

from typing import Literal, NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int64s, UInt8s, UInt64s
from corpusforge.text.batch import TextBatch
from corpusforge.text.spans import mix
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode
from corpusforge.text.words import Words

# The polynomial's base. It is 3 mod 8, so that b**k - 1 has few factors of two: two words that change places k
# apart give another value but for a chance of about 2**-63 * k.
BASE = 0xD1342543DE82EF9B

Unit = Literal["words", "characters"]


class Shingles(NamedTuple):
    """n-grams of each document, in the order of the text, repeats included."""

    offsets: Int64s  # int64[documents + 1]: document d has the n-grams offsets[d] to offsets[d + 1]
    hashes: UInt64s  # uint64[n-grams], well mixed


def shingles_of(text: TextBatch, n: int, unit: Unit) -> Shingles:
    """Return every document's n-grams of words or of characters."""
    return shingles(text.words, n) if unit == "words" else character_shingles(text, n)


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


def character_shingles(text: TextBatch, n: int) -> Shingles:
    """Return every document's n-grams of characters: its words, lower-cased, with one space for all that is between.

    Words that touch (letters of a script without spaces) have nothing between them. A document with fewer than n
    characters has one n-gram: all of them. One without words has none.

    >>> from corpusforge.text import segment
    >>> grams = character_shingles(segment(["a, B.", "(A b c)", "!"]), 3)
    >>> grams.offsets
    array([0, 1, 4, 4])
    >>> bool(grams.hashes[0] == grams.hashes[1])
    True
    """
    words = text.words
    found = np.empty(len(text.data) + len(words), np.uint64)  # pages never touched cost nothing
    leaving = np.uint64(pow(BASE, n, 1 << 64))
    last = np.empty(n, np.uint64)
    offsets = _roll_characters(text.data, words.offsets, words.starts, words.ends, TABLE, leaving, last, found)
    return Shingles(offsets, found[: offsets[-1]])


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


@njit(cache=True)
def _roll_characters(
    data: UInt8s,
    word_offsets: Int64s,
    starts: Int64s,
    ends: Int64s,
    table: Flags,
    leaving: np.uint64,
    last: UInt64s,
    found: UInt64s,
) -> Int64s:
    # `last` holds the last n characters, as a ring.
    offsets = np.zeros(len(word_offsets), np.int64)
    base = np.uint64(BASE)
    n = len(last)
    total = 0
    for d in range(len(word_offsets) - 1):
        state = np.uint64(0)
        seen = 0
        for w in range(word_offsets[d], word_offsets[d + 1]):
            at = starts[w]
            apart = w > word_offsets[d] and ends[w - 1] < at
            while at < ends[w]:
                if apart:
                    code, width = 32, 0
                    apart = False
                else:
                    code, width = decode(data, at, ends[w])
                    code += table[table[code >> 8] + (code & 255)] >> 8
                value = mix(np.uint64(code + 1))
                state = state * base + value
                if seen >= n:
                    state -= last[seen % n] * leaving
                last[seen % n] = value
                seen += 1
                if seen >= n:
                    found[total] = mix(state)
                    total += 1
                at += width
        if 0 < seen < n:
            found[total] = mix(state)
            total += 1
        offsets[d + 1] = total
    return offsets
