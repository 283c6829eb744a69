"""Faults drawn by seed end in the bytes of an undisturbed run; tests/benchmarks/inject_faults.py is the long form."""

from pathlib import Path

import orjson
import pytest

from tests.fault_kit import drawn, run_with, start

RECIPE = """
corpusforge: 1
sources:
  words: {{read.jsonl: {{paths: "{corpus}/*.jsonl"}}}}
stages:
  - fault_kit:Faulty
  - dedup.exact
  - dedup.minhash
write.parquet: {{path: "{output}", shard_bytes: 100kB, row_group_bytes: 30kB}}
run: {{workers: 1, split_bytes: 20kB}}
"""
WITHOUT_RAY = ("kill driver", "flip a byte", "cut a file", "lose a file", "storage error", "disk full", "no memory")


def test_several_faults_in_one_run_change_no_byte(corpus: Path, tmp_path: Path) -> None:
    recipes = {}
    for name in ("whole", "disturbed"):
        recipes[name] = tmp_path / f"{name}.yaml"
        recipes[name].write_text(RECIPE.format(corpus=corpus, output=tmp_path / name))
    assert start(recipes["whole"]).wait() == 0
    manifest = orjson.loads((tmp_path / "whole" / "manifest.json").read_bytes())
    faults = drawn(4, 4, WITHOUT_RAY)
    ended = run_with(faults, recipes["disturbed"], tmp_path / "disturbed", manifest["run"]["units"], 4)
    assert ended.problems == []
    assert ended.checksum == manifest["content_checksum"]
    assert len(ended.happened) >= 3


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_draws_the_same_faults(seed: int) -> None:
    assert drawn(seed, 9, WITHOUT_RAY) == drawn(seed, 9, WITHOUT_RAY)
    assert drawn(seed, 9, WITHOUT_RAY) != drawn(seed + 1, 9, WITHOUT_RAY)
    assert {fault.kind for fault in drawn(seed, 9, WITHOUT_RAY)} == set(WITHOUT_RAY)
