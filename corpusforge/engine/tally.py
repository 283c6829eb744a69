"""The tally: documents, bytes of text and tokens as written, by source, language and license, and by length.

It is counted while parts are written, before packing, so that it is the same whatever the format of the output, and
costs no reading. Copies count as often as they are written.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

GROUPS = ("source", "language", "license")
MOST = 1_000  # values of a group that a part counts by themselves; the rest of them together
BINS = 41  # by length: 0, 1, 2 to 3, 4 to 7, ...

Counts = np.ndarray  # int64[3]: documents, bytes, tokens


class Tally:
    """Counts of documents; can be reported as JSON and added up."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str | None, Counts]] = {group: {} for group in GROUPS}
        self.others: dict[str, Counts] = {group: np.zeros(3, np.int64) for group in GROUPS}
        self.lengths: dict[str, np.ndarray] = {unit: np.zeros((2, BINS), np.int64) for unit in ("bytes", "tokens")}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the documents of a batch."""
        sizes = {"bytes": _bytes(batch), "tokens": tokens(batch)}
        for unit, counted in self.lengths.items():
            if (size := sizes[unit]) is not None:
                bins = np.ceil(np.log2(size + 1.0)).astype(np.int64)  # exact below 2^52
                counted[0] += np.bincount(bins, minlength=BINS)
                counted[1] += np.bincount(bins, size, BINS).astype(np.int64)
        for group, counts in self.groups.items():
            if group not in batch.schema.names:
                continue
            coded = pc.dictionary_encode(batch.column(group), null_encoding="encode")
            codes = coded.indices.to_numpy()
            values = coded.dictionary.to_pylist()
            ones, none = np.ones(len(codes)), np.zeros(len(codes))
            weights = [ones, *(none if size is None else size for size in sizes.values())]
            for value, *added in zip(values, *(np.bincount(codes, w, len(values)) for w in weights), strict=True):
                counts[value] = counts.get(value, np.zeros(3, np.int64)) + np.array(added, np.int64)
            _shorten(counts, self.others[group])

    def counted(self, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `rows` and count them."""
        for batch in rows:
            self.add(batch)
            yield batch

    def report(self) -> dict[str, Any]:
        """Return the counts as JSON: of each group [value, documents, bytes, tokens], most tokens first."""
        found: dict[str, Any] = {}
        for group, counts in self.groups.items():
            found[group] = [[value, *row.tolist()] for value, row in sorted(counts.items(), key=_largest_first)]
            if self.others[group].any():
                found[f"other_{group}"] = self.others[group].tolist()
        found["lengths"] = {unit: counted.tolist() for unit, counted in self.lengths.items()}
        return found

    def merge(self, report: Mapping[str, Any]) -> None:
        """Add what another tally reported."""
        for group, counts in self.groups.items():
            for value, *row in report[group]:
                counts[value] = counts.get(value, np.zeros(3, np.int64)) + np.array(row, np.int64)
            self.others[group] += np.array(report.get(f"other_{group}", (0, 0, 0)), np.int64)
            _shorten(counts, self.others[group])
        for unit, counted in self.lengths.items():
            counted += np.array(report["lengths"][unit], np.int64)


def _shorten(counts: dict[str | None, Counts], others: Counts) -> None:
    # Only when there are twice as many, so that a value is not sorted again for each batch.
    if len(counts) > 2 * MOST:
        for value, row in sorted(counts.items(), key=_largest_first)[MOST:]:
            others += row
            del counts[value]


def _largest_first(entry: tuple[str | None, Counts]) -> tuple[int, int, bool, str]:
    value, (_, size, number) = entry
    return -int(number), -int(size), value is None, value or ""


def _bytes(batch: pa.RecordBatch) -> np.ndarray | None:
    if "text" not in batch.schema.names:
        return None
    return _numbers(pc.binary_length(batch.column("text")))


def tokens(batch: pa.RecordBatch) -> np.ndarray | None:
    """Return the tokens of each document, int64; None where they were not made."""
    if "token_count" in batch.schema.names:
        return _numbers(batch.column("token_count"))
    if "input_ids" in batch.schema.names:
        return _numbers(pc.list_value_length(batch.column("input_ids")))
    return None


def _numbers(column: pa.Array) -> np.ndarray:
    found: np.ndarray = pc.fill_null(column, 0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found
