"""The driver: turns a plan into units, hands them to a runner, and commits what comes back.

Nothing exists until the ledger names it. A unit whose fingerprint stands in the ledger is not run again, so a driver
that starts over after a crash, or with a changed recipe, does exactly the units that are missing.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from corpusforge.engine.exchange import RunFile, partitions
from corpusforge.engine.identity import FORMAT, stage_identity, version
from corpusforge.engine.layout import Pieces, cut_parts, part_name, unified_schema
from corpusforge.engine.ledger import Ledger
from corpusforge.engine.plan import Block, Plan, PlannedStep
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.storage import checksum_range, digest
from corpusforge.engine.units import (
    CombineUnit,
    EmitUnit,
    PartUnit,
    Report,
    SegmentUnit,
    ShuffleUnit,
    Unit,
    WorkOptions,
    rows_file,
    run_file,
)
from corpusforge.errors import AccountingError, CorpusforgeError, RunError, TooManyErrors
from corpusforge.source import Split
from corpusforge.stage import CorpusStage, Pass

MAX_ATTEMPTS = 4
BUNDLE_BYTES = 16 << 20  # small splits travel together, so that a task is worth sending
BUNDLE_UNITS = 64
ERRORS_ALWAYS_ALLOWED = 10  # a small corpus may lose a few documents before a share of it means anything


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

    def segment(self, name: str, units: int) -> None: ...
    def advance(self, documents: int, kept: int, bytes: int) -> None: ...
    def done(self) -> None: ...
    def line(self, text: str) -> None: ...


class Silent:
    """Progress that says nothing."""

    def segment(self, name: str, units: int) -> None: ...
    def advance(self, documents: int, kept: int, bytes: int) -> None: ...
    def done(self) -> None: ...
    def line(self, text: str) -> None: ...


@dataclass
class SplitState:
    """Where one split stands: its rows so far, and the reports of its segments."""

    split: Split
    rows: RowsFile | None = None
    reports: list[tuple[tuple[PlannedStep, ...], Report]] = field(default_factory=list)
    left: list[tuple[int, int, Report]] = field(default_factory=list)  # (block, segment, report)


@dataclass(frozen=True)
class Findings:
    """What a corpus stage found: findings by address, artifacts by pass."""

    step: PlannedStep
    runs: tuple[RunFile, ...]
    artifacts: Mapping[str, Mapping[str, Any]]  # pass -> path, size, checksum


@dataclass
class Results:
    """Everything the manifest is made of."""

    states: list[SplitState]
    parts: dict[str, list[dict[str, Any]]]  # data, rejected, quarantine, signals
    counters: dict[str, float]
    pass_seconds: Mapping[int, float]  # by step: CPU seconds of the passes of corpus stages


class Driver:
    """One run of one plan."""

    def __init__(
        self, plan: Plan, ledger: Ledger, runner: Runner, work: Path, staging: Path, progress: Progress
    ) -> None:
        self.plan = plan
        self.ledger = ledger
        self.runner = runner
        self.work = work
        self.staging = staging
        self.progress = progress
        self.options = plan.pipeline.options
        self.identity = {s.index: stage_identity(s.step.stage) for s in plan.steps}
        self.readers = {s.name: stage_identity(s.reader) for s in plan.pipeline.sources}
        self.inputs: dict[tuple[str, str], str] = {}
        self.counters: dict[str, float] = {
            "units": 0,
            "units_run": 0,
            "retries": 0,
            "cpu_seconds": 0.0,
            "peak_bytes": 0,
        }
        self.findings: list[Findings] = []
        self.pass_seconds: dict[int, float] = {}
        self._bundle_bytes = BUNDLE_BYTES

    # --------------------------------------------------------------------------------- running units

    def run_units(self, units: Iterable[Unit], committed: Callable[[Unit, Report], Iterable[Unit]]) -> None:
        """Run units and those that follow from them; `committed` gets each report and returns what can run next."""
        queue = deque(units)
        attempts: dict[str, int] = {}
        # At least three bundles a worker, so that none idles while another holds everything.
        share = sum(map(_unit_bytes, queue)) // (3 * self.runner.workers)
        self._bundle_bytes = min(BUNDLE_BYTES, share)
        while queue or self.runner.busy:
            while queue and self.runner.has_room:
                bundle = self._next_bundle(queue, committed)
                if bundle:
                    self.runner.submit([self._attempt(unit, attempts) for unit in bundle])
            if not self.runner.busy:
                continue
            for done, outcome in self.runner.wait():
                if isinstance(outcome, Exception):
                    queue.extendleft(reversed(self._retry(done, outcome, attempts)))
                    continue
                for unit, report in zip(done, outcome, strict=True):
                    _check(report)
                    report["attempt"] = attempts[unit.fingerprint]
                self.ledger.commit(outcome)
                for unit, report in zip(done, outcome, strict=True):
                    self._count(unit, report)
                    self.counters["units_run"] += 1
                    self.counters["cpu_seconds"] += report["cpu_seconds"]
                    self.counters["peak_bytes"] = max(self.counters["peak_bytes"], report["peak_bytes"])
                    self._say(report)
                    queue.extendleft(committed(unit, report))

    def _count(self, unit: Unit, report: Report) -> None:
        self.counters["units"] += 1
        if isinstance(unit, EmitUnit | CombineUnit):
            self._spent(unit.step, report["cpu_seconds"])
        elif isinstance(unit, SegmentUnit) and unit.emits:
            self._spent(unit.emits[0][0], report["emit_seconds"])

    def _spent(self, step: PlannedStep, seconds: float) -> None:
        self.pass_seconds[step.index] = self.pass_seconds.get(step.index, 0.0) + seconds

    def _next_bundle(self, queue: deque[Unit], committed: Callable[[Unit, Report], Iterable[Unit]]) -> list[Unit]:
        bundle: list[Unit] = []
        size = 0
        while queue and (not bundle or size < self._bundle_bytes) and len(bundle) < BUNDLE_UNITS:
            unit = queue.popleft()
            report = self.ledger.units.get(unit.fingerprint)
            if report is not None and self._stands(unit, report):
                self._count(unit, report)
                self._say(report)
                queue.extendleft(committed(unit, report))
                continue
            bundle.append(unit)
            size += _unit_bytes(unit)
        return bundle

    def _stands(self, unit: Unit, report: Report) -> bool:
        # Files of a part may have been moved to their final place; everything else is checked when it is read.
        if not isinstance(unit, PartUnit):
            return True
        part = report["part"]
        for folder in (self.staging, self.staging.parent):
            path = folder / unit.name
            if path.exists() and path.stat().st_size == part["size"] and checksum_range(str(path)) == part["checksum"]:
                return True
        return False

    def _attempt(self, unit: Unit, attempts: dict[str, int]) -> Unit:
        number = attempts[unit.fingerprint] = attempts.get(unit.fingerprint, 0) + 1
        if isinstance(unit, PartUnit):
            return unit
        name = f"{self.ledger.driver}-{number}"
        return replace(unit, folder=str(self.work / "units" / unit.fingerprint[:2] / unit.fingerprint / name))

    def _retry(self, units: list[Unit], error: Exception, attempts: dict[str, int]) -> list[Unit]:
        if type(error).__name__ != "WorkerLost":
            if isinstance(error, CorpusforgeError):
                raise error
            raise RunError(f"{units[0].name}: {type(error).__name__}: {error}") from error
        self.counters["retries"] += 1
        again: list[Unit] = []
        for unit in units:
            if attempts[unit.fingerprint] >= MAX_ATTEMPTS:
                raise RunError(
                    f"{unit.name}: a worker was lost {MAX_ATTEMPTS} times ({error}). Run the same command again to "
                    "continue, with a smaller run.batch_bytes or on a machine with more memory"
                ) from error
            if isinstance(unit, SegmentUnit):  # less memory on the next attempt
                unit = replace(unit, options=replace(unit.options, batch_bytes=max(1, unit.options.batch_bytes // 2)))
            again.append(unit)
        self.progress.line(f"{units[0].name}: {error}; trying again")
        return again

    def _say(self, report: Report) -> None:
        if (counts := report.get("counts")) is not None:
            self.progress.advance(counts["read"], counts["kept"], counts["bytes"])
        else:
            self.progress.advance(0, 0, 0)

    # ------------------------------------------------------------------------------------- the flow

    def run(self) -> Results:
        """Run the whole plan."""
        self._identify_inputs()
        self.findings = []
        self.pass_seconds = {}
        states = [SplitState(split) for split in self.plan.splits]
        before: Findings | None = None
        for number, block in enumerate(self.plan.blocks):
            runs = self._segments(number, block, states, before)
            self._check_errors(states)
            if before is not None:
                self._check_source_loss(before, states)
            if block.corpus is not None:
                before = self._corpus(block.corpus, states, runs)
                self.findings.append(before)
        parts = self._layout(states)
        return Results(states, parts, self.counters, self.pass_seconds)

    def _identify_inputs(self) -> None:
        # If only the time of a file changed, its content decides whether it is the same input.
        news = []
        for file in self.plan.inputs:
            key = f"{file.source}\0{file.relative}"
            known = self.ledger.inputs.get(key)
            stamp = [file.size, file.modified_ns, file.folder_checksum]
            if (
                known is not None
                and known["stamp"] != stamp
                and known["stamp"][0] == file.size
                and not file.folder_checksum
            ):
                checksum = checksum_range(file.path)
                if known.get("checksum") == checksum:
                    known = {**known, "stamp": stamp}
                    news.append(known)
                else:
                    known = None
            if known is None or known["stamp"] != stamp:
                checksum = "" if file.folder_checksum else checksum_range(file.path)
                known = {
                    "input": key,
                    "stamp": stamp,
                    "identity": checksum or file.folder_checksum,
                    "checksum": checksum,
                }
                news.append(known)
            self.inputs[file.source, file.relative] = known["identity"]
        self.ledger.record_inputs(news)

    def _segments(
        self, number: int, block: Block, states: list[SplitState], before: Findings | None
    ) -> dict[str, list[RunFile]]:
        """Take every split through the block's segments; return the runs of the passes fused into the last one."""
        emits = self._fused(block.corpus)
        by_id = {state.split.id: state for state in states}
        runs: dict[str, dict[int, RunFile]] = {name: {} for _, name in emits}
        chains = {name: list(segments) for name, segments in block.segments.items()}
        place: dict[str, tuple[int, int]] = {}
        remaining: dict[str, deque[Split]] = {}
        left: dict[str, int] = {}

        def unit_for(state: SplitState, segment: int) -> SegmentUnit | None:
            source = state.split.source
            steps = chains[source][segment]
            last = segment == len(chains[source]) - 1
            mine = tuple(e for e in emits if e[0].step.acts_on(source)) if last else ()
            resolve = before if before and segment == 0 and before.step.step.acts_on(source) else None
            reading = number == 0 and segment == 0
            if not reading and (state.rows is None or (not steps and resolve is None and not mine)):
                return None
            unit = self._segment_unit(number, segment, state, steps, resolve, mine, reading, left.get(source))
            place[unit.fingerprint] = (state.split.id, segment)
            return unit

        def first_units(state: SplitState, segment: int) -> list[Unit]:
            while segment < len(chains[state.split.source]):
                unit = unit_for(state, segment)
                if unit is not None:
                    return [unit]
                if state.rows is None and not (number == 0 and segment == 0):
                    return []
                segment += 1
            return []

        def committed(unit: Unit, report: Report) -> list[Unit]:
            assert isinstance(unit, SegmentUnit)
            split_id, segment = place[unit.fingerprint]
            state = by_id[split_id]
            expected = None if unit.reader is not None else (state.rows.rows if state.rows else 0)
            if expected is not None and report["counts"]["read"] != expected:
                raise AccountingError(
                    f"{unit.name}: {expected} documents were due, {report['counts']['read']} were read"
                )
            steps = ((unit.resolve,) if unit.resolve else ()) + unit.steps
            state.reports.append((steps, report))
            state.left.append((number, segment, report))
            state.rows = rows_file(report["files"]["rows"])
            for name, entry in report["runs"].items():
                if (run := run_file(entry)) is not None:
                    runs[name][split_id] = run
            following = first_units(state, segment + 1)
            if unit.reader is not None and self.options.limit is not None:
                source = state.split.source
                left[source] -= report["counts"]["read"]
                if left[source] > 0 and remaining[source]:
                    following += first_units(by_id[remaining[source].popleft().id], 0)
            return following

        start: list[Unit] = []
        if number == 0 and self.options.limit is not None:  # "the first N of each source" is read split after split
            for source in self.plan.pipeline.sources:
                remaining[source.name] = deque(s for s in self.plan.splits if s.source == source.name)
                left[source.name] = self.options.limit
                if remaining[source.name]:
                    start += first_units(by_id[remaining[source.name].popleft().id], 0)
        else:
            for state in states:
                start += first_units(state, 0)
        names = [s.step.name for s in self.plan.steps if any(s in seg for c in chains.values() for seg in c)]
        first = f"{before.step.step.name} (resolve)" if before else "read"
        self.progress.segment(", ".join([first, *names]), len(start))
        self.run_units(start, committed)
        return {name: [runs[name][s.split.id] for s in states if s.split.id in runs[name]] for _, name in emits}

    def _fused(self, corpus: PlannedStep | None) -> tuple[tuple[PlannedStep, str], ...]:
        if corpus is None:
            return ()
        return tuple((corpus, p.name) for p in _passes(corpus) if p.source == "documents" and not p.join)

    def _segment_unit(
        self,
        number: int,
        segment: int,
        state: SplitState,
        steps: tuple[PlannedStep, ...],
        resolve: Findings | None,
        emits: tuple[tuple[PlannedStep, str], ...],
        reading: bool,
        limit: int | None,
    ) -> SegmentUnit:
        split = state.split
        source = self.plan.pipeline.sources[self.plan.source_order(split.source)]
        options = self._work_options(limit)
        artifacts: dict[int, dict[str, str]] = {}
        content: list[Any] = []
        if resolve is not None:
            artifacts[resolve.step.index] = {n: a["path"] for n, a in resolve.artifacts.items()}
            content += [a["checksum"] for a in resolve.artifacts.values()] + [r.checksum for r in resolve.runs]
        named = {}
        for step in steps:
            if (wanted := step.step.stage.artifact_name()) is not None:
                artifact = self._named_artifact(wanted)
                named[wanted] = artifact["path"]
                content.append(artifact["checksum"])
        masking = next((s for s in self.plan.steps if s.step.name == "privacy.pii"), None)
        fingerprint = digest(
            FORMAT,
            "segment",
            version("pyarrow"),
            self._input_identity(state) if reading else state.rows and state.rows.checksum,
            split.id,
            [(s.step.name, self.identity[s.index]) for s in ((resolve.step,) if resolve else ()) + steps],
            [(self.identity[s.index], name) for s, name in emits],
            self.plan.source_order(split.source) if emits else None,
            content,
            options.keep_rejected,
            options.signals,
            [options.limit, options.sample] if reading else None,
            self.identity[masking.index] if masking and options.keep_rejected == "text" else None,
        )  # fmt: skip
        return SegmentUnit(
            fingerprint=fingerprint,
            name=f"{split.source}/{split.relative}[{split.start}] block {number}.{segment}",
            folder="",
            split=split,
            source_order=self.plan.source_order(split.source),
            reader=source.reader if reading else None,
            rows=None if reading else state.rows,
            resolve=resolve.step if resolve else None,
            findings=resolve.runs if resolve else (),
            steps=steps,
            artifacts=artifacts,
            named=named,
            emits=emits,
            masking=masking if options.keep_rejected == "text" else None,
            options=options,
        )

    def _input_identity(self, state: SplitState) -> list[str]:
        return [self.readers[state.split.source], self.inputs[state.split.source, state.split.relative]]

    def _work_options(self, limit: int | None) -> WorkOptions:
        o = self.options
        return WorkOptions(int(o.batch_bytes), o.keep_rejected, o.signals == "all", limit, o.sample)

    def _named_artifact(self, name: str) -> Mapping[str, Any]:
        for found in self.findings:
            if getattr(found.step.step.stage, "name", None) == name and found.artifacts:
                return list(found.artifacts.values())[-1]
        raise RunError(f"no earlier stage is named '{name}'")

    # -------------------------------------------------------------------------------- corpus stages

    def _corpus(self, step: PlannedStep, states: list[SplitState], fused: Mapping[str, Sequence[RunFile]]) -> Findings:
        passes = _passes(step)
        joined = {name for p in passes for name in p.join}
        rows: dict[str, list[RowsFile]] = {}
        addressed: dict[str, tuple[RunFile, ...]] = {}
        artifacts: dict[str, Mapping[str, Any]] = {}
        findings: tuple[RunFile, ...] = ()
        for one in passes:
            self.progress.segment(f"{step.step.name}: {one.name}", 0)
            if one.name in fused:
                runs = list(fused[one.name])
            elif one.source == "documents":
                runs = self._emit_documents(step, one, states, addressed)
            else:
                runs = self._emit_rows(step, one, rows[one.source])
            reports = self._combine(step, one, runs, one.name in joined)
            if one.until == "stable":
                reports = self._until_stable(step, one, passes, reports, joined)
            rows[one.name] = [f for r in reports if (f := rows_file(r["files"].get("rows"))) is not None]
            addressed[one.name] = tuple(f for r in reports if (f := run_file(r["runs"].get("addressed"))) is not None)
            if one.to == "findings":
                findings = addressed[one.name]
            if one.to == "artifact":
                artifacts[one.name] = reports[0]["artifact"]
        return Findings(step, findings, artifacts)

    def _until_stable(
        self, step: PlannedStep, one: Pass, passes: Sequence[Pass], reports: list[Report], joined: set[str]
    ) -> list[Report]:
        names = [p.name for p in passes]
        loop = passes[names.index(one.again) : names.index(one.name) + 1]
        state = _state(reports)
        most = int(2 * math.log2(max(2, state[0])) + 10)
        for _ in range(most):
            for inner in loop:
                files = [f for r in reports if (f := rows_file(r["files"].get("rows"))) is not None]
                reports = self._combine(step, inner, self._emit_rows(step, inner, files), inner.name in joined)
            if (found := _state(reports)) == state:
                return reports
            state = found
        raise RunError(f"{step.step.name}: pass {one.name} is not stable after {most} rounds; please report this")

    def _emit_documents(
        self, step: PlannedStep, one: Pass, states: list[SplitState], addressed: Mapping[str, tuple[RunFile, ...]]
    ) -> list[RunFile]:
        units = []
        for state in states:
            if state.rows is None or not step.step.acts_on(state.split.source):
                continue
            joined = {name: addressed[name] for name in one.join}
            order = self.plan.source_order(state.split.source)
            units.append(self._emit_unit(step, one, state.rows, state.split.id, order, joined, state.split.relative))
        return self._collect_runs(units, one)

    def _emit_rows(self, step: PlannedStep, one: Pass, files: Sequence[RowsFile]) -> list[RunFile]:
        units = [self._emit_unit(step, one, f, None, 0, {}, str(i)) for i, f in enumerate(files)]
        return self._collect_runs(units, one)

    def _emit_unit(
        self,
        step: PlannedStep,
        one: Pass,
        rows: RowsFile,
        split_id: int | None,
        source_order: int,
        joined: Mapping[str, tuple[RunFile, ...]],
        name: str,
    ) -> EmitUnit:
        sums = {n: [r.checksum for r in runs] for n, runs in joined.items()}
        identity = self.identity[step.index]
        return EmitUnit(
            fingerprint=digest(FORMAT, "emit", identity, one.name, rows.checksum, split_id, source_order, sums),
            name=f"{step.step.name}: {one.name} of {name}",
            folder="",
            step=step,
            pass_name=one.name,
            rows=rows,
            split_id=split_id,
            source_order=source_order,
            joined=joined,
            batch_bytes=int(self.options.batch_bytes),
        )

    def _collect_runs(self, units: Sequence[EmitUnit], one: Pass) -> list[RunFile]:
        found: dict[str, Report] = {}

        def committed(unit: Unit, report: Report) -> list[Unit]:
            found[unit.fingerprint] = report
            return []

        self.run_units(units, committed)
        runs = (run_file(found[u.fingerprint]["runs"][one.name]) for u in units)
        return [run for run in runs if run is not None]

    def _combine(self, step: PlannedStep, one: Pass, runs: Sequence[RunFile], addressed: bool) -> list[Report]:
        whole = [(0, 4096)]
        ranges = whole if one.to == "artifact" else partitions(runs, int(self.options.partition_bytes)) or whole
        units = []
        for first, last in ranges:
            identity = self.identity[step.index]
            sums = [run.checksum for run in runs]
            stable = one.until == "stable"
            units.append(
                CombineUnit(
                    fingerprint=digest(FORMAT, "combine", identity, one.name, sums, first, last, addressed, stable),
                    name=f"{step.step.name}: {one.name} [{first}, {last})",
                    folder="",
                    step=step,
                    pass_name=one.name,
                    runs=tuple(runs),
                    first_bucket=first,
                    last_bucket=last,
                    addressed=addressed,
                    state=stable,
                )
            )
        found: dict[str, Report] = {}

        def committed(unit: Unit, report: Report) -> list[Unit]:
            found[unit.fingerprint] = report
            return []

        self.run_units(units, committed)
        return [found[unit.fingerprint] for unit in units]

    # ------------------------------------------------------------------------------------ guard rails

    def _check_errors(self, states: list[SplitState]) -> None:
        read = sum(r["counts"]["read"] for s in states for b, g, r in s.left if (b, g) == (0, 0))
        lost = sum(r["counts"]["quarantined"] for s in states for _, _, r in s.left)
        allowed = max(self.options.max_error_fraction * read, ERRORS_ALWAYS_ALLOWED)
        if lost > allowed:
            first = next(r["name"] for s in states for _, _, r in s.left if r["counts"]["quarantined"])
            raise TooManyErrors(
                f"{lost} of {read} documents could not be read or processed, first in {first}; "
                f"run.max_error_fraction allows {self.options.max_error_fraction:g}. The errors are in the quarantine "
                "files of the work folder; mend the input, or raise run.max_error_fraction, and run again"
            )

    def _check_source_loss(self, found: Findings, states: list[SplitState]) -> None:
        most = getattr(found.step.step.stage, "max_source_loss", 1.0)
        for source in self.plan.pipeline.sources:
            reports = [
                r for s in states if s.split.source == source.name for steps, r in s.reports if found.step in steps
            ]
            counts = [r["counts"]["steps"][0] for r in reports]
            read = sum(c["read"] for c in counts)
            gone = read - sum(c["kept"] for c in counts)
            if read >= 20 and gone > most * read:  # of fewer documents a share says little
                keepers = ", ".join(self._commonest_keepers(found.step.step.name, reports))
                raise RunError(
                    f"{found.step.step.name} would remove {gone} of {read} documents of source '{source.name}'"
                    f"{'; commonest kept texts: ' + keepers if keepers else ''}. "
                    f"If that is right, set max_source_loss above {gone / read:.2f} in the stage and run again"
                )

    def _commonest_keepers(self, stage: str, reports: Sequence[Report]) -> list[str]:
        files = [f for r in reports if (f := rows_file(r["files"]["rejected"])) is not None]
        counts: dict[str, int] = {}
        for batch in (b for f in files for b in f.read()):
            for name, detail in zip(batch["stage"].to_pylist(), batch["detail"].to_pylist(), strict=True):
                if name == stage and detail:
                    counts[detail] = counts.get(detail, 0) + 1
        return [f"{k} ({n})" for k, n in sorted(counts.items(), key=lambda kn: (-kn[1], kn[0]))[:3]]

    # ----------------------------------------------------------------------------------------- layout

    def _layout(self, states: list[SplitState]) -> dict[str, list[dict[str, Any]]]:
        writer = self.plan.pipeline.writer
        left = sorted(((b, g, i, r) for i, s in enumerate(states) for b, g, r in s.left), key=lambda entry: entry[:3])
        files: dict[str, list[RowsFile]] = {"data": [s.rows for s in states if s.rows is not None]}
        files["rejected"] = _present(r["files"]["rejected"] for *_, r in left)
        files["quarantine"] = _present(r["files"][n] for *_, r in left for n in ("unreadable", "quarantine"))
        starts = sorted({(b, g, int(n)) for b, g, _, r in left for n in r["signals"]})
        files["signals"] = _present(
            r["signals"].get(str(n)) for b, g, n in starts for rb, rg, _, r in left if (rb, rg) == (b, g)
        )
        self.progress.segment("write", 0)
        units: list[PartUnit] = []
        for kind, present in files.items():
            if not present:
                continue
            schema = unified_schema(present)
            runs: tuple[RunFile, ...] = ()
            if kind == "data" and self.plan.pipeline.layout.order == "shuffled":
                runs = self._shuffle(present)
                total = sum(size for file in present for _, size in file.blocks)
                pieces: list[Pieces] = [()] * max(1, -(-total // int(writer.shard_bytes)))
            else:
                pieces = cut_parts(present, int(writer.shard_bytes))
            for number, mine in enumerate(pieces):
                units.append(self._part_unit(kind, number, len(pieces), mine, runs, schema))
        parts: dict[str, list[dict[str, Any]]] = {kind: [] for kind in files}
        found: dict[str, Report] = {}

        def committed(unit: Unit, report: Report) -> list[Unit]:
            found[unit.fingerprint] = report
            return []

        self.run_units(units, committed)
        for unit in units:
            parts[unit.name.split("/")[0]].append(found[unit.fingerprint]["part"])
        return parts

    def _shuffle(self, files: Sequence[RowsFile]) -> tuple[RunFile, ...]:
        seed = self.plan.pipeline.layout.seed
        units = [
            ShuffleUnit(digest(FORMAT, "shuffle", seed, f.checksum), f"shuffle {i}", "", f, seed)
            for i, f in enumerate(files)
        ]
        found: dict[str, RunFile] = {}

        def committed(unit: Unit, report: Report) -> list[Unit]:
            run = run_file(report["runs"]["shuffled"])
            assert run is not None
            found[unit.fingerprint] = run
            return []

        self.run_units(units, committed)
        return tuple(found[u.fingerprint] for u in units)

    def _part_unit(
        self, kind: str, number: int, count: int, pieces: Pieces, runs: tuple[RunFile, ...], schema: pa.Schema
    ) -> PartUnit:
        writer = self.plan.pipeline.writer
        name = part_name(kind, number)
        serialized = schema.serialize().to_pybytes()
        what = [(f.checksum, first, n) for f, first, n in pieces] or [r.checksum for r in runs]
        options = [int(writer.row_group_bytes), writer.compression_level]
        return PartUnit(
            fingerprint=digest(
                FORMAT, "part", version("pyarrow"), name, what, number, count, serialized.hex(), options
            ),
            name=name,
            folder=str(self.staging),
            pieces=pieces,
            runs=runs,
            part=number,
            parts=count,
            schema=serialized,
            row_group_bytes=options[0],
            compression_level=options[1],
        )


def _present(entries: Iterable[Mapping[str, Any] | None]) -> list[RowsFile]:
    return [file for entry in entries if (file := rows_file(entry)) is not None]


def _passes(step: PlannedStep) -> tuple[Pass, ...]:
    stage = step.step.stage
    assert isinstance(stage, CorpusStage)
    return stage.passes()


def _state(reports: Sequence[Report]) -> tuple[int, int]:
    count = sum(r["state"][0] for r in reports)
    total = sum(int(r["state"][1]) for r in reports) & 0xFFFFFFFFFFFFFFFF
    return count, total


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


def _unit_bytes(unit: Unit) -> int:
    if isinstance(unit, SegmentUnit):
        return unit.rows.size if unit.rows is not None else unit.split.length
    if isinstance(unit, EmitUnit | ShuffleUnit):
        return unit.rows.size
    return BUNDLE_BYTES
