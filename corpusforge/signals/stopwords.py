"""Common words that running text cannot do without."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats

GOPHER_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


def stop_word_count(text: TextBatch) -> Floats:
    """How many of the, be, to, of, and, that, have, with occur (0..8); case counts, repetitions do not.

    >>> from corpusforge.text import segment
    >>> stop_word_count(segment(["to be or not to be", "The End", None]))
    array([2., 0., 0.])

    Source: Rae et al. 2021 (Gopher), table A1; distinct hits among the tokens, as in datatrove 0.10.
    """
    return text.tokens.distinct(GOPHER_WORDS).astype(np.float64)
