"""How long lines are, beyond the longest and the mean of `code.py`."""

import numpy as np
from numba import njit

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int32s, Int64s
from corpusforge.text.spans import divide


def character_count(text: TextBatch) -> Floats:
    """Characters (code points), whitespace included.

    >>> from corpusforge.text import segment
    >>> character_count(segment(["a ü", "", None]))
    array([3., 0., 0.])

    Source: none; the length of a text.
    """
    return text.chars.astype(np.float64)


def chars_per_line(text: TextBatch) -> Floats:
    r"""Characters of the text, line breaks included, per line; 0 for a document without lines.

    >>> from corpusforge.text import segment
    >>> chars_per_line(segment(["ab\n\nabcd", ""])).round(2)
    array([2.67, 0.  ])

    Source: Together 2023 (RedPajama v1), GitHub slice, avg_line_length; lines of str.splitlines().
    """
    return divide(text.chars, text.unicode_lines.counts)


def third_longest_line_chars(text: TextBatch) -> Floats:
    r"""Length of the third longest line in characters; 0 for a document of fewer than three lines.

    >>> from corpusforge.text import segment
    >>> third_longest_line_chars(segment(["abc\na\nabcd\nab", "one\ntwo", ""]))
    array([2., 0., 0.])

    Source: Xue et al. 2021 (mT5, arXiv:2010.11934), section 3.1; lines between newlines.
    """
    return _third_longest(text.lines.offsets, text.lines.lengths_chars).astype(np.float64)


@njit(cache=True)
def _third_longest(offsets: Int64s, lengths: Int32s) -> Int64s:
    found = np.zeros(len(offsets) - 1, np.int64)
    for d in range(len(offsets) - 1):
        if offsets[d + 1] - offsets[d] < 3:
            continue
        first, second, third = -1, -1, -1
        for i in range(offsets[d], offsets[d + 1]):
            length = lengths[i]
            if length > first:
                first, second, third = length, first, second
            elif length > second:
                second, third = length, second
            elif length > third:
                third = length
        found[d] = third
    return found
