"""The driver: takes a plan through its blocks, exchanges and layout, in order."""

from dataclasses import dataclass
from typing import Any

from corpusforge.engine.accounts import Accounts
from corpusforge.engine.artifacts import keep_artifacts
from corpusforge.engine.bundle_state import BundleState
from corpusforge.engine.guards import check_errors, check_source_loss
from corpusforge.engine.identity import stage_identity
from corpusforge.engine.ledger import Ledger
from corpusforge.engine.parts import Parts, Written
from corpusforge.engine.passes import Findings, Passes
from corpusforge.engine.plan import Plan
from corpusforge.engine.samples import gather
from corpusforge.engine.scheduler import Progress, Runner, Scheduler
from corpusforge.engine.segments import Segments
from corpusforge.engine.storage import StoredPath


@dataclass
class Results:
    """Everything the manifest is made of."""

    states: list[BundleState]
    accounts: Accounts
    written: Written
    counters: dict[str, float]
    pass_seconds: dict[int, float]  # by step: CPU seconds of the passes of corpus stages
    samples: list[dict[str, Any]]  # of what was rejected, masked
    artifacts: list[dict[str, Any]]  # in the staging folder, as they stand in the manifest


class Driver:
    """One run of one plan."""

    def __init__(
        self, plan: Plan, ledger: Ledger, runner: Runner, work: StoredPath, staging: StoredPath, progress: Progress
    ) -> None:
        self.plan = plan
        self.scheduler = Scheduler(ledger, runner, work, staging, progress)
        self.identity = {s.index: stage_identity(s.step.stage) for s in plan.steps}

    def run(self) -> Results:
        """Run the whole plan; what the ledger names is not run again."""
        self.scheduler.reset()
        self.scheduler.progress.begin(self.plan, self.scheduler.counters, self.scheduler.runner.workers)
        segments = Segments(self.plan, self.scheduler, self.identity)
        passes = Passes(self.plan, self.scheduler, self.identity)
        segments.identify_inputs()
        states = begin(self.plan)
        before: Findings | None = None
        for number, block in enumerate(self.plan.blocks):
            runs = segments.run(number, block, states, before)
            check_errors(self.plan, segments.accounts, states)
            if before is not None:
                check_source_loss(self.plan, before, segments.accounts, states)
            if block.corpus is not None:
                before = passes.run(block.corpus, states, runs)
                segments.found.append(before)
        written = Parts(self.plan, self.scheduler).run(states)
        artifacts = keep_artifacts(segments.found, self.scheduler.staging)
        samples = gather([f for state in states for f in state.files_of("samples")], self.plan.pipeline.options.samples)
        counted = self.scheduler.counters, self.scheduler.pass_seconds
        return Results(states, segments.accounts, written, *counted, samples, artifacts)


def begin(plan: Plan) -> list[BundleState]:
    """Return the bundles of a plan before anything is done, in reading order."""
    files = {(file.source, file.relative): file for file in plan.inputs}
    return [BundleState(one, tuple(files[s.source, s.relative] for s in one.splits)) for one in plan.bundles]
