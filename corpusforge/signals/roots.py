"""What ROOTS, the corpus of BLOOM, measures. Words stand between whitespace, with no special character around them."""

from functools import cache

import numpy as np
from numba import njit

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int64s, UInt8s, UInt64s
from corpusforge.text.repeats import COUNT, count_key
from corpusforge.text.spans import divide, mix, table_size
from corpusforge.text.special_characters import special_table
from corpusforge.text.utf8 import count_flagged, decode
from corpusforge.text.word_lists import WordList, read_words
from corpusforge.text.words import hash_word

PART_KEYS = 8192
MAX_PART_BITS = 10


def word_count_roots(text: TextBatch) -> Floats:
    """Words that are more than special characters.

    >>> from corpusforge.text import segment
    >>> word_count_roots(segment(["It's 3 p.m. -- time!", None]))
    array([3., 0.])

    Source: Laurencon et al. 2022 (ROOTS, arXiv:2303.03915), appendix C; number of words.
    """
    return text.stripped_words.counts.astype(np.float64)


def repeated_word_5gram_fraction(text: TextBatch) -> Floats:
    """Share of word 5-grams that occur more than once, every copy counted (0..1); words are lower-cased.

    >>> from corpusforge.text import segment
    >>> repeated_word_5gram_fraction(segment(["A b c d e. A, b, c d e!", "a b"])).round(2)
    array([0.33, 0.  ])

    Source: Laurencon et al. 2022 (ROOTS), appendix C; word repetition ratio of length 5.
    """
    words = text.stripped_words
    return divide(words.repeats.occurrences(5), np.maximum(words.counts - 4, 0))


def character_10gram_repetition_fraction(text: TextBatch) -> Floats:
    """Share of character 10-grams that are among the most frequent (0..1); 0 for fewer than ten characters.

    Of d different 10-grams the most frequent ones count, at most as many as the square root of d, and only such as
    occur more than once.

    >>> from corpusforge.text import segment
    >>> character_10gram_repetition_fraction(segment(["ab" * 10, "abcdefghijkl", "ab"])).round(2)
    array([0.55, 0.  , 0.  ])

    Source: Laurencon et al. 2022 (ROOTS), appendix C; character repetition ratio of length 10.
    """
    most = int(text.lengths_bytes.max(initial=0))
    keys = np.empty((2, most), np.uint64)
    table, reached = np.empty(int(table_size(most)), np.uint64), np.zeros(most + 2, np.int64)
    return _repetition(text.data, text.offsets, keys, table, reached)


def special_character_fraction(text: TextBatch) -> Floats:
    """Share of characters that are punctuation, digits, whitespace, emoji or other signs (0..1).

    >>> from corpusforge.text import segment
    >>> special_character_fraction(segment(["ab 1!", "”ü”", ""])).round(2)
    array([0.6 , 0.67, 0.  ])

    Source: Laurencon et al. 2022 (ROOTS), appendix C; the list is in corpusforge/text/special_characters.py.
    """
    special = count_flagged(text.data, text.offsets[:-1], text.offsets[1:], special_table(), 1)
    return divide(special, text.chars)


def stop_word_fraction_roots_en(text: TextBatch) -> Floats:
    """Share of words that are English stop words, lower-cased (0..1); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> stop_word_fraction_roots_en(segment(["The cat, and the dog.", "Katze"]))
    array([0.6, 0. ])

    Source: Laurencon et al. 2022 (ROOTS), appendix C; the list is stopwords-json's, which ROOTS' own list grew from.
    """
    return divide(_stop_words().count(text.stripped_words), text.stripped_words.counts)


@cache
def _stop_words() -> WordList:
    return WordList([[word.lower()] for word in read_words("stop.en")], hash_word)


@njit(cache=True)
def _repetition(data: UInt8s, offsets: Int64s, keys: UInt64s, table: UInt64s, reached: Int64s) -> Floats:
    """Return the share per document.

    Scratch for the longest: two rows of `keys`, `table` and `reached` (all 0), see `_tally`.
    """
    found = np.zeros(len(offsets) - 1, np.float64)
    letters = np.empty(128, np.uint64)
    for code in range(128):
        letters[code] = mix(np.uint64(code + 1))
    for d in range(len(offsets) - 1):
        n = _hash_10grams(data, offsets[d], offsets[d + 1], letters, keys[0])
        if n <= 0:
            continue
        ends = _part(keys, n)
        for p in range(len(ends) - 1):
            _tally(keys[int(len(ends) > 2), ends[p] : ends[p + 1]], table, reached)
        most = min(int(np.sqrt(reached[1])), reached[2])
        frequent = 0
        count = 1
        while reached[count] > 0:
            frequent += min(reached[count], most)
            reached[count] = 0
            count += 1
        found[d] = frequent / n
    return found


@njit(cache=True)
def _hash_10grams(data: UInt8s, start: int, stop: int, letters: UInt64s, keys: UInt64s) -> int:
    """Write the hashes of all 10-grams of code points to `keys` and return their number (below 1: too few characters).

    `letters`: what stands for each code point of ASCII.
    """
    n = 0
    at = start
    while at < stop:
        if data[at] < 128:  # decode() costs ten times as much
            keys[n] = letters[data[at]]
            at += 1
        else:
            code, width = decode(data, at, stop)
            keys[n] = mix(np.uint64(code + 1))
            at += width
        n += 1
    base = np.uint64(0xD1342543DE82EF95)
    leaving = np.uint64(1)
    for _ in range(10):
        leaving *= base
    state = np.uint64(0)
    for k in range(min(n, 9)):
        state = state * base + keys[k]
    left = np.uint64(0)
    for k in range(n - 9):
        state = state * base + keys[k + 9] - left
        left = keys[k] * leaving
        keys[k] = state ^ (state >> np.uint64(32))
    return n - 9


@njit(cache=True)
def _part(keys: UInt64s, n: int) -> Int64s:
    """Sort `n` keys of the first row by their upper bits into parts of the second; return where each begins, and n.

    A single part stays in the first row. The table of a part fits into the cache, that of a book does not (99 -> 53 ns
    a word where half of the text is books).
    """
    bits = 0
    while n >> bits > PART_KEYS and bits < MAX_PART_BITS:
        bits += 1
    if bits == 0:
        return np.array([0, n])
    shift = np.uint64(64 - bits)
    ends = np.zeros((1 << bits) + 1, np.int64)
    for k in range(n):
        ends[np.int64(keys[0, k] >> shift) + 1] += 1
    places = np.cumsum(ends)
    ends[:] = places
    for k in range(n):
        part = np.int64(keys[0, k] >> shift)
        keys[1, places[part]] = keys[0, k]
        places[part] += 1
    return ends


@njit(cache=True)
def _tally(keys: UInt64s, table: UInt64s, reached: Int64s) -> None:
    """Add to `reached[c]` how many different keys occur `c` times or more; `table` is scratch."""
    size = table_size(len(keys))
    table[:size] = 0
    for k in range(len(keys)):
        slot = count_key(table, size - 1, keys[k])
        reached[np.int64(table[slot] & COUNT)] += 1
