"""The layout: which rows go to which part, and in what order.

Reading order lays blocks end to end; part k begins at the first block that starts at or after k x shard_bytes, so
every part but the last is within one block of it. Shuffled order gives each copy of a document a key and each part a
range of keys (shuffling.py). Parts are planned from sizes alone and written in parallel, one task a part.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa

from corpusforge.engine.part_files import write_files
from corpusforge.engine.rows import RowsFile, conform
from corpusforge.engine.shuffling import shuffled_rows
from corpusforge.engine.tally import Tally
from corpusforge.engine.units import PartUnit, Report
from corpusforge.schema import CORE

Pieces = tuple[tuple[RowsFile, int, int], ...]  # file, first block, number of blocks


class Blocks(Protocol):
    """Rows that lie in blocks of known size: a file of rows, or a stretch of a run."""

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]: ...


Held = TypeVar("Held", bound=Blocks)


def cut_parts(files: Iterable[Held], shard_bytes: int) -> Iterator[tuple[tuple[Held, int, int], ...]]:
    """Yield the pieces of each part in reading order: what they are of, first block, number of blocks.

    >>> file = RowsFile("a", 0, "", ((10, 60), (10, 60), (5, 10)), "")
    >>> [[piece[1:] for piece in part] for part in cut_parts([file], 100)]
    [[(0, 2)], [(2, 1)]]
    """
    part: list[tuple[Held, int, int]] = []
    parts, position = 0, 0
    for file in files:
        for block, (_, size) in enumerate(file.blocks):
            if position >= parts * shard_bytes:
                if part:
                    yield tuple(part)
                part = []
                parts += 1
            last = part[-1] if part else None
            if last is not None and last[0] is file:
                part[-1] = (file, last[1], last[2] + 1)
            else:
                part.append((file, block, 1))
            position += size
    if part:
        yield tuple(part)


def unified_schema(files: Sequence[RowsFile]) -> pa.Schema:
    """Return the columns of all files: the core ones first and in order, then the others by name."""
    found: dict[str, pa.DataType] = {}
    # One file of each schema is opened: of a million files, all would take minutes.
    seen = {file.schema_id or file.path: file for file in reversed(files)}
    for schema in {file.schema for file in seen.values()}:
        for field in schema:
            found[field.name] = field.type
    core = [n for n in CORE.names if n in found]
    return pa.schema([pa.field(n, found[n]) for n in core + sorted(set(found) - set(core))])


def write_part(unit: PartUnit) -> Report:
    """Write one part; the same rows give the same bytes however they were batched."""
    schema = pa.ipc.read_schema(pa.BufferReader(unit.schema))
    rows = ordered_rows(unit, schema)
    tally = Tally()
    documents = unit.name.startswith(("data/", "validation/")) and not unit.packed
    if documents:
        rows = tally.counted(rows)
    part = write_files(rows, schema, Path(unit.folder), unit.name, unit.writer, unit.pack, unit.packed)
    return {"part": part, "tally": tally.report() if documents else None}


def ordered_rows(unit: PartUnit, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part in their final order, with exactly the columns of `schema`."""
    if unit.shuffled:
        yield from shuffled_rows(unit, schema)
        return
    for run, start, rows in unit.runs:
        yield from (conform(batch, schema) for batch in run.read_rows(start, start + rows))
    for file, first, count in unit.pieces:
        for batch in file.read(first, count):
            if unit.held is not None:
                batch = batch.filter(pa.array(~unit.held.mask(batch)))
            yield conform(batch, schema)


def part_name(kind: str, number: int) -> str:
    """Return the name of a part without its suffix, such as data/part-00007."""
    return f"{kind}/part-{number:05d}"
