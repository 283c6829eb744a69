"""How the signals that rules judged are distributed, with the bounds that judged them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.errors import RecipeError
from corpusforge.report.blocks import Stages
from corpusforge.report.sampled_rows import SampledRows
from corpusforge.schema import SIGNAL_PREFIX

MOST_VALUES = 100_000  # of a signal: 40 signals take 32 MB; a share outside a bound is good to 0.3 percentage points
BINS = 40
LOG_ABOVE = 10.0  # 99.5th percentile over the median: beyond it all mass stands in the first bins of a linear scale
MARGIN = 0.03  # of the axis, free on both sides
FROM_ZERO = 0.5  # an axis starts at 0 when it would start below this share of its end
FAR = 3.0  # a bound this many times beyond the data is named, not drawn


@dataclass
class Distribution:
    """One signal, as one pack judged it: values, bounds, and what the bounds took in the whole run."""

    titles: dict[int, str]  # place of a stage in the manifest -> its title
    signal: str
    min: float | None
    max: float | None
    below: int = 0  # documents of the whole run that it rejected, exact
    above: int = 0
    by: str = ""  # the column by whose value the bounds differ
    values: list[np.ndarray] = field(default_factory=list)

    @property
    def places(self) -> list[int]:
        """Places of its stages in the manifest."""
        return list(self.titles)

    @property
    def title(self) -> str:
        """The titles of its stages."""
        return ", ".join(self.titles.values())

    def joined(self, other: "Distribution") -> "Distribution":
        """Take in what another stage of the same rule rejected, and return self."""
        if other is not self and not set(other.titles) <= set(self.titles):
            self.titles |= other.titles
            self.below += other.below
            self.above += other.above
        return self

    @property
    def rejected(self) -> int:
        """Documents rejected by either bound."""
        return self.below + self.above

    def histogram(self) -> dict[str, Any] | None:
        """Return `edges`, `counts`, `scale` (linear or log), and `off`, the bounds too far out to draw; None: no value.

        The outermost half per cent on each side is counted in the first and last bin.
        """
        values = np.concatenate(self.values) if self.values else np.zeros(0)
        values = values[np.isfinite(values)]
        if not len(values):
            return None
        low, middle, high = (float(x) for x in np.quantile(values, [0.005, 0.5, 0.995]))
        bounds = [b for b in (self.min, self.max) if b is not None]
        wide = low >= 0 and high > LOG_ABOVE * max(middle, 1.0)
        reach = max(high - low, abs(high)) * (100.0 if wide or low >= 1 else FAR) or math.inf
        drawn = [b for b in bounds if low - reach <= b <= high + reach]
        # A bound is the end of a bin, so that what it rejects has bins of its own; `max` itself is within.
        ends = [self.min] if self.min is not None and self.min in drawn else []
        ends += [float(np.nextafter(self.max, np.inf))] if self.max is not None and self.max in drawn else []
        low, high = min([low, *ends]), max([high, *ends])
        if high - low < 1e-9 * max(abs(high), 1.0):  # nearly all values are one: the others decide what is drawn
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            high = max(high, low + 1.0)
        positive = bool(values.min() >= 0) and low >= 0
        log = positive and high > LOG_ABOVE * max(middle, 1.0)
        edges = _edges(low, high, ends, log, positive)
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        return {
            "edges": edges.tolist(),
            "counts": counts.tolist(),
            "scale": "log" if log else "linear",
            "off": [b for b in bounds if b not in drawn],
            "documents": len(values),
        }


def _edges(low: float, high: float, ends: Sequence[float], log: bool, positive: bool) -> np.ndarray:
    # Bins of about one width as drawn; between two bounds of exactly one. Below the lowest end and above the highest
    # there is room for what they reject, but no axis of a signal that counts goes below 0 by more.
    def place(x: float) -> float:
        return math.log1p(x) if log else x

    def back(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.expm1(x) if log else x)

    span = place(high) - place(low) or 1.0
    first, last = place(low) - span * MARGIN, place(high) + span * MARGIN
    if positive and (first < 0 or place(low) < FROM_ZERO * place(high)):
        first = 0.0
    inner = sorted(ends)
    if inner and place(inner[0]) - first < span * MARGIN / 2:  # a bound of 0: what is within it needs a bar too
        first = place(inner[0]) - span * MARGIN
    marks = [float(back(np.asarray(first))), *inner, float(back(np.asarray(last)))]
    found = [np.asarray(inner, float)]
    for start, stop in pairwise(marks):
        width = place(stop) - place(start)
        if width > 0:
            count = max(1, round(BINS * width / (last - first)))
            steps = back(np.linspace(place(start), place(stop), count + 1))
            found += [steps[1:-1], np.asarray([start, stop])]  # the ends exactly, whatever the logarithm rounds
    return np.unique(np.concatenate(found))


def distributions(stages: Stages, titles: Sequence[str], signals: SampledRows) -> list[Distribution]:
    """Return a distribution of each signal that a pack's rules judged, those that rejected most first."""
    by_block: dict[tuple[str, str], list[Distribution]] = {}
    merged: dict[tuple[object, ...], Distribution] = {}
    for source in stages.manifest["sources"]:
        for block in stages.blocks(source):
            mine = by_block.setdefault((block.label, source), [])
            for place, pack in block.packs(stages.fields):
                for one in _judged(stages, place, titles[place]):
                    # The same rule over several sources is one chart.
                    mine.append(merged.setdefault((block.label, pack, one.signal, one.min, one.max), one).joined(one))
    names = sorted({SIGNAL_PREFIX + one.signal for one in merged.values()})
    held: dict[tuple[str, str], int] = {}
    for batch in signals.batches(["block", "source", *names]):
        have = batch.schema.names
        if not {"block", "source"} <= set(have):  # a run of an earlier version
            continue
        for key in {(row["block"], row["source"]) for row in _keys(batch)} & set(by_block):
            if held.get(key, 0) < MOST_VALUES:
                mask = pc.and_(pc.equal(batch.column("block"), key[0]), pc.equal(batch.column("source"), key[1]))
                rows = batch.filter(mask)
                held[key] = held.get(key, 0) + rows.num_rows
                _collect(rows, by_block[key])
    return sorted(merged.values(), key=lambda one: (-one.rejected, min(one.places)))


def _keys(batch: pa.RecordBatch) -> list[dict[str, str]]:
    return list(pa.table(batch.select(["block", "source"])).group_by(["block", "source"]).aggregate([]).to_pylist())


def _collect(rows: pa.RecordBatch, found: Sequence[Distribution]) -> None:
    for one in found:
        name = SIGNAL_PREFIX + one.signal
        if name in rows.schema.names:
            one.values.append(rows.column(name).drop_null().to_numpy(zero_copy_only=False))


def _judged(stages: Stages, place: int, title: str) -> list[Distribution]:
    if not stages.unchanged(place):  # the pack was changed or is gone: its bounds would mislead
        return []
    try:
        pack = stages.pack(place)
    except RecipeError:
        return []
    counts: Mapping[str, int] = stages.entries[place]["rejected"]
    return [
        Distribution(
            {place: title},
            rule.signal,
            rule.min if math.isfinite(rule.min) else None,
            rule.max if math.isfinite(rule.max) else None,
            counts.get(f"{rule.name}_below_min", 0),
            counts.get(f"{rule.name}_above_max", 0),
            pack.by or "",
        )
        for rule in pack.rules
    ]
