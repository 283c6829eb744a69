"""Symbols in proportion to words. Words are spaCy's English tokens, punctuation included."""

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import divide


def hash_to_word_ratio(text: TextBatch) -> Floats:
    """Hash signs per word (0..); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> hash_to_word_ratio(segment(["see #1 now", ""]))
    array([0.25, 0.  ])

    Source: Rae et al. 2021 (Gopher), table A1; as in datatrove 0.10, where `#` and `1` are two words.
    """
    return divide(text.count("#"), text.tokens.counts)


def ellipsis_to_word_ratio(text: TextBatch) -> Floats:
    """Ellipses (`...` and `…`) per word (0..); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> ellipsis_to_word_ratio(segment(["well ... yes …", ""]))
    array([0.5, 0. ])

    Source: Rae et al. 2021 (Gopher), table A1; as in datatrove 0.10.
    """
    return divide(text.count("...") + text.count("…"), text.tokens.counts)


def alphabetic_word_fraction(text: TextBatch) -> Floats:
    """Share of words with at least one alphabetic character (0..1); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> alphabetic_word_fraction(segment(["route 66 , a2", ""]))
    array([0.5, 0. ])

    Source: Rae et al. 2021 (Gopher), table A1; over all tokens, as in datatrove 0.10.
    """
    return divide(text.tokens.words[2], text.tokens.counts)
