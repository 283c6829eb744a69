"""The ledger: one line of JSON per committed unit of work; see engine/ledger_lines.py for where they are.

Only what the ledger names exists for anyone. A line that is cut off or damaged is passed over when the ledger is opened
again, and what it named is done again.
"""

import os
from collections.abc import Callable, MutableMapping
from typing import Any

import orjson

from corpusforge.engine.identity import source_digest
from corpusforge.engine.ledger_lines import ObjectLines, lines_in
from corpusforge.engine.packed import PackedEntries
from corpusforge.engine.storage import StoredPath


class Ledger:
    """What has been committed in a work folder, by fingerprint."""

    def __init__(self, folder: StoredPath, fresh: bool = False, guard: Callable[[], None] | None = None) -> None:
        """Read it, and go on with it (after nothing, with `fresh`); `guard` raises when this driver must not write."""
        self._lines = lines_in(folder)
        if fresh:
            self._lines.clear()
        self._guard = guard or (lambda: None)
        if isinstance(self._lines, ObjectLines):  # writes now and then, and looks then
            self._lines.guard, self._guard = self._guard, lambda: None
        self._begin()
        self._lines.open()
        self._append({"driver": self.driver, "pid": os.getpid(), "source": self._source})

    def _begin(self) -> None:
        self.units: MutableMapping[str, dict[str, Any]] = PackedEntries()
        self.inputs: MutableMapping[str, dict[str, Any]] = PackedEntries()
        self.driver = 1
        self.other_source = False  # an earlier driver was another state of the program
        self._source = source_digest()
        for line in self._lines.read():
            try:
                entry = orjson.loads(line)
            except orjson.JSONDecodeError:  # such as zeros after a power failure
                continue
            if "unit" in entry:
                self.units[entry["unit"]] = entry
            elif "drop" in entry:
                self.units.pop(entry["drop"], None)
            elif "input" in entry:
                self.inputs[entry["input"]] = entry
            elif "driver" in entry:
                self.driver = entry["driver"] + 1
                self.other_source = entry.get("source") != self._source

    def _append(self, *entries: dict[str, Any]) -> None:
        self._lines.append([orjson.dumps(entry) for entry in entries], sync=True)

    def commit(self, entries: list[dict[str, Any]]) -> None:
        """Make units exist; each entry has "unit" (its fingerprint) and what the unit left."""
        self._guard()
        for entry in entries:
            entry["driver"] = self.driver
            self.units[entry["unit"]] = entry
        if entries:
            self._append(*entries)

    def record_inputs(self, entries: list[dict[str, Any]]) -> None:
        """Remember identity and checksum of input files."""
        for entry in entries:
            self.inputs[entry["input"]] = entry
        if entries:
            self._append(*entries)

    def note(self, entry: dict[str, Any]) -> None:
        """Leave a word for who reads the ledger from outside; not synced, since nothing depends on it."""
        self._lines.append([orjson.dumps(entry)], sync=False)

    def drop(self, fingerprint: str) -> None:
        """Forget a unit whose files turned out to be damaged."""
        self.units.pop(fingerprint, None)
        self._append({"drop": fingerprint})

    def close(self) -> None:
        """Store what is not yet stored."""
        self._lines.close()

    def finish(self) -> None:
        """Put the closed ledger of a run that is complete aside."""
        self._lines.finish()


class Known(Ledger):
    """A ledger that is only read, such as that of a run in progress."""

    def __init__(self, folder: StoredPath) -> None:
        self._lines = lines_in(folder)
        self._begin()

    def _append(self, *entries: dict[str, Any]) -> None:
        raise AssertionError("this ledger is only read")


def last_note(folder: StoredPath, name: str) -> dict[str, Any] | None:
    """Return the last entry of a work folder's ledger that has `name`; a line that is being written is none."""
    for line in lines_in(folder).backwards():
        if f'{{"{name}":'.encode() in line[: len(name) + 4]:
            try:
                found: dict[str, Any] = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            return found
    return None
