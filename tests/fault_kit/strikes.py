"""Faults that come from outside: to processes, to the disk, to the files of a run."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from subprocess import Popen

import psutil

from corpusforge.engine.storage import StoredPath, stored_path

from .disk import fill
from .nodes import Nodes
from .plan import DAMAGE, Fault, Plan
from .proxy import Proxy

LEDGER = "ledger.jsonl"


class Strikes:
    """Lets the faults of one run happen to its driver and what belongs to it."""

    def __init__(
        self, plan: Plan, work: StoredPath, disk: Path | None, nodes: Nodes | None, proxy: Proxy | None
    ) -> None:
        self.plan = plan
        self.work = work
        self.disk = disk
        self.nodes = nodes
        self.proxy = proxy
        self.ended_by: list[Fault] = []  # faults of which the driver that runs now may end

    def strike(self, fault: Fault, process: "Popen[bytes]", files: Sequence[str]) -> None:
        """Let a fault happen while the driver waits for it, or shortly after it goes on."""
        draw = fault.random()
        if fault.kind in ("kill driver", "tear the ledger", *DAMAGE):
            if draw.random() < 0.5:  # somewhere behind the commit
                self.plan.now.unlink()
                time.sleep(draw.uniform(0, 0.3))
            process.kill()
            if process.wait() == -signal.SIGKILL:
                self.ended_by.append(fault)
                if fault.kind == "kill driver" or self._damage(fault.kind, draw, files):
                    self.plan.first_time(fault)
        elif fault.kind == "storage outage":
            assert self.proxy is not None
            self.proxy.strike(draw, draw.randint(1, 60))
            self.plan.first_time(fault)
        elif fault.kind == "fill the disk":
            assert self.disk is not None
            fill(self.disk, draw.choice((0, 4 << 10, 200 << 10, 1 << 20)))
            self.ended_by.append(fault)  # it took effect if the driver ends of it: see `runs`
        elif fault.kind == "kill raylet" and self.nodes is None:
            raylets = [one for one in _below(process.pid) if name_of(one) == "raylet"]
            if raylets:
                self.plan.first_time(fault)
                self.ended_by.append(fault)
                raylets[0].kill()
        elif fault.kind == "kill raylet":
            assert self.nodes is not None
            if self.nodes.kill_raylet(draw):
                self.plan.first_time(fault)
        elif fault.kind in ("kill worker", "freeze worker"):
            self._hit_worker(fault, process, draw)
        elif self.nodes is not None and fault.kind == "remove node":
            if self.nodes.remove(draw):
                self.plan.first_time(fault)
        elif self.nodes is not None and fault.kind == "add node":
            self.plan.first_time(fault)
            self.plan.now.unlink()  # the driver does not wait until it is there
            self.nodes.add()
        self.plan.now.unlink(missing_ok=True)

    def _hit_worker(self, fault: Fault, process: "Popen[bytes]", draw: Random) -> None:
        family = self.nodes.processes() if self.nodes else _below(process.pid)
        workers = sorted((one for one in family if name_of(one).startswith("ray::work")), key=lambda one: one.pid)
        if not workers:
            return  # between two tasks: it is due again at the next commit
        worker = draw.choice(workers)
        try:
            if fault.kind == "kill worker":
                worker.kill()
            else:
                worker.suspend()
                threading.Timer(draw.uniform(1, 6), _resume, [worker]).start()
        except psutil.NoSuchProcess:
            return
        self.plan.first_time(fault)

    def _damage(self, kind: str, draw: Random, files: Sequence[str]) -> bool:
        """Damage a file that the ledger names, or the end of the ledger; False when there is none yet."""
        if kind == "tear the ledger":
            assert isinstance(self.work, Path)
            return _tear(self.work / LEDGER, draw)
        there = [path for path in files if stored_path(path).is_file()]
        if not there:
            return False
        path = stored_path(draw.choice(there))
        data = bytearray(path.read_bytes())
        if kind == "flip a byte":
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
            path.write_bytes(bytes(data))
        elif kind == "cut a file":
            path.write_bytes(bytes(data)[: draw.randrange(len(data))])
        else:
            path.unlink()
        return True


def _tear(ledger: Path, draw: Random) -> bool:
    # What a power failure leaves of a file that was being appended to.
    if not ledger.is_file():
        return False
    data = ledger.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    how = draw.choice(("cut", "zeros", "overwritten"))
    if how == "cut":
        data = data[: draw.randrange(last, len(data))]
    elif how == "zeros":
        data += bytes(draw.randint(1, 4096))
    else:
        begin = draw.randrange(last, len(data))
        data = data[:begin] + bytes(len(data) - begin - 1) + b"\n"
    ledger.write_bytes(data)
    return True


def name_of(process: psutil.Process) -> str:
    """Return the name by which a process calls itself; "" when it is gone."""
    try:
        line = process.cmdline()
    except psutil.Error:
        return ""
    return os.path.basename(line[0]) if line else ""


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _resume(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.resume()
