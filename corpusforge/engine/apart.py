"""Units in a process of their own: what ended the driver's process once shall not end it again.

Used by a run of `workers: 1` from the first unit of which an earlier driver left a trace, since it worked on it when it
died. Whatever the reason was: what ends the process now is a lost worker, and the driver finds the document.
"""

import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from corpusforge.engine.scheduler import WorkerLost
from corpusforge.engine.storage import is_remote
from corpusforge.engine.units import Report, Unit
from corpusforge.errors import RunError
from corpusforge.stage import spent_elsewhere

LENGTH = struct.Struct("<Q")  # of the pickled message behind it
LOOK_SECONDS = 1  # at whether the driver still lives


class NotThere(Exception):
    """A stage is defined where another process cannot import it, such as in the script that runs."""


class Apart:
    """The process; started when the first units come, and again after some have ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def work(self, units: list[Unit]) -> list[Report]:
        """Run units and return their reports.

        Raises what the units raise, NotThere, and WorkerLost when the process ends before they are done.
        """
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _send(process.stdin, units)
            outcome = _receive(process.stdout)
        except (BrokenPipeError, EOFError):
            code = process.wait()
            self.close()
            raise WorkerLost("the worker crashed", f"signal {-code}" if code < 0 else f"exit code {code}") from None
        if isinstance(outcome, Exception):
            raise outcome
        reports: list[Report] = outcome
        spent_elsewhere(sum(r["cpu_seconds"] for r in reports), max(r["peak_bytes"] for r in reports))
        return reports

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import serve; serve({os.getpid()})"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
    )


def serve(driver: int) -> None:
    """Answer requests until there are no more; `driver` is the process that asks."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries may write to standard output
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's, which then ends this process
    threading.Thread(target=_end_with, args=[driver], daemon=True).start()
    from corpusforge.engine.worker import work_alone

    while True:
        try:
            units = _receive(sys.stdin.buffer)
        except EOFError:
            return
        except (AttributeError, ImportError) as error:
            _send(answers, NotThere(str(error)))
            continue
        try:
            _send(answers, work_alone(units))
        except Exception as error:
            _send(answers, _movable(error))


def _end_with(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def _movable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # an exception may take other arguments than it keeps
    except Exception:
        return RunError(f"{type(error).__name__}: {error}")
    return error


def _send(stream: Any, message: object) -> None:
    data = pickle.dumps(message)
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def _receive(stream: Any) -> Any:
    # Between a process and the one that it started, over a pipe that nobody else holds.
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    data = stream.read(*LENGTH.unpack(head))
    if len(data) < LENGTH.unpack(head)[0]:
        raise EOFError
    return pickle.loads(data)


def died_before(unit: Unit) -> bool:
    """Say whether an earlier driver's attempt at a unit left its trace: it came to no end, well or with an error."""
    folder = Path(unit.folder)  # of this attempt: its name is the number of the driver, and its own
    mine = folder.name.partition("-")[0]
    if is_remote(unit.folder):  # where a first attempt leaves no trace: an earlier driver at all will do
        return mine.isdigit() and int(mine) > 1
    return any(trace.parent.name.partition("-")[0] != mine for trace in folder.parent.glob("*/position"))
