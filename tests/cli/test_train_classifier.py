"""corpusforge train classifier: reproducible models, honest figures, and mistakes that say what to do."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.cli import main

GOOD = ["harbour", "morning", "letter", "quietly", "remembered", "window", "garden", "because", "although", "evening"]
BAD = ["buy", "cheap", "click", "offer", "free", "subscribe", "casino", "bonus", "login", "download"]
SMALL = ["--max-examples", "500", "--dim", "8", "--buckets", "2000", "--min-count", "1", "--epochs", "10"]


def texts(words: list[str], count: int, seed: int) -> list[str]:
    """Return texts of about 30 words, a tenth of them from the other list."""
    draw = random.Random(seed)
    other = BAD if words is GOOD else GOOD
    return [" ".join(draw.choice(words if draw.random() < 0.9 else other) for _ in range(30)) for _ in range(count)]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Good texts as JSON Lines, bad ones as Parquet, and both in one file with a label."""
    good, bad = texts(GOOD, 300, 1), texts(BAD, 300, 2)
    (tmp_path / "good.jsonl").write_bytes(b"\n".join(orjson.dumps({"text": t}) for t in good))
    pq.write_table(pa.table({"text": bad}), tmp_path / "bad.parquet")
    both = [{"text": t, "class": "good text"} for t in good] + [{"text": t, "class": 7} for t in bad]
    (tmp_path / "both.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in [*both, {"text": "none"}]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    """Run the command and return its exit code."""
    with pytest.raises(SystemExit) as end:
        main(["train", "classifier", *arguments])
    assert isinstance(end.value.code, int)
    return end.value.code


def card(path: Path) -> dict[str, Any]:
    """Return a model's card."""
    read: dict[str, Any] = orjson.loads(path.read_bytes())
    return read


def test_the_same_texts_give_the_same_bytes_and_good_figures(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--positive", "good.jsonl", "--negative", "bad.parquet", *SMALL]
    assert run(*arguments, "--output", "models/a") == 0
    said = capsys.readouterr().out
    assert "held out, .bin: accuracy" in said and "precision" in said
    used = [np.full(size, np.nan, np.float32) for size in range(1_000, 300_000, 7_000)]
    del used  # fastText leaves memory as it finds it; see zeroed_memory.py
    assert run(*arguments, "--output", "models/b.bin") == 0
    for kind in ("bin", "ftz"):
        assert (data / f"models/a.{kind}").read_bytes() == (data / f"models/b.{kind}").read_bytes()
    found = card(data / "models/a.json")
    assert {**found, "files": 0} == {**card(data / "models/b.json"), "files": 0}
    assert found["held_out"]["bin"]["accuracy"] > 0.95
    assert found["held_out"]["ftz"]["labels"]["positive"]["auc"] > 0.95
    assert found["inputs"]["positive"]["inputs"][0]["path"] == "good.jsonl"
    assert run(*arguments, "--seed", "1", "--output", "models/c") == 0
    assert (data / "models/c.bin").read_bytes() != (data / "models/a.bin").read_bytes()


def test_labels_can_stand_in_a_column(data: Path) -> None:
    given = ["--examples", "both.jsonl", "--label-column", "class", "--no-quantize", *SMALL]
    assert run(*given, "--output", "m") == 0
    found = card(data / "m.json")
    assert found["labels"] == ["7", "good_text"]
    assert found["held_out"]["bin"]["accuracy"] > 0.95
    assert not (data / "m.ftz").exists()


def test_three_labels_and_several_files_of_one(data: Path) -> None:
    mixed = [f"{a} {b}" for a, b in zip(texts(GOOD, 200, 3), texts(BAD, 200, 4), strict=True)]
    (data / "mixed.txt").write_text("\n".join(mixed), encoding="utf-8")
    given = ["--label", "good=good.jsonl", "--label", "bad=bad.parquet", "--label", "mixed=mixed.txt", "--per", "line"]
    assert run(*given, *SMALL, "--no-quantize", "--output", "m") == 0
    assert card(data / "m.json")["data"]["mixed"]["texts"] == 200


def test_a_source_of_a_recipe_is_read_through_its_stages(data: Path) -> None:
    (data / "r.yaml").write_text(
        """
corpusforge: 1
sources:
  good:
    read.jsonl: {paths: good.jsonl}
    stages:
      - quality.rules: {pack: gopher_quality, set: {word_count.min: 31}}
  bad:
    read.parquet: {paths: bad.parquet}
  fine:
    read.jsonl: {paths: good.jsonl}
stages:
  - normalize.unicode
  - quality.classifier: {model: not/there/yet.bin}
  - dedup.exact
write.parquet: {path: out}
""",
        encoding="utf-8",
    )
    given = ["--recipe", "r.yaml", "--negative", "bad", "--no-quantize", *SMALL]
    assert run(*given, "--positive", "fine", "--output", "m") == 0
    assert card(data / "m.json")["data"]["positive"]["texts"] == 300
    assert run(*given, "--positive", "good", "--output", "n") == 1  # its stages reject every text


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--positive", "good.jsonl"], 2, "there is only 'positive'; give --positive and --negative"),
        ([], 2, "there is none"),
        (["--positive", "good.jsonl", "--negative", "nowhere/*.jsonl"], 2, "nothing matches 'nowhere/*.jsonl'"),
        (["--positive", "good.jsonl", "--negative", "empty.jsonl"], 1, "label 'negative' has no example to train on"),
        (["--positive", "good.jsonl", "--negative", "broken.parquet"], 1, "not readable as Parquet"),
        (["--positive", "good.jsonl", "--negative", "page.html"], 2, "the format of 'page.html' is not known"),
        (["--positive", "good.jsonl", "--negative", "good.jsonl"], 1, "has no example to train on"),
        (["--label", "a b=good.jsonl", "--label", "c=bad.parquet"], 2, "'a b' is no label"),
        (["--label", "good.jsonl", "--label", "c=bad.parquet"], 2, "write --label NAME=PATHS"),
        (["--examples", "both.jsonl", "--label-column", "clas"], 1, "Did you mean 'class'?"),
        (["--examples", "both.jsonl"], 2, "belong together"),
        (["--positive", "good.jsonl", "--negative", "bad.parquet", "--passage-bytes", "5"], 2, "at least 100"),
        (["--positive", "good.jsonl", "--negative", "bad.parquet", "--char-ngrams", "4", "2"], 2, "then the longest"),
        (["--positive", "good.jsonl", "--negative", "bad.parquet", "--text", "body"], 1, "field 'body'"),
    ],
)
def test_mistakes_say_what_to_do(
    data: Path, arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "empty.jsonl").write_bytes(b"")
    (data / "broken.parquet").write_bytes(b"PAR1 not really")
    (data / "page.html").write_text("<p>")
    assert run(*arguments, *SMALL, "--output", "models/x") == code
    assert said in capsys.readouterr().err
    assert not list((data / "models").glob("*")) if (data / "models").exists() else True


def test_a_folder_is_no_model(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--positive", "good.jsonl", "--negative", "bad.parquet", "--output", ".") == 2
    assert "--output . is a folder; name the model in it, such as ./quality" in capsys.readouterr().err


def test_a_model_is_not_overwritten_unasked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "m.ftz").write_bytes(b"mine")
    assert run("--positive", "good.jsonl", "--negative", "bad.parquet", "--output", "m") == 2
    assert "m.ftz exists; give --replace" in capsys.readouterr().err
