"""The accounts of a run: what its splits reported, added up as it arrives, so that no report has to be kept."""

from collections.abc import Iterable, Sequence
from typing import Any

from corpusforge.engine.plan import Plan, PlannedStep
from corpusforge.engine.units import Report

Counts = dict[str, Any]


class Accounts:
    """Counts of documents, by source and by step."""

    def __init__(self, plan: Plan) -> None:
        names = [source.name for source in plan.pipeline.sources]
        self.documents: dict[str, dict[str, int]] = {
            name: {"read": 0, "kept": 0, "rejected": 0, "quarantined": 0} for name in names
        }
        self.reading: dict[str, Counts] = {
            name: {"read": 0, "unreadable": 0, "bytes": 0, "seconds": 0.0, "skipped": {}} for name in names
        }
        self.steps: dict[tuple[int, str], Counts] = {}  # by step and source
        # Documents that a limit of time or memory, or a crash, put into quarantine: elsewhere they may pass.
        self.guarded: list[dict[str, str]] = []

    def add(self, source: str, steps: Sequence[PlannedStep], report: Report, reading: bool) -> None:
        """Add what one split reported of one segment; of the first, which reads it, also what was read."""
        counts = report["counts"]
        mine = self.documents[source]
        # Kept are those that leave the last segment a split goes through: what one keeps, the next has read.
        mine["kept"] += counts["kept"] - (0 if reading else counts["read"])
        mine["rejected"] += counts["rejected"]
        mine["quarantined"] += counts["quarantined"]
        if reading:
            mine["read"] += counts["read"]
            read = self.reading[source]
            _add(read, counts, ("read", "unreadable", "bytes", "seconds"))
            _add_by_name(read["skipped"], counts["skipped"])
        for step, of_step in zip(steps, counts["steps"], strict=True):
            entry = self.steps.setdefault((step.index, source), _nothing())
            _add(entry, of_step, ("read", "kept", "quarantined", "bytes", "seconds"))
            _add_by_name(entry["rejected"], of_step["rejected"])
            _add_by_name(entry["counts"], of_step.get("counts", {}))
        self.guarded += report.get("guarded", ())

    def total(self, sources: Iterable[str]) -> dict[str, int]:
        """Return documents read, kept, rejected and quarantined of some sources."""
        found = {"read": 0, "kept": 0, "rejected": 0, "quarantined": 0}
        for source in sources:
            _add(found, self.documents[source], tuple(found))
        return found

    def step(self, index: int, source: str) -> Counts:
        """Return what a step did to the documents of a source."""
        return self.steps.get((index, source)) or _nothing()


def _nothing() -> Counts:
    return {"read": 0, "kept": 0, "quarantined": 0, "bytes": 0, "seconds": 0.0, "rejected": {}, "counts": {}}


def _add(to: Counts, counts: Counts, names: Sequence[str]) -> None:
    for name in names:
        to[name] += counts[name]


def _add_by_name(to: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        to[name] = to.get(name, 0) + count
