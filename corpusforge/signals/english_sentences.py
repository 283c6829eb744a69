"""Sentences of English as spaCy's sentencizer cuts them, and the end of a line that C4 takes for a sentence's."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import Spans


def line_sentence_count(text: TextBatch) -> Floats:
    r"""Sentences of each document, each line cut by itself.

    Lines are those of str.splitlines(). A token that is a sentence mark ends a sentence, with the punctuation that
    follows; blank sentences do not count.

    >>> from corpusforge.text import segment
    >>> line_sentence_count(segment(["He left at 5 p.m. today. Why?\n(No one knows.)\n", None]))
    array([3., 0.])

    Source: spaCy 3.8, blank English with its sentencizer, on each line: how datatrove 0.10 counts for C4.
    """
    return text.line_sentences.astype(np.float64)


def ends_as_sentence(text: TextBatch) -> Floats:
    r"""1 when the text ends with one of `. ? ! " '` and not with `...`, else 0; meant for lines.

    >>> from corpusforge.text import segment
    >>> ends_as_sentence(segment(['He said "No!"', "Read more...", "Home. ", None]))
    array([1., 0., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2; the marks of datatrove 0.10.
    """
    return _ends(text, (".", "?", "!", '"', "'"))


def ends_as_sentence_t5(text: TextBatch) -> Floats:
    r"""1 when the text ends with one of `. ? ! "` and not with `...`, else 0; meant for lines.

    >>> from corpusforge.text import segment
    >>> ends_as_sentence_t5(segment(['He said "No!"', "'No!'", "Read more...", None]))
    array([1., 0., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2; the marks of C4's code in TensorFlow Datasets.
    """
    return _ends(text, (".", "?", "!", '"'))


def _ends(text: TextBatch, marks: tuple[str, ...]) -> Floats:
    whole = Spans(text.data, np.arange(text.documents + 1), text.offsets[:-1], text.offsets[1:])
    ending = np.any([whole.end_with(mark) for mark in marks], axis=0)
    return np.asarray(ending & ~whole.end_with("..."), np.float64)
