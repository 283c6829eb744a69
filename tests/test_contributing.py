"""The code blocks of CONTRIBUTING.md and README.md, as if typed into a checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from corpusforge.cli import main

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COPIED = ("corpusforge", "filters", "pipelines", "pyproject.toml", "tests/test_every_pack.py")


def blocks(document: str) -> list[tuple[str, str]]:
    """Return (language, content) of the fenced blocks of a document."""
    return BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout into which the files of CONTRIBUTING.md were written."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    for _, content in blocks("CONTRIBUTING.md"):
        if named := re.match(r"# file: (\S+)\n", content):
            path = folder / named[1]
            assert not path.exists(), f"{named[1]} exists already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content[named.end() :], encoding="utf-8")
    return folder


COMMANDS = [
    line.removeprefix("$ ")
    for language, content in blocks("CONTRIBUTING.md")
    if language == "console"
    for line in content.splitlines()
]


def run(command: str, folder: Path) -> str:
    bin_folder = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(folder),
    }
    done = subprocess.run(command.split(), cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 8


def test_the_commands_do_what_the_text_says(checkout: Path) -> None:
    said = {command: run(command, checkout) for command in COMMANDS}
    assert "max_question_fraction" in said["corpusforge show quality.questions"]
    assert "exclamation_ratio" in said["corpusforge list signals"].split()
    explained = said["corpusforge explain out/calm https://example.org/loud"]
    assert explained.startswith("rejected by quality.rules: exclamation_ratio_above_max")
    assert "3 passed" in said[COMMANDS[0]]  # two tests and the doctest


def test_the_code_in_contributing_is_formatted(checkout: Path) -> None:
    run("ruff check corpusforge/stages/quality/questions.py corpusforge/signals/marks.py tests/stages", checkout)
    run("ruff format --check corpusforge/stages/quality/questions.py corpusforge/signals/marks.py", checkout)


def test_the_recipe_of_the_readme_checks_and_its_mistake_reads_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ((_, recipe),) = [block for block in blocks("README.md") if block[0] == "yaml"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "mine.yaml").write_text(recipe, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["check", "mine.yaml"])
    assert ended.value.code == 0, capsys.readouterr().err
    (tmp_path / "mine.yaml").write_text(recipe.replace("keep: [en", "kept: [en"), encoding="utf-8")
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["check", "mine.yaml"])
    assert ended.value.code == 2
    assert f"    {capsys.readouterr().err}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs() -> None:
    for language, content in blocks("README.md"):
        if language == "python":
            exec(compile(content, "README.md", "exec"), {})
