"""What the commands print, and their exit codes."""

from pathlib import Path

import pytest

from corpusforge import registry
from corpusforge.cli import main
from corpusforge.errors import RecipeError

RECIPE = """\
corpusforge: 1
sources:
  pages:
    read.jsonl: {paths: pages.jsonl}
stages:
  - dedup.exact
write.parquet: {path: out}
run: {workers: 1}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pages.jsonl").write_text('{"text": "One."}\n{"text": "One."}\n{"text": "Two."}\n')
    return tmp_path


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def run(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def test_help_names_every_command(say) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = say("--help")
    assert code == 0
    assert all(f"  {name} " in out for name in ("check", "explain", "list", "run", "show", "verify"))


KNOWN = {
    "stages": "dedup.minhash",
    "writers": "write.megatron",
    "packs": "gopher_quality",
    "recipes": "quickstart",
    "mixtures": "llama",
    "signals": "word_count",
}
LAYOUT = ("layout", "layout.mix", "layout.upsample", "layout.validation", "layout.pack")


@pytest.mark.parametrize("what", KNOWN)
def test_list_names_what_there_is(what: str, say) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = say("list", what)
    assert code == 0
    assert KNOWN[what] in out.split()


def test_a_recipe_and_a_mixture_of_one_name_are_both_shown(say) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = say("show", "gopher")
    assert "pack: gopher_quality" in out
    assert "massive_web: {fraction: 0.48}" not in out
    assert "massive_web: {fraction: 0.48}" in say("show", "mixtures/gopher")[1]


@pytest.mark.parametrize("name", [*registry.names(), "gopher_quality", "quickstart", "llama", *LAYOUT])
def test_show_prints_the_page_of_everything_listed(name: str, say) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = say("show", name)
    assert code == 0
    assert len(out) > 200


def test_show_knows_the_nearest_name(say) -> None:  # type: ignore[no-untyped-def]
    code, _, err = say("show", "dedup.minhahs")
    assert code == 2
    assert err == "error: there is nothing called 'dedup.minhahs'. Did you mean 'dedup.minhash'?\n"


def test_check_prints_inputs_exchanges_and_output_and_runs_nothing(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    code, out, err = say("check", "recipe.yaml")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "pages: read.jsonl, 1 files, 0.0 MB, 1 splits"
    assert "exchange: dedup.exact (same)" in out
    assert not (folder / "out").exists()


def test_run_prints_the_funnel_and_verify_finds_a_changed_file(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = say("run", "recipe.yaml")
    assert code == 0
    assert "read 3 = kept 2 + rejected 1 + quarantined 0" in out
    assert say("verify", "out")[0] == 0
    with open(folder / "out" / "data" / "part-00000.parquet", "r+b") as file:
        file.seek(8)
        file.write(b"\0\0\0\0")
    code, _, err = say("verify", "out")
    assert code == 1
    assert "data/part-00000.parquet: its checksum is not the one in the manifest" in err


def test_a_trial_leaves_the_output_of_the_whole_alone(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    assert say("run", "recipe.yaml", "--limit", "1")[0] == 0
    assert sorted(path.name for path in folder.glob("out*")) == ["out-limit-1"]


def test_a_failed_run_says_what_to_do_and_ends_with_code_1(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    (folder / "pages.jsonl").write_text("broken\n" * 11)
    code, _, err = say("run", "recipe.yaml")
    assert code == 1
    last = err.splitlines()[-1]
    assert last.startswith("error: ") and "max_error_fraction" in last


def test_debug_shows_the_traceback(folder: Path) -> None:
    with pytest.raises(RecipeError):
        main(["--debug", "check", "nothing"])


def test_an_unknown_command_is_an_error_with_code_2(say) -> None:  # type: ignore[no-untyped-def]
    assert say("runs", "recipe.yaml")[0] == 2
