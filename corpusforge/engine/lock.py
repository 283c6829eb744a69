"""The lock: one driver at a time in a work folder; an abandoned lock is taken over.

Local disks create the file exclusively. Object stores are not asked to (their conditional writes are no part of
pyarrow.fs): the driver writes the object, waits, and reads whether it is still its own. Two that begin within that time
are told apart when the lock is next looked at; until then both work, which costs work and not correctness, since equal
units leave equal bytes under names of their own.
"""

import contextlib
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from corpusforge.engine.remote import RemotePath
from corpusforge.engine.storage import StoredPath
from corpusforge.errors import OutputError, RunError

RENEW_SECONDS = 20.0
EXPIRES_SECONDS = 120.0
SETTLE_SECONDS = 1.0  # between writing a lock object and trusting it


class Lock:
    """Held while the `with` lasts."""

    def __init__(self, folder: StoredPath) -> None:
        self.path = folder / "lock"
        self._me: dict[str, Any] = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "id": secrets.token_hex(8),
        }
        self._lost: dict[str, Any] | None = None
        self._stop = threading.Event()

    def __enter__(self) -> "Lock":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while not self._created():
            holder = self._holder()
            if holder is not None and not self._abandoned(holder):
                raise OutputError(
                    f"{self.path.parent}: another run works here ({json.dumps(holder)}). Wait for it, or give another "
                    "output"
                )
            self._clear(holder)
        threading.Thread(target=self._renew, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._holder() == self._me:
            self.path.unlink(missing_ok=True)

    def check(self) -> None:
        """Look whether the lock is still held; RunError when another driver took it."""
        holder = self._lost or self._holder()
        if holder is not None and holder != self._me:
            self._lost = holder
            raise RunError(
                f"{self.path.parent}: another run took over here ({json.dumps(holder)}), since this one gave no sign "
                f"for {EXPIRES_SECONDS:.0f} seconds. It goes on with what was finished; this one stops"
            )

    def _created(self) -> bool:
        content = json.dumps(self._me)
        if isinstance(self.path, RemotePath):
            if self.path.exists():
                return False
            self.path.write_bytes(content.encode())
            time.sleep(SETTLE_SECONDS)
            return self._holder() == self._me
        try:
            descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        return True

    def _clear(self, abandoned: dict[str, Any] | None) -> None:
        """Remove an abandoned lock if it is still that one: another driver may have found it too, and been faster."""
        if isinstance(self.path, RemotePath):
            self.path.unlink(missing_ok=True)
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # a file system without such locks
                fcntl.flock(folder, fcntl.LOCK_EX)
            if self._holder() == abandoned:
                self.path.unlink(missing_ok=True)
        finally:
            os.close(folder)

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            with contextlib.suppress(OSError, RunError):  # the storage may be away for a while
                if self._holder() != self._me:
                    continue
                if isinstance(self.path, RemotePath):
                    self.path.write_bytes(json.dumps(self._me).encode())
                else:
                    os.utime(self.path)

    def _holder(self) -> dict[str, Any] | None:
        """Return what stands in the lock; empty while it is being written, None when there is no lock."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            return {}
        return found

    def _abandoned(self, holder: dict[str, Any]) -> bool:
        if holder.get("host") == self._me["host"]:
            return bool(_started(holder["pid"]) != holder.get("started"))
        return self.age() > EXPIRES_SECONDS

    def age(self) -> float:
        """Return the seconds since the holder's last sign; 0 when there is no lock."""
        try:
            return max(0.0, self._now() - self.path.stat().st_mtime)
        except FileNotFoundError:
            return 0.0

    def _now(self) -> float:
        if not isinstance(self.path, RemotePath):
            return time.time()
        probe = self.path.with_name(f"clock-{self._me['id']}")  # by the store's clock, with which it dates the lock
        try:
            probe.write_bytes(b"now")
            now = probe.stat().st_mtime
            probe.unlink(missing_ok=True)
        except (OSError, RunError):  # who may only read asks how a run goes
            return time.time()
        return now


@dataclass(frozen=True)
class Owner:
    """Who holds a lock."""

    host: str
    pid: int
    alive: bool  # as far as can be known from here: on another host, by the time of its last sign
    seconds: float  # since that sign


def owner(folder: StoredPath) -> Owner | None:
    """Return who works in a work folder, without taking its lock; None when nobody does."""
    lock = Lock(folder)
    about = lock._holder()
    if about is None:
        return None
    return Owner(str(about.get("host", "unknown")), int(about.get("pid", 0)), not lock._abandoned(about), lock.age())


def _started(pid: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
