"""corpusforge tokenizer, and the tokenizer that a run leaves."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from corpusforge.cli import main
from corpusforge.engine.verify import verify

RECIPE = """
corpusforge: 1
sources:
  pages:
    read.jsonl: {paths: pages.jsonl}
  notes:
    read.jsonl: {paths: notes.jsonl}
stages:
  - tokenize.train: {vocab_size: 400, name: small}
  - tokenize.train: {vocab_size: 320, name: pieces, model: sentencepiece_unigram}
  - tokenize.encode: {tokenizer: small}
write.parquet: {path: out}
run: {workers: 1}
"""


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out + said.err


def test_a_run_leaves_its_tokenizers_and_they_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("pages", "the lower the newest low {}"), ("notes", "ein kürzerer Text über {} Dinge")):
        lines = [json.dumps({"text": text.format(i), "language": name[:2]}) for i in range(40)]
        Path(f"{name}.jsonl").write_text("\n".join(lines))
    Path("recipe.yaml").write_text(RECIPE)
    assert command(capsys, "run", "recipe.yaml")[0] == 0
    trained = Path("out/tokenizer/small.json")
    assert sorted(path.name for path in trained.parent.iterdir()) == [
        "pieces.model",
        "pieces.report.json",
        "small.json",
        "small.report.json",
    ]
    assert verify("out") == []
    tokenizer = Tokenizer.from_file(str(trained))

    code, said = command(capsys, "tokenizer", str(trained), "--texts", "out", "--json")
    rows = {row["source"]: row for row in map(json.loads, said.splitlines())}
    assert code == 0 and set(rows) == {"pages", "notes"}
    ids = [tokenizer.encode(f"the lower the newest low {i}", add_special_tokens=False).ids for i in range(40)]
    pages = rows["pages"]
    assert (pages["documents"], pages["words"], pages["tokens"]) == (40, 240, sum(map(len, ids)))
    assert pages["tokens_per_word"] == pages["tokens"] / 240
    assert pages["bytes_per_token"] == pages["bytes"] / pages["tokens"] and pages["unknown_fraction"] == 0

    code, said = command(capsys, "tokenizer", "out", "--compare", str(trained))
    assert code == 0 and "out/tokenizer/pieces.model" in said and "trained on" in said and "source " in said
    code, said = command(capsys, "tokenizer", str(trained))
    assert code == 2 and "--texts FILE.parquet" in said

    trained.write_text(trained.read_text() + " ")
    assert "tokenizer/small.json: has" in verify("out")[0]
