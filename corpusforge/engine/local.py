"""Run tasks one after the other in this process. Never imports Ray."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpusforge.engine.apart import died_before, work_apart
from corpusforge.engine.scheduler import WorkerLost
from corpusforge.engine.storage import is_remote
from corpusforge.engine.trace import Trace
from corpusforge.engine.units import CombineUnit, EmitUnit, Report, Unit
from corpusforge.engine.worker import work


class LocalRunner:
    """One task at a time; `submit` runs it at once and `wait` hands out the outcome."""

    workers = 1

    def __init__(self) -> None:
        self._done: list[tuple[list[Unit], list[Report] | Exception]] = []

    @property
    def has_room(self) -> bool:
        """Whether another task may be submitted."""
        return not self._done

    @property
    def busy(self) -> bool:
        """Whether an outcome is still to come."""
        return bool(self._done)

    def submit(self, units: list[Unit]) -> None:
        """Run `units`; those at which an earlier driver died run in a process of their own."""
        try:
            with _traced(units):
                reports = work_apart(units) if any(map(died_before, units)) else None
                self._done.append((units, work(units) if reports is None else reports))
        except Exception as error:  # handed to the driver, which decides
            self._done.append((units, error))

    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]:
        """Return finished tasks."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Nothing to release."""


def _needs_one(unit: Unit) -> bool:
    return isinstance(unit, EmitUnit | CombineUnit) and not is_remote(unit.folder)


@contextmanager
def _traced(units: list[Unit]) -> Iterator[None]:
    # Units of passes do not trace themselves: their workers' deaths tell nothing but which unit it was.
    traces = [Trace(Path(unit.folder)) for unit in units if _needs_one(unit)]
    died = False
    try:
        yield
    except WorkerLost:
        died = True
        raise
    finally:
        for trace in traces:
            trace.close(died)
