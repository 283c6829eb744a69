"""The README's map is the tree: everything it names exists, and nothing of the first levels is missing from it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def mapped() -> set[str]:
    """Return the paths of the map, folders with a slash."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Map of the tree\n\n```\n(.*?)```", text, re.DOTALL)
    assert block is not None
    paths: set[str] = set()
    folders: list[str] = []
    for line in block[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        names = re.split(r"\s{3,}", line.strip())[0].split()  # a description stands three spaces or more behind
        parent = "".join(folders[:depth])
        paths.update(parent + name for name in names)
        if len(names) == 1 and names[0].endswith("/"):
            folders[depth:] = names
    return paths


def tracked() -> list[str]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("asks git what belongs to the tree, and this is no checkout or there is no git")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_everything_on_the_map_exists() -> None:
    assert len(mapped()) > 30
    missing = [
        path for path in mapped() if not ((ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).is_file())
    ]
    assert missing == []


def test_everything_of_the_first_levels_is_on_the_map() -> None:
    due = set()
    for path in tracked():
        parts = path.split("/")
        if len(parts) == 1:
            due.add(path)
        elif parts[0] == "corpusforge":
            due.add(path if len(parts) == 2 else f"corpusforge/{parts[1]}/")
            if parts[1] == "stages" and len(parts) > 3:
                due.add(f"corpusforge/stages/{parts[2]}/")
        elif not parts[0].startswith("."):
            due.add(f"{parts[0]}/")
    assert sorted(due - mapped() - {".gitignore", "corpusforge/__init__.py"}) == []


def test_pipelines_and_filters_hold_data_only() -> None:
    kinds = {Path(path).suffix for path in tracked() if path.startswith(("pipelines/", "filters/"))}
    assert kinds <= {".yaml", ".txt"}


def test_there_are_no_vague_modules() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for path in tracked() if vague & set(re.split(r"[/.]", path))] == []


def test_only_the_command_line_prints() -> None:
    # funnel.py prints through the console it is given by a command
    printing = [
        path
        for path in tracked()
        if path.startswith("corpusforge/") and path.endswith(".py") and "/cli/" not in path
        if re.search(r"^\s*print\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert printing == []


def test_only_one_module_imports_ray() -> None:
    importing = [
        path
        for path in tracked()
        if path.startswith("corpusforge/") and path.endswith(".py")
        if re.search(r"^\s*(import ray\b|from ray\b)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["corpusforge/engine/ray.py"]
