"""What ends the driver's own process, a reader or a pass: the next run finds it, or says where it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from corpusforge.engine import scheduler
from corpusforge.engine.trace import NOT_IN_A_STAGE, READING, Position, Suspects, after_death

HARM = """
import os, signal, time
from dataclasses import replace
import orjson
import pyarrow as pa
from corpusforge.source import Reader, Record
from corpusforge.stage import Kernel, Stage
from corpusforge.stages.dedup.exact import Exact

def harm(text):
    if "CRASH" in text:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "EXIT" in text:
        os._exit(0)
    if "HANG" in text:
        time.sleep(1000)

class Harmful(Stage):
    '''Do to the process what a text says.'''

    def open(self) -> Kernel:
        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            for text in batch["text"].to_pylist():
                harm(text)
            return batch
        return kernel

class Lines(Reader):
    '''Do to the process what a line says.'''

    def read(self, split):
        with split.open() as file:
            for number, line in enumerate(file):
                text = orjson.loads(line)["text"]
                if text.startswith("READ "):
                    harm(text)
                yield Record(str(number), text)

class Deadly(Exact):
    '''End the process in combine.'''

    def passes(self):
        def combine(batches):
            os._exit(1)
            yield
        return tuple(replace(one, combine=combine) for one in super().passes())
"""

RECIPE = """
corpusforge: 1
sources:
  words: {{{reader}: {{paths: "{folder}/part*.jsonl"}}}}
stages: [{stages}]
write.parquet: {{path: "{folder}/out"}}
run: {{workers: {workers}, max_batch_seconds: {seconds}, split_bytes: 1MB}}
"""

Run = Callable[..., list[subprocess.CompletedProcess[str]]]


@pytest.fixture
def run_again(tmp_path: Path) -> Run:
    """Return a function that writes 300 documents, some of them harmful, and runs a recipe a few times."""
    (tmp_path / "harm.py").write_text(HARM)

    def run(
        times: int, reader: str, stages: str, workers: int = 1, seconds: int = 4, **places: str
    ) -> list[subprocess.CompletedProcess[str]]:
        for part in range(3):
            texts = {int(place): kind.replace("_", " ") for kind, place in places.items()}
            numbers = range(part * 100, part * 100 + 100)
            rows = [{"text": texts.get(n, f"harmless text number {n}")} for n in numbers]
            (tmp_path / f"part{part}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(
            RECIPE.format(folder=tmp_path, reader=reader, stages=stages, workers=workers, seconds=seconds)
        )
        code = "from corpusforge.cli import main; main(['run', 'recipe.yaml'])"
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-c", code]
        return [
            subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True) for _ in range(times)
        ]

    return run


def quarantined(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return the counts of a run, and origin and error of what it quarantined."""
    manifest = orjson.loads((folder / "out" / "manifest.json").read_bytes())
    assert manifest["deterministic"] is False
    rows = pq.read_table(folder / "out" / "quarantine").to_pylist()
    assert [g["doc_id"] for g in manifest["guarded"]] == [row["doc_id"] for row in rows]
    return manifest["documents"], [(row["origin"].replace(".jsonl", ""), row["error"]) for row in rows]


def test_documents_that_ended_the_drivers_own_process_are_found_by_the_next_run(run_again: Run, tmp_path: Path) -> None:
    first, second = run_again(2, "harm:Lines", "harm:Harmful, dedup.exact", CRASH="137", EXIT="220")
    assert (first.returncode, second.returncode) == (-signal.SIGSEGV, 0), second.stderr
    counts, lost = quarantined(tmp_path)
    assert counts == {"read": 300, "kept": 298, "rejected": 0, "quarantined": 2}
    assert lost == [
        ("part1#37", "WorkerLost: its worker died of it twice: the worker crashed"),
        ("part2#20", "WorkerLost: its worker died of it twice: the worker crashed"),
    ]


def test_what_comes_behind_a_record_that_kills_or_stops_its_reader_is_one_row_of_the_quarantine(
    run_again: Run, tmp_path: Path
) -> None:
    (ran,) = run_again(1, "harm:Lines", "dedup.exact", workers=2, READ_CRASH="130", READ_HANG="290")
    assert ran.returncode == 0, ran.stderr
    counts, lost = quarantined(tmp_path)
    assert counts == {"read": 100 + 31 + 91, "kept": 100 + 30 + 90, "rejected": 0, "quarantined": 2}
    assert lost == [
        ("part1#rest", "WorkerLost: its reader died of it twice: the worker crashed"),
        ("part2#rest", "WorkerLost: its reader died of it twice: over run.max_batch_seconds (4)"),
    ]
    assert "the rest of the file that it was at goes to quarantine as one row" in ran.stderr + ran.stdout


def test_a_reader_that_hangs_is_interrupted_in_a_local_run_too(run_again: Run, tmp_path: Path) -> None:
    (ran,) = run_again(1, "harm:Lines", "dedup.exact", seconds=3, READ_HANG="130")
    assert ran.returncode == 0, ran.stderr
    counts, lost = quarantined(tmp_path)
    assert counts["kept"] == 230
    assert lost == [("part1#rest", "OverTime: longer than run.max_batch_seconds")]


def test_a_pass_that_always_kills_its_process_is_named_with_its_partition(run_again: Run) -> None:
    first, second = run_again(2, "harm:Lines", "harm:Deadly")
    assert (first.returncode, second.returncode) == (1, 1)
    assert (
        "harm:Deadly, pass same, the partition of buckets 0 to 4095 (300 rows) in combine: a worker was lost 4 times"
        in (" ".join(second.stderr.split()))
    )


def test_only_a_reader_that_dies_twice_behind_the_same_record_is_no_longer_asked() -> None:
    known = after_death(Suspects(), Position(READING, 0, 0, 0.0), "crash", 2)
    assert known.reading
    for given in (5, 7, 5):
        known = after_death(known, Position(READING, given, given, 0.0), "crash", 2)
    assert known.rests == ()
    assert after_death(known, Position(READING, 5, 5, 0.0), "crash", 2).rests == (
        (5, "its reader died of it twice: crash"),
    )
    assert after_death(known, Position(NOT_IN_A_STAGE, 0, 0, 0.0), "crash", 2).rests == ()
    assert scheduler.MAX_ATTEMPTS > 3  # deaths until it is known
