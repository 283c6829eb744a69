"""Words that stand between whitespace, as str.split() gives them."""

import numpy as np
from numba import njit

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int32s, Int64s, UInt8s
from corpusforge.text.unicode import CLASSES, LETTER
from corpusforge.text.utf8 import hold_flagged


def word_count_whitespace(text: TextBatch) -> Floats:
    """Words between whitespace.

    >>> from corpusforge.text import segment
    >>> word_count_whitespace(segment(["It's 3 p.m. -- time!", " ", None]))
    array([5., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2: how C4 counts the words of a line.
    """
    return text.chunks.counts.astype(np.float64)


def longest_word_chars(text: TextBatch) -> Floats:
    """Characters of the longest word between whitespace; 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> longest_word_chars(segment(["a bäb cc", ""]))
    array([3., 0.])

    Source: the code of C4 in TensorFlow Datasets (c4_utils.py).
    """
    return _longest(text.data, text.chunks.offsets, text.chunks.starts, text.chunks.ends).astype(np.float64)


def mean_word_length_whitespace(text: TextBatch) -> Floats:
    """Mean length of the words between whitespace in characters; 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> mean_word_length_whitespace(segment(["a bbb, cc", ""])).round(2)
    array([2.33, 0.  ])

    Source: Li et al. 2024 (DCLM, arXiv:2406.11794), word_length_filter.
    """
    return text.chunks.mean(text.chunks.lengths_chars)


def median_word_length_whitespace(text: TextBatch) -> Floats:
    """Median length of the words between whitespace in characters; 0 for a document without words.

    The mean of the two in the middle where their number is even.

    >>> from corpusforge.text import segment
    >>> median_word_length_whitespace(segment(["a bb ccccc", "a bb", ""]))
    array([2. , 1.5, 0. ])

    Source: Soldaini et al. 2024 (Dolma, arXiv:2402.00159), tagger gopher_v1, median_word_length.
    """
    lengths = text.chunks.lengths_chars
    return _medians(text.chunks.offsets, lengths, np.zeros(int(lengths.max(initial=0)) + 1, np.int64))


def alphabetic_word_fraction_whitespace(text: TextBatch) -> Floats:
    """Share of words between whitespace with a letter, as str.isalpha() says (0..1); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> alphabetic_word_fraction_whitespace(segment(["route 66, a2 --", ""]))
    array([0.5, 0. ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1; Li et al. 2024 (DCLM), alphabetic_word_ratio_filter.
    """
    chunks = text.chunks
    return chunks.mean(hold_flagged(chunks.data, chunks.starts, chunks.ends, CLASSES, LETTER))


@njit(cache=True)
def _medians(offsets: Int64s, lengths: Int32s, histogram: Int64s) -> Floats:
    """Return the median per document; `histogram` is scratch, one place for each length, all 0."""
    found = np.zeros(len(offsets) - 1, np.float64)
    for d in range(len(offsets) - 1):
        begin, end = offsets[d], offsets[d + 1]
        if begin == end:
            continue
        longest = 0
        for i in range(begin, end):
            histogram[lengths[i]] += 1
            longest = max(longest, lengths[i])
        low = (end - begin - 1) // 2  # the middle, or the first of the two
        high = (end - begin) // 2
        seen = 0
        for length in range(longest + 1):
            count = histogram[length]
            if count > 0:
                found[d] += length * ((seen <= low < seen + count) + (seen <= high < seen + count))
            seen += count
            histogram[length] = 0
        found[d] /= 2
    return found


@njit(cache=True)
def _longest(data: UInt8s, offsets: Int64s, starts: Int64s, ends: Int64s) -> Int64s:
    found = np.zeros(len(offsets) - 1, np.int64)
    for d in range(len(found)):
        longest = 0
        for i in range(offsets[d], offsets[d + 1]):
            if ends[i] - starts[i] <= longest:  # most words: no more bytes than the longest has characters
                continue
            chars = 0
            for at in range(starts[i], ends[i]):
                chars += data[at] & 0xC0 != 0x80
            longest = max(longest, chars)
        found[d] = longest
    return found
