"""Marks at the beginning and end of a text; meant for lines, of which `quality.signals` measures each."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import Spans

_TERMINAL = (".", "!", "?", "”")
_BULLETS = ("•", "‣", "▶", "◀", "◦", "■", "□", "▪", "▫", "–")


def ends_with_terminal_mark(text: TextBatch) -> Floats:
    """1 when `.`, `!`, `?` or `”` is the last character before whitespace, else 0.

    >>> from corpusforge.text import segment
    >>> ends_with_terminal_mark(segment(["The end. ", "The end", None]))
    array([1., 0., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), of one line rps_lines_ending_with_terminal_punctution_mark.
    """
    whole = _stripped(text)
    return np.asarray(np.any([whole.end_with(mark) for mark in _TERMINAL], axis=0), np.float64)


def starts_with_bullet_mark(text: TextBatch) -> Floats:
    """1 when one of ten bullets (`• ‣ ▶ ◀ ◦ ■ □ ▪ ▫ –`) is the first character after whitespace, else 0.

    >>> from corpusforge.text import segment
    >>> starts_with_bullet_mark(segment([" • one", "- two", None]))
    array([1., 0., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), of one line rps_lines_start_with_bulletpoint.
    """
    whole = _stripped(text)
    return np.asarray(np.any([whole.start_with(mark) for mark in _BULLETS], axis=0), np.float64)


def ellipsis_line_fraction_newline(text: TextBatch) -> Floats:
    r"""Share of lines that end with `...` or `…` before whitespace (0..1); 0 for a document without lines.

    Only a newline ends a line, unlike in `ellipsis_line_fraction`; an empty rest after the last one is no line.

    >>> from corpusforge.text import segment
    >>> ellipsis_line_fraction_newline(segment(["Read more... \n\rmore …\nend.\n\n", ""]))
    array([0.5, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_lines_end_with_ellipsis.
    """
    lines = text.ended_lines.stripped
    return lines.mean(lines.end_with("...") | lines.end_with("…"))


def _stripped(text: TextBatch) -> Spans:
    return Spans(text.data, np.arange(text.documents + 1), text.offsets[:-1], text.offsets[1:]).stripped
