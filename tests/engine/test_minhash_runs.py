"""dedup.minhash keeps the same texts however the input is cut and named, and after a kill inside any of its passes."""

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.pipeline import Pipeline
from corpusforge.stages.dedup.decide import _Scratch
from corpusforge.stages.dedup.minhash import Minhash

Make = Callable[..., Pipeline]


def kept_texts(output: Path) -> list[str]:
    return sorted(text for part in output.glob("data/*") for text in pq.read_table(part)["text"].to_pylist())


def resharded(corpus: Path, folder: Path, files: int, seed: int) -> str:
    """Write the documents of `corpus` in another order into so many files of other names."""
    lines = [line for path in sorted(corpus.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    random.Random(seed).shuffle(lines)
    folder.mkdir()
    for number in range(files):
        (folder / f"{seed}-{files - number}.jsonl").write_bytes(b"\n".join(lines[number::files]) + b"\n")
    return f"{folder}/*.jsonl"


def test_the_same_texts_stay_however_the_input_is_cut_ordered_and_named(
    make: Make, corpus: Path, tmp_path: Path, ray_session: None
) -> None:
    expected = kept_texts(make(Minhash(), output="whole").run().path)
    assert 250 < len(expected) < 390
    for files, options in ((1, {}), (2, {"workers": 2}), (4, {"split_bytes": 7_000, "partition_bytes": 3_000})):
        paths = resharded(corpus, tmp_path / f"in{files}", files, seed=files)
        outcome = make(Minhash(), output=f"out{files}", paths=paths, **options).run()
        assert kept_texts(outcome.path) == expected, files


@pytest.mark.parametrize("part", ["emit", "combine"])
def test_a_kill_inside_any_pass_changes_nothing(ends_alike: Callable[..., None], part: str) -> None:
    ends_alike([Minhash(max_keepers=2)], part, split_bytes=30_000, partition_bytes=100_000, keep_work=True)


def test_what_does_not_fit_in_memory_waits_in_the_work_folder(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = kept_texts(make(Minhash(), output="roomy").run().path)
    spilled = []
    write = _Scratch.write
    monkeypatch.setattr(_Scratch, "write", lambda self, batch: spilled.append(batch.num_rows) or write(self, batch))
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    assert kept_texts(make(Minhash(keeper_bytes=0), output="tight").run().path) == expected
    assert sum(spilled) > 10
