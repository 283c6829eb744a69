"""How long a document and its words are. Words are spaCy's English tokens, symbols left out."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import divide


def word_count(text: TextBatch) -> Floats:
    """Words of each document: tokens with at least one character that is no punctuation or control character.

    >>> from corpusforge.text import segment
    >>> word_count(segment(["It's 3 p.m. -- time!", "...", None]))
    array([5., 0., 0.])

    Source: Rae et al. 2021 (Gopher), table A1; words as datatrove 0.10 counts them.
    """
    return text.tokens.words[0].astype(np.float64)


def mean_word_length(text: TextBatch) -> Floats:
    """Mean length of each document's words in characters; 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> mean_word_length(segment(["a bb, ccc !!!", ""]))
    array([2., 0.])

    Source: Rae et al. 2021 (Gopher), table A1; words as in `word_count`.
    """
    words, characters, _ = text.tokens.words
    return divide(characters, words)
