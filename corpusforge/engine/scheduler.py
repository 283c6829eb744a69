"""The scheduler: hands units to a runner, commits what comes back, tries again what was lost.

Nothing exists until the ledger names it. A unit whose fingerprint stands in the ledger is not run again, so a driver
that starts over after a crash, or with a changed recipe, does exactly the units that are missing.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from corpusforge.engine.disk import check_room, disk_full, is_full, passes
from corpusforge.engine.ledger import Ledger
from corpusforge.engine.packed import PackedReports, packed
from corpusforge.engine.part_files import files_of
from corpusforge.engine.plan import Plan, PlannedStep
from corpusforge.engine.remote import RemotePath
from corpusforge.engine.storage import StoredPath, checksum_range
from corpusforge.engine.trace import MAX_BARRED, NOT_IN_A_STAGE, NOTHING_KNOWN, READING, Position, after_death, position
from corpusforge.engine.units import (
    CombineUnit,
    EmitUnit,
    FolderUnit,
    HoldOutUnit,
    PartUnit,
    Report,
    SegmentUnit,
    ShuffleUnit,
    SizesUnit,
    Unit,
)
from corpusforge.errors import AccountingError, CorpusforgeError, RunError

MAX_ATTEMPTS = 4
NODE_LOST = 0.25  # of a death: a node that goes, such as a spot instance, is seldom the work's fault
BACKOFF_SECONDS = 0.25  # doubled with every failure of the storage
BUNDLE_BYTES = 4 << 20  # small splits travel together, so that a task is worth sending; a kill loses one bundle
BUNDLE_UNITS = 64

OUT_OF_MEMORY = "out of memory"
NODE_DIED, RESULT_LOST = "the node died", "the result was lost with its node"  # no fault of what was worked on


class WorkerLost(Exception):
    """A worker process died or ran out of memory while it worked."""

    def __init__(self, kind: str, said: str, with_node: bool = False) -> None:
        super().__init__(f"{kind}: {said}" if said else kind)
        self.kind = kind
        self.with_node = with_node  # the whole node went


class Runner(Protocol):
    """What runs tasks: engine/local.py or engine/ray.py."""

    workers: int

    @property
    def has_room(self) -> bool: ...
    @property
    def busy(self) -> bool: ...
    def submit(self, units: list[Unit]) -> None: ...
    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]: ...
    def close(self) -> None: ...


class Progress(Protocol):
    """What is told how a run goes; see cli/progress.py."""

    def begin(self, plan: Plan, counters: Mapping[str, float], workers: int) -> None: ...
    def segment(self, name: str, units: int) -> None: ...
    def advance(self, report: Report, ran: bool) -> None: ...
    def done(self) -> None: ...
    def line(self, text: str) -> None: ...


class Silent:
    """Progress that says nothing."""

    def begin(self, plan: Plan, counters: Mapping[str, float], workers: int) -> None: ...
    def segment(self, name: str, units: int) -> None: ...
    def advance(self, report: Report, ran: bool) -> None: ...
    def done(self) -> None: ...
    def line(self, text: str) -> None: ...


class Scheduler:
    """Runs units of one run; keeps its counters."""

    def __init__(
        self, ledger: Ledger, runner: Runner, work: StoredPath, staging: StoredPath, progress: Progress
    ) -> None:
        self.ledger = ledger
        self.runner = runner
        self.work = work
        self.staging = staging
        self.progress = progress
        self.reset()

    def reset(self) -> None:
        """Forget what was counted: the run starts over; what is still under way is waited for, and not asked for."""
        while self.runner.busy:  # attempts have their names for themselves only as long as none of them is forgotten
            self.runner.wait()
        self.counters: dict[str, float] = {
            "units": 0,
            "units_run": 0,
            "retries": 0,
            "cpu_seconds": 0.0,
            "peak_bytes": 0,
        }
        self.pass_seconds: dict[int, float] = {}
        self._bundle_bytes = BUNDLE_BYTES
        self._deaths: dict[str, float] = {}  # by unit: workers lost since something new was learnt of it

    def reports(self, units: Iterable[Unit], total_bytes: int | None = None) -> Sequence[Report]:
        """Run units from which nothing follows, and return their reports in the same order.

        `total_bytes` is the sum of what they read; without it they are all made first, to add it up.
        """
        if total_bytes is None:
            units = list(units)
            total_bytes = sum(map(_unit_bytes, units))
        found: dict[str, bytes] = {}
        order: list[str] = []

        def taken() -> Iterator[Unit]:
            for unit in units:
                order.append(unit.fingerprint)
                yield unit

        def committed(unit: Unit, report: Report) -> list[Unit]:
            found[unit.fingerprint] = packed(report)
            return []

        self.run_units(taken(), committed, total_bytes)
        return PackedReports(found[fingerprint] for fingerprint in order)

    def run_units(
        self, units: Iterable[Unit], committed: Callable[[Unit, Report], Iterable[Unit]], total_bytes: int
    ) -> None:
        """Run units and those that follow from them; `committed` gets each report and returns what can run next.

        A unit is taken from `units` when there is room for it; `total_bytes` is the sum of what they all read.
        """
        queue = _Queue(units)
        attempts: dict[str, int] = {}  # of units that are not committed
        self._deaths = {}
        # At least three bundles a worker, so that none idles while another holds everything. In this process a unit is
        # handed over for nothing, so each is committed by itself.
        share = total_bytes // (3 * self.runner.workers)
        self._bundle_bytes = min(BUNDLE_BYTES, share) if self.runner.workers > 1 else 0
        while self.runner.busy or not queue.empty:
            while self.runner.has_room and not queue.empty:
                bundle = self._next_bundle(queue, committed)
                if bundle:
                    check_room(self.work)
                    self.runner.submit([self._attempt(unit, attempts) for unit in bundle])
            if not self.runner.busy:
                continue
            outcomes = self.runner.wait()
            done = [
                (unit, report)
                for units_done, outcome in outcomes
                if not isinstance(outcome, Exception)
                for unit, report in zip(units_done, outcome, strict=True)
            ]
            for unit, report in done:
                _check(report)
                report["attempt"] = attempts.pop(unit.fingerprint)
            self.ledger.commit([report for _, report in done])  # all that ended together, with one sync
            for unit, report in done:
                self._count(unit, report)
                self.counters["units_run"] += 1
                self.counters["cpu_seconds"] += report["cpu_seconds"]
                self.counters["peak_bytes"] = max(self.counters["peak_bytes"], report["peak_bytes"])
                self.progress.advance(report, ran=True)
                queue.first(committed(unit, report))
            for lost, outcome in outcomes:
                if isinstance(outcome, Exception):
                    queue.first(self._retry(lost, outcome))

    def _count(self, unit: Unit, report: Report) -> None:
        self.counters["units"] += 1
        if isinstance(unit, EmitUnit | CombineUnit):
            self._spent(unit.step, report["cpu_seconds"])
        elif isinstance(unit, SegmentUnit) and unit.emits:
            self._spent(unit.emits[0][0], report["emit_seconds"])

    def _spent(self, step: PlannedStep, seconds: float) -> None:
        self.pass_seconds[step.index] = self.pass_seconds.get(step.index, 0.0) + seconds

    def _next_bundle(self, queue: "_Queue", committed: Callable[[Unit, Report], Iterable[Unit]]) -> list[Unit]:
        bundle: list[Unit] = []
        size = 0
        while not queue.empty and (not bundle or size < self._bundle_bytes) and len(bundle) < BUNDLE_UNITS:
            unit = queue.take()
            report = self.ledger.units.get(unit.fingerprint)
            if report is not None and self._stands(unit, report):
                self._count(unit, report)
                self.progress.advance(report, ran=False)
                queue.first(committed(unit, report))
                continue
            alone = isinstance(unit, SegmentUnit) and (unit.suspects != NOTHING_KNOWN or bool(unit.traced))
            if alone and bundle:  # what may kill its worker takes no others with it
                queue.first([unit])
                break
            bundle.append(unit)
            size += BUNDLE_BYTES if alone else _unit_bytes(unit)
        return bundle

    def _stands(self, unit: Unit, report: Report) -> bool:
        # Files of a part may have been moved to their final place; everything else is checked when it is read.
        if not isinstance(unit, PartUnit):
            return True
        folders = (self.staging, self.staging.parent)
        return all(any(_is_stored(folder, file) for folder in folders) for file in files_of([report["part"]]))

    def _attempt(self, unit: Unit, attempts: dict[str, int]) -> Unit:
        number = attempts[unit.fingerprint] = attempts.get(unit.fingerprint, 0) + 1
        if isinstance(unit, PartUnit):
            return unit
        name = f"{self.ledger.driver}-{number}"
        folder = str(self.work / "units" / unit.fingerprint[:2] / unit.fingerprint / name)
        if isinstance(unit, SegmentUnit) and unit.traced:
            return replace(unit, folder=folder, traced=folder)
        return replace(unit, folder=folder)

    def _retry(self, units: list[Unit], error: Exception) -> list[Unit]:
        if isinstance(error, MemoryError):  # while reading, or with one document alone
            error = WorkerLost(OUT_OF_MEMORY, str(error))
        if not isinstance(error, WorkerLost):
            if is_full(error):
                raise disk_full(self.work) from error
            if passes(error):
                return self._wait_and_retry(units, error)
            if isinstance(error, CorpusforgeError):
                raise error
            raise RunError(f"{units[0].name}: {type(error).__name__}: {error}") from error
        self.counters["retries"] += 1
        # Of a bundle, the unit at which the worker was has left a trace; the others only lost their turn.
        traces = {u.fingerprint: position(u.folder) for u in units if isinstance(u, SegmentUnit)}
        guilty = {name for name, trace in traces.items() if trace is not None} or {u.fingerprint for u in units}
        again: list[Unit] = []
        for unit in units:
            if unit.fingerprint in guilty:
                weight = NODE_LOST if error.with_node else 1
                deaths = self._deaths[unit.fingerprint] = self._deaths.get(unit.fingerprint, 0) + weight
                if isinstance(unit, SegmentUnit):
                    unit = self._suspected(unit, traces[unit.fingerprint], error)
                if deaths >= MAX_ATTEMPTS and self._deaths[unit.fingerprint]:
                    raise RunError(
                        f"{_in_words(unit)}: a worker was lost {MAX_ATTEMPTS} times ({error}). Run the same command "
                        "again to continue, with a smaller run.batch_bytes or on a machine with more memory"
                    ) from error
            again.append(unit)
        self.progress.line(f"{units[0].name}: {error}; trying again")
        return again

    def _wait_and_retry(self, units: list[Unit], error: Exception) -> list[Unit]:
        failures = self._deaths[units[0].fingerprint] = self._deaths.get(units[0].fingerprint, 0) + 1
        if failures >= MAX_ATTEMPTS:
            raise RunError(
                f"{units[0].name}: the storage failed {MAX_ATTEMPTS} times: {error}. What is finished stays: run the "
                "same command again to continue when the storage works"
            ) from error
        self.counters["retries"] += 1
        self.progress.line(f"{units[0].name}: {error}; trying again")
        time.sleep(BACKOFF_SECONDS * 2**failures)
        return units

    def _suspected(self, unit: SegmentUnit, died: Position | None, error: WorkerLost) -> SegmentUnit:
        if error.kind in (NODE_DIED, RESULT_LOST):
            return unit
        options = replace(unit.options, batch_bytes=max(1, unit.options.batch_bytes // 2))  # less memory next time
        steps = len(unit.steps) + (unit.resolve is not None)
        if isinstance(self.work, RemotePath):
            unit = replace(unit, traced=unit.folder)
        # That the memory is short while a reader reads is not said to be the fault of what it reads.
        if (
            died is None
            or (died.step == READING and error.kind == OUT_OF_MEMORY)
            or (died.step != READING and not steps)
        ):
            return replace(unit, options=options)
        over = died.step != NOT_IN_A_STAGE and time.time() - died.since >= options.max_batch_seconds
        how = f"over run.max_batch_seconds ({options.max_batch_seconds:g})" if over else error.kind
        suspects = after_death(unit.suspects, died, how, steps - 1)
        if suspects.reading and not unit.suspects.reading:
            self._deaths[unit.fingerprint] = 0
        if len(suspects.barred) > len(unit.suspects.barred):
            self._deaths[unit.fingerprint] = 0
            barred = suspects.barred[-1]
            step = (((unit.resolve,) if unit.resolve else ()) + unit.steps)[barred.step]
            if len(suspects.barred) > MAX_BARRED:
                raise RunError(
                    f"{unit.name}: {step.step.name} lost its worker on over {MAX_BARRED} documents, last by: {how}. "
                    "It seems to be the stage and not the documents; mend it or leave it out, and run again"
                ) from error
            self.progress.line(f"{unit.name}: document {barred.row} goes to quarantine, {step.step.name}: {how}")
        if len(suspects.rests) > len(unit.suspects.rests):
            self._deaths[unit.fingerprint] = 0
            if len(suspects.rests) > MAX_BARRED:
                raise RunError(
                    f"{unit.name}: its reader lost its worker in over {MAX_BARRED} places, last by: {how}. It seems to "
                    "be the reader and not what it reads; mend it, and run again"
                ) from error
            self.progress.line(
                f"{unit.name}: its reader died ({how}); "
                "the rest of the file that it was at goes to quarantine as one row"
            )
        return replace(unit, options=options, suspects=suspects)


class _Queue:
    """Units to run: those that follow from others first, then the rest, each taken only when it is wanted."""

    def __init__(self, rest: Iterable[Unit]) -> None:
        self._first: deque[Unit] = deque()
        self._rest = iter(rest)

    @property
    def empty(self) -> bool:
        if not self._first and (unit := next(self._rest, None)) is not None:
            self._first.append(unit)
        return not self._first

    def take(self) -> Unit:
        return self._first.popleft()

    def first(self, units: Iterable[Unit]) -> None:
        """Put units, in their order, before all others."""
        self._first.extendleft(reversed(list(units)))


def _is_stored(folder: StoredPath, file: Mapping[str, Any]) -> bool:
    path = folder / file["path"]
    try:
        if path.stat().st_size != file["size"]:
            return False
    except FileNotFoundError:
        return False
    # An object is what one complete upload made it, and reading it again costs as much as making it.
    return isinstance(path, RemotePath) or checksum_range(str(path)) == str(file["checksum"])


def _check(report: Report) -> None:
    """Hold a report to the first invariant: read = kept + rejected + quarantined."""
    counts = report.get("counts")
    if counts is None:
        return
    if counts["read"] != counts["kept"] + counts["rejected"] + counts["quarantined"]:
        raise AccountingError(f"{report['name']}: {counts} does not add up; nothing of it was committed")
    due = counts["read"] - counts["unreadable"]
    for number, step in enumerate(counts["steps"]):
        if step["read"] != due or step["read"] != step["kept"] + sum(step["rejected"].values()) + step["quarantined"]:
            raise AccountingError(f"{report['name']}: step {number} {step} does not add up ({due} were due)")
        due = step["kept"]
    if due != counts["kept"]:
        raise AccountingError(f"{report['name']}: {due} documents left the last step, {counts['kept']} were written")


def _in_words(unit: Unit) -> str:
    if isinstance(unit, CombineUnit):
        rows = sum(int(run.bucket_rows()[unit.first_bucket : unit.last_bucket].sum()) for run in unit.runs)
        return (
            f"{unit.step.step.name}, pass {unit.pass_name}, the partition of buckets {unit.first_bucket} to "
            f"{unit.last_bucket - 1} ({rows} rows) in combine"
        )
    if isinstance(unit, EmitUnit):
        return f"{unit.step.step.name}, pass {unit.pass_name}, emit ({unit.name.rpartition(': ')[2]})"
    return unit.name


def _unit_bytes(unit: Unit) -> int:
    if isinstance(unit, SegmentUnit):
        return unit.rows.size if unit.rows is not None else unit.bundle.stored_bytes
    if isinstance(unit, EmitUnit | SizesUnit | ShuffleUnit | HoldOutUnit | FolderUnit):
        return unit.rows.size
    return BUNDLE_BYTES
