"""Units in a process of their own: what ended the driver's process once shall not end it again.

Used for a unit of which an earlier driver of `workers: 1` left a trace, since it worked on it when it died. Whatever
the reason was: if the unit ends its process again, the process is lost, and the driver finds the document.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from corpusforge.engine.scheduler import WorkerLost
from corpusforge.engine.units import Report, Unit
from corpusforge.errors import RunError
from corpusforge.stage import spent_elsewhere

NOT_TO_BE_FOUND = 3  # exit code: a stage is defined where another process cannot import it


def work_apart(units: list[Unit]) -> list[Report] | None:
    """Run units in a new process and return their reports; None when they hold what cannot be imported there.

    Raises what the units raise, and WorkerLost when the process ends before they are done.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answer = b""
    try:
        with suppress(BrokenPipeError):
            process.stdin.write(pickle.dumps(units))
            process.stdin.flush()
            answer = process.stdout.read()
        code = process.wait()
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()  # not earlier: while it works, this is the sign that its driver died
    if code == NOT_TO_BE_FOUND:
        return None
    if code != 0 or not answer:
        raise WorkerLost("the worker crashed", f"signal {-code}" if code < 0 else f"exit code {code}")
    # From a process that this one started, over a pipe that nobody else holds.
    outcome: list[Report] | Exception = pickle.loads(answer)
    if isinstance(outcome, Exception):
        raise outcome
    spent_elsewhere(sum(r["cpu_seconds"] for r in outcome), max(r["peak_bytes"] for r in outcome))
    return outcome


def serve() -> None:
    """Run the units that come in, and answer with their reports or the error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries may write to standard output
    try:
        units: list[Unit] = pickle.load(sys.stdin.buffer)
    except (AttributeError, ImportError):
        sys.exit(NOT_TO_BE_FOUND)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's, which then ends this process
    threading.Thread(target=_end_with_driver, daemon=True).start()
    from corpusforge.engine.worker import work_alone

    outcome: list[Report] | Exception
    try:
        outcome = work_alone(units)
    except Exception as error:
        outcome = error
    with answers:
        answers.write(_pickled(outcome))
    os._exit(0)


def _pickled(outcome: list[Report] | Exception) -> bytes:
    try:
        data = pickle.dumps(outcome)
        pickle.loads(data)  # an exception may take other arguments than it keeps
    except Exception:
        data = pickle.dumps(RunError(f"{type(outcome).__name__}: {outcome}"))
    return data


def _end_with_driver() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def died_before(unit: Unit) -> bool:
    """Say whether an earlier driver's attempt at a unit left its trace: it came to no end, well or with an error."""
    folder = Path(unit.folder)  # of this attempt: its name is the number of the driver, and its own
    mine = folder.name.partition("-")[0]
    return any(trace.parent.name.partition("-")[0] != mine for trace in folder.parent.glob("*/position"))
