"""What the commands print, and their exit codes."""

import re
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


def test_check_and_run_say_what_the_layout_does(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    words = " ".join(f"word{n}" for n in range(40))
    lines = "\n".join(f'{{"text": "{words} {n} {n}"}}' for n in range(40))
    (folder / "pages.jsonl").write_text(lines)
    layout = """
layout:
  mix: {sources: {pages: {epochs: 1.5}}, unit: bytes}
  validation: {documents: 4, cluster: doc_id}
  pack: {length_tokens: 16, shuffle: true}
"""
    recipe = RECIPE.replace(
        "  - dedup.exact\n", "  - tokenize.train: {vocab_size: 300}\n  - tokenize.encode: {tokenizer: trained}\n"
    )
    (folder / "recipe.yaml").write_text(recipe + layout)
    code, out, err = say("check", "recipe.yaml")
    assert (code, err) == (0, "")
    for line in (
        "layout: shuffled order, seed 0",
        "layout: mix by bytes: pages 1.5 times",
        "layout: validation: 4 documents, whole clusters of doc_id",
        "layout: packing: 16 tokens by cut, sequences shuffled",
        "writer: write.parquet, shards of 268 MB",
    ):
        assert line in out.splitlines()
    code, out, err = say("run", "recipe.yaml")
    assert code == 0, err
    assert re.search(r"written 36 documents \(5[45] copies\), [\d,]+ tokens, [\d,]+ sequences \(\d+\.\d\d% used\)", out)
    assert "held out 4 documents" in out
    assert re.search(r"  pages: [\d,]+ bytes of [\d,]+ asked, 1\.\d+ epochs", out)
    assert say("verify", "out")[0] == 0
    assert say("check", "out/recipe.yaml")[0] == 0, "the resolved recipe is a recipe"
    code, _, err = say("explain", "out", "pages.jsonl#0")
    assert code == 1 and "do not name documents" in err
