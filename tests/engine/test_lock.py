"""One driver at a time in a folder: a lock is refused, taken over from the dead, and never held by two."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from corpusforge.engine import ledger_lines
from corpusforge.engine.lock import EXPIRES_SECONDS, Lock
from corpusforge.engine.verify import verify
from corpusforge.errors import OutputError, RunError
from corpusforge.pipeline import Pipeline
from corpusforge.stages.dedup.exact import Exact

RECIPE = """
corpusforge: 1
sources:
  words: {{read.jsonl: {{paths: "{corpus}/*.jsonl"}}}}
stages: [dedup.exact]
write.parquet: {{path: "{output}"}}
run: {{workers: 1, split_bytes: 20kB}}
"""
DRIVERS = 3


def written(pid: int = 2**22 + 1, host: str | None = None) -> str:
    """Return what a driver wrote into its lock; by default one of this machine that no longer lives."""
    return json.dumps({"host": host or os.uname().nodename, "pid": pid, "started": 1.0, "id": "another"})


def try_to_hold(folder: str, all_there: Any, said: "multiprocessing.Queue[str]") -> None:
    """Try to be the driver at the same moment as others; keep the lock until all have tried."""
    lock = Lock(Path(folder))
    all_there.wait()
    try:
        with lock:
            said.put("held")
            all_there.wait()
            return
    except OutputError:
        said.put("refused")
    all_there.wait()


def test_of_drivers_that_find_an_abandoned_lock_at_the_same_moment_one_gets_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    said: multiprocessing.Queue[str] = context.Queue()
    all_there = context.Barrier(DRIVERS, timeout=60)
    (tmp_path / "lock").write_text(written())
    drivers = [context.Process(target=try_to_hold, args=(str(tmp_path), all_there, said)) for _ in range(DRIVERS)]
    for one in drivers:
        one.start()
    assert sorted(said.get(timeout=60) for _ in drivers) == ["held"] + ["refused"] * (DRIVERS - 1)
    for one in drivers:
        one.join()


def test_a_lock_that_another_has_taken_over_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lock").write_text(written())
    abandoned = Lock._abandoned
    faster = Lock(tmp_path)

    def slowly(self: Lock, holder: dict[str, Any]) -> bool:
        found = abandoned(self, holder)
        if found and self is not faster:
            faster.__enter__()
        return found

    monkeypatch.setattr(Lock, "_abandoned", slowly)
    with pytest.raises(OutputError, match="another run works here"):
        Lock(tmp_path).__enter__()
    faster.check()
    faster.__exit__()
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize(("age", "free"), [(0.0, False), (EXPIRES_SECONDS + 1, True)])
def test_the_lock_of_another_machine_is_taken_over_only_when_it_is_no_longer_renewed(
    age: float, free: bool, tmp_path: Path
) -> None:
    (tmp_path / "lock").write_text(written(host="elsewhere"))
    os.utime(tmp_path / "lock", (time.time() - age, time.time() - age))
    if free:
        with Lock(tmp_path):
            pass
        assert not (tmp_path / "lock").exists()
    else:
        with pytest.raises(OutputError, match="elsewhere"):
            Lock(tmp_path).__enter__()


def test_a_driver_whose_lock_was_taken_ends_before_it_puts_anything_into_the_output(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline: Pipeline = make(Exact())
    real = ledger_lines.FileLines.close
    taken = written(host="elsewhere")

    def take(self: ledger_lines.FileLines) -> None:
        real(self)
        (tmp_path / "out" / ".work" / "lock").write_text(taken)

    monkeypatch.setattr(ledger_lines.FileLines, "close", take)
    with pytest.raises(RunError, match=r"another run took over here .*elsewhere"):
        pipeline.run()
    assert not (tmp_path / "out" / "data").exists()
    assert (tmp_path / "out" / ".work" / "lock").read_text() == taken


def test_of_two_runs_started_at_once_one_is_refused_and_the_other_ends_well(corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(corpus=corpus, output=tmp_path / "out"))
    command = [sys.executable, "-c", f"from corpusforge.cli import main; main(['run', {str(recipe)!r}])"]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(2)]
    ended = [(one.communicate()[1], one.returncode) for one in runs]
    assert sorted(code for _, code in ended) in ([0, 2], [0, 0])  # 0 and 0: the second came when the first was done
    assert all(code == 0 or "another run works here" in said for said, code in ended)
    assert verify(tmp_path / "out") == []
