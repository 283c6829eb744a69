"""The last guard against a stage that hangs: a time limit on one batch in one stage.

Nothing else in a run looks at the clock, so a document that meets the limit makes the manifest say that the run is
not deterministic.
"""

import faulthandler
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_own_process = False


class OverTime(Exception):
    """A batch was in a stage for longer than `run.max_batch_seconds`."""


def in_own_process() -> None:
    """Say that this process does nothing but work: the guard may end it, since compiled code cannot be interrupted."""
    global _own_process
    _own_process = True


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop what is done inside after `seconds`: by ending a worker, or (in the driver's process) by OverTime.

    In the driver's process, compiled code is stopped only once it returns to Python, and other threads not at all.
    """
    if _own_process:
        # Its watchdog needs no lock of Python, and leaves in the worker's log where the code was.
        faulthandler.dump_traceback_later(seconds, exit=True, file=2)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    elif threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
    else:
        before = signal.signal(signal.SIGALRM, _over)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _over(number: int, frame: FrameType | None) -> None:
    raise OverTime("longer than run.max_batch_seconds")
