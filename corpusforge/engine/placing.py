"""Units whose files belong into an object store: made in the scratch folder, sent when they are complete."""

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpusforge.engine.part_files import files_of
from corpusforge.engine.remote import RemotePath, pool
from corpusforge.engine.scratch import scratch
from corpusforge.engine.storage import is_remote
from corpusforge.engine.units import PartUnit, Report, Unit


def placed(unit: Unit, run: Callable[[Unit], Report]) -> Report:
    """Run a unit and leave its files where it says; a report names them there."""
    if not is_remote(unit.folder):
        return run(unit)
    local = Path(tempfile.mkdtemp(dir=scratch()))
    try:
        report = run(replace(unit, folder=str(local)))
        sent: list[Future[None]] = []
        if isinstance(unit, PartUnit):
            for file in files_of([report["part"]]):
                _send(local / file["path"], RemotePath(unit.folder) / file["path"], sent)
        else:
            report = _renamed(report, local, RemotePath(unit.folder), sent)
        for one in sent:
            one.result()
        return report
    finally:
        shutil.rmtree(local, ignore_errors=True)


def _renamed(value: Any, local: Path, folder: RemotePath, sent: list[Future[None]]) -> Any:
    if isinstance(value, list):
        return [_renamed(one, local, folder, sent) for one in value]
    if not isinstance(value, dict):
        return value
    path = value.get("path")
    if isinstance(path, str) and "checksum" in value and Path(path).is_relative_to(local):
        target = folder / Path(path).relative_to(local).as_posix()
        _send(Path(path), target, sent)
        return {**value, "path": str(target)}
    return {name: _renamed(one, local, folder, sent) for name, one in value.items()}


def _send(file: Path, target: RemotePath, sent: list[Future[None]]) -> None:
    sent.append(pool().submit(target.send, file))
