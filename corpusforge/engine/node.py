"""What a task checks on its node before it works: that it sees the run's folder and has the driver's code and files.

A node without the shared storage, with other versions or another rule pack would fail late, or write other bytes.
"""

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from corpusforge.engine.identity import source_digest, stage_identity, versions
from corpusforge.engine.plan import PlannedStep
from corpusforge.engine.units import CombineUnit, EmitUnit, SegmentUnit, Unit
from corpusforge.errors import CorpusforgeError, RunError

APPEARS_SECONDS = 5.0  # that a new file on NFS may take to be seen elsewhere
SAME_PATH = (
    "Inputs, and files that a recipe names, must be at the same path on all nodes (shared storage, or an image with "
    "them), or be URIs such as s3://bucket/key"
)
NOT_COMPARED = ("corpusforge", "ray")  # the first by its source, the second by Ray itself

_agreed: set[tuple[int, str]] = set()  # steps of which this process has what the driver has


@dataclass(frozen=True)
class Base:
    """Where the driver stands, and with what."""

    host: str
    marker: str  # a file in the folder of intermediates; "" where every node reaches that by itself
    current: str  # its current folder, since recipes name files relative to it
    source: str
    packages: Mapping[str, str]
    identities: Mapping[int, str]  # by step: what the driver found


def base_of(marker: str, steps: Sequence[PlannedStep]) -> Base:
    """Return what the nodes of a run have to agree with."""
    found = {step.index: stage_identity(step.step.stage) for step in steps}
    return Base(socket.gethostname(), marker, os.getcwd(), source_digest(), _packages(), found)


def mark(work: Path) -> Path:
    """Return a new file in the folder of intermediates, by which a node shows that it sees that folder."""
    folder = work / "units"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(".driver-*"):  # of a driver that was killed: this one has the lock
        old.unlink(missing_ok=True)
    marker = folder / f".driver-{os.getpid()}-{time.time_ns()}"
    marker.touch()
    return marker


def check_node(base: Base, units: Sequence[Unit]) -> None:
    """Raise RunError, naming the node, unless `units` can be run here as the driver meant them."""
    if os.path.isdir(base.current):
        os.chdir(base.current)
    _check_folder(base)
    _check_code(base.source, tuple(base.packages.items()))
    for unit in units:
        for step in _steps(unit):
            known = (step.index, base.identities[step.index])
            if known not in _agreed:
                _check_stage(step, base)
                _agreed.add(known)


def missing_here(error: FileNotFoundError) -> RunError:
    """Return the error for a file that the driver found and a node does not."""
    return RunError(f"{_me()}: {error.filename} is not there. {SAME_PATH}")


def _check_folder(base: Base) -> None:
    if not base.marker:
        return
    until = time.monotonic() + APPEARS_SECONDS
    while not os.path.exists(base.marker):
        if time.monotonic() > until:
            raise RunError(
                f"{_me()} does not see {os.path.dirname(base.marker)}, the folder of intermediates, as the driver on "
                f"{base.host} does. Output and run.work must be on storage that all nodes mount at one path (NFS, "
                "Lustre, a ReadWriteMany volume), or a URI such as s3://bucket/folder"
            )
        time.sleep(0.2)


@cache
def _check_code(source: str, packages: tuple[tuple[str, str], ...]) -> None:
    mine = _packages()
    others = [f"{name} {mine.get(name)} and not {version}" for name, version in packages if mine.get(name) != version]
    if source != source_digest():
        others.append("another state of corpusforge itself")
    if others:
        raise RunError(
            f"{_me()} has {', '.join(others)}: it would write other bytes than the driver. Use one image or runtime "
            "environment for all nodes"
        )


def _check_stage(step: PlannedStep, base: Base) -> None:
    stage = step.step.stage
    try:
        found = stage_identity(stage)
    except (CorpusforgeError, OSError) as error:
        raise RunError(f"{_me()}: {step.step.name}: {error}. {SAME_PATH}") from error
    if found != base.identities[step.index]:
        files = f"its files ({', '.join(stage.files())}), " if stage.files() else ""
        raise RunError(
            f"{_me()}: {step.step.name} is not what it is for the driver on {base.host}: {files}its code, or a "
            f"package it depends on ({', '.join(stage.depends) or 'none'}) differs. Use one image or runtime "
            "environment for all nodes"
        )


def _steps(unit: Unit) -> Iterator[PlannedStep]:
    if isinstance(unit, SegmentUnit):
        yield from ((unit.resolve,) if unit.resolve else ())
        yield from (*unit.steps, *unit.masking, *(step for step, _ in unit.emits))
    elif isinstance(unit, EmitUnit | CombineUnit):
        yield unit.step


def _packages() -> dict[str, str]:
    return {name: version for name, version in versions().items() if name not in NOT_COMPARED}


def _me() -> str:
    return f"node {socket.gethostname()}"
