"""From what a reader finds to batches of documents: ids, origins, counts, and what could not be read."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.limits import OverTime, at_most
from corpusforge.engine.rows import RowsWriter, value_bytes
from corpusforge.engine.trace import NOT_IN_A_STAGE, READING, Suspects, Trace
from corpusforge.errors import StorageError
from corpusforge.schema import CORE, QUARANTINE_FILE, doc_id, doc_ids
from corpusforge.source import Reader, Record, Skipped, Split, Unreadable

if TYPE_CHECKING:
    from corpusforge.engine.units import SegmentUnit

RECORDS = 1024  # gathered before they become a batch
RECORD_BYTES = 8 << 20
SAMPLE_DIGITS = (16, 32)  # of the doc_id: its second half, since its first half is the key of exchanges


@dataclass
class ReadCounts:
    """What came out of one input."""

    rows: int = 0
    unreadable: int = 0
    bytes: int = 0
    seconds: float = 0.0
    skipped: dict[str, int] = field(default_factory=dict)
    given: int = 0  # times that readers were asked for a record or a batch
    guarded: list[dict[str, str]] = field(default_factory=list)  # stopped by time or a crash, not by what it is


def read_splits(
    unit: "SegmentUnit", splits: Iterable[Split], counts: ReadCounts, quarantine: RowsWriter, trace: Trace
) -> Iterator[pa.RecordBatch]:
    """Yield the documents of splits with doc_id, source, full origin and `row`.

    What is unreadable goes to quarantine, and so do documents over `run.max_document_bytes`. A split is taken from
    `splits` when the one before it has been read.
    """
    assert unit.reader is not None
    options, reader = unit.options, unit.reader
    batches = (batch for split in splits for batch in _batches(reader, split, counts, quarantine, unit.suspects, trace))
    while True:
        begun = time.process_time()
        trace.at(READING, 0, 0)
        with at_most(options.max_batch_seconds):
            batch = next(batches, None)
        trace.at(NOT_IN_A_STAGE, 0, 0)
        counts.seconds += time.process_time() - begun
        if batch is None:
            return
        if options.sample is not None:
            batch = _sampled(batch, options.sample, counts)
        batch = _without_giants(batch, options.max_document_bytes, reader_name(unit.reader), counts, quarantine)
        if options.limit is not None:
            batch = batch.slice(0, max(0, options.limit - counts.rows))
        start = counts.rows
        counts.rows += batch.num_rows
        for name in ("text", "content"):
            if name in batch.schema.names:
                counts.bytes += pc.sum(pc.binary_length(batch.column(name))).as_py() or 0
        rows = pa.array(np.arange(start, counts.rows, dtype=np.uint32))
        yield batch.append_column("row", rows)
        if options.limit is not None and counts.rows >= options.limit:
            return


def _sampled(batch: pa.RecordBatch, share: float, counts: ReadCounts) -> pa.RecordBatch:
    if share >= 1:
        return batch
    drawn = pc.utf8_slice_codeunits(batch.column("doc_id"), *SAMPLE_DIGITS)
    taken = pc.less(drawn, f"{int(share * 2**64):016x}")
    left_out = batch.num_rows - pc.sum(taken).as_py() if batch.num_rows else 0
    if left_out:
        counts.skipped["not sampled"] = counts.skipped.get("not sampled", 0) + left_out
    return batch.filter(taken)


def _without_giants(
    batch: pa.RecordBatch, most_bytes: int, stage: str, counts: ReadCounts, quarantine: RowsWriter
) -> pa.RecordBatch:
    # A stage takes up to 40 times the bytes of a batch, and a document cannot be cut.
    sizes = value_bytes(batch)
    giant = sizes > most_bytes
    if not giant.any():
        return batch
    rows = batch.select(["doc_id", "source", "origin"]).filter(pa.array(giant)).to_pylist()
    for row, size in zip(rows, sizes[giant].tolist(), strict=True):
        error = f"a document of {size} bytes is over run.max_document_bytes ({most_bytes})"
        found = {**row, "stage": stage, "error": error, "bytes": size}
        quarantine.write(pa.RecordBatch.from_pylist([found], schema=QUARANTINE_FILE))
    counts.unreadable += len(rows)
    return batch.filter(pa.array(~giant))


def _batches(
    reader: Reader, split: Split, counts: ReadCounts, quarantine: RowsWriter, suspects: Suspects, trace: Trace
) -> Iterator[pa.RecordBatch]:
    held: list[Record] = []
    held_bytes = 0
    found = reader.read(split)
    begun = time.time()
    guarded = False
    rests = {rest.given: rest.error for rest in suspects.rests}
    while True:
        if suspects.reading:
            trace.at(READING, counts.given, counts.given, begun)
        try:
            if counts.given in rests:
                guarded, found = True, iter([Unreadable("rest", f"WorkerLost: {rests[counts.given]}")])
            counts.given += 1
            item = next(found, None)
        except Exception as error:
            if isinstance(error, StorageError | MemoryError | ImportError) or (
                isinstance(error, OSError) and error.errno is not None
            ):
                raise  # no fault of the file's content: another attempt, or a rerun, may well read it
            # The rest of the split cannot be read; what came before stays.
            item, found = Unreadable("rest", f"{type(error).__name__}: {error}"), iter(())
            guarded = isinstance(error, OverTime)
        if isinstance(item, Record):
            held.append(item)
            held_bytes += len(item.text or "") + len(item.extra.get("content") or b"")
        elif isinstance(item, Unreadable):
            counts.unreadable += 1
            lost = _quarantined(item, split, reader_name(reader))
            quarantine.write(lost)
            if guarded:
                told = ("doc_id", "source", "origin", "stage", "error")
                counts.guarded.append({name: lost.column(name)[0].as_py() for name in told})
        elif isinstance(item, Skipped):
            counts.skipped[item.type] = counts.skipped.get(item.type, 0) + item.count
        full = len(held) >= RECORDS or held_bytes >= RECORD_BYTES
        if held and (full or item is None or isinstance(item, pa.RecordBatch)):
            yield _documents(held, reader, split)
            held, held_bytes, begun = [], 0, time.time()
        if isinstance(item, pa.RecordBatch):
            yield _completed(item, reader, split)
            begun = time.time()
        if item is None:
            return


def reader_name(reader: Reader) -> str:
    """Return the recipe's name of a reader."""
    from corpusforge.registry import name_of

    return name_of(type(reader))


def _quarantined(item: Unreadable, split: Split, stage: str) -> pa.RecordBatch:
    origin = f"{split.relative}#{item.origin}"
    row: dict[str, Any] = {
        "doc_id": doc_id(split.source, origin),
        "source": split.source,
        "origin": origin,
        "stage": stage,
        "error": item.error[:300],
        "bytes": item.bytes,
    }
    return pa.RecordBatch.from_pylist([row], schema=QUARANTINE_FILE)


def _documents(records: list[Record], reader: Reader, split: Split) -> pa.RecordBatch:
    origins = _origins(split, pa.array([r.origin for r in records], pa.string()))
    columns: dict[str, pa.Array] = {
        "doc_id": doc_ids(split.source, origins),
        "text": pa.array([r.text for r in records], pa.large_string()),
        "source": pa.repeat(pa.scalar(split.source, pa.string()), len(records)),
        "origin": origins,
    }
    for name in ("url", "title", "date", "language", "license", "path"):
        columns[name] = pa.array([getattr(r, name) for r in records], pa.string())
    columns["metadata"] = pa.array(
        [orjson.dumps(dict(r.metadata), default=str).decode() if r.metadata else None for r in records], pa.string()
    )
    for name, kind in reader.columns_written().items():
        columns[name] = pa.array([r.extra.get(name) for r in records], kind)
    return pa.RecordBatch.from_pydict(columns)


def _completed(batch: pa.RecordBatch, reader: Reader, split: Split) -> pa.RecordBatch:
    origins = _origins(split, batch.column("origin"))
    columns: dict[str, pa.Array] = {}
    for f in CORE:
        if f.name == "doc_id":
            columns[f.name] = doc_ids(split.source, origins)
        elif f.name == "source":
            columns[f.name] = pa.repeat(pa.scalar(split.source, f.type), batch.num_rows)
        elif f.name == "origin":
            columns[f.name] = origins
        elif f.name in batch.schema.names:
            columns[f.name] = batch.column(f.name).cast(f.type)
        else:
            columns[f.name] = pa.nulls(batch.num_rows, f.type)
    for name, kind in reader.columns_written().items():
        columns[name] = batch.column(name).cast(kind) if name in batch.schema.names else pa.nulls(batch.num_rows, kind)
    return pa.RecordBatch.from_pydict(columns)


def _origins(split: Split, positions: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(split.relative, positions.cast(pa.string()), "#")
