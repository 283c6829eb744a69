"""What a run shows while it works, and what can be seen of it from outside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from corpusforge.cli import main
from corpusforge.cli.progress import clock, figures, heading
from corpusforge.engine.costs import estimate
from corpusforge.engine.ledger import last_note
from corpusforge.engine.plan import plan
from corpusforge.engine.tracking import Track
from corpusforge.errors import OutputError
from corpusforge.recipe import load
from corpusforge.report.status import status

RECIPE = """\
corpusforge: 1
sources:
  pages:
    read.jsonl: {paths: "*.jsonl"}
stages:
  - dedup.exact
write.parquet: {path: out}
run: {workers: 1, split_bytes: 50kB}
"""  # files over a 64th of split_bytes are a unit each
FIELDS = {  # of a progress event, with their types; the schema of --progress json
    "event": str, "time": float, "phase": str, "phase_number": int, "phases": int, "units_done": int, "units": int,
    "documents": int, "share_left": float, "input_bytes_done": int, "input_bytes": int, "bytes": int,
    "mb_per_second": float, "seconds": float, "seconds_left": (float, type(None)), "workers": int, "retries": int,
    "cpu_seconds": float, "peak_memory_bytes": int, "units_found": int,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    for part in range(4):
        rows = [orjson.dumps({"text": f"Text {part} number {row // 2}."}) for row in range(50)]
        (tmp_path / f"{part}.jsonl").write_bytes(b"\n".join(rows) + b"\n")
    return tmp_path


def events(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, list[dict[str, Any]]]:
    with pytest.raises(SystemExit) as ended:
        main(["run", "recipe.yaml", "--progress", "json", *arguments])
    return ended.value.code, [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_line_of_standard_error_is_an_event_of_the_schema(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = events(capsys)
    assert code == 0
    assert [found[0]["event"], found[-1]["event"]] == ["begin", "end"]
    assert found[-1] == {"event": "end", "time": found[-1]["time"], "ok": True, "error": ""}
    shown = [event for event in found if event["event"] == "progress"]
    assert all(set(event) == set(FIELDS) for event in shown)
    assert all(isinstance(event[name], kind) for event in shown for name, kind in FIELDS.items())
    last = shown[-1]
    assert (last["documents"], last["share_left"]) == (200, 0.5)
    assert last["input_bytes_done"] == last["input_bytes"] == sum(p.stat().st_size for p in folder.glob("*.jsonl"))
    assert last["phase_number"] == last["phases"] == 4  # read, dedup.exact, resolve, write


def test_errors_are_events_too_and_keep_their_exit_codes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "0.jsonl").write_text("broken\n" * 100)
    code, found = events(capsys)
    assert code == 1
    assert not found[-1]["ok"] and "max_error_fraction" in found[-1]["error"]
    (folder / "recipe.yaml").write_text(RECIPE.replace("dedup.exact", "dedup.exakt"))
    code, found = events(capsys)
    assert (code, len(found)) == (2, 1)
    assert "Did you mean 'dedup.exact'" in found[0]["error"]


def test_a_run_that_continues_says_what_was_found_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "recipe.yaml").write_text(RECIPE.replace("workers: 1", "workers: 1, keep_work: true"))
    events(capsys)
    (folder / "4.jsonl").write_text('{"text": "New."}\n')
    _, found = events(capsys)
    assert found[-2]["units_found"] >= 4
    assert found[-2]["documents"] == 201


def test_time_left_falls_to_nothing_as_units_of_a_plan_are_done(folder: Path) -> None:
    planned = plan(load("recipe.yaml"))
    track = Track()
    track.begin(planned, {}, 1)
    track.begun -= 10  # seconds ago
    assert track.state()["seconds_left"] is None
    track.segment("read", 4)
    left = []
    for split in planned.splits:
        counts = {"read": 50, "kept": 50, "rejected": 0, "quarantined": 0, "bytes": 1000}
        report = {"name": "pages/x[0] block 0.0", "split": str(split.id), "counts": counts, "inputs": []}
        track.advance(report, ran=True)
        left.append(track.state()["seconds_left"])
    assert left == sorted(left, reverse=True)
    due = estimate(planned).phases
    rest = sum(seconds for _, seconds in due[1:]) / due[0][1]
    assert left[-1] == pytest.approx(10 * rest, rel=0.05)


def test_the_lines_for_people_hold_documents_speed_and_time(folder: Path) -> None:
    track = Track()
    track.begin(plan(load("recipe.yaml")), {"retries": 2, "peak_bytes": 3e8}, 8)
    track.segment("read, a, b, c, d", 4)
    track.documents, track.gone, track.bytes = 1200, 300, 5_000_000
    assert heading(track.state()) == "[1/4] read, a ... d | 0/4"
    said = figures(track.state())
    assert "1,200 documents" in said and "75.0% still in" in said and "8 workers" in said
    assert "2 retries" in said and "at most 300 MB" in said
    assert clock(59.6) == "1 min 0 s"


# ------------------------------------------------------------------------------------------ from outside

SLOW = """\
import time
from corpusforge import Stage


class Slow(Stage):
    \"\"\"Wait.\"\"\"

    def open(self):
        def kernel(batch):
            time.sleep(60 if batch.column("origin")[0].as_py().startswith("3") else 0)
            return batch

        return kernel
"""


def run_until_it_waits(folder: Path) -> subprocess.Popen[bytes]:
    (folder / "slow.py").write_text(SLOW)
    (folder / "recipe.yaml").write_text(RECIPE.replace("- dedup.exact", "- slow:Slow"))
    command = [sys.executable, "-c", "from corpusforge.cli import main; main(['run', 'recipe.yaml'])"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests may run in the background
    )
    ledger = folder / "out" / ".work" / "ledger.jsonl"
    until = time.time() + 60
    while time.time() < until and not (ledger.is_file() and ledger.read_bytes().count(b'"SegmentUnit"') == 3):
        time.sleep(0.05)
    return process


def test_a_run_is_seen_running_then_dead_and_is_not_disturbed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = run_until_it_waits(folder)
    try:
        before = {p: p.stat().st_mtime_ns for p in (folder / "out").rglob("*") if p.is_file()}
        found = status(folder / "out")
        assert found["state"] == "running"
        assert found["owner"]["pid"] == process.pid
        assert found["progress"]["phase_number"] == 1
        assert {p: p.stat().st_mtime_ns for p in (folder / "out").rglob("*") if p.is_file()} == before
        with pytest.raises(SystemExit) as ended:
            main(["clean", "out", "--unfinished"])
        assert ended.value.code == 2
        assert f"process {process.pid}" in capsys.readouterr().err
        assert (folder / "out" / ".work" / "units").is_dir()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert status(folder / "out")["state"] == "dead"
    finally:
        process.kill()
        process.wait()
    with pytest.raises(SystemExit):
        main(["status", "out"])
    assert "run the same command again to continue" in capsys.readouterr().out


def test_ctrl_c_ends_a_run_with_130_and_without_a_traceback(folder: Path) -> None:
    process = run_until_it_waits(folder)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err and b"run the same command again to continue" in err
    assert status(folder / "out")["state"] == "stopped"


def test_a_finished_run_shows_its_counts_and_a_strange_folder_is_an_error(folder: Path) -> None:
    with pytest.raises(SystemExit):
        main(["run", "recipe.yaml"])
    assert status(folder / "out")["documents"]["kept"] == 100
    with pytest.raises(OutputError, match="no run has been here"):
        status(folder)


def test_the_last_note_is_found_behind_long_lines_and_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"progress":1}\n{"progress":2}\n' + b'{"unit":"' + b"x" * 3_000_000 + b'"}\n{"progress":')
    assert last_note(tmp_path, "progress") == {"progress": 2}
    assert last_note(tmp_path, "nothing") is None


def test_a_finished_run_of_the_same_kind_sets_the_costs(folder: Path) -> None:
    planned = plan(load("recipe.yaml"))
    stored = sum(file.size for file in planned.inputs)
    scale = 2e6 / stored
    stages = [
        {"name": "read.jsonl", "source": "pages", "bytes": 4_000_000, "seconds": 1.0, "sources": {"pages": {}}},
        {"name": "dedup.exact", "source": None, "bytes": 3_000_000, "seconds": 2.0, "sources": {"pages": {}}},
    ]
    costs = estimate(planned, {"inputs": [{"source": "pages", "size": 2_000_000}], "stages": stages})
    assert dict(costs.phases)["block 0"] == pytest.approx(1.0 / scale)
    assert dict(costs.phases)["dedup.exact: same"] == pytest.approx(2.0 / scale)
    least, most = costs.range
    assert least < costs.seconds < most
