"""Faults drawn by seed end in the bytes of an undisturbed run; tests/benchmarks/inject_faults.py is the long form."""

import os
from pathlib import Path

import pytest

from tests.fault_kit.disk import fill, make_room, small_disk
from tests.fault_kit.plan import ANYWHERE, IN_STORE, IN_WORKER, OF_NODES, OF_RAY, ON_DISK, Fault, drawn
from tests.fault_kit.runs import Case, Undisturbed, run_with

RECIPE = """
corpusforge: 1
vars: {{input: data, output: out, plan: none, workers: 1}}
sources:
  words: {{read.jsonl: {{paths: "{corpus}/*.jsonl"}}}}
stages:
  - fault_kit.stage:Faulty: {{plan: "${{plan}}"}}
  - dedup.exact
  - dedup.minhash
write.parquet: {{path: "${{output}}", shard_bytes: 100kB, row_group_bytes: 30kB}}
run: {{workers: "${{workers}}", split_bytes: 20kB}}
"""
WITHOUT_RAY = (*ANYWHERE, "tear the ledger", "storage error", "slow storage", "no memory")
EVERY = (*ANYWHERE, *ON_DISK, *IN_STORE, *IN_WORKER, *OF_RAY, *OF_NODES)


@pytest.fixture(scope="module")
def recipe(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "recipe.yaml"
    path.write_text(RECIPE.format(corpus=corpus))
    return path


@pytest.fixture(scope="module")
def undisturbed(recipe: Path) -> Undisturbed:
    return Undisturbed.run(Case(recipe, recipe.parent / "log", recipe.parent / "whole"))


def test_several_faults_in_one_run_change_no_byte(recipe: Path, undisturbed: Undisturbed, tmp_path: Path) -> None:
    ended = run_with(drawn(4, 5, WITHOUT_RAY), Case(recipe, tmp_path / "log", tmp_path / "out"), undisturbed)
    assert ended.problems == []
    assert len(ended.happened) >= 4


def test_workers_that_are_killed_frozen_and_without_storage_change_no_byte(
    recipe: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    kinds = ("kill worker", "freeze worker", "worker kills itself", "storage error")
    case = Case(recipe, tmp_path / "log", tmp_path / "out", ("vars.workers=2",))
    ended = run_with(drawn(1, 4, kinds), case, undisturbed)
    assert ended.problems == []
    assert len(ended.happened) >= 3
    assert ended.starts == 1


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_draws_the_same_faults(seed: int) -> None:
    assert drawn(seed, 9, EVERY) == drawn(seed, 9, EVERY)
    assert drawn(seed, 9, EVERY) != drawn(seed + 1, 9, EVERY)
    assert {fault.kind for fault in drawn(seed, len(EVERY), EVERY)} == set(EVERY)


def test_a_fault_that_ends_a_run_for_good_is_reported(recipe: Path, undisturbed: Undisturbed, tmp_path: Path) -> None:
    case = Case(recipe, tmp_path / "log", tmp_path / "out", ("source.words.read.jsonl.paths=nowhere",))
    ended = run_with([Fault("kill driver", 0.5, 1)], case, undisturbed)
    assert "ended by itself with 2" in ended.problems[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system, which needs root")
def test_a_disk_that_is_really_full_ends_a_run_which_then_continues(
    recipe: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with small_disk(tmp_path, 100 << 20) as disk:
        fill(disk, 0)
        with pytest.raises(OSError, match="No space left"):
            (disk / "file").write_bytes(bytes(1 << 20))
        assert make_room(disk)
        (disk / "file").unlink()
        case = Case(recipe, tmp_path / "log", disk / "out", disk=disk)
        ended = run_with([Fault("fill the disk", 0.4, 3)], case, undisturbed)
        assert ended.problems == []
        assert ended.happened and ended.starts == 2
