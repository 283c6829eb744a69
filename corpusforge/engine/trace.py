"""What a unit was at when its worker died: a few bytes on disk that outlive the worker, and what follows from them.

A document that kills its worker (a crash, the memory, the time limit) is found in three deaths, however many
documents a batch has: after the first, the documents of that batch go one by one; after the second, the one is known;
when it kills a worker alone once more, it goes to quarantine and everything else goes on. Of a batch of one document
it takes three too: two machines that are taken away in the middle of the same book are not the book's fault.

A reader that dies or hangs is found in the same way: after its first death it notes every record that it gives. Since
it cannot be asked to begin behind a record, the rest of its split goes to quarantine, as that of a broken file does.
"""

import os
import struct
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from corpusforge.engine.remote import RemotePath
from corpusforge.engine.storage import stored_path
from corpusforge.errors import StorageError

NAME = "position"
FORM = struct.Struct("<qqqd")
NOT_IN_A_STAGE = -1  # opening the stages, reading intermediate files, writing the last rows
READING = -2  # the input; `first` is then what the reader had given before, once that is noted
MAX_BARRED = 20  # documents of one split; if a stage kills its worker more often, it is the stage


class Position(NamedTuple):
    """Where a unit stood: in a step or READING, with the documents `first` to `last` of its split, since a time."""

    step: int
    first: int
    last: int
    since: float  # seconds since 1970


class Barred(NamedTuple):
    """A document that no longer enters the step in which it killed workers."""

    row: int
    step: int
    error: str


class Rest(NamedTuple):
    """What a reader is no longer asked for: the rest of a split, from when it was asked `given` times in the unit."""

    given: int
    error: str


@dataclass(frozen=True)
class Suspects:
    """What earlier attempts at a unit showed."""

    first: int = 0  # documents of this range go one by one
    last: int = -1
    alone: Position | None = None  # where the last attempt died with one document
    barred: tuple[Barred, ...] = ()
    reading: bool = False  # the reader notes every record
    rests: tuple[Rest, ...] = ()


NOTHING_KNOWN = Suspects()


class Trace:
    """The file of an attempt in which it says where it stands; one small write per batch and step.

    `folder` is on a disk; `shown` is the attempt's place in an object store, where it is written too, since the driver
    cannot read the disk of a worker that died.
    """

    def __init__(self, folder: Path, shown: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / NAME
        self._shown = RemotePath(shown) / NAME if shown else None
        self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o666)
        self.at(NOT_IN_A_STAGE, 0, 0)

    def at(self, step: int, first: int, last: int, since: float | None = None) -> None:
        """Say which documents are in which step, from now on if not `since` another time."""
        now = FORM.pack(step, first, last, since or time.time())
        os.pwrite(self._file, now, 0)
        if self._shown is not None:
            self._shown.write_bytes(now)

    def close(self, died: bool) -> None:
        """Remove the file: the unit ended, well or with an exception; leave it when it `died` of a document."""
        os.close(self._file)
        if not died:
            self._path.unlink(missing_ok=True)
            if self._shown is not None:
                self._shown.unlink(missing_ok=True)


def position(folder: str) -> Position | None:
    """Return where the attempt in `folder` died; None when it had not begun or had ended."""
    try:
        data = (stored_path(folder) / NAME).read_bytes()
    except (OSError, StorageError):
        return None
    return Position(*FORM.unpack(data)) if len(data) == FORM.size else None


def after_death(suspects: Suspects, died: Position, how: str, last_step: int) -> Suspects:
    """Return what is known once a worker died at `died`; a document that died alone twice running is barred.

    >>> known = after_death(Suspects(), Position(0, 10, 90, 0.0), "crash", 3)
    >>> known.first, known.last
    (10, 90)
    >>> known = after_death(known, Position(2, 17, 17, 0.0), "crash", 3)
    >>> after_death(known, Position(2, 17, 17, 0.0), "crash", 3).barred[0][:2]
    (17, 2)
    """
    if died.step == NOT_IN_A_STAGE:
        return replace(suspects, alone=None)
    if died.step == READING:
        if not suspects.reading:
            return replace(suspects, alone=None, reading=True)
        if suspects.alone is None or suspects.alone[:2] != died[:2]:
            return replace(suspects, alone=died)
        rest = Rest(died.first, f"its reader died of it twice: {how}")
        return replace(suspects, alone=None, rests=(*suspects.rests, rest))
    if died.first != died.last:
        return replace(suspects, first=died.first, last=died.last, alone=None)
    if not suspects.first <= died.first <= suspects.last:
        return replace(suspects, first=died.first, last=died.first, alone=None)
    before = suspects.alone
    if before is None or before[:2] != died[:2]:
        return replace(suspects, alone=died)
    # What comes after the last step (rows for a pass) is counted with it.
    barred = Barred(died.first, min(died.step, last_step), f"its worker died of it twice: {how}")
    return replace(suspects, alone=None, barred=(*suspects.barred, barred))
