"""Disks that fill up and storage that fails: a clear message, and the next run continues."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpusforge.engine import disk, emitting, ledger, rows, run, scheduler, segment, storage
from corpusforge.engine.local import LocalRunner
from corpusforge.engine.units import Report, Unit
from corpusforge.engine.verify import verify
from corpusforge.errors import CorruptFile, RunError, StorageError
from corpusforge.pipeline import Pipeline
from corpusforge.source import Split
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.tokenize.encode import Encode
from corpusforge.stages.tokenize.train import Train

Make = Callable[..., Pipeline]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a storage that a test lets fail."""
    monkeypatch.setattr(scheduler, "BACKOFF_SECONDS", 0)


class Fails:
    """Wraps a function that fails on the calls `when` says, numbered from 0."""

    def __init__(self, real: Callable[..., Any], error: Exception, when: Callable[[int], bool]) -> None:
        self.real, self.error, self.when = real, error, when
        self.calls = 0

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.calls += 1
        if self.when(self.calls - 1):
            raise self.error
        return self.real(*given, **named)


UNDISTURBED: dict[str, str] = {}  # the corpus is the same for every test of a session


@pytest.fixture
def checksum(make: Make) -> str:
    """Return what an undisturbed run comes to."""
    if "dedup" not in UNDISTURBED:
        UNDISTURBED["dedup"] = make(output="whole").run().manifest["content_checksum"]
    return UNDISTURBED["dedup"]


FULL = OSError(errno.ENOSPC, "No space left on device")
ARROW_FULL = OSError("Error writing bytes to file. Detail: [errno 28] No space left on device")


@pytest.mark.parametrize("error", [FULL, ARROW_FULL], ids=["python", "arrow"])
def test_a_full_disk_says_what_to_do_and_the_next_run_continues(
    error: OSError, make: Make, checksum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rows.RowsWriter._flush
    fails = Fails(real, error, lambda n: n == 12)
    monkeypatch.setattr(rows.RowsWriter, "_flush", lambda self: fails(self))
    with pytest.raises(RunError, match=r"MB left. What is finished stays: make room, or give run.work"):
        make(output="full").run()
    monkeypatch.setattr(rows.RowsWriter, "_flush", real)
    outcome = make(output="full").run()
    assert outcome.manifest["content_checksum"] == checksum
    assert outcome.manifest["run"]["units_run"] < outcome.manifest["run"]["units"]
    assert verify(outcome.path) == []


def test_a_full_disk_under_the_ledger_loses_no_committed_unit(
    make: Make, checksum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ledger.Ledger._append
    fails = Fails(real, FULL, lambda n: n == 20)
    monkeypatch.setattr(ledger.Ledger, "_append", lambda *given: fails(*given))
    with pytest.raises(RunError, match="MB left"):
        make(output="full").run()
    monkeypatch.setattr(ledger.Ledger, "_append", real)
    assert make(output="full").run().manifest["content_checksum"] == checksum


def test_too_little_room_is_said_before_anything_runs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage._replace(free=5 << 20))
    monkeypatch.setattr(run, "_runner", None)  # is not reached
    with pytest.raises(RunError, match="has 5 MB left"):
        make().run()


def test_less_room_than_input_is_only_a_warning(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(run.Silent, "line", lambda self, text: said.append(text))
    monkeypatch.setattr(disk, "RESERVE_BYTES", 1 << 10)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage._replace(free=10 << 10))
    make().run()
    assert any("should it fill up, the run stops and can be continued" in line for line in said)


@pytest.mark.parametrize("error", [StorageError("a.jsonl: Input/output error"), OSError(errno.ESTALE, "Stale handle")])
def test_storage_that_fails_for_a_while_costs_attempts_only(
    error: Exception, make: Make, checksum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Fails(Split.open, error, lambda n: n in (0, 1, 2, 7))
    monkeypatch.setattr(Split, "open", lambda self: opened(self))
    manifest = make(output="shaky").run().manifest
    assert manifest["content_checksum"] == checksum
    assert manifest["run"]["retries"] == 4


def test_storage_that_stays_away_ends_the_run_and_nothing_is_quarantined(
    make: Make, checksum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Split.open
    opened = Fails(real, StorageError("a.jsonl: Input/output error"), lambda n: n >= 5)
    monkeypatch.setattr(Split, "open", lambda self: opened(self))
    with pytest.raises(RunError, match=r"the storage failed 4 times: a.jsonl.*run the same command again"):
        make(output="away").run()
    monkeypatch.setattr(Split, "open", real)
    assert make(output="away").run().manifest["content_checksum"] == checksum


def test_memory_that_is_short_while_reading_makes_no_file_unreadable(
    make: Make, checksum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Split.open
    for when in (lambda n: n < 3, lambda n: True):
        opened = Fails(real, MemoryError("cannot allocate"), when)
        monkeypatch.setattr(Split, "open", lambda self, opened=opened: opened(self))
        if not when(99):
            assert make(output="short").run().manifest["content_checksum"] == checksum
            continue
        with pytest.raises(RunError, match=r"lost 4 times \(out of memory.*smaller run.batch_bytes"):
            make(output="never").run()


def test_a_file_that_is_damaged_whenever_it_is_written_ends_the_run(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = emitting.RunWriter.close

    def damaging(self: Any) -> Any:
        file = real(self)
        if file is not None:
            data = bytearray(Path(file.path).read_bytes())
            data[len(data) // 2] ^= 1
            Path(file.path).write_bytes(data)
        return file

    monkeypatch.setattr(emitting.RunWriter, "close", damaging)
    with pytest.raises(RunError, match="for the second time; check the disk"):
        make().run()


class Two(LocalRunner):
    """Takes two tasks, and does one when it is asked for an outcome."""

    workers = 2

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[list[Unit]] = []

    @property
    def has_room(self) -> bool:
        return len(self.waiting) < 2

    @property
    def busy(self) -> bool:
        return bool(self.waiting)

    def submit(self, units: list[Unit]) -> None:
        self.waiting.append(units)

    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]:
        super().submit(self.waiting.pop(0))
        return super().wait()


def test_what_was_under_way_when_a_damaged_file_was_met_disturbs_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(output="two", keep_work=True).run()
    for path in sorted((first.path / ".work" / "units").rglob("rows.arrow")):
        _flip(path)
    storage._verified.clear()
    monkeypatch.setattr(run, "_runner", lambda *_: Two())
    monkeypatch.setattr(scheduler, "BUNDLE_BYTES", 1)
    again = make(Exact(), Minhash(verify=0.7), output="two", keep_work=True).run(replace=True)
    fresh = make(Exact(), Minhash(verify=0.7), output="fresh").run()
    assert again.manifest["content_checksum"] == fresh.manifest["content_checksum"]


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "one bit": _flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["artifact", "rows.arrow"])
def test_a_damaged_file_between_two_runs_is_made_again(
    name: str, damage: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Train(vocab_size=300)

    def made(**options: Any) -> Pipeline:
        return make(train, Encode(tokenizer="trained", **options), output="damaged", keep_work=True)

    first = made().run()
    paths = sorted((first.path / ".work" / "units").rglob(name))
    for path in paths[:1] + paths[-1:] if len(paths) > 1 else paths:
        DAMAGE[damage](path)
    storage._verified.clear()  # as in a new process
    segment._opened.clear()
    again = made(max_tokens=120).run(replace=True)
    if "tokens" not in UNDISTURBED:
        fresh = make(train, Encode(tokenizer="trained", max_tokens=120), output="fresh").run()
        UNDISTURBED["tokens"] = fresh.manifest["content_checksum"]
    assert again.manifest["content_checksum"] == UNDISTURBED["tokens"]


def test_whatever_byte_of_an_intermediate_file_is_damaged_nothing_wrong_is_read(tmp_path: Path) -> None:
    writer = rows.RowsWriter(tmp_path / "rows.arrow")
    batch = pa.record_batch({"text": ["a text", "another"], "number": [1, 2]})
    writer.write(batch)
    file = writer.close()
    assert file is not None
    whole = Path(file.path).read_bytes()
    corrupt = 0
    for place in range(len(whole)):
        Path(file.path).write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            assert list(file.read()) == [batch]
            assert file.schema == batch.schema
        except CorruptFile:
            corrupt += 1
    assert corrupt > len(whole) // 2
