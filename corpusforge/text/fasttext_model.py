"""fastText's supervised prediction over a whole batch: its exact answers, several times faster.

A text's vector is the mean of the rows of its words, of their character n-grams and of its word n-grams; the output
layer makes probabilities of it. Labels and scores are fastText's bit for bit, unless it was compiled to fuse
multiplications and additions.

Source: Joulin et al. 2017 (arXiv:1607.01759).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from corpusforge.text.arrays import Int32s, Int64s
from corpusforge.text.batch import TextBatch
from corpusforge.text.fasttext_output import all_labels, best_labels, output_tables
from corpusforge.text.fasttext_vectors import new_memory, text_vectors
from corpusforge.text.fasttext_words import Float32s, input_tables
from corpusforge.text.spans import Spans

if TYPE_CHECKING:
    from corpusforge.stages.quality.fasttext_file import Supervised

_TEXTS = 4096  # whose vectors are held at a time
_TREE, _NEGATIVE, _ONE_VERSUS_ALL = 1, 2, 4  # losses
_Array = TypeVar("_Array", bound=np.ndarray[Any, Any])


class FastTextModel:
    """Predicts labels of texts, as `fasttext.predict(text.replace("\\n", " "))` does.

    `remember_words` bounds the words whose rows are remembered; when there are more, all are forgotten. The answers
    are the same for any bound.
    """

    def __init__(self, model: Supervised, remember_words: int = 1 << 19) -> None:
        self.labels = model.labels
        sizes = (model.words, model.min_n, model.max_n, model.bucket, model.word_ngrams)
        text, starts, ends = _read_only(model.text), _read_only(model.starts), _read_only(model.ends)
        self._tables = input_tables(text, starts, ends, model.survivors, sizes)
        self._matrix = _read_only(model.matrix)
        counts = model.counts if model.loss == _TREE else None
        self._output = output_tables(model.output, model.scales, counts, model.loss in (_NEGATIVE, _ONE_VERSUS_ALL))
        self._dim = model.dim
        self._memory = new_memory(remember_words)

    def predict(self, texts: TextBatch | Spans) -> tuple[Int32s, Float32s]:
        """Return the index of the best label (-1 for a text without words) and its probability, one each per text.

        Of `Spans`, every piece is a text.
        """
        texts_count = len(texts) if isinstance(texts, Spans) else texts.documents
        labels = np.full(texts_count, -1, np.int32)
        scores = np.zeros(texts_count, np.float32)
        for part, vectors, totals in self._vectors(texts):
            best_labels(vectors, totals, self._output, labels[part], scores[part])
        return labels, scores

    def predict_all(self, texts: TextBatch | Spans) -> Float32s:
        """Return the probability of every label, float32[texts, labels]; zeros for a text without words.

        They are those of `fasttext.predict(..., k=-1)`, which adds 1e-5 to each before it takes logarithms, and which
        leaves out labels of less than 1e-5 when the loss is hierarchical softmax.
        """
        return np.concatenate([np.empty((0, len(self.labels)), np.float32), *self._probabilities(texts)])

    def score(self, texts: TextBatch | Spans, label: str) -> Float32s:
        """Return the probability of one label for each text, as in `predict_all`."""
        column = self.labels.index(label)
        return np.concatenate([np.empty(0, np.float32), *(p[:, column] for p in self._probabilities(texts))])

    def _probabilities(self, texts: TextBatch | Spans) -> Iterator[Float32s]:
        for _, vectors, totals in self._vectors(texts):
            probabilities = np.empty((len(vectors), len(self.labels)), np.float32)
            all_labels(vectors, totals, self._output, probabilities)
            yield probabilities

    def _vectors(self, texts: TextBatch | Spans) -> Iterator[tuple[slice, Float32s, Int64s]]:
        if isinstance(texts, Spans):
            starts, ends = texts.starts, texts.ends
        else:
            starts, ends = texts.offsets[:-1], texts.offsets[1:]
        data = _read_only(texts.data)
        for first in range(0, len(starts), _TEXTS):
            part = slice(first, min(first + _TEXTS, len(starts)))
            vectors = np.empty((part.stop - first, self._dim), np.float32)
            totals = np.empty(len(vectors), np.int64)
            where = _read_only(starts[part]), _read_only(ends[part])
            text_vectors(data, *where, self._tables, self._matrix, self._memory, vectors, totals)
            yield part, vectors, totals


def _read_only(array: _Array) -> _Array:
    """The array, read-only: one type for each argument of a kernel, one compilation."""
    view: _Array = array.view()
    view.flags.writeable = False
    return view


class Binding:
    """The same answers from fastText itself, for models that FastTextModel does not run."""

    def __init__(self, path: Path, labels: tuple[str, ...]) -> None:
        import fasttext

        self.labels = labels
        self._model = fasttext.load_model(str(path)).f
        self._index = {f"__label__{label}": i for i, label in enumerate(labels)}

    def predict(self, texts: TextBatch | Spans) -> tuple[Int32s, Float32s]:
        """As FastTextModel.predict."""
        answers = list(self._answers(texts, 1))
        labels = np.full(len(answers), -1, np.int32)
        scores = np.zeros(len(answers), np.float32)
        for d, found in enumerate(answers):
            for score, label in found:
                labels[d], scores[d] = self._index[label], score
        return labels, scores

    def predict_all(self, texts: TextBatch | Spans) -> Float32s:
        """As FastTextModel.predict_all; 0 for labels that fastText leaves out."""
        answers = list(self._answers(texts, -1))
        probabilities = np.zeros((len(answers), len(self.labels)), np.float32)
        for d, found in enumerate(answers):
            for score, label in found:
                probabilities[d, self._index[label]] = score
        return probabilities

    def score(self, texts: TextBatch | Spans, label: str) -> Float32s:
        """As FastTextModel.score."""
        column: Float32s = self.predict_all(texts)[:, self.labels.index(label)]
        return column

    def _answers(self, texts: TextBatch | Spans, labels: int) -> Iterator[list[tuple[float, str]]]:
        if isinstance(texts, Spans):
            starts, ends = texts.starts, texts.ends
        else:
            starts, ends = texts.offsets[:-1], texts.offsets[1:]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            text = texts.data[start:end].tobytes().decode()
            if text.strip(" \n\r\t\v\f\0"):
                yield self._model.predict(text.replace("\n", " ") + "\n", labels, 0.0, "strict")
            else:
                yield []
