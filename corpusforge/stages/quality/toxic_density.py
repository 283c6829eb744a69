"""How dense the entries of plain word lists are, in documents and in their sentences."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int32s, Int64s, UInt64s
from corpusforge.text.phrases import Phrases

_HALF = 1 / 50  # share of listed words that scores 0.5


class _SentenceWords(NamedTuple):
    """The words of a batch, cut into sentences instead of documents."""

    hashes: UInt64s
    offsets: Int64s


class Densities:
    """Scores by plain lists; `lists` is name -> entries."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self._phrases = Phrases(lists)
        self.names = self._phrases.names

    def score(self, text: TextBatch, lists: Int32s) -> tuple[Floats, Floats]:
        """Return the scores of the sentences of `text` and of its documents, NaN where there is no list.

        With s the share of words that belong to an entry it is 1 - 2^(-50 s); 0.5 at most for a document with one
        entry. `lists` int32[documents]: an index into `names`, -1 for none.
        """
        words, sentences = text.words, text.sentences
        hits, covered = self._phrases.count(words, lists)
        documents = _score(covered, words.counts)
        documents[hits < 2] = np.minimum(documents[hits < 2], 0.5)
        documents[lists < 0] = np.nan
        each = np.repeat(lists, sentences.counts)
        offsets = np.zeros(len(sentences) + 1, np.int64)
        offsets[1:] = np.searchsorted(words.starts, sentences.ends)
        _, covered = self._phrases.count(_SentenceWords(words.hashes, offsets), each)
        scores = _score(covered, np.diff(offsets))
        scores[each < 0] = np.nan
        return scores, documents


def _score(covered: Int64s, words: Int64s) -> Floats:
    return np.asarray(1 - np.exp2(-covered / np.maximum(words, 1) / _HALF))
