"""Cut a pipeline into blocks, segments and passes, before anything runs.

A **block** ends at a corpus stage, where documents must meet. Inside a block each source has its own chain of
**segments**, cut after stages that declare `costly`. A segment's kernels are composed and run in one task per split,
so a text is read and written once per segment, not once per stage.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from corpusforge.engine.bundles import Bundle, bundles
from corpusforge.engine.inputs import InputFile, cut_all, find_inputs
from corpusforge.pipeline import Pipeline, Source, Step
from corpusforge.source import Split
from corpusforge.stage import CorpusStage


@dataclass(frozen=True)
class PlannedStep:
    """A step with its place: `index` orders the stages of a run, `source` is None for those that all sources share."""

    index: int
    step: Step
    source: str | None


@dataclass(frozen=True)
class Block:
    """What happens between two exchanges: the segments of each source, then the corpus stage that ends it."""

    segments: Mapping[str, tuple[tuple[PlannedStep, ...], ...]]  # source -> segments -> steps
    corpus: PlannedStep | None  # None in the last block


@dataclass(frozen=True)
class Plan:
    """Inputs, splits, and blocks of a pipeline."""

    pipeline: Pipeline
    inputs: tuple[InputFile, ...]
    splits: tuple[Split, ...]  # in reading order
    bundles: tuple[Bundle, ...]  # the same splits, as units of work read them
    blocks: tuple[Block, ...]
    steps: tuple[PlannedStep, ...]

    def source_order(self, name: str) -> int:
        """Return the place of a source in the recipe."""
        return [s.name for s in self.pipeline.sources].index(name)

    def lines(self) -> list[str]:
        """Describe the plan for people: inputs with sizes, segments, exchanges."""
        said = []
        for source in self.pipeline.sources:
            files = [f for f in self.inputs if f.source == source.name]
            splits = sum(s.source == source.name for s in self.splits)
            size = sum(f.size for f in files) / 1e6
            said.append(f"{source.name}: {source.reader_name}, {len(files)} files, {size:.1f} MB, {splits} splits")
        for number, block in enumerate(self.blocks):
            for name, segments in block.segments.items():
                for segment in segments:
                    if segment:
                        said.append(f"block {number}, {name}: {' + '.join(s.step.name for s in segment)}")
            if block.corpus is not None:
                stage = block.corpus.step.stage
                assert isinstance(stage, CorpusStage)
                passes = ", ".join(p.name for p in stage.passes())
                said.append(f"exchange: {block.corpus.step.name} ({passes})")
        return said + self.pipeline.output_lines()


def plan(pipeline: Pipeline) -> Plan:
    """List the inputs, cut them into splits, and cut the stages into blocks and segments."""
    inputs: list[InputFile] = []
    together: list[Bundle] = []
    for source in pipeline.sources:
        files = find_inputs(source)
        inputs += files
        split_bytes = int(pipeline.options.split_bytes)
        together += bundles(cut_all(files, source.reader, split_bytes), split_bytes)
    splits = tuple(split for bundle in together for split in bundle.splits)
    ids = {split.id for split in splits}
    assert len(ids) == len(splits), "two splits have one id"
    steps = _numbered(pipeline)
    return Plan(pipeline, tuple(inputs), splits, tuple(together), _blocks(pipeline.sources, steps), tuple(steps))


def _numbered(pipeline: Pipeline) -> list[PlannedStep]:
    steps: list[PlannedStep] = []
    for source in pipeline.sources:
        for step in source.steps:
            own = Step(step.name, step.stage, (source.name,), (), step.where)
            steps.append(PlannedStep(len(steps), own, source.name))
    for step in pipeline.steps:
        steps.append(PlannedStep(len(steps), step, None))
    return steps


def _blocks(sources: tuple[Source, ...], steps: list[PlannedStep]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    held: list[PlannedStep] = []
    for planned in steps:
        if isinstance(planned.step.stage, CorpusStage):
            blocks.append(Block(_segments(sources, held), planned))
            held = []
        else:
            held.append(planned)
    blocks.append(Block(_segments(sources, held), None))
    return tuple(blocks)


def _segments(sources: tuple[Source, ...], steps: list[PlannedStep]) -> dict[str, tuple[tuple[PlannedStep, ...], ...]]:
    chains: dict[str, tuple[tuple[PlannedStep, ...], ...]] = {}
    for source in sources:
        segments: list[tuple[PlannedStep, ...]] = []
        held: list[PlannedStep] = []
        for planned in steps:
            if planned.step.acts_on(source.name):
                held.append(planned)
                if planned.step.stage.costly:
                    segments.append(tuple(held))
                    held = []
        segments.append(tuple(held))
        if len(segments) > 1 and not segments[-1]:
            segments.pop()
        chains[source.name] = tuple(segments)
    return chains
