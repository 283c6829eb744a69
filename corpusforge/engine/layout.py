"""The layout: which rows go to which part, and how a part is written.

Reading order lays blocks end to end; part k begins at the first block that starts at or after k x shard_bytes, so
every part but the last is within one block of it. Shuffled order gives each row the key XXH3-64(seed, doc_id)
and each part a range of keys. Parts are planned from sizes alone and written in parallel, one task a part.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash

from corpusforge.engine.exchange import BUCKET_SHIFT, RunWriter, merge
from corpusforge.engine.part_files import write_files
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.units import PartUnit, Report, ShuffleUnit, file_entry
from corpusforge.schema import CORE
from corpusforge.stage import with_columns

Pieces = tuple[tuple[RowsFile, int, int], ...]  # file, first block, number of blocks


def cut_parts(files: Sequence[RowsFile], shard_bytes: int) -> list[Pieces]:
    """Return the pieces of each part in reading order.

    >>> file = RowsFile("a", 0, "", ((10, 60), (10, 60), (5, 10)))
    >>> [[piece[1:] for piece in part] for part in cut_parts([file], 100)]
    [[(0, 2)], [(2, 1)]]
    """
    parts: list[list[tuple[RowsFile, int, int]]] = []
    position = 0
    for file in files:
        for block, (_, size) in enumerate(file.blocks):
            if position >= len(parts) * shard_bytes:
                parts.append([])
            last = parts[-1][-1] if parts[-1] else None
            if last is not None and last[0] is file:
                parts[-1][-1] = (file, last[1], last[2] + 1)
            else:
                parts[-1].append((file, block, 1))
            position += size
    return [tuple(part) for part in parts]


def unified_schema(files: Sequence[RowsFile]) -> pa.Schema:
    """Return the columns of all files: the core ones first and in order, then the others by name."""
    found: dict[str, pa.DataType] = {}
    for schema in {file.schema for file in files}:
        for field in schema:
            found[field.name] = field.type
    core = [n for n in CORE.names if n in found]
    return pa.schema([pa.field(n, found[n]) for n in core + sorted(set(found) - set(core))])


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch with exactly the columns of `schema`; missing ones are null."""
    names = set(batch.schema.names)
    columns = [batch.column(f.name) if f.name in names else pa.nulls(batch.num_rows, f.type) for f in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def write_part(unit: PartUnit) -> Report:
    """Write one part; the same rows give the same bytes however they were batched."""
    schema = pa.ipc.read_schema(pa.BufferReader(unit.schema))
    rows = ordered_rows(unit, schema)
    return {"part": write_files(rows, schema, Path(unit.folder), unit.name, unit.writer, unit.pack)}


def ordered_rows(unit: PartUnit, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part in their final order, with exactly the columns of `schema`."""
    if unit.runs:
        return _shuffled_rows(unit, schema)
    return (conform(b, schema) for f, first, count in unit.pieces for b in f.read(first, count))


# ---------------------------------------------------------------------------------------- shuffled


def write_shuffled(unit: ShuffleUnit) -> Report:
    """Write the rows of one split as a run sorted by (shuffle key, doc_id)."""
    writer = RunWriter(Path(unit.folder) / "shuffled.arrow", "_key", ("_id",), compress=True)
    seed = unit.seed.to_bytes(8, "big")
    for batch in unit.rows.read():
        ids = batch.column("doc_id").to_pylist()
        keys = [xxhash.xxh3_64_intdigest(seed + i.encode()) for i in ids]
        writer.write(
            with_columns(
                batch,
                _key=pa.array(keys, pa.uint64()),
                _id=pa.array([bytes.fromhex(i) for i in ids], pa.binary(16)),
            )
        )
    return {"runs": {"shuffled": file_entry(writer.close())}}


def _shuffled_rows(unit: PartUnit, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    low = -(-(unit.part << 64) // unit.parts)
    high = -(-((unit.part + 1) << 64) // unit.parts)  # exclusive
    shift = int(BUCKET_SHIFT)
    streams = [_unified(run.read(low >> shift, ((high - 1) >> shift) + 1), schema) for run in unit.runs]
    for batch in merge(streams, "_key", ("_id",)):
        keys = batch.column("_key").to_numpy()
        first = int(np.searchsorted(keys, np.uint64(low)))
        last = int(np.searchsorted(keys, np.uint64(high - 1), "right"))
        if last > first:
            yield conform(batch.slice(first, last - first), schema)


def _unified(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    keyed = pa.schema([*schema, pa.field("_key", pa.uint64()), pa.field("_id", pa.binary(16))])
    for batch in batches:
        yield conform(batch, keyed)


def part_name(kind: str, number: int) -> str:
    """Return the name of a part without its suffix, such as data/part-00007."""
    return f"{kind}/part-{number:05d}"
