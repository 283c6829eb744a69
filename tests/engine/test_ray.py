"""Runs on Ray: the same bytes, workers that are replaced, and clear words when nothing can run."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from corpusforge.engine import ray as ray_runs
from corpusforge.errors import RecipeError, RunError
from corpusforge.pipeline import Pipeline
from corpusforge.stage import Kernel, Stage
from corpusforge.stages.normalize.unicode import Unicode

Make = Callable[..., Pipeline]

pytestmark = pytest.mark.usefixtures("ray_session")


class Leaking(Stage):
    """Leave a sign of the worker in a folder, and hold on to memory until the worker ends."""

    folder: str
    leaked_bytes: int = 0

    def open(self) -> Kernel:
        held: list[bytes] = []

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            (Path(self.folder) / str(os.getpid())).touch()
            held.append(bytes(bytearray(self.leaked_bytes)))
            return batch

        return kernel


def workers_of(folder: Path) -> int:
    return len(list(folder.iterdir()))


@pytest.fixture
def signs(tmp_path: Path) -> Path:
    folder = tmp_path / uuid.uuid4().hex
    folder.mkdir()
    return folder


def test_a_cluster_writes_the_bytes_of_one_process_and_says_where_it_worked(make: Make) -> None:
    alone = make(output="alone", keep_work=True).run()
    outcome = make(output="cluster", keep_work=True, workers="auto").run(address="auto")
    assert outcome.manifest["content_checksum"] == alone.manifest["content_checksum"]
    entries = map(orjson.loads, (outcome.path / ".work" / "ledger.jsonl").read_bytes().splitlines())
    assert {len(entry["node"]) for entry in entries if "unit" in entry} == {12}
    assert [p for p in (outcome.path / ".work" / "units").iterdir() if p.is_file()] == []  # the driver's sign


def test_a_worker_ends_after_its_number_of_tasks(
    make: Make, corpus: Path, signs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_runs, "MAX_CALLS", 1)
    make(Leaking(folder=str(signs)), workers=2, split_bytes="1MB", paths=f"{corpus}/part[012].jsonl").run()
    assert workers_of(signs) == 3  # as many as files


def test_a_worker_that_holds_too_much_is_replaced(make: Make, signs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_runs, "BLOATED", 1.2)  # of some 400 MB
    stage = Leaking(folder=str(signs), leaked_bytes=500 << 20)
    manifest = make(stage, workers=2).run().manifest
    assert workers_of(signs) > 2  # CPUs
    assert manifest["run"]["retries"] == 0  # none was killed at work


def test_a_task_that_no_node_can_hold_is_an_error_that_says_what_it_needs(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_runs, "LOOK_SECONDS", 0.2)
    options = {"needs": {"dedup.exact": {"bigmem": 1}}, "wait_seconds": 0.5}
    with pytest.raises(RunError, match=r"it needs 1 CPU, .* GB of memory, 1 bigmem; the largest of 1 has 2 CPU"):
        make(ray=options, workers="auto").run(address="auto")


def test_one_machine_is_asked_only_for_what_it_has(make: Make, corpus: Path) -> None:
    options = {"needs": {"normalize.unicode": {"bigmem": 1, "CPU": 64, "memory": 1 << 50}}}
    manifest = make(Unicode(), ray=options, workers=2, paths=f"{corpus}/part0.jsonl").run().manifest
    assert manifest["documents"]["read"] == 100


def test_a_runtime_environment_that_cannot_be_had_is_an_error(make: Make) -> None:
    with pytest.raises(RecipeError, match=r"Ray has no 'env_var'\. Did you mean 'env_vars'"):
        make(ray={"runtime_env": {"env_var": {"A": "1"}}}, workers=2).run()
    with pytest.raises(RecipeError, match="Ray runs in this process already"):
        make(ray={"runtime_env": {"env_vars": {"A": "1"}}}, workers=2).run()
