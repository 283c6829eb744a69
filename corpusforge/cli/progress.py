"""What a run shows while it works: a live view on a terminal, plain log lines elsewhere, or JSON lines.

JSON lines (`--progress json`) go to standard error, one object a line, each with `event` and `time` (Unix seconds):

    {"event": "begin"}      a plan is run; again when damaged work made it start over
    {"event": "progress"}   every second at most, and when a phase begins; the fields of engine/tracking.Track.state
    {"event": "message"}    `text`: something a log would hold, such as a worker that was lost
    {"event": "end"}        `ok`, and `error` with what went wrong
"""

import sys
import time
from collections.abc import Mapping
from typing import Any, Literal

import orjson
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from corpusforge.engine.plan import Plan
from corpusforge.engine.tracking import Track
from corpusforge.engine.units import Report

LOG_EVERY_SECONDS = 10.0
JSON_EVERY_SECONDS = 1.0

Mode = Literal["auto", "plain", "json", "none"]


class Lines:
    """Plain lines, at most one every few seconds within a phase, and one when a phase ends."""

    every = LOG_EVERY_SECONDS

    def __init__(self) -> None:
        self.track = Track()
        self.said = time.time()
        self.phase_begun = time.time()

    def begin(self, plan: Plan, counters: Mapping[str, float], workers: int) -> None:
        """The run of a plan begins."""
        self.track.begin(plan, counters, workers)

    def segment(self, name: str, units: int) -> None:
        """A phase begins; `units` may be 0 when their number is not known."""
        self._close()
        self.track.segment(name, units)
        self.said = self.phase_begun = time.time()

    def advance(self, report: Report, ran: bool) -> None:
        """One unit was committed."""
        self.track.advance(report, ran)
        if time.time() - self.said >= self.every:
            self.said = time.time()
            self.show()

    def show(self) -> None:
        """Show where the run stands."""
        self.line(f"{heading(self.track.state())} | {figures(self.track.state())}")

    def _close(self) -> None:
        if self.track.phase and self.track.units_done:
            self.line(f"{heading(self.track.state())} | {time.time() - self.phase_begun:.1f} s")

    def line(self, text: str) -> None:
        """Say something that stays."""
        print(text, file=sys.stderr, flush=True)

    def done(self) -> None:
        """The engine has nothing more to do."""
        self._close()
        self.track.units_done = 0

    def end(self, error: str = "") -> None:
        """Leave the screen; `error` is what went wrong, which the caller says."""


class Quiet(Lines):
    """Nothing but what must be said."""

    def show(self) -> None:
        """Show nothing."""

    def _close(self) -> None:
        pass


class LiveView(Lines):
    """The whole run on a terminal, redrawn in place."""

    every = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.console = Console(stderr=True)
        # Drawn from the record four times a second, so that the clock goes on while a unit is at work.
        self.live = Live(get_renderable=self.view, console=self.console, refresh_per_second=4, transient=True)
        self.live.start()

    def show(self) -> None:
        """Leave it to the clock."""

    def view(self) -> Table:
        """Return what is drawn: the phase, a bar, the figures."""
        state = self.track.state()
        rows = Table.grid()
        if state["phase"]:
            rows.add_row(Text(heading(state)))
            if state["units"]:
                rows.add_row(ProgressBar(state["units"], min(state["units_done"], state["units"]), width=60))
            rows.add_row(Text(figures(state)))
        return rows

    def line(self, text: str) -> None:
        """Say something that stays."""
        self.console.print(Text(text))

    def end(self, error: str = "") -> None:
        """Stop redrawing."""
        self.live.stop()


class JsonLines(Lines):
    """One JSON object a line; see the module."""

    every = JSON_EVERY_SECONDS

    def begin(self, plan: Plan, counters: Mapping[str, float], workers: int) -> None:
        """The run of a plan begins."""
        super().begin(plan, counters, workers)
        self._event("begin")

    def segment(self, name: str, units: int) -> None:
        """A phase begins."""
        super().segment(name, units)
        self.show()

    def done(self) -> None:
        """The engine has nothing more to do."""
        self.show()

    def show(self) -> None:
        """Say where the run stands."""
        self._event("progress", **self.track.state())

    def _close(self) -> None:
        pass

    def line(self, text: str) -> None:
        """Say something that stays."""
        self._event("message", text=text)

    def end(self, error: str = "") -> None:
        """Say how the run ended."""
        self._event("end", ok=not error, error=error)

    def _event(self, event: str, **fields: Any) -> None:
        print(
            orjson.dumps({"event": event, "time": round(time.time(), 3), **fields}).decode(),
            file=sys.stderr,
            flush=True,
        )


def heading(state: Mapping[str, Any]) -> str:
    """Return the phase of a run, and how far it is."""
    names = state["phase"].split(", ")
    phase = state["phase"] if len(names) <= 4 else f"{names[0]}, {names[1]} ... {names[-1]}"
    units = f" | {min(state['units_done'], state['units'])}/{state['units']}" if state["units"] else ""
    return f"[{state['phase_number']}/{state['phases']}] {phase}{units}"


def figures(state: Mapping[str, Any]) -> str:
    """Return documents, MB/s, share left, workers, memory and time of a run in one line."""
    said = []
    if state["documents"]:
        said += [f"{state['documents']:,} documents", f"{state['mb_per_second']:.1f} MB/s"]
        said.append(f"{state['share_left']:.1%} still in")
    said.append(f"{state['workers']} worker{'s' if state['workers'] != 1 else ''}")
    if state["retries"]:
        said.append(f"{state['retries']} retries")
    if state["peak_memory_bytes"]:
        said.append(f"at most {state['peak_memory_bytes'] / 1e6:.0f} MB")
    said.append(f"{clock(state['seconds'])} so far")
    if state["seconds_left"] is not None:
        said.append(f"about {clock(state['seconds_left'])} left")
    return " | ".join(said)


def clock(seconds: float) -> str:
    """Return a time for people.

    >>> clock(41), clock(3725), clock(200_000)
    ('41 s', '1 h 2 min', '2 d 7 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for size, name, small, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // small} {small_name}"
    return f"{whole // 60} min {whole % 60} s"


def progress(mode: Mode = "auto") -> Lines:
    """Return the progress that was asked for; auto: what fits where standard error goes."""
    if mode == "json":
        return JsonLines()
    if mode == "none":
        return Quiet()
    return LiveView() if mode == "auto" and sys.stderr.isatty() else Lines()
