"""A small corpus with exact and near copies, and pipelines over it."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from corpusforge.engine import emitting, segment
from corpusforge.engine.plan import PlannedStep
from corpusforge.engine.verify import verify
from corpusforge.pipeline import Layout, Pipeline, RunOptions, Source, Step
from corpusforge.stage import CorpusStage, Pass, Stage
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.write.parquet import Parquet

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in ("lam", "rin", "tus", "ve")]


def sentences(seed: int, words: int) -> str:
    """Return a text of `words` words drawn by seed."""
    chosen = random.Random(seed).choices(WORDS, k=words)
    return " ".join(chosen)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four JSONL files, 400 documents: about 60 exact copies and 40 near copies."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(7)
    rows: list[dict[str, Any]] = []
    for number in range(400):
        text = sentences(number, draw.randint(20, 200))
        if rows and draw.random() < 0.15:
            text = draw.choice(rows)["text"]
        elif rows and draw.random() < 0.12:
            text = draw.choice(rows)["text"] + " zzz"
        rows.append({"text": text, "url": f"https://example.org/{number}", "id": number})
    for part in range(4):
        lines = [orjson.dumps(row) for row in rows[part * 100 : part * 100 + 100]]
        (folder / f"part{part}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return folder


@pytest.fixture
def make(corpus: Path, tmp_path: Path) -> Callable[..., Pipeline]:
    """Return a function that makes a pipeline over the corpus."""

    def pipeline(*stages: Stage, output: str = "out", paths: str | None = None, **options: Any) -> Pipeline:
        layout = Layout(order=options.pop("order", "reading"))
        given = {"workers": 1, "split_bytes": 20_000, "max_error_fraction": 1.0, **options}
        chosen = stages or (Exact(), Minhash())
        return Pipeline(
            sources=(Source("words", "read.jsonl", Jsonl(paths=(paths or f"{corpus}/*.jsonl",))),),
            steps=tuple(Step(type(s).__name__.lower(), s) for s in chosen),
            writer=Parquet(path=str(tmp_path / output), shard_bytes=40_000, row_group_bytes=15_000),
            layout=layout,
            options=RunOptions.model_validate(given),
        )

    return pipeline


class Killed(BaseException):
    """The process ends here: nothing catches this."""


class Killer:
    """Ends the run in a pass: `target` is the index of its step and its name, `part` emit or combine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.target: tuple[int, str] | None = None
        self.part = "emit"
        self._find = emitting.pass_of
        for module in (emitting, segment):
            monkeypatch.setattr(module, "pass_of", self._pass_of)

    def _pass_of(self, step: PlannedStep, name: str) -> Pass:
        one = self._find(step, name)
        if (step.index, name) != self.target:
            return one

        def emit(*batches: Any) -> pa.RecordBatch | None:
            one.emit(*batches)
            raise Killed

        def combine(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in one.combine(batches):
                yield batch
                raise Killed

        return replace(one, emit=emit) if self.part == "emit" else replace(one, combine=combine)


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    """Return what ends a run inside a pass; harmless until it has a target."""
    return Killer(monkeypatch)


@pytest.fixture
def ends_alike(killer: Killer, make: Callable[..., Pipeline]) -> Callable[..., None]:
    """Return a check: killed in every pass of `stages` and run again, a run ends in the bytes of an undisturbed one."""

    def check(stages: Sequence[CorpusStage], part: str, **options: Any) -> None:
        expected = make(*stages, output="whole", **options).run().manifest["content_checksum"]
        killer.part = part
        for number, stage in enumerate(stages):
            for one in stage.passes():
                killer.target = number, one.name
                with pytest.raises(Killed):
                    make(*stages, output="killed", **options).run()
        killer.target = None
        outcome = make(*stages, output="killed", **options).run()
        assert verify(outcome.path) == []
        assert outcome.manifest["content_checksum"] == expected

    return check
