"""Ctrl-C and SIGTERM: a run ends soon, with a word and without orphans or leftovers, and the same command continues."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import psutil
import pytest

from corpusforge.engine.ledger import Known
from corpusforge.engine.verify import verify

STAGE = """
import time
import pyarrow as pa
from corpusforge.stage import Kernel, Stage

class Slow(Stage):
    '''Take its time.'''

    def open(self) -> Kernel:
        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            time.sleep(0.15)
            return batch
        return kernel
"""
RECIPE = """
corpusforge: 1
vars: {{output: out}}
sources:
  words: {{read.jsonl: {{paths: "{corpus}/*.jsonl"}}}}
stages:
  - slow:Slow
  - dedup.exact
write.parquet: {{path: "${{output}}"}}
run: {{split_bytes: 20kB}}
"""


def started(folder: Path, workers: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "corpusforge", "run", "recipe.yaml", "--workers", str(workers)]
    return subprocess.Popen(
        command,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests may run in the background
    )


@pytest.mark.parametrize(("workers", "sign", "code"), [(1, signal.SIGTERM, 143), (2, signal.SIGINT, 130)])
def test_a_stopped_run_leaves_its_committed_work_and_nothing_else(
    corpus: Path, tmp_path: Path, workers: int, sign: signal.Signals, code: int
) -> None:
    (tmp_path / "slow.py").write_text(STAGE)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(corpus=corpus))
    run = started(tmp_path, workers)
    work = tmp_path / "out" / ".work"
    while not (work / "ledger.jsonl").exists() or not Known(work).units:
        assert run.poll() is None
        time.sleep(0.05)
    family = psutil.Process(run.pid).children(recursive=True)
    sessions = {word[14:] for one in family for word in one.cmdline() if word.startswith("--session-dir=")}
    assert len(sessions) == workers - 1  # of Ray
    os.killpg(run.pid, sign)  # as a terminal does
    said = run.communicate(timeout=60)[1]
    assert run.returncode == code
    assert "stopped; run the same command again to continue" in said
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert not any(map(os.path.exists, sessions))
    committed = Known(work).units
    assert 0 < len(committed) < 17
    assert {path.name for path in (work / "units").glob("*/*")} <= set(committed)
    assert not (work / "lock").exists()
    assert started(tmp_path, 1).wait() == 0
    assert verify(tmp_path / "out") == []
    assert orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())["documents"]["read"] == 400
