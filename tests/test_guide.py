"""Every command and block of the guide, as if typed into a checkout; the site; the schema that editors use."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from corpusforge.cli import main
from corpusforge.recipe_schema import recipe_schema

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "examples" / "guide"
PAGES = sorted(path.stem for path in GUIDE.glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINKED = ("examples", "filters", "pipelines")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like a checkout, in which all pages are read one after the other."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((GUIDE / f"{page}.md").read_text(encoding="utf-8"))


def steps(block: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, each with the lines of output that the page shows."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line.strip())
    return found


def typed(command: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """Run a command line and return what it printed."""
    if command.startswith("corpusforge "):  # in this process: what is compiled and loaded serves all pages
        with pytest.raises(SystemExit) as ended:
            main(command.split()[1:])
        printed = capfd.readouterr()
        assert ended.value.code == 0, f"{command}: {printed.err}"
        return printed.out
    assignment, _, rest = command.partition(" ")
    name, _, value = assignment.partition("=")
    assert value, f"only corpusforge commands, with variables in front of them, stand in the pages, not {command}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, name: value}
    done = subprocess.run(rest.split(), cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs_and_prints_what_the_page_shows(
    page: str, checkout: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    for language, content in blocks(page):
        if named := re.match(r"# file: (\S+)\n", content):
            Path(named[1]).write_text(content[named.end() :], encoding="utf-8")
        elif language == "python":
            exec(compile(content, f"{page}.md", "exec"), {})
        elif language == "console":
            for command, shown in steps(content):
                # One process, and one run of the quickstart, are enough for all pages: tests of the engine hold
                # workers to the same bytes.
                said = typed(command.replace("--workers 2", "--workers 1"), checkout, capfd)
                for line in shown:
                    assert line in said, f"{command} does not print '{line}' but\n{said}"


def test_only_what_needs_machines_or_buckets_of_ones_own_is_not_run() -> None:
    unrun = {page for page in PAGES for language, _ in blocks(page) if language == "text"}
    assert unrun == {"cluster", "object_storage"}
    languages = {language for page in PAGES for language, _ in blocks(page)}
    assert languages <= {"console", "python", "yaml", "text"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run([sys.executable, str(GUIDE / "build.py"), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link|iframe)[^>]*(?:src|href)=\"([^\"]+)\"", path.read_text(encoding="utf-8")
        )
        assert [url for url in loaded if url.startswith(("http:", "https:", "//"))] == [], path
    for path in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", path.read_text(encoding="utf-8")), path


def test_the_reference_has_every_stage_pack_signal_and_command(site: Path) -> None:
    for page, what in (("stages", "stages"), ("signals", "signals"), ("recipes", "recipes")):
        said = (site / f"{page}.html").read_text(encoding="utf-8")
        listed = subprocess_list(what)
        assert [name for name in listed if f">{name}<" not in said] == []
    said = (site / "commands.html").read_text(encoding="utf-8")
    assert all(f">{name}<" in said for name in ("run", "report", "compare", "card", "tune", "train classifier"))
    assert json.loads((site / "recipe.schema.json").read_text(encoding="utf-8")) == recipe_schema()


def subprocess_list(what: str) -> list[str]:
    from corpusforge import registry, signals

    if what == "signals":
        return signals.names()
    return registry.names() if what == "stages" else [path.stem for path in (ROOT / "pipelines").glob("*.yaml")]


# ----------------------------------------------------------------------------------------------- schema


def mistakes(recipe: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(recipe_schema()).iter_errors(recipe)]


RECIPES = [*ROOT.glob("pipelines/*.yaml"), *ROOT.glob("examples/*.yaml"), ROOT / "tests/benchmarks/main_job.yaml"]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_schema_takes_every_recipe_that_is_shipped(path: Path) -> None:
    assert mistakes(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"stages": ["dedup.exakt"]},
        {"stages": [{"quality.language": {"kept": ["en"]}}]},
        {"stages": [{"quality.language": {"min_score": "high"}}]},
        {"sources": {"web": {"read.warcs": {"paths": "x"}}}},
        {"sources": {"web": {"read.warc": {}}}},
        {"run": {"worker": 2}},
        {"outputs": {}},
    ],
    ids=str,
)
def test_the_schema_finds_what_does_not_exist(change: dict[str, Any]) -> None:
    recipe: dict[str, Any] = {"corpusforge": 1, "sources": {"web": {"read.warc": {"paths": "x"}}}}
    assert mistakes(recipe) == []
    assert mistakes({**recipe, **change}) != []


def test_show_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["show", "schema"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["title"] == "corpusforge recipe"
    assert shutil.which("corpusforge", path=str(Path(sys.executable).parent)) is not None
