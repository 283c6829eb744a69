"""Folders: the documents of each value of a column (`partition_by`) go to parts of their own, data/VALUE/part-00000.

Each split's rows are written as one run sorted by a hash of the value, then as the layout wants them; the driver learns
of every value in which rows of the run it stands and how large they are, and plans each value's parts as those of a
whole corpus. However many values there are, a task writes one part at a time and has one file open for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from corpusforge.engine.exchange import RunFile, RunWriter
from corpusforge.engine.rows import BLOCK_BYTES, BLOCK_ROWS, value_bytes
from corpusforge.engine.units import FolderUnit, Report, RowRange, file_entry, row_range
from corpusforge.stage import with_columns

VALUE = "_value"  # uint64, the hash of a row's value
ROW = "_row"  # uint64, its place in the split
NULL = "+null"  # quoting makes no "+", so no value has these names
EMPTY = "+empty"
LONGEST = 100  # characters of a folder's name; file systems allow 255 bytes
MOST_VALUES = 10_000  # of a corpus; each is a part at least


@dataclass
class Extent:
    """The rows of one value in a run: how many, their bytes, and (rows, bytes) of each block of them."""

    rows: int = 0
    bytes: int = 0
    blocks: list[tuple[int, int]] = field(default_factory=list)

    def add(self, sizes: np.ndarray) -> None:
        """Add rows with these bytes; a block is full with the first row that reaches the limits of engine/rows.py."""
        ends = np.concatenate([[0], np.cumsum(sizes)])
        start = 0
        while start < len(sizes):
            rows, held = self.blocks[-1] if self.blocks else (BLOCK_ROWS, 0)
            if rows >= BLOCK_ROWS or held >= BLOCK_BYTES:
                rows, held = 0, 0
                self.blocks.append((0, 0))
            by_bytes = int(np.searchsorted(ends, ends[start] + BLOCK_BYTES - held))
            stop = min(max(by_bytes, start + 1), start + BLOCK_ROWS - rows, len(sizes))
            self.blocks[-1] = rows + stop - start, held + int(ends[stop] - ends[start])
            start = stop
        self.rows += len(sizes)
        self.bytes += int(ends[-1])


class Values:
    """The values of a column met so far, and the extent of each."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.keys: dict[str | None, int] = {}
        self.extents: dict[str | None, Extent] = {}

    def keyed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with the hash of each row's value, and count the rows of each."""
        column = pa.nulls(batch.num_rows, pa.string())
        if self.column in batch.schema.names:
            column = batch.column(self.column).cast(pa.string())
        coded = pc.dictionary_encode(column, null_encoding="encode")
        values, codes = coded.dictionary.to_pylist(), coded.indices.to_numpy()
        sizes = value_bytes(batch)
        for code, value in enumerate(values):
            self.keys.setdefault(value, value_key(value))
            self.extents.setdefault(value, Extent()).add(sizes[codes == code])
        keys = np.array([self.keys[value] for value in values], np.uint64)
        return with_columns(batch, **{VALUE: pa.array(keys[codes] if len(values) else keys)})

    def report(self) -> list[Any]:
        """Return value, first row in the run, and extent of each value, in the order of the run."""
        first = 0
        found = []
        for value in sorted(self.keys, key=lambda value: self.keys[value]):
            extent = self.extents[value]
            found.append([value, first, extent.rows, extent.bytes, extent.blocks])
            first += extent.rows
        return found


@dataclass(frozen=True)
class Stretch:
    """Neighbouring rows of a run, and (rows, bytes) of their blocks."""

    run: RunFile
    start: int
    rows: int
    bytes: int
    blocks: tuple[tuple[int, int], ...]

    def cut(self, first: int, count: int) -> "Stretch":
        """Return the rows of `count` blocks from block `first` on."""
        before = sum(rows for rows, _ in self.blocks[:first])
        blocks = self.blocks[first : first + count]
        return Stretch(self.run, self.start + before, sum(r for r, _ in blocks), sum(b for _, b in blocks), blocks)

    @property
    def range(self) -> RowRange:
        """Return the rows alone."""
        return row_range(self.run, self.start, self.rows)


def stretches(run: RunFile, values: list[Any]) -> Mapping[str | None, Stretch]:
    """Return the rows of each value in a run, from what `Values.report` said of it."""
    return {
        value: Stretch(run, first, rows, size, tuple((r, b) for r, b in blocks))
        for value, first, rows, size, blocks in values
    }


def value_key(value: str | None) -> int:
    """Return the hash of a value: XXH3-64 of a byte 1 and the value; of a byte 0 for null."""
    return xxhash.xxh3_64_intdigest(b"\0" if value is None else b"\1" + value.encode())


def folder_name(value: str | None) -> str:
    """Return the folder of a value: unlike for unlike values, and safe in paths, URLs and patterns.

    All but letters, digits, `-`, `_` and `.` of ASCII is written as in URLs, and a dot or underscore at the beginning
    too, since readers skip such folders. Long names end in a hash.

    >>> [folder_name(value) for value in ("en", "zh/Hant", "_x", "", None)]
    ['en', 'zh%2FHant', '%5Fx', '+empty', '+null']
    """
    if value is None:
        return NULL
    name = quote(value, safe="").replace("~", "%7E")
    if name[:1] in (".", "_"):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > LONGEST:
        name = f"{name[:LONGEST]}+{xxhash.xxh3_128_hexdigest(value.encode())}"
    return name or EMPTY


def write_by_value(unit: FolderUnit) -> Report:
    """Write the rows of one split sorted by the hash of their value, in reading order; those held out apart."""
    folder = Path(unit.folder)
    kinds = ("data", "validation")
    writers = {kind: RunWriter(folder / f"{kind}.arrow", VALUE, (ROW,), compress=True) for kind in kinds}
    values = {kind: Values(unit.column) for kind in kinds}
    row = 0
    for batch in unit.rows.read():
        held = unit.held.mask(batch) if unit.held is not None else np.zeros(batch.num_rows, bool)
        rows = np.arange(row, row + batch.num_rows, dtype=np.uint64)
        row += batch.num_rows
        for kind, mask in (("data", ~held), ("validation", held)):
            if mask.any():
                keyed = values[kind].keyed(batch.filter(pa.array(mask)))
                writers[kind].write(with_columns(keyed, **{ROW: pa.array(rows[mask])}))
    return {
        "runs": {kind: file_entry(writer.close()) for kind, writer in writers.items()},
        "values": {kind: found.report() for kind, found in values.items()},
    }
