"""What a seed draws: faults, their places, and a folder through which all processes know which have happened."""

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

IN_WORKER = ("worker kills itself", "storage error", "slow storage", "no memory")
DAMAGE = ("flip a byte", "cut a file", "lose a file")  # while no driver runs
ANYWHERE = ("kill driver", *DAMAGE)
ON_DISK = ("fill the disk", "tear the ledger")
IN_STORE = ("storage outage",)
OF_RAY = ("kill worker", "freeze worker", "kill raylet")
OF_NODES = ("remove node", "add node")
WIDTH = 0.02  # share of documents at any of which a worker's fault happens


class Fault(NamedTuple):
    """What happens, at which share of the work, and a number from which everything else about it is drawn."""

    kind: str
    place: float
    draw: int

    def random(self) -> random.Random:
        """Return what decides its details, always the same."""
        return random.Random(self.draw)


def drawn(seed: int, number: int, kinds: Sequence[str]) -> list[Fault]:
    """Return the faults of a seed: distinct kinds as long as there are any."""
    draw = random.Random(seed)
    chosen = [kind for _ in range(-(-number // len(kinds))) for kind in draw.sample(kinds, len(kinds))][:number]
    return [Fault(kind, round(draw.uniform(0.02, 1), 4), draw.getrandbits(32)) for kind in chosen]


class Plan:
    """The faults of one run, in a folder that all its processes see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "plan.json"
        self.now = folder / "now.json"  # the driver wrote it, and waits until it is gone

    def write(self, faults: Sequence[Fault], units: int, roots: Sequence[object]) -> None:
        """Begin: `units` is how many an undisturbed run has, storage errors strike below `roots`."""
        self.folder.mkdir(parents=True)
        self.file.write_bytes(
            orjson.dumps({"faults": list(map(list, faults)), "units": units, "roots": list(map(str, roots))})
        )

    def read(self) -> tuple[list[Fault], int, tuple[str, ...]]:
        """Return what was written."""
        told: dict[str, Any] = orjson.loads(self.file.read_bytes())
        return [Fault(*fault) for fault in told["faults"]], told["units"], tuple(told["roots"])

    def first_time(self, fault: Fault, step: str = "happened") -> bool:
        """Say once that a fault got to a step."""
        try:
            os.close(os.open(self._flag(fault, step), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def is_past(self, fault: Fault, step: str = "happened") -> bool:
        """Say whether a fault got to a step."""
        return self._flag(fault, step).exists()

    def undo(self, fault: Fault, step: str = "happened") -> None:
        """Take back what `first_time` said: it came too late to do anything."""
        self._flag(fault, step).unlink()

    def happened(self) -> list[Fault]:
        """Return the faults that took effect."""
        return [fault for fault in self.read()[0] if self.is_past(fault)]

    def _flag(self, fault: Fault, step: str) -> Path:
        return self.folder / f"{fault.kind}-{fault.draw}-{step}".replace(" ", "_")
