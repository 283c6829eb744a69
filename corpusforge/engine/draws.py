"""Draws: what is held out and how often each source is written, decided from sizes before a row is moved.

The driver asks workers for histograms of sizes by key and narrows them down to the one key at which a budget is
reached, so its memory does not depend on the number of documents.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from corpusforge.engine.identity import FORMAT
from corpusforge.engine.mixing import BINS, histogram_of
from corpusforge.engine.mixture import Budget, Draw, Measure, budgets
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.storage import digest
from corpusforge.engine.units import HistogramUnit, SizesUnit, rows_file
from corpusforge.engine.validation import HeldOut, held_fraction
from corpusforge.errors import RunError
from corpusforge.pipeline import Pipeline

KEY_BITS = 64
LEVEL_BITS = 12
BUNDLE_BYTES = 64 << 20  # of sizes files read by one unit, so that the ledger does not grow with splits

Sizes = Mapping[str, Sequence[RowsFile]]  # source -> a file of sizes for each split


@dataclass(frozen=True)
class Draws:
    """What is written: the documents held out, the copies of each source, and the budgets they come from."""

    measure: Measure
    held: HeldOut | None
    draws: Mapping[str, Draw]
    budgets: Mapping[str, Budget]  # empty without a mix


class Cut:
    """The search for the key up to which sizes sum to at least `wanted`.

    >>> cut = Cut(5)
    >>> sizes = np.zeros((2, BINS), np.int64)
    >>> sizes[:, [3, 8]] = [[1, 1], [4, 4]]
    >>> cut.narrow(sizes)
    >>> cut.last_key >> 52
    8
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.level = 0
        self.prefix = 0  # the first 12 x level bits of the key
        self.last_key = -1  # -1: still to be found
        self._before = 0  # sum of the sizes whose keys are smaller than those with the prefix

    def narrow(self, sizes: np.ndarray) -> None:
        """Take documents and sizes by the next bits of the keys with the prefix, int64[2, BINS]."""
        sums = self._before + np.cumsum(sizes[1])
        reached = int(np.searchsorted(sums, self.wanted))
        assert reached < BINS, f"{sums[-1]} of {self.wanted}"
        self._before = int(sums[reached] - sizes[1, reached])
        self.prefix = self.prefix << min(LEVEL_BITS, KEY_BITS - LEVEL_BITS * self.level) | reached
        self.level += 1
        left = max(0, KEY_BITS - LEVEL_BITS * self.level)
        if sizes[0, reached] == 1 or left == 0:
            self.last_key = ((self.prefix + 1) << left) - 1


class Drawing:
    """Decides the draws of one run."""

    def __init__(self, pipeline: Pipeline, scheduler: Scheduler) -> None:
        self.layout = pipeline.layout
        self.measure = pipeline.measure
        self.trial = pipeline.options.limit is not None or pipeline.options.sample is not None
        self.scheduler = scheduler

    def run(self, files: Mapping[str, Sequence[RowsFile]]) -> Draws:
        """Return what is written of the rows of each source."""
        mix, validation = self.layout.mix, self.layout.validation
        sizes: Sizes = {}
        if mix is not None or (validation is not None and validation.documents is not None):
            sizes = self._sizes(files)
        held = None
        if validation is not None and validation.fraction is not None:
            held = held_fraction(validation, validation.fraction)
        elif validation is not None:
            held = HeldOut(validation.cluster, validation.seed, self._held_key(sizes, validation.documents or 0))
        if mix is None:
            return Draws(self.measure, held, {source: Draw() for source in files}, {})
        held_key = held.last_key if held else -1
        if self.trial:
            mix = mix.model_copy(update={"shortfall": "allow"})
        first = self._histograms(sizes, {source: (0, 0, 0) for source in sizes}, "draw", held_key)
        found = budgets(mix, {source: int(histogram[1].sum()) for source, histogram in first.items()}, self.measure)
        cuts = {source: Cut(budget.rest) for source, budget in found.items() if budget.rest}
        self._search(
            cuts,
            lambda open_: self._histograms(
                {s: sizes[s] for s in open_},
                {s: (found[s].whole, cut.level, cut.prefix) for s, cut in open_.items()},
                "draw",
                held_key,
            ),
        )
        last = {source: cut.last_key for source, cut in cuts.items()}
        draws = {source: Draw(budget.whole, last.get(source, -1)) for source, budget in found.items()}
        return Draws(self.measure, held, draws, found)

    def _held_key(self, sizes: Sizes, documents: int) -> int:
        every = {"": [file for files in sizes.values() for file in files]}

        def count(open_: Mapping[str, Cut]) -> Mapping[str, np.ndarray]:
            return self._histograms(every, {"": (0, open_[""].level, open_[""].prefix)}, "cluster", -1)

        present = int(count({"": Cut(documents)})[""][0].sum())
        if self.trial:
            documents = min(documents, present // 2)
        if present <= documents:
            raise RunError(
                f"layout.validation asks for {documents:,} documents, and {present:,} were kept; ask for fewer. What "
                "was done before the layout is kept: run the same command with the changed recipe"
            )
        cut = Cut(documents)
        self._search({"": cut}, count)
        return cut.last_key

    def _search(
        self, cuts: Mapping[str, Cut], count: Callable[[Mapping[str, Cut]], Mapping[str, np.ndarray]]
    ) -> None:  # fmt: skip
        # All sources together, so that every level is one round of units.
        while open_ := {source: cut for source, cut in cuts.items() if cut.last_key < 0}:
            for source, histogram in count(open_).items():
                open_[source].narrow(histogram)

    def _sizes(self, files: Mapping[str, Sequence[RowsFile]]) -> Sizes:
        validation, upsample = self.layout.validation, self.layout.upsample
        cluster, seed = (validation.cluster, validation.seed) if validation else ("", 0)
        how = [self.measure, upsample.model_dump(mode="json") if upsample else None, cluster, seed]
        units = {
            source: [
                SizesUnit(
                    fingerprint=digest(FORMAT, "sizes", file.checksum, how),
                    name=f"sizes of {source} {number}",
                    folder="",
                    rows=file,
                    measure=self.measure,
                    upsample=upsample,
                    cluster=cluster,
                    cluster_seed=seed,
                )
                for number, file in enumerate(mine)
            ]
            for source, mine in files.items()
        }
        reports = iter(self.scheduler.reports([unit for mine in units.values() for unit in mine]))
        found = {source: [rows_file(next(reports)["files"]["sizes"]) for _ in mine] for source, mine in units.items()}
        return {source: [file for file in mine if file is not None] for source, mine in found.items()}

    def _histograms(
        self, sizes: Sizes, bits: Mapping[str, tuple[int, int, int]], by: Literal["draw", "cluster"], held_key: int
    ) -> dict[str, np.ndarray]:
        """Return the histogram of each source; `bits` holds epoch, level and prefix."""
        units, owners = [], []
        for source, files in sizes.items():
            epoch, level, prefix = bits[source]
            for number, mine in enumerate(_bundles(files)):
                what = [by, self.layout.seed, epoch, level, str(prefix), str(held_key)]
                owners.append(source)
                units.append(
                    HistogramUnit(
                        fingerprint=digest(FORMAT, "histogram", what, [file.checksum for file in mine]),
                        name=f"sizes by key, {source} {number}, level {level}",
                        folder="",
                        sizes=mine,
                        by=by,
                        seed=self.layout.seed,
                        epoch=epoch,
                        level=level,
                        prefix=prefix,
                        held_last_key=held_key,
                    )
                )
        found: dict[str, Any] = {source: np.zeros((2, BINS), np.int64) for source in sizes}
        for source, report in zip(owners, self.scheduler.reports(units), strict=True):
            found[source] += histogram_of(report)
        return found


def _bundles(files: Sequence[RowsFile]) -> list[tuple[RowsFile, ...]]:
    groups: list[list[RowsFile]] = []
    size = BUNDLE_BYTES
    for file in files:
        if size >= BUNDLE_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.size
    return [tuple(group) for group in groups]
