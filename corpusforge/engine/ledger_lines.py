"""Where the lines of a ledger are: a file that grows, or numbered objects in a store that knows only whole ones."""

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from corpusforge.engine.remote import THREADS, RemotePath, pool
from corpusforge.engine.storage import StoredPath
from corpusforge.errors import StorageError

READ_BYTES = 1 << 20
OBJECT_SECONDS = 5.0  # a driver that dies loses at most the work finished in this time
OBJECT_LINES = 1000
OUTAGE_SECONDS = 600.0  # for which a store may be away before the run ends
MOST_OBJECTS = 500  # when a ledger of more is opened they become one: 40 minutes of a run


class Lines(Protocol):
    """A place to which lines are appended."""

    def read(self) -> Iterator[bytes]: ...
    def backwards(self) -> Iterator[bytes]: ...
    def open(self) -> None: ...
    def append(self, lines: list[bytes], sync: bool) -> None: ...
    def close(self) -> None: ...
    def finish(self) -> None: ...
    def clear(self) -> None: ...
    @property
    def exists(self) -> bool: ...
    @property
    def changed(self) -> float: ...


def lines_in(folder: StoredPath) -> Lines:
    """Return the lines of the ledger in a work folder."""
    return ObjectLines(folder) if isinstance(folder, RemotePath) else FileLines(folder)


class FileLines:
    """ledger.jsonl; lines are synced before the unit counts as done, and one cut off by a crash is dropped."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.jsonl"

    @property
    def exists(self) -> bool:
        """Whether there is a ledger of an unfinished run."""
        return self.path.is_file()

    @property
    def changed(self) -> float:
        """When a line was added last, in seconds since 1970."""
        return self.path.stat().st_mtime

    def read(self) -> Iterator[bytes]:
        """Yield all whole lines."""
        if not self.exists:
            return
        with open(self.path, "rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))

    def backwards(self) -> Iterator[bytes]:
        """Yield the lines from the last one on; the first of them may be torn."""
        if not self.exists:
            return
        with open(self.path, "rb") as file:
            file.seek(0, os.SEEK_END)
            at, rest = file.tell(), b""
            while at > 0:
                size = min(READ_BYTES, at)
                at -= size
                file.seek(at)
                lines = (file.read(size) + rest).split(b"\n")
                rest = lines[0]
                yield from reversed(lines[1:] if at else lines)

    def open(self) -> None:
        """Make ready for appending."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.exists and (whole := sum(map(len, self.read()))) < self.path.stat().st_size:
            os.truncate(self.path, whole)  # the last writer died in the middle of a line
        self._file = open(self.path, "ab")  # noqa: SIM115 - open for as long as the run

    def append(self, lines: list[bytes], sync: bool) -> None:
        """Add lines; with `sync` they are on the disk afterwards."""
        self._file.write(b"".join(line + b"\n" for line in lines))
        self._file.flush()
        if sync:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def finish(self) -> None:
        """Keep the ledger of a run that is complete under another name."""
        self.path.replace(self.path.with_name("ledger.done.jsonl"))

    def clear(self) -> None:
        """Forget everything."""
        self.path.unlink(missing_ok=True)


class ObjectLines:
    """ledger/00000001-....jsonl and so on: one object every 5 seconds or 1,000 lines, by a thread of its own."""

    def __init__(self, folder: RemotePath) -> None:
        self.folder = folder / "ledger"
        self.done = folder / "ledger.done.jsonl"
        self.guard: Callable[[], None] = lambda: None  # called before anything is written; raises when it must not be
        self._id = secrets.token_hex(4)  # of two drivers at once neither overwrites the other's
        self._held: list[bytes] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failed: Exception | None = None  # what ends the run
        self._away = False

    @property
    def exists(self) -> bool:
        """Whether there is a ledger of an unfinished run."""
        return self.folder.exists()

    @property
    def changed(self) -> float:
        """When an object was added last, in seconds since 1970."""
        return max((stat.st_mtime for _, stat in self.folder.files()), default=0.0)

    def _objects(self) -> list[RemotePath]:
        return sorted(path for path, _ in self.folder.files())

    def read(self) -> Iterator[bytes]:
        """Yield all lines."""
        objects = self._objects()
        for first in range(0, len(objects), THREADS):  # several at a time, and not all in memory
            for content in pool().map(RemotePath.read_bytes, objects[first : first + THREADS]):
                yield from content.splitlines(keepends=True)

    def backwards(self) -> Iterator[bytes]:
        """Yield the lines from the last one on."""
        for path in reversed(self._objects()):
            yield from reversed(path.read_bytes().splitlines())

    def open(self) -> None:
        """Make ready for appending."""
        objects = self._objects()
        self._number = int(objects[-1].name.partition("-")[0]) + 1 if objects else 1
        if len(objects) > MOST_OBJECTS:  # lines may stand twice if the driver dies here: the later ones count
            self._write(b"".join(pool().map(RemotePath.read_bytes, objects)))
            list(pool().map(RemotePath.unlink, objects))
        self._written = time.monotonic()
        threading.Thread(target=self._flush_now_and_then, daemon=True).start()

    def append(self, lines: list[bytes], sync: bool) -> None:
        """Add lines; they are stored within OBJECT_SECONDS. Raises what the store said when it is away for too long."""
        with self._lock:
            self._held += lines
            if len(self._held) >= OBJECT_LINES and not self._away:
                self._try_to_flush()
            if self._failed is not None:
                raise self._failed

    def _try_to_flush(self) -> None:
        try:
            self._flush()
            self._away = False
        except StorageError as error:
            self._away = True
            if time.monotonic() - self._written >= OUTAGE_SECONDS:
                self._failed = error
        except Exception as error:
            self._failed = error

    def _flush(self) -> None:
        if self._held:
            self.guard()
            self._write(b"".join(line + b"\n" for line in self._held))
            self._held = []
        self._written = time.monotonic()

    def _write(self, content: bytes) -> None:
        (self.folder / f"{self._number:08d}-{self._id}.jsonl").write_bytes(content)
        self._number += 1

    def _flush_now_and_then(self) -> None:
        while not self._stop.wait(OBJECT_SECONDS / 5):
            with self._lock:
                if self._failed is None and time.monotonic() - self._written >= OBJECT_SECONDS:
                    self._try_to_flush()  # a failure is for the driver, when it next commits

    def close(self) -> None:
        """Store what is held."""
        self._stop.set()
        with self._lock:
            if self._failed is None:
                self._flush()

    def finish(self) -> None:
        """Keep the ledger of a run that is complete as one object."""
        self.done.write_bytes(b"".join(self.read()))
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.folder.delete_tree()
