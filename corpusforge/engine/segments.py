"""Segments: every bundle of splits through the stages of one block, each in its own chain of units."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from corpusforge.engine.accounts import Accounts
from corpusforge.engine.bundle_state import BundleState
from corpusforge.engine.exchange import RunFile
from corpusforge.engine.identity import FORMAT, stage_identity, version
from corpusforge.engine.inputs import InputFile
from corpusforge.engine.known_inputs import Identities, identify, identity
from corpusforge.engine.passes import Findings, passes_of
from corpusforge.engine.plan import Block, Plan, PlannedStep
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.storage import digest
from corpusforge.engine.units import PlannedInput, Report, SegmentUnit, Unit, WorkOptions, run_file
from corpusforge.errors import AccountingError, RunError


class Work(NamedTuple):
    """What one segment does to one split."""

    steps: tuple[PlannedStep, ...]
    resolve: Findings | None
    emits: tuple[tuple[PlannedStep, str], ...]
    reading: bool


class Segments:
    """Takes the splits of a plan through its blocks, one after the other."""

    def __init__(self, plan: Plan, scheduler: Scheduler, identity: Mapping[int, str]) -> None:
        self.plan = plan
        self.scheduler = scheduler
        self.identity = identity
        self.options = plan.pipeline.options
        self.readers = {s.name: stage_identity(s.reader) for s in plan.pipeline.sources}
        self.accounts = Accounts(plan)
        self.inputs: Identities = {}
        self.found: list[Findings] = []

    def identify_inputs(self) -> None:
        """Find out which inputs are those that earlier work read."""
        self.inputs = identify(self.plan, self.scheduler)

    def run(
        self, number: int, block: Block, states: list[BundleState], before: Findings | None
    ) -> dict[str, list[RunFile]]:
        """Take every split through the block's segments; return the runs of the passes fused into the last one."""
        emits = self._fused(block.corpus)
        runs: dict[str, dict[int, RunFile]] = {name: {} for _, name in emits}
        chains = {name: list(segments) for name, segments in block.segments.items()}
        place: dict[str, tuple[BundleState, int]] = {}  # of units that are not committed
        remaining: dict[str, deque[BundleState]] = {}
        left: dict[str, int] = {}

        def work_of(state: BundleState, segment: int) -> Work | None:
            """Return what a segment does to a split; None when it leaves it as it is."""
            source = state.bundle.source
            steps = chains[source][segment]
            last = segment == len(chains[source]) - 1
            mine = tuple(e for e in emits if e[0].step.acts_on(source)) if last else ()
            resolve = before if before and segment == 0 and before.step.step.acts_on(source) else None
            reading = number == 0 and segment == 0
            if not reading and (not state.has_rows or (not steps and resolve is None and not mine)):
                return None
            return Work(steps, resolve, mine, reading)

        def next_work(state: BundleState, segment: int) -> tuple[int, Work] | None:
            for later in range(segment, len(chains[state.bundle.source])):
                if (work := work_of(state, later)) is not None:
                    return later, work
                if not state.has_rows:
                    return None
            return None

        def units_from(state: BundleState, segment: int) -> Iterator[Unit]:
            if (found := next_work(state, segment)) is not None:
                at, work = found
                unit = self._segment_unit(number, at, state, work, left.get(state.bundle.source))
                place[unit.fingerprint] = (state, at)
                yield unit

        def committed(unit: Unit, report: Report) -> list[Unit]:
            assert isinstance(unit, SegmentUnit)
            state, segment = place.pop(unit.fingerprint)
            if unit.reader is None and report["counts"]["read"] != state.documents:
                raise AccountingError(
                    f"{unit.name}: {state.documents} documents were due, {report['counts']['read']} were read"
                )
            source = state.bundle.source
            steps = ((unit.resolve,) if unit.resolve else ()) + unit.steps
            self.accounts.add(source, steps, report, unit.reader is not None)
            state.take(number, segment, report)
            for name, entry in report["runs"].items():
                if (run := run_file(entry)) is not None:
                    runs[name][state.bundle.id] = run
            following = list(units_from(state, segment + 1))
            if unit.reader is not None and self.options.limit is not None:
                left[source] -= report["counts"]["read"]
                if left[source] > 0 and remaining[source]:
                    following += units_from(remaining[source].popleft(), 0)
            return following

        begin = states
        if number == 0 and self.options.limit is not None:  # "the first N of each source" is read split after split
            for source in self.plan.pipeline.sources:
                remaining[source.name] = deque(s for s in states if s.bundle.source == source.name)
                left[source.name] = self.options.limit
            begin = [waiting.popleft() for waiting in remaining.values() if waiting]
        due = [state for state in begin if next_work(state, 0) is not None]
        names = [s.step.name for s in self.plan.steps if any(s in seg for c in chains.values() for seg in c)]
        first = f"{before.step.step.name} (resolve)" if before else "read"
        self.scheduler.progress.segment(", ".join([first, *names]), len(due))
        size = sum(state.rows_bytes if number else state.bundle.stored_bytes for state in due)
        # Made one by one as the runner has room: a unit takes ten times the memory of its split.
        self.scheduler.run_units((unit for state in due for unit in units_from(state, 0)), committed, size)
        return {name: [runs[name][s.bundle.id] for s in states if s.bundle.id in runs[name]] for _, name in emits}

    def _fused(self, corpus: PlannedStep | None) -> tuple[tuple[PlannedStep, str], ...]:
        if corpus is None:
            return ()
        return tuple((corpus, p.name) for p in passes_of(corpus) if p.source == "documents" and not p.join)

    def _segment_unit(
        self, number: int, segment: int, state: BundleState, work: Work, limit: int | None
    ) -> SegmentUnit:
        bundle, (steps, resolve, emits, reading) = state.bundle, work
        identities = [identity(file, self.inputs) for file in state.files] if reading else []
        source = self.plan.pipeline.sources[self.plan.source_order(bundle.source)]
        options = self._work_options(limit)
        artifacts: dict[int, dict[str, str]] = {}
        opened: list[tuple[str, str, int]] = []
        content: list[Any] = []
        rows = None if reading else state.rows
        if resolve is not None:
            artifacts[resolve.step.index] = {n: a["path"] for n, a in resolve.artifacts.items()}
            opened += [(a["path"], a["checksum"], a["size"]) for a in resolve.artifacts.values()]
            content.append(resolve.content)
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
            [self.readers[bundle.source], identities] if reading else rows and rows.checksum,
            bundle.id,
            [(s.step.name, self.identity[s.index]) for s in ((resolve.step,) if resolve else ()) + steps],
            [(self.identity[s.index], name) for s, name in emits],
            self.plan.source_order(bundle.source) if emits else None,
            content,
            options.keep_rejected,
            options.signals,
            options.samples,
            [options.limit, options.sample, options.max_document_bytes] if reading else None,
            [self.identity[s.index] for s in masking],
        )  # fmt: skip
        return SegmentUnit(
            fingerprint=fingerprint,
            name=f"{bundle.name} block {number}.{segment}",
            folder="",
            bundle=bundle,
            source_order=self.plan.source_order(bundle.source),
            reader=source.reader if reading else None,
            rows=rows,
            resolve=resolve.step if resolve else None,
            findings=resolve.runs if resolve else (),
            steps=steps,
            artifacts=artifacts,
            named=named,
            emits=emits,
            masking=masking,
            options=options,
            opened=tuple(opened),
            planned=tuple(map(_planned, state.files, identities)) if reading else (),
        )

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


def _planned(file: InputFile, identity: str) -> PlannedInput | None:
    return None if file.folder_checksum else PlannedInput(file.size, file.modified_ns, identity)
