"""Evaluation items that a run met are counted, whether documents went or were cut."""

from pathlib import Path

import orjson
import pytest

from corpusforge.cli import main
from corpusforge.report.contamination import contamination

FIRST = "How many boats left the harbour on the morning after the storm, and who counted them?"
SECOND = "Which of the three lamps in the tower was lit first, and by whose hand was it lit?"


@pytest.mark.parametrize(("action", "rejected", "cut"), [("reject", 3, 0), ("cut", 1, 2)])
def test_items_are_counted_by_file_and_item(
    action: str, rejected: int, cut: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quiz.jsonl").write_bytes(b"".join(orjson.dumps({"q": q}) + b"\n" for q in (FIRST, SECOND, "short")))
    texts = [f"News. {SECOND} Answer!", FIRST, f"{SECOND} Again.", "Nothing of the kind."]
    (tmp_path / "texts.jsonl").write_bytes(b"".join(orjson.dumps({"text": t}) + b"\n" for t in texts))
    (tmp_path / "recipe.yaml").write_text(
        f"corpusforge: 1\nsources: {{web: {{read.jsonl: {{paths: {tmp_path}/texts.jsonl}}}}}}\n"
        f"stages: [{{dedup.decontaminate: {{against: {tmp_path}/quiz.jsonl, action: {action}}}}}]\n"
        f"write.parquet: {{path: {tmp_path}/out}}\nrun: {{workers: 1}}\n"
    )
    with pytest.raises(SystemExit):
        main(["run", str(tmp_path / "recipe.yaml")])
    found = contamination(tmp_path / "out")
    assert found.files() == [("quiz.jsonl", 2, rejected, cut)]
    assert [item for item, _, _ in found.items()] == ["quiz.jsonl#1", "quiz.jsonl#0"]
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["contamination", str(tmp_path / "out"), "--json"])
    assert ended.value.code == 0
    lines = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line["rejected"] + line["cut"] for line in lines) == 3
