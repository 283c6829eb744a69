"""What ROOTS, the corpus of BLOOM, measures. Words stand between whitespace, with no special character around them."""

from functools import cache

import numpy as np
from numba import njit

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int64s, UInt8s, UInt64s
from corpusforge.text.spans import divide, mix, table_size
from corpusforge.text.special_characters import special_table
from corpusforge.text.utf8 import count_flagged, decode
from corpusforge.text.word_lists import WordList, read_words
from corpusforge.text.words import hash_word


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
    size = int(table_size(int(text.chars.max(initial=0))))
    return _repetition(text.data, text.offsets, np.empty(size, np.uint64), np.empty(size, np.int64))


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
def _repetition(data: UInt8s, offsets: Int64s, keys: UInt64s, counts: Int64s) -> Floats:
    """Return the share per document; `keys` (0: free) and `counts` are scratch of the size of the largest table."""
    found = np.zeros(len(offsets) - 1, np.float64)
    base = np.uint64(0xD1342543DE82EF95)
    leaving = np.uint64(1)
    for _ in range(10):
        leaving *= base
    last_codes = np.zeros(10, np.uint64)
    for d in range(len(offsets) - 1):
        at, stop = offsets[d], offsets[d + 1]
        characters = 0
        for byte in range(at, stop):
            characters += (data[byte] & 0xC0) != 0x80
        if characters < 10:
            continue
        last = table_size(characters - 9) - 1
        keys[: last + 1] = 0
        state = np.uint64(0)
        distinct = 0
        repeated = 0  # 10-grams that occur more than once
        k = 0
        while at < stop:
            code, width = decode(data, at, stop)
            letter = mix(np.uint64(code + 1))
            state = state * base + letter
            if k >= 10:
                state -= last_codes[k % 10] * leaving
            last_codes[k % 10] = letter
            k += 1
            at += width
            if k < 10:
                continue
            key = mix(state) | np.uint64(1)
            slot = np.int64(key >> np.uint64(20)) & last
            while keys[slot] != 0 and keys[slot] != key:
                slot = (slot + 1) & last
            if keys[slot] == 0:
                keys[slot] = key
                counts[slot] = 0
                distinct += 1
            counts[slot] += 1
            repeated += counts[slot] == 2
        most = min(int(np.sqrt(distinct)), repeated)
        frequent = np.empty(repeated, np.int64)
        n = 0
        for place in range(last + 1 if repeated > 0 else 0):
            if keys[place] != 0 and counts[place] > 1:
                frequent[n] = counts[place]
                n += 1
        frequent.sort()
        found[d] = frequent[repeated - most :].sum() / (k - 9)
    return found
