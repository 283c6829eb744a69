"""Run tasks one after the other in this process. Never imports Ray."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpusforge.engine.apart import Apart, NotThere, died_before
from corpusforge.engine.attempts import discard
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
        self._apart: Apart | None = None
        self._may_be_apart = True

    @property
    def has_room(self) -> bool:
        """Whether another task may be submitted."""
        return not self._done

    @property
    def busy(self) -> bool:
        """Whether an outcome is still to come."""
        return bool(self._done)

    def submit(self, units: list[Unit]) -> None:
        """Run `units`; from the first at which an earlier driver died, in a process of their own."""
        if self._apart is None and self._may_be_apart and any(map(died_before, units)):
            self._apart = Apart()
        try:
            with _traced(units):
                self._done.append((units, self._work(units)))
        except Exception as error:  # handed to the driver, which decides
            self._done.append((units, error))
        except BaseException:  # stopped: what is half done goes
            discard(units)
            raise

    def _work(self, units: list[Unit]) -> list[Report]:
        if self._apart is not None:
            try:
                return self._apart.work(units)
            except NotThere:
                self.close()
                self._may_be_apart = False
        return work(units)

    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]:
        """Return finished tasks."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """End the other process, if there is one."""
        if self._apart is not None:
            self._apart.close()
            self._apart = None


@contextmanager
def _traced(units: list[Unit]) -> Iterator[None]:
    # Units of passes do not trace themselves, since of them no more can be known than which unit it was.
    mine = (u for u in units if isinstance(u, EmitUnit | CombineUnit) and not is_remote(u.folder))
    traces = [Trace(Path(unit.folder)) for unit in mine]
    died = False
    try:
        yield
    except WorkerLost:
        died = True
        raise
    finally:
        for trace in traces:
            trace.close(died)
