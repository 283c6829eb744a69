"""Attempts at units that were cut off: what they left on disk, and that it goes."""

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from corpusforge.engine.storage import is_remote
from corpusforge.engine.units import PartUnit, Unit


def discard(units: Iterable[Unit]) -> None:
    """Remove what unfinished attempts at `units` wrote; call it when nothing works on them any more.

    Other attempts at the same units, and what is committed, lie in folders of their own.
    """
    for unit in units:
        if not unit.folder or is_remote(unit.folder):  # in object stores, nothing appears before it is whole
            continue
        if isinstance(unit, PartUnit):  # straight into the output, under a temporary name until it is whole
            place = Path(unit.folder) / unit.name
            for path in place.parent.glob(f".{place.name}.*.tmp"):
                path.unlink(missing_ok=True)
            continue
        attempt = Path(unit.folder)
        shutil.rmtree(attempt, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: another attempt
            attempt.parent.rmdir()
            attempt.parent.parent.rmdir()
