"""One bundle of splits through one segment: batches in; kept rows, rejections, quarantine, signals, emitted rows out.

This is the only place that catches broadly: a batch in which a kernel fails is halved down to the one bad document,
which goes to quarantine with its error, and the others go on.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.emitting import NOWHERE, addressed, addressed_rows, pass_of
from corpusforge.engine.error_text import without_content
from corpusforge.engine.exchange import RunWriter
from corpusforge.engine.freed_memory import return_freed_memory
from corpusforge.engine.identity import stage_identity
from corpusforge.engine.input_checksum import HashedSplit, hashed, stored_range
from corpusforge.engine.limits import OverTime, at_most
from corpusforge.engine.plan import PlannedStep
from corpusforge.engine.reading import ReadCounts, read_splits
from corpusforge.engine.rows import RowsWriter, rebatch
from corpusforge.engine.samples import Samples
from corpusforge.engine.storage import size_and_time, verified
from corpusforge.engine.trace import NOT_IN_A_STAGE, Trace
from corpusforge.engine.units import PlannedInput, Report, SegmentUnit, file_entry
from corpusforge.errors import AccountingError, RunError
from corpusforge.schema import FIRED, REJECTION, SIGNAL_PREFIX
from corpusforge.source import Split
from corpusforge.stage import CorpusKernel, CorpusStage, Kernel, Pass, Stage, cpu_seconds, kept, with_columns

ENGINE_COLUMNS = ("row", "split", "source_order", "rejected_stage", *REJECTION.names)
MAX_ERROR_CHARS = 300
COMPACT_ABOVE = 0.5  # share of rejected rows at which copying the rest costs less than carrying them

_opened: OrderedDict[str, Any] = OrderedDict()
OPENED_KERNELS = 32  # a segment's kernels, and those of a few segments in turn


def _open(step: PlannedStep, unit: SegmentUnit) -> Any:
    stage = step.step.stage
    at_hand = {path: verified(path, checksum, size) for path, checksum, size in unit.opened}
    artifacts = unit.artifacts.get(step.index, {})
    wanted = stage.artifact_name()
    key = f"{stage_identity(stage)}|{sorted(artifacts.items())}|{unit.named.get(wanted or '')}"
    if key not in _opened:
        if isinstance(stage, CorpusStage):
            _opened[key] = stage.open_corpus({name: Path(at_hand[path]) for name, path in artifacts.items()})
        elif wanted is not None:
            _opened[key] = stage.open_with(Path(at_hand[unit.named[wanted]]))
        else:
            _opened[key] = stage.open()
        while len(_opened) > OPENED_KERNELS:
            _opened.popitem(last=False)
    _opened.move_to_end(key)
    return _opened[key]


class _Segment:
    """The state of one split on its way through one segment."""

    def __init__(self, unit: SegmentUnit) -> None:
        folder = Path(unit.folder)
        self.unit = unit
        self.steps = ((unit.resolve,) if unit.resolve else ()) + unit.steps
        self.blocks = _blocks([step.step.stage for step in self.steps])
        self.kernels: list[Kernel] = []
        # By position in the segment: what a unit reports must not depend on stages elsewhere in the recipe.
        self.counts: list[dict[str, Any]] = [
            {"read": 0, "kept": 0, "rejected": {}, "quarantined": 0, "bytes": 0, "seconds": 0.0, "counts": {}}
            for _ in self.steps
        ]
        self.rows = RowsWriter(folder / "rows.arrow")
        self.rejected = RowsWriter(folder / "rejected.arrow")
        self.samples = Samples(folder / "samples.arrow", unit.options.samples)
        # Two files, since a reader runs ahead of the kernels by a batch: their order must not depend on its size.
        self.unreadable = RowsWriter(folder / "unreadable.arrow")
        self.quarantine = RowsWriter(folder / "quarantine.arrow")
        self.signals: dict[int, RowsWriter] = {}  # by the first step of each block of rules
        self.emits: list[tuple[Pass, RunWriter]] = []
        for step, name in unit.emits:
            one = pass_of(step, name)
            path = folder / f"{step.index}-{name}.arrow"
            self.emits.append((one, RunWriter(path, one.key, one.order, prune=one.prune, compress=one.compress)))
        self.emit_seconds = 0.0
        self.kept = 0
        self.rejections = 0
        self.quarantined = 0
        self.guarded: list[dict[str, str]] = []  # documents stopped by time, memory or a crash, not by what they are
        self.trace = Trace(folder, unit.traced)
        self.barred = {(b.row, b.step): b.error for b in unit.suspects.barred}
        # What one incoming batch leaves besides kept rows; written in reading order when the batch is done.
        self.left: dict[str, list[pa.RecordBatch]] = {}

    def open(self) -> None:
        for step, count in zip(self.steps, self.counts, strict=True):
            begun = cpu_seconds()
            opened = _open(step, self.unit)
            self.kernels.append(self._resolving(opened) if step is self.unit.resolve else opened)
            count["seconds"] += cpu_seconds() - begun

    def _resolving(self, kernel: CorpusKernel) -> Kernel:
        findings = addressed_rows(self.unit.findings, self.unit.bundle.id)
        rows = findings.column("row").to_numpy() if findings.num_rows else np.zeros(0, np.uint32)

        def resolve(batch: pa.RecordBatch) -> pa.RecordBatch:
            mine = batch.column("row").to_numpy()
            low = int(np.searchsorted(rows, mine[0])) if len(mine) else 0
            high = int(np.searchsorted(rows, mine[-1], "right")) if len(mine) else 0
            return kernel(batch, findings.slice(low, high - low))

        return resolve

    def process(self, batch: pa.RecordBatch) -> None:
        """Take one batch through all kernels and write what comes of it."""
        if not batch.num_rows:
            return
        rows = batch.num_rows
        batch = with_columns(
            batch,
            rejected_stage=pa.nulls(rows, pa.int16()),
            **{f.name: pa.nulls(rows, f.type) for f in REJECTION},
        )
        self.left = {"rejected": [], "quarantine": []}
        for piece in self._around_suspects(batch):
            self._through(piece, 0)
        for name, writer in (("rejected", self.rejected), ("quarantine", self.quarantine)):
            if self.left[name]:
                table = pa.Table.from_batches(self.left[name]).combine_chunks()
                # Rows leave at different stages; their order must not depend on how batches were cut.
                order = np.argsort(table["row"].to_numpy(), kind="stable")
                for piece in table.take(pa.array(order)).drop_columns(["row"]).combine_chunks().to_batches():
                    writer.write(piece)

    def _around_suspects(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        # Documents among which one killed an earlier attempt go one by one, so that the trace names it.
        suspects = self.unit.suspects
        rows = batch.column("row").to_numpy()
        first, last = np.searchsorted(rows, [suspects.first, suspects.last + 1])
        yield batch.slice(0, first)
        for row in range(first, last):
            yield batch.slice(row, 1)
        yield batch.slice(max(first, last))

    def _without_barred(self, batch: pa.RecordBatch, number: int) -> bool:
        """Quarantine a document that is barred from this step and take those around it through; say if there is one."""
        if not self.barred:
            return False
        for place, row in enumerate(batch.column("row").to_pylist()):
            if (error := self.barred.get((row, number))) is not None:
                self._through(batch.slice(0, place), number)
                self._quarantine(batch.slice(place, 1), number, f"WorkerLost: {error}", guarded=True)
                self._through(batch.slice(place + 1), number)
                return True
        return False

    def _through(self, batch: pa.RecordBatch, first: int) -> None:
        if not batch.num_rows:
            return
        begin, end = batch.column("row")[0].as_py(), batch.column("row")[batch.num_rows - 1].as_py()
        for number in range(first, len(self.steps)):
            step = self.steps[number]
            if self._alive(batch) == 0 and not self._inside_block(number):
                break
            if self._without_barred(batch, number):
                return
            begun = cpu_seconds()
            self.trace.at(number, begin, end)
            try:
                with at_most(self.unit.options.max_batch_seconds):
                    result = self.kernels[number](batch)
                problem = _broken(batch, result)
            except Exception as error:
                # Memory may be short for a moment: a document alone is tried again, and only then quarantined.
                if not _of_a_document(error) or (isinstance(error, MemoryError) and batch.num_rows == 1):
                    raise
                self.counts[number]["seconds"] += cpu_seconds() - begun
                self._isolate(batch, number, error)
                return
            if problem:
                raise AccountingError(f"stage {step.step.name}: {problem}")
            self.counts[number]["seconds"] += cpu_seconds() - begun
            batch = self._account(batch, result, number)
            if step.step.stage.block and not self._inside_block(number + 1):
                batch = self._log_signals(batch, number)
            if not self._inside_block(number + 1):
                batch = self._compact(batch)
        self.trace.at(len(self.steps), begin, end)
        self._finish(batch)
        self.trace.at(NOT_IN_A_STAGE, 0, 0)

    def _inside_block(self, number: int) -> bool:
        return 0 < number < len(self.steps) and self.blocks[number] == self.blocks[number - 1]

    @staticmethod
    def _alive(batch: pa.RecordBatch) -> int:
        return int(batch.column("rejected").null_count)

    def _account(self, before: pa.RecordBatch, batch: pa.RecordBatch, number: int) -> pa.RecordBatch:
        count = self.counts[number]
        alive_before = self._alive(before)
        count["read"] += alive_before
        alive = self._alive(batch)
        count["kept"] += alive
        if alive != alive_before:
            stage = batch.column("rejected_stage")
            new = pc.and_(batch.column("rejected").is_valid(), stage.is_null())
            for entry in pc.value_counts(batch.column("rejected").filter(new)).to_pylist():
                reasons = count["rejected"]
                reasons[entry["values"]] = reasons.get(entry["values"], 0) + entry["counts"]
            batch = with_columns(batch, rejected_stage=pc.if_else(new, pa.scalar(number, pa.int16()), stage))
        stay = kept(batch)
        count["bytes"] += _text_bytes(batch, stay)
        for name in self.steps[number].step.stage.columns_counted():
            total = pc.sum(batch.column(name).filter(pa.array(stay))).as_py() or 0
            count["counts"][name] = count["counts"].get(name, 0) + total
        return batch

    def _isolate(self, batch: pa.RecordBatch, number: int, error: Exception) -> None:
        if batch.num_rows > 1:
            middle = batch.num_rows // 2
            self._through(batch.slice(0, middle), number)
            self._through(batch.slice(middle), number)
            return
        said = without_content(f"{type(error).__name__}: {error}", batch)[:MAX_ERROR_CHARS]
        self._quarantine(batch, number, said, isinstance(error, OverTime | TimeoutError))

    def _quarantine(self, batch: pa.RecordBatch, number: int, said: str, guarded: bool) -> None:
        step = self.steps[number]
        if not self._alive(batch):
            self._finish(batch)  # rejected before; that a later stage fails on it changes nothing
            return
        count = self.counts[number]
        count["read"] += 1
        count["quarantined"] += 1
        self.quarantined += 1
        if guarded:
            place = {name: batch.column(name)[0].as_py() for name in ("doc_id", "source", "origin")}
            self.guarded.append({**place, "stage": step.step.name, "error": said})
        self.left["quarantine"].append(
            pa.record_batch(
                {
                    "doc_id": batch.column("doc_id"),
                    "source": batch.column("source"),
                    "origin": batch.column("origin"),
                    "stage": pa.array([step.step.name], pa.string()),
                    "error": pa.array([said], pa.string()),
                    "bytes": pa.array([_text_bytes(batch, np.ones(1, bool))], pa.int64()),
                    "row": batch.column("row"),
                }
            )
        )

    def _log_signals(self, batch: pa.RecordBatch, number: int) -> pa.RecordBatch:
        start = self.blocks[number]
        names = [n for n in batch.schema.names if n.startswith(SIGNAL_PREFIX)]
        if self.unit.options.signals and names:
            stage = batch.column("rejected_stage")
            reached = pc.fill_null(pc.greater_equal(stage, start), True)
            if self.unit.options.signals < 1:
                reached = pc.and_(reached, signals_sampled(batch.column("doc_id"), self.unit.options.signals))
            members = [self.steps[i].step for i in range(start, number + 1)]
            read = [c for m in members for c in m.stage.columns_read() if c != "text" and c in batch.schema.names]
            columns = dict.fromkeys(["doc_id", "source", "language", *read, *names])
            logged = batch.select([c for c in columns if c in batch.schema.names]).filter(reached)
            label = block_label([(m.name, m.stage.known_as()) for m in members])
            if start not in self.signals:
                self.signals[start] = RowsWriter(Path(self.unit.folder) / f"signals-{start}.arrow")
            self.signals[start].write(with_columns(logged, block=pa.array([label] * logged.num_rows, pa.string())))
        return batch.drop_columns(names) if names else batch

    def _compact(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        gone = batch.num_rows - self._alive(batch)
        if gone <= COMPACT_ABOVE * batch.num_rows:
            return batch
        self._reject_rows(batch)
        return batch.filter(batch.column("rejected").is_null())

    def _reject_rows(self, batch: pa.RecordBatch) -> None:
        gone = batch.filter(batch.column("rejected").is_valid())
        if not gone.num_rows:
            return
        self.rejections += gone.num_rows
        mode = self.unit.options.keep_rejected
        if mode == "none":
            return
        names = pa.array([step.step.name for step in self.steps], pa.string())
        columns = {
            "doc_id": gone.column("doc_id"),
            "source": gone.column("source"),
            "origin": gone.column("origin"),
            "url": gone.column("url"),
            "language": _of(gone, "language", pa.string()),
            "stage": names.take(gone.column("rejected_stage")),
            "reason": gone.column("rejected"),
            "value": gone.column("rejected_value"),
            "detail": gone.column("rejected_detail"),
        }
        self.samples.add(pa.record_batch({**columns, "text": _of(gone, "text", pa.large_string())}))
        if mode in ("text", "raw_text"):
            columns["text"] = self._masked(gone) if mode == "text" else gone.column("text")
        self.left["rejected"].append(pa.record_batch({**columns, "row": gone.column("row")}))

    def _masked(self, gone: pa.RecordBatch) -> pa.Array:
        clean = gone.drop_columns([n for n in ENGINE_COLUMNS if n in gone.schema.names])
        for step in self.unit.masking:
            clean = _open(step, self.unit)(clean)
        return clean.column("text")

    def _finish(self, batch: pa.RecordBatch) -> None:
        alive = kept(batch)
        self._reject_rows(batch)
        if self.emits and alive.any():
            address = np.full(batch.num_rows, NOWHERE, np.uint32)
            address[alive] = np.arange(self.rows.rows, self.rows.rows + int(alive.sum()), dtype=np.uint32)
            documents = addressed(batch, address, self.unit.bundle.id, self.unit.source_order)
            begun = cpu_seconds()
            for one, writer in self.emits:
                emitted = _emitted(one, documents, alive)
                if emitted is not None and emitted.num_rows:
                    writer.write(emitted)
            self.emit_seconds += cpu_seconds() - begun
        if not alive.all():
            batch = batch.filter(pa.array(alive))
        self.kept += batch.num_rows
        drop = [n for n in batch.schema.names if n in ENGINE_COLUMNS or n.startswith(SIGNAL_PREFIX) or n == FIRED]
        if batch.num_rows:
            self.rows.write(batch.drop_columns(drop))


def block_label(stages: Sequence[tuple[str, str]]) -> str:
    """Return the name of a block in signals/ from name and `known_as` of each of its stages.

    >>> block_label([("quality.rules", "gopher_repetition"), ("quality.rules", "fineweb"), ("quality.signals", "")])
    'gopher_repetition + fineweb + quality.signals'
    """
    return " + ".join(label or name for name, label in stages)


def signals_sampled(doc_ids: pa.Array, share: float) -> pa.Array:
    """Say whose signals are stored, boolean: the first half of the doc_id decides; its second half is `--sample`'s."""
    return pc.less(pc.utf8_slice_codeunits(doc_ids, 0, 16), f"{int(share * 2**64):016x}")


def _blocks(stages: Sequence[Stage]) -> list[int]:
    """Return, for each stage, the number of the first of its block."""
    alone = [not stage.block or "text" in stage.columns_written() for stage in stages]
    first: list[int] = []
    for number, stage in enumerate(stages):
        joins = number > 0 and not alone[number] and not alone[number - 1] and stage.block == stages[number - 1].block
        first.append(first[-1] if joins else number)
    return first


def _emitted(one: Pass, documents: pa.RecordBatch, alive: np.ndarray) -> pa.RecordBatch | None:
    # Rejected rows stay in the batch, so that the text need not be segmented again; what is said of them is dropped.
    emitted = one.emit(documents, {})
    if emitted is None or alive.all():
        return emitted
    if "row" not in emitted.schema.names:
        return one.emit(documents.filter(pa.array(alive)), {})
    return emitted.filter(pc.not_equal(emitted.column("row"), pa.scalar(NOWHERE, pa.uint32())))


def run_segment(unit: SegmentUnit) -> Report:
    segment = _Segment(unit)
    died = False
    try:
        return _run(segment, unit)
    except MemoryError:
        died = True
        raise
    finally:
        segment.trace.close(died)


def _run(segment: _Segment, unit: SegmentUnit) -> Report:
    segment.open()
    report: Report = {"split": str(unit.bundle.id)}
    reading = ReadCounts()
    read: list[Split] = []
    if unit.reader is not None:
        splits = _hashed_in_turn(unit, read)
        batches = read_splits(unit, splits, reading, segment.unreadable, segment.trace)
    else:
        assert unit.rows is not None
        batches = _count(unit.rows.read(), reading)
    for batch in rebatch(batches, unit.options.batch_bytes):
        segment.process(batch)
        return_freed_memory()
    if unit.reader is not None:
        report["inputs"] = _inputs(unit, read)
    begun = cpu_seconds()
    runs = {one.name: file_entry(writer.close()) for one, writer in segment.emits}
    report["emit_seconds"] = round(segment.emit_seconds + cpu_seconds() - begun, 4)
    report["files"] = {
        name: file_entry(writer.close())
        for name, writer in (
            ("rows", segment.rows),
            ("rejected", segment.rejected),
            ("samples", segment.samples),
            ("unreadable", segment.unreadable),
            ("quarantine", segment.quarantine),
        )
    }
    report["signals"] = {str(start): file_entry(writer.close()) for start, writer in segment.signals.items()}
    report["runs"] = runs
    report["guarded"] = [*reading.guarded, *segment.guarded]
    for count in segment.counts:
        count["seconds"] = round(count["seconds"], 4)
    report["counts"] = {
        "read": reading.rows + reading.unreadable,
        "kept": segment.kept,
        "rejected": segment.rejections,
        "quarantined": segment.quarantined + reading.unreadable,
        "unreadable": reading.unreadable,
        "skipped": reading.skipped,
        "bytes": reading.bytes,
        "seconds": round(reading.seconds, 4),
        "steps": segment.counts,
    }
    return report


def _hashed_in_turn(unit: SegmentUnit, read: list[Split]) -> Iterator[Split]:
    """Yield the splits of a unit such that they are hashed as they are read, and add those taken to `read`."""
    assert unit.reader is not None
    for split in unit.bundle.splits:
        if not Path(split.path).is_dir():  # a folder's identity is its listing
            split = hashed(split, *stored_range(split, unit.reader))
        read.append(split)
        yield split


def _inputs(unit: SegmentUnit, read: Sequence[Split]) -> list[list[Any]]:
    """Return id, identity, first byte, bytes and checksum of what was read of each split; RunError if it changed."""
    found: list[list[Any]] = []
    for split, planned in zip(read, unit.planned or [None] * len(read), strict=False):
        if planned is not None:
            _check_unchanged(split.path, planned)
        if isinstance(split, HashedSplit):
            first, length = split.hashing.first, split.hashing.end - split.hashing.first
            whole = unit.options.limit is None  # of a trial, the rest of a file is not read for its checksum
            checksum = split.hashing.finish(split.path, catch_up=whole)
        else:
            first, length, checksum = 0, split.length, ""
        found.append([str(split.id), planned.identity if planned else "", first, length, checksum])
    return found


def _check_unchanged(path: str, planned: PlannedInput) -> None:
    # Before the unit is committed: its fingerprint names the file as it was planned.
    now = size_and_time(path)
    if now != (planned.size, planned.modified_ns):
        raise RunError(
            f"{path} changed while the run read it ({planned.size} bytes when it was planned, {now[0]} now); what was "
            "read of it is not used. Run again when nothing writes to it any more; finished work stays"
        )


def _count(batches: Iterator[pa.RecordBatch], counts: ReadCounts) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        start = counts.rows
        counts.rows += batch.num_rows
        counts.bytes += _text_bytes(batch, np.ones(batch.num_rows, bool))
        yield with_columns(batch, row=pa.array(np.arange(start, counts.rows, dtype=np.uint32)))


def _of_a_document(error: Exception) -> bool:
    # A missing package or a full disk is no document's fault: the run stops, and nothing is put in quarantine that the
    # next run would find there. When memory is short, half the batch may do.
    if isinstance(error, MemoryError | OverTime):
        return True
    if isinstance(error, ImportError):
        return False
    return not (isinstance(error, OSError) and error.errno is not None)


def _broken(before: pa.RecordBatch, after: pa.RecordBatch) -> str:
    if after.num_rows != before.num_rows:
        return f"{before.num_rows} rows went in, {after.num_rows} came out"
    if "rejected" not in after.schema.names:
        return "the column 'rejected' was dropped"
    return ""


def _of(batch: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
    return batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows, kind)


def _text_bytes(batch: pa.RecordBatch, mask: np.ndarray) -> int:
    if "text" not in batch.schema.names:
        return 0
    total = pc.fill_null(pc.binary_length(batch.column("text")), 0).to_numpy(zero_copy_only=False)
    if "content" in batch.schema.names:
        total = total + pc.fill_null(pc.binary_length(batch.column("content")), 0).to_numpy(zero_copy_only=False)
    return int(total[mask].sum())
