"""Every script and recipe under examples/ does what it says."""

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest

from corpusforge.cli import main
from corpusforge.engine.verify import verify
from corpusforge.pipeline import Layout
from corpusforge.recipe import load
from corpusforge.stages.write.memmap import Memmap
from corpusforge.testing import check_stage

EXAMPLES = Path(__file__).parents[1] / "examples"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def run(recipe: str, output: Path) -> dict[str, dict[str, int]]:
    with pytest.raises(SystemExit) as ended:
        main(["run", str(EXAMPLES / recipe), "--set", f"vars.input={EXAMPLES / 'data'}", "--output", str(output)])
    assert ended.value.code == 0
    assert verify(output) == []
    manifest = orjson.loads((output / "manifest.json").read_bytes())
    return {stage["name"]: stage["rejected"] for stage in manifest["stages"]}


def test_the_recipe(tmp_path: Path) -> None:
    rejected = run("recipe.yaml", tmp_path / "out")
    assert rejected["quality.language"]["wrong_language"] > 0
    assert rejected["dedup.minhash"]["near_duplicate"] > 0


def test_the_mixture(tmp_path: Path) -> None:
    run("mixture.yaml", tmp_path / "out")
    written = orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())["written"]
    asked = {source: found["asked"] for source, found in written["sources"].items()}
    assert asked["web"] > 0.85 * sum(asked.values()), "common_crawl and c4 are 0.82 of 0.955"
    assert written["validation"]["documents"] >= 5
    assert written["utilisation"] > 0.98


def test_the_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = module("library").main(EXAMPLES / "data", tmp_path / "out")
    assert verify(outcome.path) == []
    assert "dedup.minhash" in capsys.readouterr().out


def test_the_own_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    assert run("own_filter.yaml", tmp_path / "out")["own_filter:Shouting"]["shouting"] > 0
    check_stage(importlib.import_module("own_filter").Shouting, tmp_path)


LAYOUTS: dict[str, dict[str, Any]] = {
    "documents": {},
    "packed": {"pack": {"length_tokens": 64}},
    "memmap": {"pack": {"length_tokens": 64, "method": "best_fit", "shuffle": True}},
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_training_on_what_the_quickstart_leaves(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install torch")
    pipeline = load("quickstart", [f"vars.input={EXAMPLES / 'data'}", f"vars.output={tmp_path / 'out'}"])
    layout = Layout.model_validate({**pipeline.layout.model_dump(), **LAYOUTS[kind]})
    writer = Memmap(path=pipeline.writer.path) if kind == "memmap" else pipeline.writer
    output = replace(pipeline, layout=layout, writer=writer).run().path
    assert verify(output) == []
    losses = module("train_tiny").main(output, steps=20)
    assert len(losses) == 20
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_training_without_torch_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert module("train_tiny").main(tmp_path) == []
    assert "torch is not installed" in capsys.readouterr().out


@pytest.mark.usefixtures("ray_session")
def test_stages_inside_ray_data(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = module("ray_data").main()
    assert first["text"].startswith("The ferry")
    assert second["text"].startswith("Write to <EMAIL> for")
    assert "wrong_language | Die Fähre" in capsys.readouterr().out
