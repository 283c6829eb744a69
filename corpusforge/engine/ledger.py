"""The ledger: an append-only JSONL file, one line per committed unit of work.

Only what the ledger names exists for anyone. A line is written and synced before the unit counts as done; a
line cut off by a crash is dropped when the ledger is opened again.
"""

import json
import os
import socket
import threading
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from corpusforge.engine.identity import source_digest
from corpusforge.engine.packed import PackedEntries
from corpusforge.errors import OutputError

LOCK_RENEW_SECONDS = 20.0
LOCK_EXPIRES_SECONDS = 120.0
NOTE_READ_BYTES = 1 << 20


class Ledger:
    """What has been committed in a work folder, by fingerprint."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "ledger.jsonl"
        if fresh:
            self.path.unlink(missing_ok=True)
        self.units: MutableMapping[str, dict[str, Any]] = PackedEntries()
        self.inputs: MutableMapping[str, dict[str, Any]] = PackedEntries()
        self.driver = 1
        self.other_source = False  # an earlier driver was another state of the program
        self._source = source_digest()
        self._read()
        self._file = open(self.path, "ab")  # noqa: SIM115 - open for as long as the run
        self._append({"driver": self.driver, "pid": os.getpid(), "source": self._source})

    def _read(self, mend: bool = True) -> None:
        if not self.path.exists():
            return
        whole = 0
        with open(self.path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):  # the last writer died in the middle of a line
                    if mend:
                        os.truncate(self.path, whole)
                    break
                whole += len(line)
                self._know(orjson.loads(line))

    def _know(self, entry: dict[str, Any]) -> None:
        if "unit" in entry:
            self.units[entry["unit"]] = entry
        elif "drop" in entry:
            self.units.pop(entry["drop"], None)
        elif "input" in entry:
            self.inputs[entry["input"]] = entry
        elif "driver" in entry:
            self.driver = entry["driver"] + 1
            self.other_source = entry.get("source") != self._source

    def _append(self, *entries: dict[str, Any]) -> None:
        self._file.write(b"".join(orjson.dumps(e) + b"\n" for e in entries))
        self._file.flush()
        os.fsync(self._file.fileno())

    def commit(self, entries: list[dict[str, Any]]) -> None:
        """Make units exist; each entry has "unit" (its fingerprint) and what the unit left."""
        for entry in entries:
            entry["driver"] = self.driver
            self.units[entry["unit"]] = entry
        if entries:
            self._append(*entries)

    def record_inputs(self, entries: list[dict[str, Any]]) -> None:
        """Remember identity and checksum of input files."""
        for entry in entries:
            self.inputs[entry["input"]] = entry
        if entries:
            self._append(*entries)

    def note(self, entry: dict[str, Any]) -> None:
        """Leave a word for who reads the ledger from outside; not synced, since nothing depends on it."""
        self._file.write(orjson.dumps(entry) + b"\n")
        self._file.flush()

    def drop(self, fingerprint: str) -> None:
        """Forget a unit whose files turned out to be damaged."""
        self.units.pop(fingerprint, None)
        self._append({"drop": fingerprint})

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Known(Ledger):
    """A ledger that is only read, such as that of a run in progress."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.jsonl"
        self.units, self.inputs = PackedEntries(), PackedEntries()
        self.driver, self.other_source = 1, False
        self._source = source_digest()
        self._read(mend=False)

    def _append(self, *entries: dict[str, Any]) -> None:
        raise AssertionError("this ledger is only read")


class Lock:
    """One driver at a time in a work folder; an abandoned lock is taken over."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self._me = {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}
        self._stop = threading.Event()

    def __enter__(self) -> "Lock":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                if not self._abandoned():
                    raise OutputError(
                        f"{self.path.parent}: another run works here "
                        f"({self.path.read_text()}). Wait for it, or give another output"
                    ) from None
                self.path.unlink(missing_ok=True)
                continue
            with os.fdopen(descriptor, "w") as file:
                file.write(json.dumps(self._me))
            break
        threading.Thread(target=self._renew, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.path.unlink(missing_ok=True)

    def _renew(self) -> None:
        while not self._stop.wait(LOCK_RENEW_SECONDS):
            if self.path.exists():
                os.utime(self.path)

    def _abandoned(self) -> bool:
        try:
            owner = json.loads(self.path.read_text())
            age = time.time() - self.path.stat().st_mtime
        except (OSError, ValueError):
            return not self.path.exists() or time.time() - self.path.stat().st_mtime > LOCK_EXPIRES_SECONDS
        if owner.get("host") == self._me["host"]:
            return bool(_started(owner["pid"]) != owner.get("started"))
        return age > LOCK_EXPIRES_SECONDS


@dataclass(frozen=True)
class Owner:
    """Who holds a lock."""

    host: str
    pid: int
    alive: bool  # as far as can be known from here: on another host, by the time of its last sign
    seconds: float  # since that sign


def owner(folder: Path) -> Owner | None:
    """Return who works in a work folder, without touching it; None when nobody does."""
    lock = Lock(folder)
    try:
        about = json.loads(lock.path.read_text())
        age = time.time() - lock.path.stat().st_mtime
    except FileNotFoundError:
        return None
    except ValueError:  # being written
        about, age = {}, 0.0
    return Owner(str(about.get("host", "unknown")), int(about.get("pid", 0)), not lock._abandoned(), age)


def last_note(path: Path, name: str) -> dict[str, Any] | None:
    """Return the last entry of a ledger that has `name`, reading from its end; a line that is being written is none."""
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        at, rest = file.tell(), b""
        while at > 0:
            size = min(NOTE_READ_BYTES, at)
            at -= size
            file.seek(at)
            lines = (file.read(size) + rest).split(b"\n")
            rest = lines[0]
            for line in reversed(lines[1:] if at else lines):
                if f'{{"{name}":'.encode() in line[: len(name) + 4]:
                    try:
                        found: dict[str, Any] = orjson.loads(line)
                    except orjson.JSONDecodeError:
                        continue
                    return found
    return None


def _started(pid: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
