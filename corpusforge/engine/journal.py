"""The journal: progress that also stands in the ledger, so that `corpusforge status` can read it from outside."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from corpusforge.engine.ledger import Ledger
from corpusforge.engine.plan import Plan
from corpusforge.engine.tracking import Track
from corpusforge.engine.units import Report

if TYPE_CHECKING:
    from corpusforge.engine.scheduler import Progress

EVERY_SECONDS = 5.0  # a line of 500 bytes: 9 MB a day


class Journal:
    """Hands everything on to `shown`, and writes the run's record into the ledger every few seconds."""

    def __init__(self, shown: "Progress", ledger: Ledger) -> None:
        self.shown = shown
        self.ledger = ledger
        self.track = Track()
        self._written = 0.0

    def begin(self, plan: Plan, counters: Mapping[str, float], workers: int) -> None:
        """The run of a plan begins."""
        self.track.begin(plan, counters, workers)
        self.shown.begin(plan, counters, workers)

    def segment(self, name: str, units: int) -> None:
        """A phase begins."""
        self.track.segment(name, units)
        self._write()
        self.shown.segment(name, units)

    def advance(self, report: Report, ran: bool) -> None:
        """A unit was committed."""
        self.track.advance(report, ran)
        if time.time() - self._written >= EVERY_SECONDS:
            self._write()
        self.shown.advance(report, ran)

    def line(self, text: str) -> None:
        """Say something that stays."""
        self.shown.line(text)

    def done(self) -> None:
        """The run ended."""
        self.shown.done()

    def _write(self) -> None:
        self._written = time.time()
        self.ledger.note({"progress": self.track.state(), "at": round(self._written, 3)})
