"""Sentences of any language, by the marks that end them; see corpusforge/text/sentence_ends.py for their limits."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.sentence_ends import count_marked


def sentence_count_unicode(text: TextBatch) -> Floats:
    """Sentences as UAX #29 cuts by default; every line break ends one, blank ones do not count.

    >>> from corpusforge.text import segment
    >>> sentence_count_unicode(segment(["He left at 5.30 p.m. today. Why?", "你好。再见！", None]))
    array([2., 2., 0.])

    Source: Unicode Standard Annex #29, section 5.
    """
    return text.sentences.counts.astype(np.float64)


def sentence_count_marked(text: TextBatch) -> Floats:
    r"""Runs between the marks `.`, `!` and `?` that hold a letter, digit or `_`: matches of \b[^.!?]+[.!?]*.

    >>> from corpusforge.text import segment
    >>> sentence_count_marked(segment(["He left at 5.30 p.m. today. Why?", "你好。再见！", None]))
    array([5., 1., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_num_sentences.
    """
    return count_marked(text.data, text.offsets).astype(np.float64)
