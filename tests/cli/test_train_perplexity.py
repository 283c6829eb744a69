"""corpusforge train perplexity: a model from files, its bytes, and mistakes."""

from pathlib import Path

import orjson
import pytest

from corpusforge.cli import main
from corpusforge.stages.quality.perplexity import Perplexity
from corpusforge.testing import judge

TEXTS = ["The ship left the harbour at noon.", "The cat sat on the mat.", "A cat left the ship."] * 4


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(orjson.dumps({"text": t}) for t in TEXTS))
    (tmp_path / "a.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["train", "perplexity", *arguments])
    assert isinstance(end.value.code, int)
    return end.value.code


def test_a_model_is_trained_and_applied(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.jsonl", "--output", "models/a.ngrams", "--arpa", "models/a.arpa", "--order", "3") == 0
    assert "12 documents" in (said := capsys.readouterr().out) and "3 words:" in said
    assert run("a.txt", "--per", "line", "--output", "models/b.ngrams", "--order", "3") == 0
    assert Path("models/a.ngrams").read_bytes() == Path("models/b.ngrams").read_bytes()
    assert sorted(p.name for p in Path("models").iterdir()) == ["a.arpa", "a.ngrams", "b.ngrams"]
    stage = Perplexity(model="models/a.ngrams", max_perplexity=20)
    assert judge(stage, TEXTS[0], "mat the on sat cat noon") == [None, "high_perplexity"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.jsonl", "--prune", "1,0"], "--prune must be whole numbers that do not fall"),
        (["b.jsonl"], "nothing matches 'b.jsonl'"),
        (["a.jsonl", "--set", "x=1"], "there is no --recipe"),
        (["a.jsonl", "--output", "a.jsonl"], "a.jsonl exists; give --replace"),
    ],
)
def test_mistakes_end_with_code_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--output", "m.ngrams", *arguments) == 2
    assert said in capsys.readouterr().err
