"""fastText's supervised prediction over a whole batch: its exact answers, several times faster.

A text's vector is the mean of the rows of its words and of their character n-grams. Natural text repeats words, so
the rows of a word are found once and remembered; they are added in float32 in fastText's own order, so that labels
and scores are the same bit for bit, unless fastText was compiled to fuse multiplications and additions.

Source: Joulin et al. 2017 (arXiv:1607.01759).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s
from corpusforge.text.batch import TextBatch
from corpusforge.text.fasttext_output import descend, softmax, softmax_tree
from corpusforge.text.fasttext_words import Float32s, Tables, find_word, index_words, rows_of

if TYPE_CHECKING:
    from corpusforge.stages.quality.fasttext_file import Supervised

_LONGEST_BYTES = 64  # a longer word is not remembered
_END_OF_SENTENCE = np.uint64(int.from_bytes(b"</s>", "big"))
_PRIME = np.uint64(0xD6E8FEB86659FD93)


class _Cache(NamedTuple):
    slots: Int64s  # [slots, 4]: hash, first byte << 8 | length, first row, rows; length 0: free
    bytes: UInt8s
    rows: Int32s
    used: Int64s  # words, bytes, rows


class FastTextModel:
    """Predicts the best label of every text, as `fasttext.predict(text.replace("\\n", " "))` does.

    `remember_words` bounds the words whose rows are remembered (rounded up to a power of two; 124 bytes each); when
    the table is full it is emptied. The answers are the same for any bound.
    """

    def __init__(self, model: Supervised, remember_words: int = 1 << 18) -> None:
        self.labels = model.labels
        slots = np.full(1 << (2 * len(model.starts)).bit_length(), -1, np.int32)
        index_words(model.text, model.starts, model.ends, slots)
        children = softmax_tree(model.counts) if model.loss == 1 else np.zeros((0, 2), np.int32)
        end_of_sentence = np.frombuffer(b"</s>", np.uint8)
        eos = find_word(end_of_sentence, 0, 4, model.text, model.starts, model.ends, slots)
        sizes = np.array([model.words, model.min_n, model.max_n, model.bucket, eos], np.int64)
        self._tables = Tables(
            model.text,
            model.starts,
            model.ends,
            slots,
            np.packbits(model.ngrams >= 0, bitorder="little"),
            model.ngrams,
            model.matrix,
            model.output,
            children,
            sizes,
        )
        words = 1 << max(4, (remember_words - 1).bit_length())
        self._cache = _Cache(
            np.zeros((2 * words, 4), np.int64),
            np.zeros(max(12 * words, 1024), np.uint8),
            np.zeros(max(12 * words, 1024), np.int32),
            np.zeros(3, np.int64),
        )

    def predict(self, texts: TextBatch) -> tuple[Int32s, Float32s]:
        """Return the index of the best label (-1 for a text without words) and its probability, one each per text."""
        labels = np.full(texts.documents, -1, np.int32)
        scores = np.zeros(texts.documents, np.float32)
        if texts.documents:
            data, offsets = texts.data.view(), texts.offsets.view()
            data.flags.writeable = offsets.flags.writeable = False  # one type, one compilation
            _predict(data, offsets, self._tables, self._cache, labels, scores)
        return labels, scores


class Binding:
    """The same answers from fastText itself, for kinds of models that FastTextModel does not run."""

    def __init__(self, path: Path, labels: tuple[str, ...]) -> None:
        import fasttext

        self.labels = labels
        self._model = fasttext.load_model(str(path)).f
        self._index = {f"__label__{label}": i for i, label in enumerate(labels)}

    def predict(self, texts: TextBatch) -> tuple[Int32s, Float32s]:
        """As FastTextModel.predict."""
        labels = np.full(texts.documents, -1, np.int32)
        scores = np.zeros(texts.documents, np.float32)
        for d, text in enumerate(texts.column.to_pylist()):
            if text.strip(" \n\r\t\v\f\0"):
                for score, label in self._model.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict"):
                    labels[d], scores[d] = self._index[label], score
        return labels, scores


@njit(cache=True)
def _add(matrix: Float32s, rows: Int32s, count: int, vector: Float32s) -> None:
    """Add matrix rows to `vector`, in order; eight columns at a time stay in registers."""
    columns = len(vector)
    for c in range(0, columns - 7, 8):
        a, b, d, e = vector[c], vector[c + 1], vector[c + 2], vector[c + 3]
        f, g, h, k = vector[c + 4], vector[c + 5], vector[c + 6], vector[c + 7]
        for i in range(count):
            row = matrix[rows[i], c : c + 8]
            a += row[0]
            b += row[1]
            d += row[2]
            e += row[3]
            f += row[4]
            g += row[5]
            h += row[6]
            k += row[7]
        vector[c], vector[c + 1], vector[c + 2], vector[c + 3] = a, b, d, e
        vector[c + 4], vector[c + 5], vector[c + 6], vector[c + 7] = f, g, h, k
    for c in range(columns - columns % 8, columns):
        a = vector[c]
        for i in range(count):
            a += matrix[rows[i], c]
        vector[c] = a


@njit(cache=True)
def _remember(data: UInt8s, start: int, end: int, key: int, slot: int, rows: Int32s, count: int, cache: _Cache) -> None:
    """Put a word of at most _LONGEST_BYTES and its rows into the free `slot`, emptying a full table."""
    used = cache.used
    length = end - start
    full = used[1] + length > len(cache.bytes) or used[2] + count + 8 > len(cache.rows)
    if full or 2 * used[0] >= len(cache.slots):
        for i in range(len(cache.slots)):
            cache.slots[i, 1] = 0
        used[0] = used[1] = used[2] = 0
        slot = _slot(key, len(cache.slots) - 1)
    for i in range(length):
        cache.bytes[used[1] + i] = data[start + i]
    for i in range(count):
        cache.rows[used[2] + i] = rows[i]
    cache.slots[slot, 0] = key
    cache.slots[slot, 1] = used[1] << 8 | length
    cache.slots[slot, 2] = used[2]
    cache.slots[slot, 3] = count
    used[0] += 1
    used[1] += length
    used[2] += count


@njit(cache=True)
def _slot(key: int, last: int) -> int:
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return int(np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(last)))


@njit(cache=True)
def _predict(data: UInt8s, offsets: Int64s, t: Tables, cache: _Cache, labels: Int32s, scores: Float32s) -> None:
    per_character = max(1, t.sizes[2] - t.sizes[1] + 1)
    rows = np.empty(8192, np.int32)  # of the text so far, not yet added
    vector = np.empty(t.matrix.shape[1], np.float32)
    slots, bytes_, remembered = cache.slots, cache.bytes, cache.rows
    last = len(slots) - 1
    for d in range(len(offsets) - 1):
        for j in range(len(vector)):
            vector[j] = 0
        total = 0
        n = 0
        words = 0
        at = offsets[d]
        stop = offsets[d + 1]
        while at < stop:
            byte = data[at]
            if byte == 32 or 9 <= byte <= 13 or byte == 0:
                at += 1
                continue
            start = at
            packed = np.uint64(0)
            while at < stop:
                byte = data[at]
                if byte == 32 or 9 <= byte <= 13 or byte == 0:
                    break
                packed = packed << np.uint64(8) | np.uint64(byte)
                at += 1
            words += 1
            length = at - start
            if length == 4 and packed == _END_OF_SENTENCE:  # fastText reads no further
                break
            room = per_character * (length + 2) + 8
            if n + room > len(rows):
                _add(t.matrix, rows, n, vector)
                total += n
                n = 0
                if room > len(rows):
                    rows = np.empty(room, np.int32)
            if length > _LONGEST_BYTES:
                n += rows_of(data, start, at, t, rows[n:])
                continue
            if length > 8:  # else `packed` is the word itself
                for i in range(start, at):
                    packed = (packed ^ np.uint64(data[i])) * _PRIME
            key = int(np.int64(packed))
            slot = _slot(key, last)
            found = False
            while slots[slot, 1] != 0:
                if slots[slot, 0] == key and slots[slot, 1] & 255 == length:
                    found = True
                    if length > 8:
                        place = slots[slot, 1] >> 8
                        for i in range(length):
                            found &= bytes_[place + i] == data[start + i]
                    if found:
                        break
                slot = (slot + 1) & last
            if found:
                count = slots[slot, 3]
                first = slots[slot, 2]
                for i in range(8):  # a fixed number costs less than a branch guessed wrong; few words have more
                    rows[n + i] = remembered[first + i]
                for i in range(8, count):
                    rows[n + i] = remembered[first + i]
            else:
                count = rows_of(data, start, at, t, rows[n:])
                _remember(data, start, at, key, slot, rows[n:], count, cache)
            n += count
        if words == 0:
            continue
        if t.sizes[4] >= 0:  # every word left room for it
            rows[n] = t.sizes[4]
            n += 1
        _add(t.matrix, rows, n, vector)
        total += n
        if total == 0:
            continue
        for j in range(len(vector)):
            vector[j] *= np.float32(1.0 / total)
        if len(t.children):
            labels[d], scores[d] = descend(vector, t.output, t.children)
        else:
            labels[d], scores[d] = softmax(vector, t.output)
