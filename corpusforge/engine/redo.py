"""What a run would still have to do: the driver goes over the ledger, and nothing is run or written."""

from dataclasses import dataclass

from corpusforge.engine.costs import Estimate
from corpusforge.engine.driver import Driver, begin
from corpusforge.engine.known_inputs import known
from corpusforge.engine.ledger import Known
from corpusforge.engine.passes import Findings, Passes
from corpusforge.engine.plan import Plan
from corpusforge.engine.scheduler import Silent
from corpusforge.engine.segments import Segments
from corpusforge.engine.storage import StoredPath
from corpusforge.engine.units import Report, SegmentUnit, Unit


@dataclass(frozen=True)
class Redo:
    """What is to do. Behind the first phase with anything missing all counts as to do, so this is an upper bound."""

    phase: str  # the first with anything missing; "" when only the output is to be written
    missing: int  # splits of that phase that are to do, of `splits`; 0 and 0 when it is a pass
    splits: int
    seconds: float  # CPU seconds, by the estimate


class _Missing(Exception):
    """A unit of a pass is not in the ledger."""


class _NoRunner:
    # Takes units and runs none.
    workers = 1
    has_room = True
    busy = False

    def __init__(self) -> None:
        self.units: list[SegmentUnit] = []

    def submit(self, units: list[Unit]) -> None:
        for unit in units:
            if not isinstance(unit, SegmentUnit):
                raise _Missing
            self.units.append(unit)

    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]:
        return []

    def close(self) -> None:
        pass


class _KnownInputs(Segments):
    # Inputs that have another time than the ledger knows are not read: they are to do.
    def identify_inputs(self) -> None:
        self.inputs = known(self.plan.inputs, self.scheduler.ledger)


def redo(plan: Plan, work: StoredPath, costs: Estimate) -> Redo:
    """Return what a run of `plan` would do besides what the ledger in `work` has."""
    runner = _NoRunner()
    driver = Driver(plan, Known(work), runner, work, work / "none", Silent())
    segments = _KnownInputs(plan, driver.scheduler, driver.identity)
    passes = Passes(plan, driver.scheduler, driver.identity)
    segments.identify_inputs()
    states = begin(plan)
    before: Findings | None = None
    names = [name for name, _ in costs.phases]
    for number, block in enumerate(plan.blocks):
        at = names.index(f"block {number}")
        runs = segments.run(number, block, states, before)
        if runner.units:
            spent = sum(_cost(plan, costs, number, unit) for unit in runner.units)
            later = sum(seconds for _, seconds in costs.phases[at + 1 :])
            steps = [s.step.name for s in plan.steps if any(s in c for cs in block.segments.values() for c in cs)]
            said = f"{steps[0]} ... {steps[-1]}" if len(steps) > 1 else "".join(steps)
            return Redo(
                said or "read", sum(len(u.bundle.splits) for u in runner.units), len(plan.splits), spent + later
            )
        if block.corpus is not None:
            try:
                before = passes.run(block.corpus, states, runs)
            except _Missing:
                return Redo(block.corpus.step.name, 0, 0, sum(seconds for _, seconds in costs.phases[at + 1 :]))
            segments.found.append(before)
    return Redo("", 0, 0, costs.phases[-1][1])


def _cost(plan: Plan, costs: Estimate, number: int, unit: SegmentUnit) -> float:
    """Return the CPU seconds of a unit and of what follows it in its block."""
    source = unit.bundle.source
    first = int(unit.name.rpartition(".")[2])
    rest = range(first, len(plan.blocks[number].segments[source]))
    whole = sum(costs.segments.get((number, segment, source), 0.0) for segment in rest)
    return whole * unit.bundle.stored_bytes / max(sum(s.stored_bytes for s in plan.splits if s.source == source), 1)
