"""What the edits of a pack took from a text: signals of the texts before and after."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import divide
from corpusforge.text.unicode_words import count_fasttext_words


def words_removed_fraction(before: TextBatch, after: TextBatch) -> Floats:
    """Share of the words that the edits took away (0..1); 0 when no word was lost or there was none.

    Words stand between whitespace.

    >>> from corpusforge.text import segment
    >>> words_removed_fraction(segment(["a b c d", "", "a"]), segment(["a b c", "", "a b"]))
    array([0.25, 0.  , 0.  ])

    Source: the last rule of RefinedWeb's line-wise corrections (Penedo et al. 2023, arXiv:2306.01116, appendix G.2).
    """
    lost = np.maximum(before.chunks.counts - after.chunks.counts, 0)
    return divide(lost, before.chunks.counts)


def words_removed_fraction_dclm(before: TextBatch, after: TextBatch) -> Floats:
    """Share of the words that the edits took away (..1), negative when words were added; 0 when there was none.

    Words as fastText cuts them, those that begin with a letter or digit, as in `word_count_dclm`.

    >>> from corpusforge.text import segment
    >>> words_removed_fraction_dclm(segment(["a b, c - d", ""]), segment(["a b c", ""]))
    array([0.25, 0.  ])

    Source: Li et al. 2024 (DCLM, arXiv:2406.11794), word_removal_ratio_filter.
    """
    words = count_fasttext_words(before.data, before.offsets)
    return divide(words - count_fasttext_words(after.data, after.offsets), words)


def chars_before(before: TextBatch, after: TextBatch) -> Floats:
    """Characters of the text before the edits.

    >>> from corpusforge.text import segment
    >>> chars_before(segment(["abc", None]), segment(["a", None]))
    array([3., 0.])

    Source: own; lets `explain` say what an edit took.
    """
    return before.chars.astype(np.float64)


def chars_after(before: TextBatch, after: TextBatch) -> Floats:
    """Characters of the text after the edits.

    >>> from corpusforge.text import segment
    >>> chars_after(segment(["abc", None]), segment(["a", None]))
    array([1., 0.])

    Source: own; lets `explain` say what an edit took.
    """
    return after.chars.astype(np.float64)
