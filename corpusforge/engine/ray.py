"""Run tasks on Ray: plain tasks, bounded in number, file names in and counts out. Only this file imports Ray.

Nothing large passes through the driver or the object store. Ray itself never retries (`max_retries=0`): the
driver resubmits, so that it can count attempts and change them.
"""

import contextlib
import logging
import os
import time
from typing import Any

import ray

from corpusforge.engine.scheduler import NODE_DIED, OUT_OF_MEMORY, RESULT_LOST, WorkerLost
from corpusforge.engine.units import Report, Unit
from corpusforge.engine.worker import work_alone
from corpusforge.errors import RunError

LOOK_SECONDS = 10  # at the size of the cluster
OBJECT_STORE_BYTES = 200 << 20  # only task arguments and counts pass through it
MAX_CALLS = 200  # tasks after which a worker process is replaced, so that a leaking library cannot grow for days
HOW_LOST: tuple[tuple[type[ray.exceptions.RayError], str], ...] = (
    (ray.exceptions.WorkerCrashedError, "the worker crashed"),
    (ray.exceptions.OutOfMemoryError, OUT_OF_MEMORY),
    (ray.exceptions.NodeDiedError, NODE_DIED),
    (ray.exceptions.ObjectLostError, RESULT_LOST),
)


def work_on_node(units: list[Unit]) -> list[Report]:
    """Run units in a worker process and say on which node, so that a ledger shows where work was done and lost."""
    reports = work_alone(units)
    for report in reports:
        report["node"] = ray.get_runtime_context().get_node_id()[:12]
    return reports


class RayRunner:
    """Tasks on the local machine, or on the cluster at `address`."""

    def __init__(self, workers: int | None, address: str | None, memory_bytes: int) -> None:
        self._ours = not ray.is_initialized()
        if self._ours:
            os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
            os.environ.setdefault("RAY_DISABLE_IMPORT_WARNING", "1")
            options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
            if address is None:
                options |= {
                    "num_cpus": workers or os.cpu_count(),
                    "include_dashboard": False,
                    "object_store_memory": OBJECT_STORE_BYTES,
                    "_system_config": {"metrics_report_interval_ms": 60_000},
                }
            # "local" also where a cluster runs on this machine, which nobody named.
            ray.init(address=address or "local", **options)
        available = _cpus()
        self.workers = min(workers, available) if workers else available
        # On a cluster Ray places by memory; on one machine a declared need beyond its memory would wait for ever.
        needs: dict[str, Any] = {"memory": memory_bytes} if address else {}
        self._task = ray.remote(num_cpus=1, max_retries=0, max_calls=MAX_CALLS, **needs)(work_on_node)
        self._pending: dict[Any, list[Unit]] = {}
        self._grows = workers is None
        self._most, self._looked = self.workers, time.monotonic()
        self._look()

    def _look(self) -> None:
        # Enough that no CPU idles between two looks, few enough that an autoscaler is not flooded; what it adds counts.
        if self._grows:
            self._most = 2 * _cpus() + 16
        self._looked = time.monotonic()

    @property
    def has_room(self) -> bool:
        """Whether another task may be submitted."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
        return len(self._pending) < self._most

    @property
    def busy(self) -> bool:
        """Whether an outcome is still to come."""
        return bool(self._pending)

    def submit(self, units: list[Unit]) -> None:
        """Send one task."""
        self._pending[self._task.remote(units)] = units

    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]:
        """Return tasks that ended, at least one."""
        ready, _ = ray.wait(list(self._pending), num_returns=1)
        outcomes: list[tuple[list[Unit], list[Report] | Exception]] = []
        for reference in ready:
            units = self._pending.pop(reference)
            try:
                outcomes.append((units, ray.get(reference)))
            except ray.exceptions.RayTaskError as failed:
                cause = failed.cause if isinstance(failed.cause, Exception) else failed
                cause.__notes__ = [str(failed)]
                outcomes.append((units, cause))
            except ray.exceptions.RayError as lost:
                outcomes.append((units, _lost(lost)))
        return outcomes

    def close(self) -> None:
        """Stop what was started here."""
        for reference in self._pending:
            with contextlib.suppress(ray.exceptions.RayError):  # Ray itself may be what died
                ray.cancel(reference, force=True)
        if self._ours:
            ray.shutdown()


def _cpus() -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call]


def _lost(error: ray.exceptions.RayError) -> WorkerLost | RunError:
    said = str(error)[:300]
    for kind, how in HOW_LOST:
        if isinstance(error, kind):
            return WorkerLost(how, said)
    return RunError(
        f"Ray failed on the driver's side ({type(error).__name__}: {said}). What is finished stays: run the same "
        "command again to continue"
    )
