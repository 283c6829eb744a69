"""What a task asks of the node that runs it: memory, CPUs, and the resources that its stages name.

Names are Ray's: CPU, GPU, memory (bytes), or what an operator gave to nodes, such as bigmem.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from corpusforge.engine.memory import BASE_BYTES, TIMES
from corpusforge.engine.units import CombineUnit, EmitUnit, SegmentUnit, Unit
from corpusforge.registry import name_of
from corpusforge.source import Reader
from corpusforge.stage import Stage

Needs = Mapping[str, float]

WITHOUT_STAGES_BYTES = 256 << 20  # merging runs, writing parts
STEP_BYTES = 64 << 20  # needs are rounded up, so that a run has few different ones


class NeedsOf:
    """Says what tasks need; `given` has for some stages what takes the place of what they declare."""

    def __init__(self, given: Mapping[str, Needs], batch_bytes: int) -> None:
        self._given = given
        self._batches = TIMES * batch_bytes
        self._known: dict[tuple[int, ...], Needs] = {}  # by the stages, which live as long as the plan

    def task(self, units: Sequence[Unit]) -> Needs:
        """Return what a task needs that runs `units` one after the other, by name of resource."""
        most: dict[str, float] = {"CPU": 0.0, "memory": 0.0}
        for unit in units:
            for name, amount in self._unit(unit).items():
                most[name] = max(most.get(name, 0.0), amount)
        return most

    def _unit(self, unit: Unit) -> Needs:
        stages = {id(stage): stage for stage in _stages(unit)}
        key = tuple(stages)
        if key not in self._known:
            self._known[key] = self._added(list(stages.values()))
        return self._known[key]

    def _added(self, stages: Sequence[Stage | Reader]) -> Needs:
        # The kernels of a segment are all open at once, so their memory adds up; of the rest the largest counts.
        memory = 0.0
        found: dict[str, float] = {}
        for stage in stages:
            own = self._given.get(name_of(type(stage)), {})
            asked = {"CPU": 1.0, "memory": float(stage.memory_bytes), **stage.resources, **own}
            memory += asked.pop("memory")
            for name, amount in asked.items():
                found[name] = max(found.get(name, 0.0), amount)
        total = BASE_BYTES + (memory if stages else WITHOUT_STAGES_BYTES) + self._batches
        return {"CPU": 1.0, **found, "memory": math.ceil(total / STEP_BYTES) * STEP_BYTES}


def fits(needs: Needs, node: Mapping[str, float]) -> bool:
    """Say whether a node that has `node` in all can hold a task."""
    return all(node.get(name, 0.0) >= amount for name, amount in needs.items())


def in_words(needs: Mapping[str, float]) -> str:
    """Return resources for people.

    >>> in_words({"CPU": 1.0, "memory": 2 << 30, "bigmem": 0.5})
    '1 CPU, 2.0 GB of memory, 0.5 bigmem'
    """
    memory = [f"{needs['memory'] / (1 << 30):.1f} GB of memory"] if "memory" in needs else []
    others = [f"{needs[name]:g} {name}" for name in needs if name != "memory"]
    return ", ".join([*others[:1], *memory, *others[1:]])


def _stages(unit: Unit) -> Iterator[Stage | Reader]:
    if isinstance(unit, SegmentUnit):
        if unit.reader is not None:
            yield unit.reader
        steps = [*([unit.resolve] if unit.resolve else []), *unit.steps, *unit.masking, *(s for s, _ in unit.emits)]
        yield from (step.step.stage for step in steps)
    elif isinstance(unit, EmitUnit | CombineUnit):
        yield unit.step.step.stage
