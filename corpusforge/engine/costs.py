"""What a plan will cost, in CPU seconds: bytes of input times what each stage was measured to take.

The figures below are of tests/benchmarks/main_job.yaml over real dumps (one core; English web pages, books, code).
Other data differs: a page of tables costs more to extract than a page of prose. A finished run of the same kind knows
better (`of_run`), and either way the answer is a range.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from corpusforge.engine.plan import Plan
from corpusforge.stage import CorpusStage


class Cost(NamedTuple):
    """CPU seconds for each MB that a stage reads, and MB that it hands on for each MB."""

    seconds: float
    out: float = 1.0


UNKNOWN = Cost(0.03)
MEASURED: Mapping[str, Cost] = {
    "read.warc": Cost(0.007),
    "read.books": Cost(0.08),
    "read.wikipedia": Cost(0.15, 0.6),
    "read.code": Cost(0.023),
    "read.parquet": Cost(0.002),
    "read.jsonl": Cost(0.01),
    "extract.html": Cost(0.031, 0.05),
    "extract.encoding": Cost(0.02),
    "normalize.unicode": Cost(0.04),
    "quality.urls": Cost(0.0002),
    "quality.language": Cost(0.05, 0.7),
    "quality.rules": Cost(0.04, 0.8),
    "quality.signals": Cost(0.05),
    "quality.toxicity": Cost(0.024),
    "quality.words": Cost(0.014),
    "quality.classifier": Cost(0.1),
    "quality.perplexity": Cost(0.5),
    "dedup.exact": Cost(0.003),
    "dedup.decontaminate": Cost(0.033),
    "dedup.minhash": Cost(0.03, 0.9),
    "privacy.pii": Cost(0.01),
    "tokenize.train": Cost(0.05),
    "tokenize.encode": Cost(0.09),
}
WRITE = Cost(0.05)
EXPANSION: Mapping[str, float] = {  # MB of content for each stored MB
    ".gz": 5.0, ".bz2": 4.5, ".zst": 4.5, ".xz": 5.0, ".lz4": 2.5, ".zip": 3.0, ".epub": 1.5, ".parquet": 4.0,
    ".7z": 5.0, ".tgz": 5.0,
}  # fmt: skip
SPREAD = (0.4, 2.5)  # of a figure measured on other data
SPREAD_OF_RUN = (0.5, 2.0)  # of one that a run measured, on data that may still be of another kind


@dataclass(frozen=True)
class Estimate:
    """CPU seconds expected of each phase of a run, in order: blocks, passes, writing."""

    phases: tuple[tuple[str, float], ...]
    spread: tuple[float, float]
    largest: tuple[tuple[str, float], ...]  # the stages that cost most
    segments: Mapping[tuple[int, int, str], float]  # (block, segment, source) -> CPU seconds

    @property
    def seconds(self) -> float:
        """CPU seconds of the whole."""
        return sum(seconds for _, seconds in self.phases)

    @property
    def range(self) -> tuple[float, float]:
        """Least and most CPU seconds to expect."""
        return self.seconds * self.spread[0], self.seconds * self.spread[1]


def estimate(plan: Plan, run: Mapping[str, Any] | None = None) -> Estimate:
    """Return what `plan` will cost; `run`: the manifest of a finished run whose measured costs count first."""
    costs = of_run(run) if run else {}
    names = {source.name: source.reader_name for source in plan.pipeline.sources}
    at: dict[str, float] = {}  # MB of text or content of each source, as the stages go by
    seconds: dict[str, float] = {}

    def spend(stage: str, source: str) -> float:
        cost = costs.get((stage, source)) or costs.get((stage, "")) or MEASURED.get(stage, UNKNOWN)
        spent = cost.seconds * at[source]
        at[source] *= cost.out
        seconds[stage] = seconds.get(stage, 0.0) + spent
        return spent

    phases: list[tuple[str, float]] = []
    of_segments: dict[tuple[int, int, str], float] = {}
    for number, block in enumerate(plan.blocks):
        spent = 0.0
        for source, segments in block.segments.items():
            if number == 0:
                expansions = costs.get(("expansion", source))
                at[source] = sum(
                    f.size / 1e6 * (expansions.out if expansions else _expansion(f.path))
                    for f in plan.inputs
                    if f.source == source
                )
                of_segments[0, 0, source] = spend(names[source], source)
            for place, segment in enumerate(segments):
                key = number, place, source
                found = sum(spend(step.step.name, source) for step in segment)
                of_segments[key] = of_segments.get(key, 0.0) + found
                spent += of_segments[key]
        phases.append((f"block {number}", spent))
        if block.corpus is not None:
            stage = block.corpus.step.stage
            assert isinstance(stage, CorpusStage)
            passes = [one.name for one in stage.passes()]
            total = sum(spend(block.corpus.step.name, s) for s in at if block.corpus.step.acts_on(s))
            phases += [(f"{block.corpus.step.name}: {name}", total / len(passes)) for name in passes]
    phases.append(("write", WRITE.seconds * sum(at.values())))
    largest = sorted(seconds.items(), key=lambda item: -item[1])[:3]
    return Estimate(tuple(phases), SPREAD_OF_RUN if run else SPREAD, tuple(largest), of_segments)


def of_run(manifest: Mapping[str, Any]) -> dict[tuple[str, str], Cost]:
    """Return the costs that a finished run measured, by stage and source ("": all sources together)."""
    found: dict[tuple[str, str], Cost] = {}
    stored: dict[str, float] = {}
    for entry in manifest["inputs"]:
        stored[entry["source"]] = stored.get(entry["source"], 0.0) + entry["size"] / 1e6
    at: dict[str, float] = {}
    for stage in manifest["stages"]:
        source = stage["source"] or ""
        mine = [source] if source else [s for s in stage["sources"] if s in at]
        if source and source not in at:  # its reader
            at[source] = stage["bytes"] / 1e6
            if stored.get(source):
                found["expansion", source] = Cost(0.0, at[source] / stored[source])
        before = sum(at[s] for s in mine)
        if before > 0.01:  # of less than ten kilobytes, start-up time would be taken for cost
            kept = stage["bytes"] / 1e6 / before
            found[stage["name"], source] = Cost(stage["seconds"] / before, kept)
            for one in mine:
                at[one] *= kept
    return found


def _expansion(path: str) -> float:
    return next((factor for suffix, factor in EXPANSION.items() if path.lower().endswith(suffix)), 1.0)
