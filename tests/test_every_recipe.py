"""Every shipped recipe loads, checks, resolves to itself, runs on the examples and makes what it says of them.

tests/golden/quickstart.txt is what the quickstart makes of them, stage by stage; CORPUSFORGE_UPDATE=1 rewrites it:

    CORPUSFORGE_UPDATE=1 python -m pytest tests/test_every_recipe.py
"""

import dataclasses
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from corpusforge.checks import check
from corpusforge.cli import main
from corpusforge.engine.verify import verify
from corpusforge.pipeline import Pipeline
from corpusforge.recipe import load
from corpusforge.registry import shipped

DATA = Path(__file__).parents[1] / "examples" / "data"
GOLDEN = Path(__file__).parent / "golden" / "quickstart.txt"
RECIPES = sorted(path.stem for path in shipped("pipelines").glob("*.yaml"))


def changes(name: str) -> list[str]:
    """What a recipe needs set to run on the examples from any folder: its default paths, made absolute."""
    text = (shipped("pipelines") / f"{name}.yaml").read_text(encoding="utf-8")
    defaults = re.findall(r"(\w+): examples/data([^\s,}]*)", text)
    models = [f"vars.model={language_model()}"] if "vars.model" in text else []
    return [f"vars.{variable}={DATA}{path}" for variable, path in defaults] + models


@cache
def language_model() -> Path:
    """Train a small model for the recipes that need one."""
    path = Path(tempfile.mkdtemp(prefix="corpusforge-")) / "en.ngrams"
    with pytest.raises(SystemExit) as ended:
        main(["train", "perplexity", str(DATA / "books" / "lamplighter.txt"), "--output", str(path)])
    assert ended.value.code == 0
    return path


def without_places(pipeline: Pipeline) -> Pipeline:
    def bare(steps: Any) -> Any:
        return tuple(dataclasses.replace(step, where="") for step in steps)

    sources = tuple(dataclasses.replace(s, where="", steps=bare(s.steps)) for s in pipeline.sources)
    return dataclasses.replace(pipeline, sources=sources, steps=bare(pipeline.steps), where="", expect=None)


def test_there_are_at_most_ten_and_they_are_yaml_only() -> None:
    own, published = {"quickstart", "web", "books", "code"}, {"c4", "ccnet", "dclm_baseline", "fineweb", "gopher"}
    assert own | published | {"starcoder"} <= set(RECIPES)
    assert len(RECIPES) <= 10
    assert all(path.suffix == ".yaml" for path in shipped("pipelines").rglob("*") if path.is_file())


@pytest.mark.parametrize("name", RECIPES)
def test_it_checks_without_a_warning(name: str) -> None:
    assert check(load(name, changes(name))) == []


@pytest.mark.parametrize("name", RECIPES)
def test_its_resolved_form_is_the_same_pipeline(name: str, tmp_path: Path) -> None:
    pipeline = load(name, changes(name))
    (tmp_path / "resolved.yaml").write_text(pipeline.resolved, encoding="utf-8")
    assert without_places(load(tmp_path / "resolved.yaml")) == without_places(pipeline)


@pytest.mark.parametrize("name", RECIPES)
def test_it_runs_on_the_examples_and_its_output_is_verified(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [part for change in changes(name) for part in ("--set", change)]
    expect = (
        ["--expect"] if load(name, changes(name)).expect else []
    )  # the quickstart's counts are in a golden file, rule by rule
    with pytest.raises(SystemExit) as ended:
        main(["run", name, *sets, "--output", str(tmp_path / "out"), "--workers", "1", *expect])
    assert ended.value.code == 0, capsys.readouterr().err
    assert verify(tmp_path / "out") == []
    manifest = orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["documents"]["kept"] > 0
    assert manifest["written"]["tokens"] > 0
    if name == "quickstart":
        _compare("\n".join(_counts(manifest)) + "\n")


def _counts(manifest: dict[str, Any]) -> list[str]:
    lines = ["stage read kept quarantined, reasons"]
    for stage in manifest["stages"]:
        source = f" ({stage['source']})" if stage["source"] else ""
        lines.append(f"{stage['name']}{source} {stage['read']} {stage['kept']} {stage['quarantined']}")
        lines += [f"  {reason} {count}" for reason, count in stage["rejected"].items()]
    return [*lines, *(f"{name} {count}" for name, count in manifest["documents"].items())]


def _compare(found: str) -> None:
    if os.environ.get("CORPUSFORGE_UPDATE"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8"), (
        "the quickstart makes something else of the examples; if that is meant, run "
        "CORPUSFORGE_UPDATE=1 python -m pytest tests/test_every_recipe.py"
    )


HEAVY = ("numba", "ray", "spacy", "lxml", "trafilatura", "resiliparse", "fastwarc", "tokenizers", "fasttext", "ftfy")
CHECK = """
import sys, time
from corpusforge.cli import main
try:
    main(["check", "quickstart", "--set", "vars.input=" + sys.argv[1]])
except SystemExit as ended:
    print(ended.code, time.process_time(), *sorted(set(sys.modules) & set(sys.argv[2:])))
"""


def test_check_imports_no_model_and_answers_within_a_second_of_cpu() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK, str(DATA), *HEAVY], capture_output=True, text=True, check=True)
    code, seconds, *imported = done.stdout.splitlines()[-1].split()
    assert code == "0"
    assert imported == []
    assert float(seconds) < 1.0
