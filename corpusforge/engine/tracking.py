"""Where a run stands, as one flat record that a screen, a log and `corpusforge status` all show."""

import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from corpusforge.engine.costs import estimate
from corpusforge.engine.plan import Plan
from corpusforge.engine.units import Report

SEGMENT = re.compile(r"block (\d+)\.(\d+)$")  # at the end of the name of a unit


class Track:
    """Counts what the scheduler says of a run; `state()` is the record.

    The record: `phase` (name), `phase_number` and `phases`; `units_done` and `units` of the phase (0: not known);
    `documents` read and `share_left` of them still in the run, 0..1; `input_bytes_done` of `input_bytes`; `bytes` of
    text and content read and `mb_per_second` of it; `seconds` so far and `seconds_left` (null: not known yet);
    `workers`, `retries`, `cpu_seconds`, `peak_memory_bytes` of the largest worker; `units_found`: done by an earlier
    attempt.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: nothing has begun."""
        self.begun = time.time()
        self.counters: Mapping[str, float] = {}
        self.workers = 1
        self.phase = ""
        self.number = 0
        self.expected: list[float] = []
        self.units = 0
        self.units_done = 0
        self.units_found = 0
        self.documents = self.gone = self.bytes = 0
        self.input_bytes = self.input_bytes_done = 0
        self._lengths: dict[str, int] = {}  # by bundle: stored bytes
        self._sources: dict[str, str] = {}
        self._stored: Counter[str] = Counter()
        self._segments: Mapping[tuple[int, int, str], float] = {}
        self._done = 0.0  # expected CPU seconds of what was done of the phase
        self._block = -1
        self._block_units: list[int] = []
        self._spent = 0.0  # expected CPU seconds of what was done since `begun`, and not found done

    def begin(self, plan: Plan, counters: Mapping[str, float], workers: int) -> None:
        """A plan is run, from its first unit; `counters` is the scheduler's, and goes on counting."""
        self.reset()
        self.counters, self.workers = counters, workers
        costs = estimate(plan)
        self.expected = [seconds for _, seconds in costs.phases]
        self._segments = costs.segments
        self._lengths = {str(bundle.id): bundle.stored_bytes for bundle in plan.bundles}
        self._sources = {str(bundle.id): bundle.source for bundle in plan.bundles}
        for split in plan.splits:
            self._stored[split.source] += split.stored_bytes
        self.input_bytes = sum(self._lengths.values())
        self._block_units = [
            sum(len(block.segments[bundle.source]) for bundle in plan.bundles) for block in plan.blocks
        ]  # fmt: skip

    def segment(self, name: str, units: int) -> None:
        """A phase begins; `units` is 0 when their number is not known."""
        if self.number and not self.units:
            self._spent += self._due(self.number)
        self.phase = name
        self.number += 1
        self.units_done = 0
        self.units = units
        self._done = 0.0
        if units:
            self._block += 1
            self.units = max(units, *self._block_units[self._block : self._block + 1])

    def advance(self, report: Report, ran: bool) -> None:
        """A unit was committed; `ran` is false when an earlier attempt had done it."""
        self.units_done += 1
        self.units_found += not ran
        expected = self._expected(report)
        self._done += expected
        self._spent += expected if ran else 0.0
        counts = report.get("counts")
        if counts is not None:
            if "inputs" in report:
                self.documents += counts["read"]
                self.bytes += counts["bytes"]
                self.input_bytes_done += self._lengths.get(report["split"], 0)
            self.gone += counts["rejected"] + counts["quarantined"]

    def _expected(self, report: Report) -> float:
        """Return the CPU seconds expected of one bundle in one segment; 0 of other units."""
        place = SEGMENT.search(report["name"])
        source = self._sources.get(report.get("split", ""))
        if place is None or source is None:
            return 0.0
        whole = self._segments.get((int(place[1]), int(place[2]), source), 0.0)
        return whole * self._lengths[report["split"]] / max(self._stored[source], 1)

    def _due(self, number: int) -> float:
        return self.expected[number - 1] if 0 < number <= len(self.expected) else 0.0

    def _seconds_left(self, seconds: float) -> float | None:
        if not self._spent:
            return None
        rest = sum(self.expected[self.number :])
        if self.units:
            rest += max(0.0, self._due(self.number) - self._done)
        return round(rest * seconds / self._spent, 1)

    def state(self) -> dict[str, Any]:
        """Return the record."""
        seconds = time.time() - self.begun
        return {
            "phase": self.phase,
            "phase_number": self.number,
            "phases": max(len(self.expected), self.number),
            "units_done": self.units_done,
            "units": self.units,
            "documents": self.documents,
            "share_left": round(1 - self.gone / self.documents, 6) if self.documents else 1.0,
            "input_bytes_done": self.input_bytes_done,
            "input_bytes": self.input_bytes,
            "bytes": self.bytes,
            "mb_per_second": round(self.bytes / 1e6 / max(seconds, 1e-6), 3),
            "seconds": round(seconds, 1),
            "seconds_left": self._seconds_left(seconds),
            "workers": self.workers,
            "retries": int(self.counters.get("retries", 0)),
            "cpu_seconds": round(self.counters.get("cpu_seconds", 0.0), 1),
            "peak_memory_bytes": int(self.counters.get("peak_bytes", 0)),
            "units_found": self.units_found,
        }
