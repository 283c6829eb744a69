r"""Lines as FineWeb judges them: those of text.split("\n"), mostly only the filled ones, which are not blank."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import divide

_SHORT_CHARS = 30


def filled_line_count(text: TextBatch) -> Floats:
    r"""Lines with a character that is no whitespace.

    >>> from corpusforge.text import segment
    >>> filled_line_count(segment(["a\n\n \nb", "\n", None]))
    array([2., 0., 0.])

    Source: datatrove 0.10, FineWebQualityFilter.
    """
    return text.filled_lines.counts.astype(np.float64)


def terminal_filled_line_fraction(text: TextBatch) -> Floats:
    r"""Share of filled lines whose last character ends a sentence in some script (0..1); 0 without filled lines.

    The marks are Unicode's Sentence_Terminal, with three Khmer signs.

    >>> from corpusforge.text import segment
    >>> terminal_filled_line_fraction(segment(["One.\nTwo\n\n三。\nFour. ", ""]))
    array([0.5, 0. ])

    Source: Penedo et al. 2024 (FineWeb, arXiv:2406.17557), section 3.5; marks and lines of datatrove 0.10.
    """
    lines = text.filled_lines
    return lines.mean(lines.terminal)


def short_filled_line_fraction(text: TextBatch) -> Floats:
    r"""Share of filled lines of at most 30 characters (0..1); 0 without filled lines.

    >>> from corpusforge.text import segment
    >>> short_filled_line_fraction(segment(["short\n\n" + "a long line of words " * 2, ""]))
    array([0.5, 0. ])

    Source: Penedo et al. 2024 (FineWeb), section 3.5; as in datatrove 0.10.
    """
    lines = text.filled_lines
    return lines.mean(lines.lengths_chars <= _SHORT_CHARS)


def duplicate_filled_line_char_fraction(text: TextBatch) -> Floats:
    r"""Characters of filled lines that repeat an earlier one, as a share of the text without newlines (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_filled_line_char_fraction(segment(["aaa\n\nbb\naaa", ""]))
    array([0.375, 0.   ])

    Source: Penedo et al. 2024 (FineWeb), section 3.5; extra copies only, as in datatrove 0.10.
    """
    return divide(text.filled_lines.duplicates[1], text.chars - text.count("\n"))


def newline_to_word_ratio(text: TextBatch) -> Floats:
    r"""Newlines per word (0..); words are spaCy's English tokens, punctuation included; 0 without words.

    >>> from corpusforge.text import segment
    >>> newline_to_word_ratio(segment(["a b.\n\nc\n", "\n"]))
    array([1., 0.])

    Source: Penedo et al. 2024 (FineWeb), section 3.5; as in datatrove 0.10.
    """
    return divide(text.count("\n"), text.tokens.counts)


def ascii_terminal_line_fraction(text: TextBatch) -> Floats:
    r"""Share of all lines, empty ones too, that end with one of `. ' " ! ?` (0..1).

    >>> from corpusforge.text import segment
    >>> ascii_terminal_line_fraction(segment(["One.\nTwo\n\n三。", ""]))
    array([0.25, 0.  ])

    Source: datatrove of 2024-04-20, with which FineWeb was made.
    """
    ends = [text.lines.end_with(mark) for mark in (".", "'", '"', "!", "?")]
    return text.lines.mean(np.any(ends, axis=0))


def short_line_fraction(text: TextBatch) -> Floats:
    r"""Share of all lines, empty ones too, that have at most 30 characters (0..1); 0 for an empty document.

    >>> from corpusforge.text import segment
    >>> short_line_fraction(segment(["short\n\n" + "a long line of words " * 2, ""]))
    array([0.66666667, 0.        ])

    Source: datatrove of 2024-04-20, with which FineWeb was made.
    """
    return text.lines.mean(text.lines.lengths_chars <= _SHORT_CHARS) * (text.lengths_bytes > 0)
