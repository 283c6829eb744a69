"""Segments: every split through the stages of one block, each in its own chain of units."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from corpusforge.engine.exchange import RunFile
from corpusforge.engine.identity import FORMAT, stage_identity, version
from corpusforge.engine.passes import Findings, passes_of
from corpusforge.engine.plan import Block, Plan, PlannedStep
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.storage import checksum_range, digest
from corpusforge.engine.units import PlannedInput, Report, SegmentUnit, Unit, WorkOptions, rows_file, run_file
from corpusforge.errors import AccountingError, RunError
from corpusforge.source import Split


@dataclass
class SplitState:
    """Where one split stands: its rows so far, and the reports of its segments."""

    split: Split
    rows: RowsFile | None = None
    reports: list[tuple[tuple[PlannedStep, ...], Report]] = field(default_factory=list)
    left: list[tuple[int, int, Report]] = field(default_factory=list)  # (block, segment, report)


class Segments:
    """Takes the splits of a plan through its blocks, one after the other."""

    def __init__(self, plan: Plan, scheduler: Scheduler, identity: Mapping[int, str]) -> None:
        self.plan = plan
        self.scheduler = scheduler
        self.identity = identity
        self.options = plan.pipeline.options
        self.readers = {s.name: stage_identity(s.reader) for s in plan.pipeline.sources}
        self.inputs: dict[tuple[str, str], str] = {}
        self.planned: dict[tuple[str, str], PlannedInput] = {}
        self.found: list[Findings] = []

    def identify_inputs(self) -> None:
        # If only the time of a file changed, its content decides whether it is the same input.
        news = []
        for file in self.plan.inputs:
            key = f"{file.source}\0{file.relative}"
            known = self.scheduler.ledger.inputs.get(key)
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
            self.planned[file.source, file.relative] = PlannedInput(file.size, file.modified_ns, known["checksum"])
        self.scheduler.ledger.record_inputs(news)

    def run(
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
        self.scheduler.progress.segment(", ".join([first, *names]), len(start))
        self.scheduler.run_units(start, committed)
        return {name: [runs[name][s.split.id] for s in states if s.split.id in runs[name]] for _, name in emits}

    def _fused(self, corpus: PlannedStep | None) -> tuple[tuple[PlannedStep, str], ...]:
        if corpus is None:
            return ()
        return tuple((corpus, p.name) for p in passes_of(corpus) if p.source == "documents" and not p.join)

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
        opened: list[tuple[str, str, int]] = []
        content: list[Any] = []
        if resolve is not None:
            artifacts[resolve.step.index] = {n: a["path"] for n, a in resolve.artifacts.items()}
            opened += [(a["path"], a["checksum"], a["size"]) for a in resolve.artifacts.values()]
            content += [a["checksum"] for a in resolve.artifacts.values()] + [r.checksum for r in resolve.runs]
        named = {}
        for step in steps:
            if (wanted := step.step.stage.artifact_name()) is not None:
                artifact = self._named_artifact(wanted)
                named[wanted] = artifact["path"]
                content.append(artifact["checksum"])
                opened.append((artifact["path"], artifact["checksum"], artifact["size"]))
        maskers = (s for s in self.plan.steps if s.step.name == "privacy.pii" and s.step.acts_on(source.name))
        masking = tuple(maskers) if options.keep_rejected == "text" else ()
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
            options.samples,
            [options.limit, options.sample, options.max_document_bytes] if reading else None,
            [self.identity[s.index] for s in masking],
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
            masking=masking,
            options=options,
            opened=tuple(opened),
            planned=self.planned.get((split.source, split.relative)) if reading else None,
        )

    def _input_identity(self, state: SplitState) -> list[str]:
        return [self.readers[state.split.source], self.inputs[state.split.source, state.split.relative]]

    def _work_options(self, limit: int | None) -> WorkOptions:
        o = self.options
        return WorkOptions(
            batch_bytes=int(o.batch_bytes),
            keep_rejected=o.keep_rejected,
            signals=o.signals_share,
            limit=limit,
            sample=o.sample,
            samples=o.samples,
            max_batch_seconds=o.max_batch_seconds,
            max_document_bytes=int(o.max_document_bytes),
        )

    def _named_artifact(self, name: str) -> Mapping[str, Any]:
        for found in self.found:
            if getattr(found.step.step.stage, "name", None) == name and found.artifacts:
                return list(found.artifacts.values())[-1]
        raise RunError(f"no earlier stage is named '{name}'")
