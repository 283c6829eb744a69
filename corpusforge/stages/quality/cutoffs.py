"""Cut-offs: exact quantiles of a column over the whole corpus, or over each group of it.

One pass sorts (value, doc_id) of all documents, 41 bytes each, through the exchange; the rows at the asked ranks are
the artifact, one row for each group and cut-off. A kernel then compares each document with the cut-offs of its group.
Documents of equal value are told apart by their doc_id, so that every share is exact, and the same documents are
chosen however the work was split.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from corpusforge.errors import RecipeError
from corpusforge.stage import Pass, kept
from corpusforge.stages.dedup.rank import doc_id_bytes, fixed_binary, rising_codes

_COUNT, _VALUE = 0, 1  # kinds of emitted rows: counts come first, so that the size of a group is known in time
_SIGN = np.uint64(1 << 63)
_ARTIFACT = pa.schema([("key", pa.uint64()), ("cut", pa.uint32()), ("code", pa.uint64()), ("id", pa.binary(16))])


def rank_of(share: float, documents: int) -> int:
    """Return how many documents `share` of them is: the nearest whole number, halves up, of the share as written.

    >>> rank_of(0.1, 25), rank_of(0.29, 100)  # in binary, 0.29 * 100 is below 29
    (3, 29)
    """
    return int(Fraction(str(share)) * documents + Fraction(1, 2))


def cutoff_pass(column: str, by: Sequence[str], shares: Sequence[float], falling: bool) -> Pass:
    """Return the pass that finds the last document of each cumulative share, in each group of the columns `by`.

    Null and NaN have no rank and are not counted. `falling` ranks the largest value first.
    """

    def emit(batch: pa.RecordBatch, joined: Mapping[str, pa.RecordBatch]) -> pa.RecordBatch | None:
        batch = batch.filter(pa.array(kept(batch)))
        codes, missing = _codes(batch.column(column), column, falling)
        keys, which = _groups(batch, by)
        which, codes = which[~missing], codes[~missing]
        if not len(codes):
            return None
        counts = np.bincount(which, minlength=len(keys)).astype(np.uint64)
        filled = np.flatnonzero(counts)
        ids = doc_id_bytes(batch.column("doc_id"))[~missing]
        no_ids, no_counts = np.zeros((len(filled), 16), np.uint8), np.zeros(len(codes), np.uint64)
        kinds = np.repeat(np.array([_COUNT, _VALUE], np.uint8), [len(filled), len(codes)])
        return pa.record_batch(
            {
                "key": np.concatenate([keys[filled], keys[which]]),
                "kind": kinds,
                "code": np.concatenate([np.zeros(len(filled), np.uint64), codes]),
                "id": fixed_binary(np.concatenate([no_ids, ids])),
                "count": np.concatenate([counts[filled], no_counts]),
            }
        )

    def combine(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return _at_ranks(batches, shares)

    return Pass("cutoffs", emit, "key", ("kind", "code", "id"), combine, to="artifact", artifact=_write)


def _at_ranks(batches: Iterator[pa.RecordBatch], shares: Sequence[float]) -> Iterator[pa.RecordBatch]:
    key, size, seen = -1, 0, 0
    for batch in batches:
        keys = batch.column("key").to_numpy()
        kinds = batch.column("kind").to_numpy()
        counts = batch.column("count").to_numpy()
        rows: list[int] = []
        cuts: list[int] = []
        ends = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist(), len(keys)]
        for start, stop in pairwise(ends):
            if int(keys[start]) != key:
                key, size, seen = int(keys[start]), 0, 0
            first = start + int(np.searchsorted(kinds[start:stop], _VALUE))
            size += int(counts[start:first].sum())
            for cut, share in enumerate(shares):
                rank = rank_of(share, size)
                if seen < rank <= seen + stop - first:
                    rows.append(first + rank - seen - 1)
                    cuts.append(cut)
            seen += stop - first
        if rows:
            found = batch.take(pa.array(rows))
            found = found.append_column("cut", pa.array(cuts, pa.uint32()))
            yield found.select(_ARTIFACT.names)


def _write(batches: Iterator[pa.RecordBatch], path: Path) -> None:
    with pa.ipc.new_file(str(path), _ARTIFACT) as writer:
        for batch in batches:
            writer.write_batch(batch)


class Cutoffs:
    """The cut-offs of every group, read from the artifact of `cutoff_pass`; the arguments must be the same."""

    def __init__(self, path: Path, column: str, by: Sequence[str], shares: Sequence[float], falling: bool) -> None:
        self._column, self._by, self._falling = column, by, falling
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        keys = table["key"].to_numpy()
        self._groups = {int(key): place for place, key in enumerate(np.unique(keys))}
        shape = (len(self._groups) + 1, len(shares))  # the last row is of groups that have no cut-offs
        place = np.array([self._groups[int(key)] for key in keys], np.int64), table["cut"].to_numpy()
        self._there = np.zeros(shape, bool)
        self._code, self._high, self._low = (np.zeros(shape, np.uint64) for _ in range(3))
        if len(keys):
            self._there[place] = True
            self._code[place] = table["code"].to_numpy()
            self._high[place], self._low[place] = _id_words(table["id"].to_pylist())

    def place(self, batch: pa.RecordBatch) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
        """Return how many cut-offs each document lies beyond, which have no value, and the last cut-off's value.

        A share that is no document at all has no cut-off, and every document lies beyond it; its value is NaN.
        """
        column = batch.column(self._column)
        codes, missing = _codes(column, self._column, self._falling)
        keys, which = _groups(batch, self._by)
        group = np.array([self._groups.get(int(key), -1) for key in keys], np.int64)[which]
        ids = doc_id_bytes(batch.column("doc_id")).view(">u8").astype(np.uint64)
        beyond = np.zeros(len(codes), np.int64)
        for cut in range(self._there.shape[1]):
            code, high, low = self._code[group, cut], self._high[group, cut], self._low[group, cut]
            later = (ids[:, 0] > high) | ((ids[:, 0] == high) & (ids[:, 1] > low))
            beyond += ~self._there[group, cut] | (codes > code) | ((codes == code) & later)
        values = _values(self._code[group, -1], column.type, self._falling)
        return beyond, missing, np.where(self._there[group, -1], values, np.nan)


def _id_words(ids: list[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    words = np.frombuffer(b"".join(ids), ">u8").astype(np.uint64).reshape(-1, 2)
    return words[:, 0], words[:, 1]


def _codes(column: pa.Array, name: str, falling: bool) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    kind = column.type
    if pa.types.is_null(kind):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise RecipeError(f"column '{name}' is {kind}; quantiles need a column of numbers")
    codes, missing = rising_codes(column)
    return ~codes if falling else codes, missing


def _values(codes: NDArray[np.uint64], kind: pa.DataType, falling: bool) -> NDArray[np.float64]:
    codes = ~codes if falling else codes
    if kind == pa.uint64():
        return codes.astype(np.float64)
    if pa.types.is_integer(kind):
        return (codes ^ _SIGN).view(np.int64).astype(np.float64)
    return np.where(codes & _SIGN, codes ^ _SIGN, ~codes).view(np.float64)


def _groups(batch: pa.RecordBatch, by: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the keys of the groups in a batch, and each row's index among them; null is a value like any other."""
    which = np.zeros(batch.num_rows, np.int64)
    values: list[tuple[str | None, ...]] = [()]
    for name in by:
        encoded = batch.column(name).cast(pa.string()).dictionary_encode(null_encoding="encode")
        names = encoded.dictionary.to_pylist()
        both, which = np.unique(which * len(names) + encoded.indices.to_numpy(), return_inverse=True)
        values = [values[code // len(names)] + (names[code % len(names)],) for code in both.tolist()]
    keys = [xxhash.xxh3_64_intdigest(orjson.dumps(value)) for value in values]
    return np.array(keys, np.uint64), which
