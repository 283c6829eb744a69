"""What a run shows while it works: a live line on a terminal, plain log lines elsewhere."""

import sys
import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

LOG_EVERY_SECONDS = 10.0


class Lines:
    """Plain lines, at most one every few seconds within a segment."""

    def __init__(self) -> None:
        self.name = ""
        self.begun = self.said = time.time()
        self.units = self.done_units = self.documents = self.kept = self.bytes = 0

    def segment(self, name: str, units: int) -> None:
        """A new segment begins; `units` may be 0 when their number is not known."""
        self._close()
        self.name, self.units = name, units
        self.begun = self.said = time.time()
        self.done_units = self.documents = self.kept = self.bytes = 0

    def advance(self, documents: int, kept: int, bytes: int) -> None:
        """One unit was committed."""
        self.done_units += 1
        self.documents += documents
        self.kept += kept
        self.bytes += bytes
        if time.time() - self.said >= LOG_EVERY_SECONDS:
            self.said = time.time()
            self.line(self.status())

    def status(self) -> str:
        """Return documents, MB/s, kept share and time left of the segment in one line."""
        seconds = max(time.time() - self.begun, 1e-6)
        said = [self.name]
        if self.units:
            said.append(f"{min(self.done_units, self.units)}/{self.units}")
        if self.documents:
            said += [f"{self.documents:,} documents", f"{self.bytes / 1e6 / seconds:.1f} MB/s"]
            said.append(f"{self.kept / self.documents:.1%} kept")
        if self.units and 0 < self.done_units < self.units:
            said.append(f"{seconds / self.done_units * (self.units - self.done_units):.0f} s left")
        return " | ".join(said)

    def _close(self) -> None:
        if self.name and (self.documents or self.done_units):
            self.line(f"{self.status()} | {time.time() - self.begun:.1f} s")
        self.name = ""

    def line(self, text: str) -> None:
        """Say something that stays."""
        print(text, file=sys.stderr, flush=True)

    def done(self) -> None:
        """The run ended."""
        self._close()


class LiveLine(Lines):
    """The same on a terminal, with the current segment's line redrawn in place."""

    def __init__(self) -> None:
        super().__init__()
        self.console = Console(stderr=True)
        self.live = Live(console=self.console, refresh_per_second=4, transient=True)
        self.live.start()

    def advance(self, documents: int, kept: int, bytes: int) -> None:
        """One unit was committed."""
        self.said = time.time()
        super().advance(documents, kept, bytes)
        self.live.update(Text(self.status()))

    def line(self, text: str) -> None:
        """Say something that stays."""
        self.console.print(Text(text))

    def done(self) -> None:
        """The run ended."""
        super().done()
        self.live.stop()


def progress() -> Lines:
    """Return the progress that fits where standard error goes."""
    return LiveLine() if sys.stderr.isatty() else Lines()
