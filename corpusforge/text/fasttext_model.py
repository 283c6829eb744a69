"""fastText's supervised prediction over a whole batch: its exact answers, several times faster.

A text's vector is the mean of the rows of its words and of their character n-grams. Natural text repeats words, so
the rows of a word are found once and remembered; they are added in float32 in fastText's own order, so that labels
and scores are the same bit for bit, unless fastText was compiled to fuse multiplications and additions.

Source: Joulin et al. 2017 (arXiv:1607.01759); Bojanowski et al. 2017 (character n-grams, arXiv:1607.04606).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s
from corpusforge.text.batch import TextBatch

if TYPE_CHECKING:
    from corpusforge.stages.quality.fasttext_file import Supervised

Float32s = npt.NDArray[np.float32]
_LONGEST_BYTES = 64  # a longer word is not remembered
_END_OF_SENTENCE = np.uint64(int.from_bytes(b"</s>", "big"))
_PRIME = np.uint64(0xD6E8FEB86659FD93)


class _Tables(NamedTuple):
    text: UInt8s  # holds the dictionary's words
    starts: Int64s
    ends: Int64s
    slots: Int32s  # open addressing: index of a word or label, -1 for none
    present: UInt8s  # a bit per hash bucket that has a row: 250 kB stay in cache where 8 MB do not
    ngrams: Int32s
    matrix: Float32s
    output: Float32s
    children: Int32s  # [nodes, 2] of the softmax tree; no rows: plain softmax
    sizes: Int64s  # words, min_n, max_n, bucket, index of the end-of-sentence word (-1: none)


class _Cache(NamedTuple):
    slots: Int64s  # [slots, 4]: hash, first byte << 8 | length, first row, rows; length 0: free
    bytes: UInt8s
    rows: Int32s
    used: Int64s  # words, bytes, rows


class FastTextModel:
    """Predicts the best label of every text, as `fasttext.predict(text.replace("\\n", " "))` does.

    `remember_words` bounds the words whose rows are remembered (rounded up to a power of two; 60 bytes each); when
    the table is full it is emptied. The answers are the same for any bound.
    """

    def __init__(self, model: Supervised, remember_words: int = 1 << 18) -> None:
        self.labels = model.labels
        slots = np.full(1 << (2 * len(model.starts)).bit_length(), -1, np.int32)
        _index_words(model.text, model.starts, model.ends, slots)
        children = _tree(model.counts) if model.loss == 1 else np.zeros((0, 2), np.int32)
        end_of_sentence = np.frombuffer(b"</s>", np.uint8)
        eos = _find(end_of_sentence, 0, 4, model.text, model.starts, model.ends, slots)
        sizes = np.array([model.words, model.min_n, model.max_n, model.bucket, eos], np.int64)
        self._tables = _Tables(
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


def _tree(counts: Int64s) -> Int32s:
    """Return the children of every node of the Huffman tree over the labels (leaves: -1), root last."""
    leaves = len(counts)
    weights = np.concatenate([counts, np.full(max(0, leaves - 1), 10**15, np.int64)])
    children = np.full((2 * leaves - 1, 2), -1, np.int32)
    leaf, inner = leaves - 1, leaves
    for node in range(leaves, 2 * leaves - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[inner]:
                children[node, side] = leaf
                leaf -= 1
            else:
                children[node, side] = inner
                inner += 1
        weights[node] = weights[children[node]].sum()
    return children


@njit(cache=True)
def _fnv(data: UInt8s, start: int, end: int) -> np.uint64:
    state = np.uint64(2166136261)
    for at in range(start, end):
        state = _fnv_step(state, data[at])
    return state


@njit(cache=True)
def _fnv_step(state: np.uint64, byte: np.uint8) -> np.uint64:
    wide = np.uint64(byte)
    if byte >= 128:
        wide |= np.uint64(0xFFFFFF00)  # fastText hashes signed chars
    return ((state ^ wide) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF)


@njit(cache=True)
def _index_words(text: UInt8s, starts: Int64s, ends: Int64s, slots: Int32s) -> None:
    for word in range(len(starts)):
        slot = int(np.int64(_fnv(text, starts[word], ends[word]))) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = word


@njit(cache=True)
def _find(data: UInt8s, start: int, end: int, text: UInt8s, starts: Int64s, ends: Int64s, slots: Int32s) -> int:
    slot = int(np.int64(_fnv(data, start, end))) & (len(slots) - 1)
    while slots[slot] >= 0:
        word = int(slots[slot])
        if ends[word] - starts[word] == end - start:
            same = True
            for i in range(end - start):
                if text[starts[word] + i] != data[start + i]:
                    same = False
                    break
            if same:
                return word
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@njit(cache=True)
def _rows_of(data: UInt8s, start: int, end: int, t: _Tables, rows: Int32s) -> int:
    """Write the rows of the word data[start:end] and return how many; `rows` holds enough."""
    words, min_n, max_n, bucket = t.sizes[0], t.sizes[1], t.sizes[2], np.uint64(t.sizes[3])
    word = _find(data, start, end, t.text, t.starts, t.ends, t.slots)
    if word >= words:
        return 0  # a label
    if word < 0 and end - start >= 9:
        label = True
        for i, byte in enumerate((95, 95, 108, 97, 98, 101, 108, 95, 95)):  # __label__
            label &= data[start + i] == byte
        if label:
            return 0
    present, ngrams = t.present, t.ngrams
    pruned = len(ngrams) > 0
    found = 0
    if word >= 0:
        rows[0] = word
        found = 1
    for i in range(start - 1, end + 1):  # < word >
        if start <= i < end and data[i] & 0xC0 == 0x80:
            continue
        state = np.uint64(2166136261)
        j = i
        n = 1
        while j <= end and n <= max_n:
            state = _fnv_step(state, np.uint8(60) if j < start else np.uint8(62) if j == end else data[j])
            j += 1
            while start <= j < end and data[j] & 0xC0 == 0x80:
                state = _fnv_step(state, data[j])
                j += 1
            if n >= min_n and not (n == 1 and (i < start or j > end)):
                row = int(np.int64(state % bucket))
                if pruned:
                    row = int(ngrams[row]) if present[row >> 3] >> (row & 7) & 1 else -1
                else:
                    row += words
                if row >= 0:
                    rows[found] = row
                    found += 1
            n += 1
    return found


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
        cache.slots[:] = 0
        used[:] = 0
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
def _predict(data: UInt8s, offsets: Int64s, t: _Tables, cache: _Cache, labels: Int32s, scores: Float32s) -> None:
    per_character = max(1, t.sizes[2] - t.sizes[1] + 1)
    room = per_character * (_LONGEST_BYTES + 2) + 1
    rows = np.empty(4096 + room, np.int32)  # of the text so far, not yet added
    vector = np.empty(t.matrix.shape[1], np.float32)
    slots, bytes_, remembered = cache.slots, cache.bytes, cache.rows
    last = len(slots) - 1
    for d in range(len(offsets) - 1):
        vector[:] = 0
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
            if length > _LONGEST_BYTES:
                long = np.empty(per_character * (length + 2) + 1, np.int32)
                count = _rows_of(data, start, at, t, long)
                _add(t.matrix, rows, n, vector)
                _add(t.matrix, long, count, vector)
                total += n + count
                n = 0
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
                count = _rows_of(data, start, at, t, rows[n:])
                _remember(data, start, at, key, slot, rows[n:], count, cache)
            n += count
            if n >= 4096:
                _add(t.matrix, rows, n, vector)
                total += n
                n = 0
        if words == 0:
            continue
        if t.sizes[4] >= 0:
            rows[n] = t.sizes[4]
            n += 1
        _add(t.matrix, rows, n, vector)
        total += n
        if total == 0:
            continue
        vector *= np.float32(1.0 / total)
        if len(t.children):
            labels[d], scores[d] = _descend(vector, t.output, t.children)
        else:
            labels[d], scores[d] = _softmax(vector, t.output)


@njit(cache=True)
def _dot(a: Float32s, b: Float32s) -> np.float32:
    total = np.float32(0)
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(cache=True)
def _log(x: np.float32) -> np.float32:
    return np.float32(math.log(np.float64(x) + 1e-5))


@njit(cache=True)
def _descend(vector: Float32s, output: Float32s, children: Int32s) -> tuple[int, np.float32]:
    """Return the most probable leaf: depth first, left before right, as fastText prunes."""
    leaves = len(output)
    stack = np.empty(len(children) + 1, np.int64)
    waiting = np.empty(len(children) + 1, np.float32)
    stack[0] = len(children) - 1
    waiting[0] = 0
    depth = 1
    best = -1
    best_score = np.float32(-np.inf)
    lowest = _log(np.float32(0))
    while depth:
        depth -= 1
        node = stack[depth]
        score = waiting[depth]
        if score < lowest or score < best_score:
            continue
        if children[node, 0] < 0:
            best = node
            best_score = score
            continue
        f = _dot(output[node - leaves], vector)
        f = np.float32(1.0 / np.float64(np.float32(1) + math.exp(np.float32(-f))))
        stack[depth] = children[node, 1]
        waiting[depth] = score + _log(f)
        stack[depth + 1] = children[node, 0]
        waiting[depth + 1] = score + _log(np.float32(1.0 - np.float64(f)))
        depth += 2
    return best, np.float32(math.exp(best_score))


@njit(cache=True)
def _softmax(vector: Float32s, output: Float32s) -> tuple[int, np.float32]:
    values = np.empty(len(output), np.float32)
    for i in range(len(output)):
        values[i] = _dot(output[i], vector)
    top = values.max()
    total = np.float32(0)
    for i in range(len(values)):
        values[i] = np.float32(math.exp(np.float64(values[i] - top)))
        total += values[i]
    best = 0
    best_score = np.float32(-np.inf)
    for i in range(len(values)):
        score = _log(values[i] / total)
        if score >= best_score:
            best = i
            best_score = score
    return best, np.float32(math.exp(best_score))
