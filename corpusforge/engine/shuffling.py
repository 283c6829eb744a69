"""Shuffling: the copies of every split that are written, as runs sorted by order key, and a part's range of them.

Cost: what is written is written once more as Arrow IPC with LZ4, and read once: a mixture of 3 epochs of 1 GB writes
3 GB of runs. 0.007 CPU s per MB for the runs, besides 0.016 for the Parquet files (measured, one core).
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusforge.engine.exchange import RunWriter, merge_streams
from corpusforge.engine.folders import VALUE, Values
from corpusforge.engine.mixing import document_copies, document_sizes, id_bytes
from corpusforge.engine.mixture import Draw
from corpusforge.engine.rows import RowsWriter, conform, value_bytes
from corpusforge.engine.units import HoldOutUnit, PartUnit, Report, ShuffleUnit, file_entry
from corpusforge.stage import with_columns

COPY = "copy"  # which copy of its document a row is, from 0; there when the recipe allows more than one
KEY_BYTES = 8 + 16  # of _key and _id, which a run has besides the columns of a part
TAKE_BYTES = 4 << 20  # copies in memory at a time
TAKE_COPIES = 1 << 20


def write_shuffled(unit: ShuffleUnit) -> Report:
    """Write the copies of one split that are drawn as one sorted run, those held out for validation as another."""
    order = ("_id", COPY) if unit.copy_column else ("_id",)
    key = "_key"
    if unit.partition_by is not None:
        key, order = VALUE, ("_key", *order)
    folder = Path(unit.folder)
    kinds = ("data", "validation")
    writers = {kind: RunWriter(folder / f"{kind}.arrow", key, order, compress=True) for kind in kinds}
    values = {kind: Values(unit.partition_by or "") for kind in kinds}

    def write(kind: str, piece: pa.RecordBatch, columns: Mapping[str, pa.Array]) -> None:
        if unit.partition_by is not None:
            piece = values[kind].keyed(piece)
        writers[kind].write(with_columns(piece, **columns))

    documents = {"data": 0, "validation": 0, "left_out": 0}
    copies, size = 0, 0
    for batch in unit.rows.read():
        if unit.held is not None:
            held = unit.held.mask(batch)
            out = batch.filter(pa.array(held))
            batch = batch.filter(pa.array(~held))
            documents["validation"] += out.num_rows
            for piece, columns, _ in _copies(out, np.ones(out.num_rows, np.int64), Draw(), unit):
                write("validation", piece, columns)
        sizes = document_sizes(batch, unit.measure)
        seen = np.zeros(batch.num_rows, bool)
        for piece, columns, rows in _copies(batch, document_copies(batch, unit.upsample), unit.draw, unit):
            write("data", piece, columns)
            seen[rows] = True
            copies += len(rows)
            size += int(sizes[rows].sum())
        documents["data"] += int(seen.sum())
        documents["left_out"] += int((~seen).sum())
    return {
        "runs": {kind: file_entry(writer.close()) for kind, writer in writers.items()},
        "values": {kind: found.report() for kind, found in values.items()},
        "drawn": {"documents": documents["data"], "copies": copies, "size": size},
        "left_out": documents["left_out"],
        "held_out": documents["validation"],
    }


def _copies(
    batch: pa.RecordBatch, copies: np.ndarray, draw: Draw, unit: ShuffleUnit
) -> Iterator[tuple[pa.RecordBatch, Mapping[str, pa.Array], np.ndarray]]:
    """Yield the copies that are drawn, a few megabytes at a time, their keys, and the rows of `batch` they are of."""
    from corpusforge.engine.keys import drawn

    if not batch.num_rows:
        return
    ids = id_bytes(batch.column("doc_id"))
    lengths = value_bytes(batch)
    step = max(1, TAKE_COPIES // ((draw.whole + 1) * int(copies.max())))
    for first in range(0, batch.num_rows, step):
        rows, numbers, keys = drawn(ids[first : first + step], copies[first : first + step], unit.seed, *_of(draw))
        rows += first
        ends = np.cumsum(lengths[rows])
        start = 0
        while start < len(rows):
            reached = ends[start] + TAKE_BYTES
            stop = max(start + 1, int(np.searchsorted(ends, reached)))
            mine = slice(start, stop)
            piece = batch.take(pa.array(rows[mine]))
            columns = {"_key": pa.array(keys[mine]), "_id": _binary(ids[rows[mine]])}
            if unit.copy_column:
                piece = with_columns(piece, **{COPY: pa.array(numbers[mine].astype(np.uint32))})
            yield piece, columns, rows[mine]
            start = stop


def _of(draw: Draw) -> tuple[int, int]:
    return draw.whole, draw.last_key


def _binary(ids: np.ndarray) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(ids.tobytes())])


def shuffled_rows(unit: PartUnit, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part: those whose key times the number of parts, shifted right by 64, is its number."""
    low = -(-(unit.part << 64) // unit.parts)
    high = -(-((unit.part + 1) << 64) // unit.parts) - 1
    keyed = pa.schema([*schema, pa.field("_key", pa.uint64()), pa.field("_id", pa.binary(16))])
    order = ("_id", COPY) if COPY in schema.names else ("_id",)
    streams = [
        _conforming(run.read_between(start, start + rows, "_key", low, high), keyed) for run, start, rows in unit.runs
    ]
    scratch = Path(unit.folder) / f".{unit.name.replace('/', '-')}.merge"
    try:
        for batch in merge_streams(streams, "_key", order, scratch, compress=True):
            yield conform(batch, schema)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _conforming(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    # Sources differ in their columns.
    return (conform(batch, schema) for batch in batches)


def write_held_out(unit: HoldOutUnit) -> Report:
    """Write the documents of one split that are held out, in reading order; report what is left of each block."""
    writer = RowsWriter(Path(unit.folder) / "validation.arrow")
    left = []
    for batch, (rows, size) in zip(unit.rows.read(), unit.rows.blocks, strict=True):
        out = batch.filter(pa.array(unit.held.mask(batch)))
        writer.write(out)
        left.append((rows - out.num_rows, size - int(value_bytes(out).sum())))
    return {"files": {"validation": file_entry(writer.close())}, "left": left}
