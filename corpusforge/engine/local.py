"""Run tasks one after the other in this process. Never imports Ray."""

from corpusforge.engine.attempts import discard
from corpusforge.engine.units import Report, Unit
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
        """Run `units`."""
        try:
            self._done.append((units, work(units)))
        except Exception as error:  # handed to the driver, which decides
            self._done.append((units, error))
        except BaseException:  # stopped: what is half done goes
            discard(units)
            raise

    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]:
        """Return finished tasks."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Nothing to release."""
