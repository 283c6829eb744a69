"""What an audit finds in a finished run, and that it shows no value."""

from pathlib import Path

import orjson
import pytest

from corpusforge.cli import main
from corpusforge.engine.validation import Validation
from corpusforge.errors import OutputError
from corpusforge.pipeline import Layout, Pipeline, RunOptions, Source, Step
from corpusforge.report.audit import Audit, audit
from corpusforge.stage import Stage
from corpusforge.stages.privacy.pii import Pii
from corpusforge.stages.quality.words import Words
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.write.parquet import Parquet

TEXTS = [
    "Write to jane@web.org or call (212) 664-7665, room 4711.",
    "Nothing here, version 1.2.3.4.",
    "jane@web.org again, IBAN NL91ABNA0417164300",
]


def finished(folder: Path, *stages: tuple[str, Stage], layout: Layout | None = None) -> Path:
    rows = [orjson.dumps({"text": text, "url": f"u{i}"}) for i, text in enumerate(TEXTS)]
    (folder / "in.jsonl").write_bytes(b"\n".join(rows))
    Pipeline(
        sources=(Source("mail", "read.jsonl", Jsonl(paths=(str(folder / "in.jsonl"),))),),
        steps=tuple(Step(name, stage) for name, stage in stages),
        layout=layout or Layout(),
        writer=Parquet(path=str(folder / "out")),
        options=RunOptions(workers=1, keep_rejected="text" if len(stages) > 1 else "ids"),
    ).run()
    return folder / "out"


def spans(result: Audit) -> dict[str, int]:
    return {name: left.spans for name, left in result.left.items() if left.spans}


def test_a_run_without_privacy_stage_is_counted_by_type_and_shown_with_masked_context(tmp_path: Path) -> None:
    result = audit(finished(tmp_path))
    assert spans(result) == {"email": 2, "phone": 1, "iban": 1}
    assert (result.documents, result.of_documents, result.left["email"].documents) == (3, 3, 2)
    shown = orjson.dumps([left.examples for left in result.left.values()]).decode()
    assert "Write to <EMAIL> or call <PHONE>, room ####." in shown
    assert not any(value in shown for value in ("jane", "664", "4711", "0417"))


def test_a_run_with_privacy_stage_has_nothing_left_but_what_it_was_not_asked_for(tmp_path: Path) -> None:
    out = finished(tmp_path, ("privacy.pii", Pii(mask=("email", "phone"))))
    assert spans(audit(out)) == {"iban": 1}
    assert spans(audit(out, types=("email",))) == {}


def test_kept_texts_of_rejected_documents_are_scanned_too(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("again")
    stages = (("quality.words", Words(lists=(str(words),))), ("privacy.pii", Pii(mask=("email",))))
    result = audit(finished(tmp_path, *stages))
    assert spans(result) == {"phone": 1, "iban": 1}
    assert result.left["iban"].examples[0]["file"].startswith("rejected/")


def test_documents_that_are_held_out_are_scanned_too(tmp_path: Path) -> None:
    out = finished(tmp_path, layout=Layout(validation=Validation(documents=2)))
    assert list((out / "validation").iterdir())
    assert (audit(out).documents, spans(audit(out))) == (3, {"email": 2, "phone": 1, "iban": 1})


def test_a_sample_takes_the_same_documents_every_time(tmp_path: Path) -> None:
    out = finished(tmp_path)
    assert audit(out, sample=0.5).documents == audit(out, sample=0.5).documents < 3
    assert audit(out, sample=1e-12).documents == 0


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no finished run"):
        audit(tmp_path)


def test_the_command_exits_with_1_when_something_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(finished(tmp_path))
    for arguments, code in (([], 1), (["--types", "card"], 0), (["--types", "emial"], 2), (["--json"], 1)):
        with pytest.raises(SystemExit) as ended:
            main(["audit", out, *arguments])
        assert ended.value.code == code, arguments
    printed = capsys.readouterr()
    assert "email: 2 in 2 documents" in printed.out and "Did you mean 'email'?" in printed.err
    assert orjson.loads(printed.out.splitlines()[-1])["left"]["iban"]["spans"] == 1
    assert "jane" not in printed.out
