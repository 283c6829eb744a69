"""One bound at many values: what a block of rules would have kept at each, from one pass over stored signals."""

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.errors import RecipeError
from corpusforge.report.judged import KEPT, Judged
from corpusforge.report.tune import Question
from corpusforge.rules import Pack, Rule

MOST_STEPS = 1000


@dataclass(frozen=True)
class Steps:
    """The values that a bound is tried at."""

    key: str  # word_count.min
    values: np.ndarray  # float64, ascending


def parse_steps(text: str) -> Steps:
    """Return the steps of `word_count.min=20:200:20`: from, to (inclusive) and by.

    >>> parse_steps("a.max=0.1:0.3:0.1").values.tolist()
    [0.1, 0.2, 0.3]
    """
    key, _, span = text.partition("=")
    try:
        first, last, by = map(Decimal, span.split(":"))
        count = int((last - first) / by) + 1 if by > 0 and last >= first else 0
    except (ValueError, InvalidOperation):
        count = 0
    if not 0 < count <= MOST_STEPS:
        raise RecipeError(f"--sweep {text}: write NAME.min=FROM:TO:BY, at most {MOST_STEPS} values, such as 20:200:20")
    return Steps(key.strip(), np.array([float(first + i * by) for i in range(count)]))


class Curve:
    """Documents that the block keeps at each value and at the run's own; by source, how many are gained and lost."""

    def __init__(self, question: Question, steps: Steps) -> None:
        self.question = question
        self.key = steps.key
        self.name, self.end = steps.key.rsplit(".", 1)
        within = [bound for bound in self.current if steps.values[0] <= bound <= steps.values[-1]]
        self.values = np.union1d(steps.values, within)  # the run's own among them, to compare with
        size = len(self.values)
        self.sources = dict.fromkeys(sorted({t.block.source for t in question.targets}))
        self.kept = {source: np.zeros(size, np.int64) for source in self.sources}
        self.gained = {source: np.zeros(size, np.int64) for source in self.sources}
        self.stored = dict.fromkeys(self.sources, 0)
        self.before = dict.fromkeys(self.sources, 0)
        for judged in question.reading().batches(question.targets):
            self._count(judged)

    def _count(self, judged: Judged) -> None:
        source, pack = judged.target.block.source, judged.target.other
        rest = (judged.sooner == KEPT) & (judged.later == KEPT)
        passing = rest & ~judged.verdict(_without(pack, self.name, self.end)).rejected  # but for the swept bound
        signal = next(rule.signal for rule in pack.rules if rule.name == self.name)
        old = judged.before == KEPT
        self.stored[source] += len(old)
        self.before[source] += int(old.sum())
        elsewhere = _bound_by_table(pack, self.key, judged.groups, len(old))
        for counts, mask in ((self.kept, passing), (self.gained, passing & ~old)):
            measured = judged.table[signal][mask & ~elsewhere]
            free = int((mask & elsewhere).sum()) + int(np.isnan(measured).sum())  # NaN fires nothing
            values = np.sort(measured[~np.isnan(measured)])
            if self.end == "min":  # kept at a bound: values at or above it
                counts[source] += free + len(values) - np.searchsorted(values, self.values, "left")
            else:
                counts[source] += free + np.searchsorted(values, self.values, "right")

    @property
    def current(self) -> list[float]:
        """The bound that the run had, one for each different one; none where it had none."""
        rules = [rule for t in self.question.targets for rule in t.pack.rules if rule.name == self.name]
        return sorted({b for b in (getattr(rule, self.end) for rule in rules) if abs(b) != np.inf})

    def factor(self, source: str) -> float:
        """Return documents that reached the block for each one whose signals are stored."""
        if self.question.share == 1:
            return 1.0
        due = sum(self.question.due(t) for t in self.question.targets if t.block.source == source)
        return due / self.stored[source] if self.stored[source] else 0.0

    def figures(self) -> dict[str, Any]:
        """Return the curve as plain data: at each value kept, gained and lost, over all and by source."""
        points = []
        documents = {source: self.stored[source] * self.factor(source) for source in self.sources}
        for i, value in enumerate(self.values):
            by = {}
            for source in self.sources:
                kept, gained = int(self.kept[source][i]), int(self.gained[source][i])
                lost = self.before[source] - (kept - gained)
                parts = {"kept": kept, "gained": gained, "lost": lost}
                by[source] = {name: round(count * self.factor(source)) for name, count in parts.items()}
            total = {name: sum(one[name] for one in by.values()) for name in ("kept", "gained", "lost")}
            points.append({"value": float(value), **total, "sources": by})
        return {
            "output": str(self.question.output),
            "pack": self.question.targets[0].pack.name,
            "sweep": self.key,
            "current": self.current,
            "signals_share": self.question.share,
            "documents": round(sum(documents.values())),
            "sources": {source: round(count) for source, count in documents.items()},
            "kept_before": round(sum(self.before[s] * self.factor(s) for s in self.sources)),
            "points": points,
            "notes": self.question.notes(),
        }


def _without(pack: Pack, name: str, end: str) -> Pack:
    def free(rule: Rule) -> Rule:
        return replace(rule, min=-np.inf) if end == "min" else replace(rule, max=np.inf)

    return replace(pack, rules=tuple(free(rule) if rule.name == name else rule for rule in pack.rules))


def _bound_by_table(pack: Pack, key: str, groups: pa.Array | None, documents: int) -> np.ndarray:
    """Say whose bound comes from the pack's table, or whose group has none; bool[documents]."""
    if pack.by is None or groups is None:
        return np.zeros(documents, bool)
    named = pc.is_in(groups, pa.array([value for value, bounds in pack.table.items() if key in bounds], pa.string()))
    if pack.other == "defaults":
        return np.asarray(named.to_numpy(zero_copy_only=False))
    listed = pc.is_in(groups, pa.array(list(pack.table), pa.string()))
    return np.asarray(pc.or_(named, pc.invert(listed)).to_numpy(zero_copy_only=False))
