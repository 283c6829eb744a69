"""A document that crashes, hangs or exhausts its worker costs itself; the others are done, and the manifest says so."""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.engine import run, segment
from corpusforge.engine.local import LocalRunner
from corpusforge.engine.scheduler import WorkerLost
from corpusforge.engine.trace import MAX_BARRED, Barred, Position, Suspects, Trace, after_death
from corpusforge.engine.units import SegmentUnit, Unit
from corpusforge.engine.verify import verify
from corpusforge.errors import RunError
from corpusforge.pipeline import Pipeline
from corpusforge.stage import Kernel, Stage
from corpusforge.stages.dedup.exact import Exact

Make = Callable[..., Pipeline]


class Harmful(Stage):
    """Do to the worker what a text says."""

    def open(self) -> Kernel:
        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            texts = batch["text"].to_pylist()
            if any("CRASH" in text for text in texts):
                os._exit(1)
            if any("HANG" in text for text in texts):
                time.sleep(1000)
            if any("EXHAUST" in text for text in texts) or len(texts) > 50:
                raise MemoryError("no room")
            return batch

        return kernel


class Dying(LocalRunner):
    """Workers of which each dies at the first document that is not barred."""

    def submit(self, units: list[Unit]) -> None:
        (unit,) = units
        assert isinstance(unit, SegmentUnit)
        row = len(unit.suspects.barred)
        Trace(Path(unit.folder)).at(0, row, row)
        self._done.append((units, WorkerLost("crash", "")))


@pytest.fixture
def harmful(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes 300 documents, some of them harmful, and returns their pattern."""

    def write(**places: str) -> str:
        for part in range(3):
            rows = [{"text": f"harmless text number {part} {number}"} for number in range(100)]
            for kind, place in places.items():
                if int(place) // 100 == part:
                    rows[int(place) % 100]["text"] = f"{kind} {place}"
            (tmp_path / f"part{part}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
        return f"{tmp_path}/part*.jsonl"

    return write


def test_documents_that_kill_their_worker_are_quarantined_and_all_others_done(
    make: Make, harmful: Callable[..., str], ray_session: None
) -> None:
    paths = harmful(CRASH="37", HANG="142", EXHAUST="288")
    outcome = make(Harmful(), Exact(), paths=paths, workers=2, max_batch_seconds=4, split_bytes="1MB").run()
    manifest = outcome.manifest
    assert manifest["documents"] == {"read": 300, "kept": 297, "rejected": 0, "quarantined": 3}
    assert verify(outcome.path) == []
    rows = pq.read_table(outcome.path / "quarantine").to_pylist()
    assert [row["error"] for row in rows] == [
        "WorkerLost: its worker died of it twice: the worker crashed",
        "WorkerLost: its worker died of it twice: over run.max_batch_seconds (4)",
        "WorkerLost: its worker died of it twice: out of memory",
    ]
    assert manifest["deterministic"] is False
    assert [g["doc_id"] for g in manifest["guarded"]] == [row["doc_id"] for row in rows]


def test_a_stage_that_hangs_is_interrupted_in_a_local_run_too(make: Make, harmful: Callable[..., str]) -> None:
    outcome = make(Harmful(), paths=harmful(HANG="5"), max_batch_seconds=0.2, batch_bytes=200).run()
    assert outcome.manifest["documents"]["quarantined"] == 1
    assert outcome.manifest["guarded"][0]["error"] == "OverTime: longer than run.max_batch_seconds"


def test_memory_that_is_short_for_a_moment_loses_no_document(
    make: Make, harmful: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Harmful, "open", momentary)
    monkeypatch.setattr(segment, "_opened", OrderedDict())  # kernels of other tests
    manifest = make(Harmful(), paths=harmful(), batch_bytes=1).run().manifest
    assert (manifest["documents"]["kept"], manifest["run"]["retries"]) == (300, 1)


def momentary(_: Harmful) -> Kernel:
    """Return a kernel that has no memory the 7th time it is called."""
    calls = iter(range(10_000))

    def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
        if next(calls) == 7:
            raise MemoryError("no room")
        return batch

    return kernel


def test_a_batch_too_large_for_the_memory_is_halved_and_loses_nothing(make: Make, harmful: Callable[..., str]) -> None:
    manifest = make(Harmful(), paths=harmful(), split_bytes="1MB").run().manifest
    assert manifest["documents"]["kept"] == 300
    assert manifest["deterministic"] is True


def test_a_stage_that_always_kills_its_worker_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_runner", lambda *_: Dying())
    with pytest.raises(RunError, match=rf"harmful lost its worker on over {MAX_BARRED} documents, last by: crash"):
        make(Harmful()).run()


def test_a_worker_killed_at_different_documents_blames_none() -> None:
    known = Suspects()
    for row in (3, 4, 3, 5, 3):
        known = after_death(known, Position(1, row, row, 0.0), "killed", 2)
    assert known.barred == ()


def test_two_deaths_at_the_only_document_of_a_batch_do_not_blame_it() -> None:
    known = Suspects()
    for _ in range(2):
        known = after_death(known, Position(1, 0, 0, 0.0), "killed", 2)
        assert known.barred == ()
    assert after_death(known, Position(1, 0, 0, 0.0), "killed", 2).barred[0].row == 0


def test_a_crash_after_the_last_step_is_counted_with_it() -> None:
    known = Suspects()
    for _ in range(3):
        known = after_death(known, Position(3, 7, 7, 0.0), "crash", 2)
    assert known.barred == (Barred(7, 2, "its worker died of it twice: crash"),)
