"""Faults by seed, injected into runs of the command line: what a seed draws is a list of kinds and places.

Faults of a worker happen inside the stage `fault_kit:Faulty`, at a document that the place decides. Faults of the
driver happen when the ledger has a share of its units. Each happens once; `run_with` starts the driver again until the
run ends, and says how.
"""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
import psutil
import pyarrow as pa

from corpusforge.engine.verify import verify
from corpusforge.stage import Kernel, Stage

PLAN = "CORPUSFORGE_TEST_FAULTS"  # in the environment, so that workers inherit it: folder with plan.json
IN_WORKER = ("worker kills itself", "storage error", "disk full", "no memory")
IN_DRIVER = ("kill driver", "kill worker", "kill raylet", "flip a byte", "cut a file", "lose a file")
WIDTH = 0.02  # share of documents at any of which a worker's fault happens
POLL_SECONDS = 0.005
MOST_STARTS = 30
HUNG_SECONDS = 400


class Fault(NamedTuple):
    """What happens, and at which share of the work."""

    kind: str
    place: float


class Ended(NamedTuple):
    """How a disturbed run ended."""

    happened: list[Fault]
    starts: int
    checksum: str
    problems: list[str]


class Faulty(Stage):
    """Let the faults of the plan happen to the worker; without a plan, do nothing."""

    def open(self) -> Kernel:
        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            folder = os.environ.get(PLAN)
            if folder:
                places = [int(doc_id[:8], 16) / 2**32 for doc_id in batch["doc_id"].to_pylist()]
                for fault in _planned(Path(folder)):
                    due = fault.kind in IN_WORKER and any(fault.place <= p < fault.place + WIDTH for p in places)
                    if due and _first_time(Path(folder), fault):
                        _happen(fault.kind)
            return batch

        return kernel


def drawn(seed: int, number: int, kinds: Sequence[str]) -> list[Fault]:
    """Return the faults of a seed: distinct kinds as long as there are any."""
    draw = random.Random(seed)
    chosen = [kind for _ in range(-(-number // len(kinds))) for kind in draw.sample(kinds, len(kinds))][:number]
    return [Fault(kind, round(draw.uniform(0.02, 0.95), 4)) for kind in chosen]


def start(recipe: Path, plan: Path | None = None) -> "subprocess.Popen[bytes]":
    """Start the command line on a recipe, its words in `recipe.log`."""
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        **({PLAN: str(plan)} if plan else {}),
    }
    code = f"from corpusforge.cli import main; main(['run', {str(recipe)!r}])"
    with open(recipe.with_suffix(".log"), "ab") as log:
        return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=log, stderr=log)


def run_with(faults: Sequence[Fault], recipe: Path, output: Path, units: int, seed: int) -> Ended:
    """Run `recipe` under `faults` until it ends; `units` is how many an undisturbed run has."""
    plan = recipe.with_suffix(".faults")
    plan.mkdir()
    (plan / "plan.json").write_bytes(orjson.dumps([list(fault) for fault in faults]))
    draw = random.Random(seed)
    starts = 1
    while _watch(start(recipe, plan), faults, plan, output, units, draw) != 0:
        if starts == MOST_STARTS:
            return Ended(_happened(plan, faults), starts, "", [f"not done after {starts} starts"])
        starts += 1
    manifest = orjson.loads((output / "manifest.json").read_bytes())
    problems = verify(output)
    left = {path.name for path in (output / ".work").iterdir()} - {"ledger.done.jsonl"}
    if left:
        problems.append(f"left behind in .work: {sorted(left)}")
    return Ended(_happened(plan, faults), starts, manifest["content_checksum"], problems)


def _watch(
    process: "subprocess.Popen[bytes]",
    faults: Sequence[Fault],
    plan: Path,
    output: Path,
    units: int,
    draw: random.Random,
) -> int:
    """Let the driver's faults happen when they are due; return the driver's exit code."""
    me = psutil.Process(process.pid)
    family: dict[int, psutil.Process] = {}
    ledger = output / ".work" / "ledger.jsonl"
    begun = time.time()
    done = -1
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        now = _units(ledger)
        if now != done:
            done = now
            family |= _family(me)
            for fault in faults:
                due = fault.kind in IN_DRIVER and done >= fault.place * units
                if due and not (plan / _flag(fault)).exists() and _strike(fault, process, family, ledger, draw):
                    _first_time(plan, fault)
        if time.time() - begun > HUNG_SECONDS:
            process.kill()
            process.wait()
            raise AssertionError(f"hung for {HUNG_SECONDS} s under {faults}; see {plan}")
    # Ray's processes go by themselves when their driver died; after a kill that may take longer than the next start.
    _, alive = psutil.wait_procs(list(family.values()), timeout=3)
    for one in alive:
        if one.is_running():
            one.kill()
    return int(process.returncode)


def _strike(
    fault: Fault,
    process: "subprocess.Popen[bytes]",
    family: Mapping[int, psutil.Process],
    ledger: Path,
    draw: random.Random,
) -> bool:
    """Let one fault happen to the driver or what it started; False when there is nothing to hit yet."""
    if fault.kind in ("kill worker", "kill raylet"):
        begins = "ray::work" if fault.kind == "kill worker" else "raylet"
        hit = [one for one in family.values() if _name(one).startswith(begins)]
        if hit:
            draw.choice(sorted(hit, key=lambda one: one.pid)).kill()
        return bool(hit)
    process.kill()
    process.wait()
    files = [] if fault.kind == "kill driver" else _files(ledger)
    if files:
        path = draw.choice(files)
        data = bytearray(path.read_bytes())
        if fault.kind == "flip a byte":
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
            path.write_bytes(data)
        elif fault.kind == "cut a file":
            path.write_bytes(data[: draw.randrange(len(data))])
        else:
            path.unlink()
    return True


def _family(process: psutil.Process) -> dict[int, psutil.Process]:
    try:
        return {one.pid: one for one in process.children(recursive=True)}
    except psutil.Error:
        return {}


def _name(process: psutil.Process) -> str:
    try:
        line = process.cmdline()
    except psutil.Error:
        return ""
    return os.path.basename(line[0]) if line else ""


def _units(ledger: Path) -> int:
    return ledger.read_bytes().count(b'"unit":') if ledger.exists() else 0


def _files(ledger: Path) -> list[Path]:
    """Return the intermediate files that the ledger names and that exist."""
    found: set[Path] = set()

    def look(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("path"), str) and "checksum" in value:
                found.add(Path(value["path"]))
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    for line in ledger.read_bytes().splitlines():
        if line.endswith(b"}"):
            look(orjson.loads(line))
    return sorted(path for path in found if path.is_absolute() and path.is_file())


def _planned(folder: Path) -> list[Fault]:
    return [Fault(*entry) for entry in orjson.loads((folder / "plan.json").read_bytes())]


def _happened(folder: Path, faults: Sequence[Fault]) -> list[Fault]:
    return [fault for fault in faults if (folder / _flag(fault)).exists()]


def _flag(fault: Fault) -> str:
    return f"{fault.kind}-{fault.place}".replace(" ", "_")


def _first_time(folder: Path, fault: Fault) -> bool:
    try:
        os.close(os.open(folder / _flag(fault), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _happen(kind: str) -> None:
    if kind == "worker kills itself":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "storage error":
        raise OSError(errno.EIO, "Input/output error")
    elif kind == "disk full":
        raise OSError(errno.ENOSPC, "No space left on device")
    else:
        raise MemoryError("cannot allocate")
