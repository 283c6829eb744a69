"""Symbols in proportion to words. Words are spaCy's English tokens, punctuation included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corpusforge.text import TextBatch
    from corpusforge.text.arrays import Floats


def hash_to_word_ratio(text: TextBatch) -> Floats:
    """Hash signs per word (0..); 0 for a document without words.

    >>> hash_to_word_ratio(segment(["see #1 now", ""]))
    array([0.25, 0.  ])

    Source: Rae et al. 2021 (Gopher), table A1; as in datatrove 0.10, where `#` and `1` are two words.
    """
    from corpusforge.text.spans import divide

    return divide(text.count("#"), text.tokens.counts)


def ellipsis_to_word_ratio(text: TextBatch) -> Floats:
    """Ellipses (`...` and `…`) per word (0..); 0 for a document without words.

    >>> ellipsis_to_word_ratio(segment(["well ... yes …", ""]))
    array([0.5, 0. ])

    Source: Rae et al. 2021 (Gopher), table A1; as in datatrove 0.10.
    """
    from corpusforge.text.spans import divide

    return divide(text.count("...") + text.count("…"), text.tokens.counts)


def alphabetic_word_fraction(text: TextBatch) -> Floats:
    """Share of words with at least one alphabetic character (0..1); 0 for a document without words.

    >>> alphabetic_word_fraction(segment(["route 66 , a2", ""]))
    array([0.5, 0. ])

    Source: Rae et al. 2021 (Gopher), table A1; over all tokens, as in datatrove 0.10.
    """
    return text.tokens.mean(text.tokens.alphabetic)
