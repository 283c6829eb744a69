"""Small commands around an output, files to begin with, and errors that a user can make."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from corpusforge.cli import main
from corpusforge.engine.lock import Lock
from corpusforge.engine.verify import verify

RECIPE = """\
corpusforge: 1
sources:
  pages:
    read.jsonl: {paths: pages.jsonl}
stages:
  - quality.rules: {pack: short.yaml}
  - quality.words
  - privacy.pii
write.parquet: {path: out}
run: {workers: 1, keep_rejected: raw_text, max_error_fraction: 1}
"""


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def run(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "short.yaml").write_text("about: Short.\nrules:\n  - {signal: word_count, min: 3}\n")
    texts = ["One two three four. " * 40, "Ask jo.roe@web.org", "What an asshole he is."]
    (tmp_path / "pages.jsonl").write_bytes(b"".join(orjson.dumps({"text": text}) + b"\n" for text in texts))
    return tmp_path


@pytest.fixture
def output(folder: Path, say) -> Path:  # type: ignore[no-untyped-def]
    assert say("run", "recipe.yaml", "--progress", "none")[0] == 0
    return folder / "out"


# ------------------------------------------------------------------------------------------------- head


def test_head_cuts_texts_masks_rejects_and_withholds_toxic_ones_unless_asked(output: Path, say) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = say("head", "out")
    assert "(800 characters)" in out
    code, out, _ = say("head", "out", "--kind", "rejected")
    assert code == 0
    assert "Ask <EMAIL>" in out and "jo.roe" not in out and "What an" not in out
    _, out, _ = say("head", "out", "--kind", "rejected", "--full", "--json")
    rows = [orjson.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in rows] == ["Ask jo.roe@web.org", "What an asshole he is."]
    assert len(say("head", "out", "-n", "1", "--kind", "signals", "--json")[1].splitlines()) == 1


def test_head_withholds_texts_that_a_rule_rejected_as_offensive(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    rule = "{signal: alphabetic_word_fraction, max: 0.99, name: flagged_words}"
    (folder / "short.yaml").write_text(f"about: Flagged.\nrules:\n  - {rule}\n")
    say("run", "recipe.yaml", "--progress", "none")
    _, out, _ = say("head", "out", "--kind", "rejected")
    assert "flagged_words_above_max" in out and "What an" not in out and "One two" not in out


def test_head_says_why_there_is_nothing(output: Path, say) -> None:  # type: ignore[no-untyped-def]
    code, out, err = say("head", "out", "--kind", "quarantine")
    assert (code, out) == (0, "")
    assert err == "out/quarantine is empty: everything could be read, and no stage failed on a document\n"


# ------------------------------------------------------------------------------------------------ clean


def test_clean_removes_what_runs_leave_and_keeps_the_output_and_files_of_others(output: Path, say) -> None:  # type: ignore[no-untyped-def]
    for name in ("data/part-00007.parquet", "rejected/.part-00000.parquet.17.tmp", ".new/data/part-00000.parquet"):
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_bytes(b"x")
    (output / "data" / "notes.txt").write_text("mine")
    (output / ".work" / "units" / "ab").mkdir(parents=True)
    _, out, _ = say("clean", "out", "--dry-run")
    assert "would remove data/part-00007.parquet" in out and (output / ".new").exists()
    code, out, _ = say("clean", "out")
    assert code == 0 and "left data/notes.txt" in out
    assert not (output / ".work").exists() and not (output / ".new").exists()
    (output / "data" / "notes.txt").unlink()
    assert verify(output) == []
    assert "nothing to remove" in say("clean", "out")[1]


def test_clean_refuses_a_run_in_progress_an_unfinished_one_and_strange_folders(output: Path, say) -> None:  # type: ignore[no-untyped-def]
    with Lock(output / ".work"):
        code, _, err = say("clean", "out")
        assert code == 2 and "works here" in err
    (output / "manifest.json").rename(output / "aside.json")
    code, _, err = say("clean", "out")
    assert code == 2 and "--unfinished" in err
    assert say("clean", "out", "--unfinished")[0] == 0
    assert (output / "data" / "part-00000.parquet").exists() is False  # no manifest: no part is named
    code, _, err = say("clean", ".")
    assert code == 2 and "no run has been here" in err


# -------------------------------------------------------------------------------------------------- new


def test_a_new_recipe_checks_and_runs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    assert say("new", "recipe", "mine")[0] == 0
    code, out, err = say("check", "mine.yaml")
    assert (code, err) == (0, "")
    assert "cost: less than a second" in out
    code, out, _ = say("run", "mine.yaml", "--workers", "1", "--progress", "none")
    assert code == 0 and "read 4 = kept 2 + rejected 2" in out
    assert "the output is complete" in say("check", "mine.yaml")[1]
    code, _, err = say("new", "recipe", "mine")
    assert code == 2 and "there already" in err


@pytest.mark.parametrize(
    ("pattern", "reader"),
    [
        ("a/*.warc.gz", "read.warc"),
        ("*.jsonl.zst", "read.jsonl"),
        ("b/*.tar.gz", "read.code"),
        ("x.epub", "read.books"),
    ],
)
def test_a_new_recipe_takes_the_reader_of_its_input(
    pattern: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say
) -> None:  # type: ignore[no-untyped-def]
    from corpusforge.recipe import load

    monkeypatch.chdir(tmp_path)
    assert say("new", "recipe", "mine", "--input", pattern)[0] == 0
    assert load("mine.yaml").sources[0].reader_name == reader


def test_a_new_stage_passes_its_test_and_runs_in_its_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    assert say("new", "stage", "only_asks")[0] == 0
    monkeypatch.syspath_prepend(str(tmp_path))
    code, out, _ = say("run", "only_asks_recipe.yaml", "--progress", "none")
    assert code == 0 and "too_many_questions" in out and "read 4 = kept 3" in out
    from corpusforge.registry import find
    from corpusforge.testing import check_stage

    check_stage(find("only_asks:OnlyAsks"), tmp_path)
    del sys.modules["only_asks"]


def test_a_new_pack_is_right_by_its_examples_and_a_wrong_example_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    assert say("new", "pack", "mine")[0] == 0
    assert say("check", "mine.yaml") == (0, "mine: 2 rules, 4 examples, all as they say\n", "")
    path = tmp_path / "mine.yaml"
    path.write_text(path.read_text().replace("min: 20", "min: 2"))
    code, _, err = say("check", "mine.yaml")
    assert code == 2
    assert err == "error: mine.yaml: example 'Too short.' gives no reason, not word_count_below_min\n"


@pytest.mark.parametrize("name", ["Mine", "my-recipe", "1x"])
def test_a_name_that_python_or_a_shell_would_stumble_over_is_refused(name: str, say) -> None:  # type: ignore[no-untyped-def]
    code, _, err = say("new", "recipe", name)
    assert code == 2 and "cannot be a name" in err


# --------------------------------------------------------------------------------- what would be redone


def test_check_says_what_of_an_unfinished_or_kept_run_would_be_done_again(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.replace("workers: 1", "workers: 1, keep_work: true"))
    say("run", "recipe.yaml", "--progress", "none")
    ledger = (folder / "out" / ".work" / "ledger.jsonl").read_bytes()
    recipe.write_text(recipe.read_text().replace("quality.words", "quality.words: {leet: true}"))
    _, out, _ = say("check", "recipe.yaml")
    assert "1 of 1 splits to do in quality.rules ... privacy.pii" in out
    assert "was finished by another recipe; different: stage 1 quality.words" in out
    recipe.write_text(
        recipe.read_text().replace("path: out", "path: out2").replace("keep_work: true", "work: out/.work")
    )
    recipe.write_text(recipe.read_text().replace("quality.words: {leet: true}", "quality.words"))
    assert "all work is done; only the output is to be written" in say("check", "recipe.yaml")[1]
    assert (folder / "out" / ".work" / "ledger.jsonl").read_bytes() == ledger  # only read


# ----------------------------------------------------------------------------------- errors of the user


@pytest.mark.parametrize(
    "command", ["explain {} x", "tune {} --pack p --set a.min=1", "head {}", "status {}", "clean {}"]
)
def test_a_missing_folder_is_one_line_and_code_2(command: str, tmp_path: Path, say) -> None:  # type: ignore[no-untyped-def]
    code, _, err = say(*command.format(tmp_path / "nothing").split())
    assert code == 2
    assert err.startswith("error: ") and len(err.splitlines()) == 1


@pytest.mark.parametrize("command", ["explain out x", "tune out --pack p --set a.min=1", "head out"])
@pytest.mark.parametrize(("manifest", "said"), [("{}", "another version"), ("{", "not valid JSON")])
def test_an_output_of_another_version_is_one_line_and_code_2(
    command: str, manifest: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(manifest)
    code, _, err = say(*command.split())
    assert code == 2
    assert err.startswith("error: ") and said in err and len(err.splitlines()) == 1


def test_a_place_that_cannot_be_written_is_one_line_with_the_path(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    (folder / "file").write_text("in the way")
    code, _, err = say("run", "recipe.yaml", "--output", "file/out", "--progress", "none")
    assert code == 1
    assert err.splitlines()[-1] == f"error: {folder}/file/out/.work: Not a directory"


def test_a_reader_that_goes_away_is_no_traceback(output: Path) -> None:
    code = "from corpusforge.cli import main; main(['head', 'out', '--full', '-n', '3'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=output.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_the_command_itself(shell: str, say) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = say("completions", shell)
    assert code == 0 and "_CORPUSFORGE_COMPLETE" in out


def test_names_of_recipes_and_stages_are_completed(monkeypatch: pytest.MonkeyPatch, say) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("_CORPUSFORGE_COMPLETE", "bash_complete")
    for words, name in (
        ("run qu", "quickstart"),
        ("show dedup.mi", "dedup.minhash"),
        ("tune out --pack goph", "gopher_quality"),
    ):
        monkeypatch.setenv("COMP_WORDS", f"corpusforge {words}")
        monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
        assert f"plain,{name}" in say()[1].splitlines()
