"""The worker's side of a pass: emit rows, combine what meets, hand out rows by address."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.exchange import RunFile, RunWriter, merge_files, order_words
from corpusforge.engine.plan import PlannedStep
from corpusforge.engine.rows import RowsWriter, rebatch
from corpusforge.engine.storage import checksum_range
from corpusforge.engine.units import CombineUnit, EmitUnit, Report, file_entry
from corpusforge.stage import CorpusStage, Pass, with_columns

NOWHERE = np.uint32(0xFFFFFFFF)  # the row of a document that an emit must not speak for


def pass_of(step: PlannedStep, name: str) -> Pass:
    stage = step.step.stage
    assert isinstance(stage, CorpusStage)
    return next(p for p in stage.passes() if p.name == name)


def addressed(batch: pa.RecordBatch, rows: np.ndarray, split_id: int, source_order: int) -> pa.RecordBatch:
    count = batch.num_rows
    return with_columns(
        batch,
        split=pa.array(np.full(count, split_id, np.uint64)),
        row=pa.array(rows),
        source_order=pa.array(np.full(count, source_order, np.uint16)),
    )


def addressed_rows(runs: tuple[RunFile, ...], split_id: int) -> pa.RecordBatch:
    """Return all rows addressed to the documents of one split, sorted by row, earlier runs first."""
    bucket = split_id >> 52
    pieces = [
        batch.filter(pc.equal(batch.column("split"), pa.scalar(split_id, pa.uint64())))
        for run in runs
        for batch in run.read(bucket, bucket + 1)
    ]
    if not pieces:
        return pa.record_batch({"split": pa.array([], pa.uint64()), "row": pa.array([], pa.uint32())})
    table = pa.Table.from_batches(pieces).combine_chunks()
    order = np.argsort(table.column("row").to_numpy(), kind="stable")
    batches = table.take(pa.array(order)).combine_chunks().to_batches()
    return (
        batches[0]
        if batches
        else pa.RecordBatch.from_arrays([pa.array([], f.type) for f in table.schema], schema=table.schema)
    )


def run_emit(unit: EmitUnit) -> Report:
    one = pass_of(unit.step, unit.pass_name)
    writer = RunWriter(Path(unit.folder) / "run.arrow", one.key, one.order, prune=one.prune, compress=one.compress)
    joined = {n: addressed_rows(runs, unit.split_id) for n, runs in unit.joined.items()} if unit.split_id else {}
    start = 0
    for batch in rebatch(unit.rows.read(), unit.batch_bytes):
        near: dict[str, pa.RecordBatch] = {}
        if unit.split_id is not None:
            rows = np.arange(start, start + batch.num_rows, dtype=np.uint32)
            batch = addressed(batch, rows, unit.split_id, unit.source_order)
            for name, table in joined.items():
                at = table.column("row").to_numpy()
                low, high = np.searchsorted(at, start), np.searchsorted(at, start + batch.num_rows)
                near[name] = table.slice(int(low), int(high - low))
        start += batch.num_rows
        emitted = one.emit(batch, near)
        if emitted is not None and emitted.num_rows:
            writer.write(emitted)
    return {"runs": {one.name: file_entry(writer.close())}}


def run_combine(unit: CombineUnit) -> Report:
    with _temporary_files_in(Path(unit.folder)):
        return _combine(unit)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    # What a combine spills lies on the run's disk: TMPDIR may be small, or memory.
    folder.mkdir(parents=True, exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _combine(unit: CombineUnit) -> Report:
    one = pass_of(unit.step, unit.pass_name)
    folder = Path(unit.folder)
    merged = merge_files(
        unit.runs, unit.first_bucket, unit.last_bucket, one.key, one.order, folder / "scratch", one.compress
    )
    report: Report = {"files": {}, "runs": {}}
    if one.to == "artifact":
        assert one.artifact is not None
        path = folder / "artifact"
        path.parent.mkdir(parents=True, exist_ok=True)
        one.artifact(one.combine(merged), path)
        report["artifact"] = {
            "path": str(path), "size": path.stat().st_size, "checksum": checksum_range(str(path))
        }  # fmt: skip
        return report
    rows = RowsWriter(folder / "rows.arrow")
    addressed = RunWriter(folder / "addressed.arrow", "split", ("row",), compress=one.compress)
    count, total = 0, 0
    for batch in one.combine(merged):
        if not batch.num_rows:
            continue
        if one.to == "rows":
            rows.write(batch)
        if unit.addressed or one.to == "findings":
            addressed.write(batch)
        if unit.state:
            count += batch.num_rows
            total = (total + _row_sum(batch)) & 0xFFFFFFFFFFFFFFFF
    report["files"]["rows"] = file_entry(rows.close())
    report["runs"]["addressed"] = file_entry(addressed.close())
    report["state"] = [count, str(total)]
    return report


def _row_sum(batch: pa.RecordBatch) -> int:
    # A checksum of the set of rows, whatever their order and partition: the sum of a mixed hash of each row.
    mixed = np.zeros(batch.num_rows, np.uint64)
    for column in batch.columns:
        for word in order_words(column):
            mixed = (mixed ^ word) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
    return int(mixed.sum(dtype=np.uint64))
