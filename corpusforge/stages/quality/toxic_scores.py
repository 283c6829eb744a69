"""Scores of documents and their sentences for quality.toxicity: by words in context and lists, or by fastText."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusforge.stages.quality.fasttext_file import read_card, read_labels, read_model
from corpusforge.stages.quality.toxic_context import count_features
from corpusforge.stages.quality.toxic_density import Densities
from corpusforge.stages.quality.toxic_lists import ENGLISH
from corpusforge.stages.quality.toxic_model import MOST, ToxicModel
from corpusforge.stages.quality.toxic_words import english_words, plain_lists
from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int32s, Int64s
from corpusforge.text.fasttext_model import Binding, FastTextModel
from corpusforge.text.pieces import Pieces
from corpusforge.text.spans import Spans


class Scores(NamedTuple):
    """`sentences` float64[sentences of `TextBatch.sentences`] and `documents` float64[documents]; NaN: unknown."""

    sentences: Floats
    documents: Floats


class ByWords:
    """English by classes of words and what stands around them, other languages by the density of listed words.

    `languages`: all texts are measured by the words of each of these, and the highest score counts; empty: each by
    those of its own.
    """

    def __init__(self, weights: Path, own: Sequence[str], languages: Sequence[str]) -> None:
        self._model = ToxicModel(weights)
        self._english = english_words(own)
        lists = plain_lists(own)
        if languages:
            entries = [entry for language in languages if language != ENGLISH for entry in lists[language]]
            lists = {"": entries} if entries else {}
        self._densities = Densities(lists) if lists else None
        self._languages = tuple(languages)

    def score(self, text: TextBatch, languages: pa.Array) -> Scores:
        """Score the texts; `languages` string[documents], null is English."""
        english = np.full(text.documents, -1, np.int32)
        listed = np.full(text.documents, -1, np.int32)
        if self._languages:
            english[:] = 0 if ENGLISH in self._languages else -1
            listed[:] = 0 if self._densities else -1
        else:
            languages = languages.fill_null(ENGLISH)
            english[pc.equal(languages, ENGLISH).to_numpy(zero_copy_only=False)] = 0
            if self._densities is not None:
                names = pa.array(self._densities.names, pa.string())
                listed = pc.index_in(languages, names).fill_null(-1).to_numpy().astype(np.int32)
        scores = self._by_context(text, english)
        if self._densities is not None and (listed >= 0).any():
            sentences, documents = self._densities.score(text, listed)
            scores = Scores(np.fmax(scores.sentences, sentences), np.fmax(scores.documents, documents))
        return scores

    def _by_context(self, text: TextBatch, languages: Int32s) -> Scores:
        sentences = text.sentences
        if not (languages >= 0).any():
            return Scores(np.full(len(sentences), np.nan), np.full(text.documents, np.nan))
        counts, words = count_features(text, self._english, languages)
        model = self._model
        found = _logistic(counts, words, sentences.offsets, model.weights, model.intercept, model.unit_words)
        scores = Scores(*found)
        scores.sentences[np.repeat(languages < 0, sentences.counts)] = np.nan
        scores.documents[text.words.counts == 0] = 0
        scores.documents[languages < 0] = np.nan
        return scores


class ByFastText:
    """The probability of one label of a fastText model."""

    def __init__(self, path: Path, label: str) -> None:
        parameters = read_model(path)
        self._model = Binding(path, read_labels(path)) if parameters is None else FastTextModel(parameters)
        self._lowercase = bool(read_card(path).get("text", {}).get("lowercase"))
        self._label = label

    def score(self, text: TextBatch, languages: pa.Array) -> Scores:
        """Score the texts; in what language they are makes no difference."""
        documents: TextBatch = text
        sentences: TextBatch | Spans = text.sentences
        if self._lowercase:  # after they were cut: capitals tell where sentences begin
            pieces = Pieces.cut(text, text.sentences, of_lines=False).batches[0]
            documents, sentences = (TextBatch(pc.utf8_lower(t.column)) for t in (text, pieces))
        found = (self._model.score(texts, self._label).astype(np.float64) for texts in (sentences, documents))
        return Scores(*(np.where(score > 0, score, np.nan) for score in found))  # what is known has at least 1e-5


@njit(cache=True)
def _logistic(
    counts: Floats, words: Int64s, offsets: Int64s, weights: Floats, intercept: float, unit_words: float
) -> tuple[Floats, Floats]:
    """Return the scores of sentences and of the documents that they make up; see `ToxicModel`."""
    sentences, documents = np.empty(len(counts), np.float64), np.empty(len(offsets) - 1, np.float64)
    nothing = 1 / (1 + math.exp(-intercept))
    for d in range(len(documents)):
        total = np.zeros(len(weights), np.float64)
        total_words = 0
        for s in range(offsets[d], offsets[d + 1]):
            total_words += words[s]
            sentences[s] = nothing
            if counts[s].any():
                total += counts[s]
                sentences[s] = _score(counts[s], words[s], weights, intercept, unit_words)
        documents[d] = _score(total, total_words, weights, intercept, unit_words)
    return sentences, documents


@njit(cache=True)
def _score(counts: Floats, words: int, weights: Floats, intercept: float, unit_words: float) -> float:
    units = max(words / unit_words, 1.0)
    odds = intercept
    for i in range(len(weights)):
        odds += weights[i] * min(counts[i] / units, MOST)
    return 1 / (1 + math.exp(-odds))
