"""Passes: what a corpus stage finds by exchange, before its kernel judges documents."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from corpusforge.engine.exchange import BUCKETS, RunFile, partitions
from corpusforge.engine.identity import FORMAT
from corpusforge.engine.plan import Plan, PlannedStep
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.storage import digest
from corpusforge.engine.units import CombineUnit, EmitUnit, Report, rows_file, run_file
from corpusforge.errors import RunError
from corpusforge.stage import CorpusStage, Pass

if TYPE_CHECKING:
    from corpusforge.engine.bundle_state import BundleState


@dataclass(frozen=True)
class Findings:
    """What a corpus stage found: findings by address, artifacts by pass."""

    step: PlannedStep
    runs: tuple[RunFile, ...]
    artifacts: Mapping[str, Mapping[str, Any]]  # pass -> path, size, checksum

    @cached_property
    def content(self) -> str:
        """What the findings are, for the fingerprint of every split that they go to."""
        return digest([a["checksum"] for a in self.artifacts.values()], [run.checksum for run in self.runs])


class Passes:
    """Runs the passes of one corpus stage."""

    def __init__(self, plan: Plan, scheduler: Scheduler, identity: Mapping[int, str]) -> None:
        self.plan = plan
        self.scheduler = scheduler
        self.identity = identity
        self.options = plan.pipeline.options

    def run(self, step: PlannedStep, states: "list[BundleState]", fused: Mapping[str, Sequence[RunFile]]) -> Findings:
        passes = passes_of(step)
        joined = {name for p in passes for name in p.join}
        rows: dict[str, list[RowsFile]] = {}
        addressed: dict[str, tuple[RunFile, ...]] = {}
        artifacts: dict[str, Mapping[str, Any]] = {}
        findings: tuple[RunFile, ...] = ()
        for one in passes:
            self.scheduler.progress.segment(f"{step.step.name}: {one.name}", 0)
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
            sorted_by_address = (run_file(r["runs"].get("addressed")) for r in reports)
            addressed[one.name] = tuple(run for run in sorted_by_address if run is not None)
            if one.to == "findings":
                findings = addressed[one.name]
            if one.to == "artifact":
                artifacts[one.name] = reports[0]["artifact"]
        return Findings(step, findings, artifacts)

    def _until_stable(
        self, step: PlannedStep, one: Pass, passes: Sequence[Pass], reports: Sequence[Report], joined: set[str]
    ) -> Sequence[Report]:
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
        self, step: PlannedStep, one: Pass, states: "list[BundleState]", addressed: Mapping[str, tuple[RunFile, ...]]
    ) -> list[RunFile]:
        joined = {name: addressed[name] for name in one.join}
        content = digest({name: [run.checksum for run in runs] for name, runs in joined.items()})
        units = (
            self._emit_unit(
                *(step, one, rows, state.bundle.id, self.plan.source_order(state.bundle.source)),
                *(joined, content, state.bundle.name),
            )
            for state in states
            if step.step.acts_on(state.bundle.source) and (rows := state.rows) is not None
        )
        size = sum(state.rows_bytes for state in states if step.step.acts_on(state.bundle.source))
        return self._collect_runs(units, one, size)

    def _emit_rows(self, step: PlannedStep, one: Pass, files: Sequence[RowsFile]) -> list[RunFile]:
        units = (self._emit_unit(step, one, f, None, 0, {}, "", str(i)) for i, f in enumerate(files))
        return self._collect_runs(units, one)

    def _emit_unit(
        self,
        step: PlannedStep,
        one: Pass,
        rows: RowsFile,
        split_id: int | None,
        source_order: int,
        joined: Mapping[str, tuple[RunFile, ...]],
        content: str,
        name: str,
    ) -> EmitUnit:
        identity = self.identity[step.index]
        return EmitUnit(
            fingerprint=digest(FORMAT, "emit", identity, one.name, rows.checksum, split_id, source_order, content),
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

    def _collect_runs(self, units: Iterable[EmitUnit], one: Pass, total_bytes: int | None = None) -> list[RunFile]:
        reports = self.scheduler.reports(units, total_bytes)
        return [run for r in reports if (run := run_file(r["runs"][one.name])) is not None]

    def _combine(self, step: PlannedStep, one: Pass, runs: Sequence[RunFile], addressed: bool) -> Sequence[Report]:
        whole = [(0, BUCKETS)]
        ranges = whole if one.to == "artifact" else partitions(runs, int(self.options.partition_bytes)) or whole
        units = []
        identity, stable = self.identity[step.index], one.until == "stable"
        runs = tuple(runs)  # one for all units
        sums = digest([run.checksum for run in runs])
        for first, last in ranges:
            units.append(
                CombineUnit(
                    fingerprint=digest(FORMAT, "combine", identity, one.name, sums, first, last, addressed, stable),
                    name=f"{step.step.name}: {one.name} [{first}, {last})",
                    folder="",
                    step=step,
                    pass_name=one.name,
                    runs=runs,
                    first_bucket=first,
                    last_bucket=last,
                    addressed=addressed,
                    state=stable,
                )
            )
        return self.scheduler.reports(units)


def passes_of(step: PlannedStep) -> tuple[Pass, ...]:
    stage = step.step.stage
    assert isinstance(stage, CorpusStage)
    return stage.passes()


def _state(reports: Sequence[Report]) -> tuple[int, int]:
    count = sum(r["state"][0] for r in reports)
    total = sum(int(r["state"][1]) for r in reports) & 0xFFFFFFFFFFFFFFFF
    return count, total
