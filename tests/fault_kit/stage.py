"""The stage in which faults happen to a worker."""

import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from corpusforge.stage import Kernel, Stage

from .plan import IN_WORKER, WIDTH, Fault, Plan

PASSING = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT)  # what local disks and NFS answer


class Faulty(Stage):
    """Let the faults of the plan happen to the worker; without a plan, do nothing."""

    version: ClassVar[int] = 1

    plan: str = "none"  # folder

    def open(self) -> Kernel:
        if self.plan == "none":
            return lambda batch: batch
        plan = Plan(Path(self.plan))
        faults, _, roots = plan.read()
        mine = [fault for fault in faults if fault.kind in IN_WORKER]

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            places = [int(doc_id[:8], 16) / 2**32 for doc_id in batch["doc_id"].to_pylist()]
            for fault in mine:
                due = any(fault.place - WIDTH <= place < fault.place for place in places)
                if due and plan.first_time(fault, "met"):
                    _happen(fault, plan, roots)
            return batch

        return kernel


def _happen(fault: Fault, plan: Plan, roots: tuple[str, ...]) -> None:
    if fault.kind == "worker kills itself":
        plan.first_time(fault)
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault.kind == "no memory":
        plan.first_time(fault)
        raise MemoryError("cannot allocate")
    else:
        _storage.let(fault, plan, roots)


class _Storage:
    # What this process opens, maps and renames below some folders fails or lasts, from a moment on and a few times.
    def __init__(self) -> None:
        self.coming: list[list[Any]] = []  # [fault, plan, calls before it, calls of it]
        self.roots: tuple[str, ...] = ()
        self.hooked = False

    def let(self, fault: Fault, plan: Plan, roots: tuple[str, ...]) -> None:
        draw = fault.random()
        calls = draw.randint(1, 2) if fault.kind == "storage error" else 30
        self.coming.append([fault, plan, draw.randint(0, 4), calls])
        self.roots = roots
        if not self.hooked:
            self.hooked = True
            sys.addaudithook(self.audit)  # Python's open and rename
            for module, name in ((pa, "memory_map"), (pa.ipc, "new_file")):  # Arrow's own
                setattr(module, name, self.wrapped(getattr(module, name)))

    def audit(self, event: str, given: tuple[Any, ...]) -> None:
        if self.coming and event in ("open", "os.rename"):
            self.call(given[0])

    def wrapped(self, real: Any) -> Any:
        def call(path: Any, *given: Any, **named: Any) -> Any:
            self.call(path)
            return real(path, *given, **named)

        return call

    def call(self, path: Any) -> None:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path).startswith(self.roots):
            return
        for entry in list(self.coming):
            fault, plan, before, _ = entry
            if before:
                entry[2] -= 1
                continue
            entry[3] -= 1
            if not entry[3]:
                self.coming.remove(entry)
            plan.first_time(fault)
            draw = fault.random()
            if fault.kind == "slow storage":
                time.sleep(draw.uniform(0.02, 0.2))
            else:
                number = draw.choice(PASSING)
                raise OSError(number, os.strerror(number), os.fspath(path))


_storage = _Storage()
