"""Run tasks on Ray: plain tasks, bounded in number, file names in and counts out. Only this file imports Ray.

Nothing large passes through the driver or the object store. Ray itself never retries (`max_retries=0`): the
driver resubmits, so that it can count attempts and change them.
"""

import contextlib
import logging
import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import ray
from ray.runtime_env import RuntimeEnv
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from corpusforge.engine.attempts import discard
from corpusforge.engine.needs import Needs, NeedsOf, in_words
from corpusforge.engine.node import Base, base_of, check_node, mark, missing_here
from corpusforge.engine.own_code import own_code
from corpusforge.engine.plan import Plan
from corpusforge.engine.scheduler import NODE_DIED, OUT_OF_MEMORY, RESULT_LOST, WorkerLost
from corpusforge.engine.storage import StoredPath
from corpusforge.engine.units import Report, Unit
from corpusforge.engine.waiting import Waiting
from corpusforge.engine.worker import work_alone
from corpusforge.errors import RecipeError, RunError
from corpusforge.registry import nearest

LOOK_SECONDS = 10.0  # at the size of the cluster
STOP_SECONDS = 2.0  # for workers of a cluster to end what is cancelled; a stopped job is killed after 3
OBJECT_STORE_BYTES = 200 << 20  # only task arguments and counts pass through it
MAX_CALLS = 1000  # tasks after which a worker is replaced, so that what leaks slowly cannot grow for days
BLOATED = 2.0  # a worker that holds this many times what its task needs is replaced
IN_A_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # set for what `ray job submit` runs; its runtime environment is the job's
PLUGINS = "RAY_RUNTIME_ENV_PLUGINS"  # set where an operator added fields to runtime environments
HOW_LOST: tuple[tuple[type[ray.exceptions.RayError], str], ...] = (
    (ray.exceptions.WorkerCrashedError, "the worker crashed"),
    (ray.exceptions.OutOfMemoryError, OUT_OF_MEMORY),
    (ray.exceptions.NodeDiedError, NODE_DIED),
    (ray.exceptions.ObjectLostError, RESULT_LOST),
)


class Worked(NamedTuple):
    """What a task brings back."""

    reports: list[Report]
    node: str
    held_bytes: int  # memory of the worker that nobody shares, now that it is done


class Sent(NamedTuple):
    """A task on its way."""

    units: list[Unit]
    needs: Needs
    memory: float  # bytes that its worker may hold afterwards, BLOATED times


def work_on_node(units: list[Unit], base: Base | None) -> Worked:
    """Run units in a worker process and say on which node, so that a ledger shows where work was done and lost."""
    try:
        if base is not None:
            check_node(base, units)
        reports = work_alone(units)
    except FileNotFoundError as error:
        if base is None or error.filename is None:
            raise
        raise missing_here(error) from error
    node = ray.get_runtime_context().get_node_id()
    for report in reports:
        report["node"] = node[:12]
    memory = psutil.Process().memory_info()
    return Worked(reports, node, memory.rss - getattr(memory, "shared", 0))


class RayRunner:
    """Tasks on the local machine, or on the cluster at `address`; `say` tells the user what holds them up."""

    def __init__(
        self, plan: Plan, workers: int | None, address: str | None, work: StoredPath, say: Callable[[str], None]
    ) -> None:
        address = None if address == "local" else address
        self._options = plan.pipeline.options
        self._asked = workers
        self._cluster = address is not None
        self._say = say
        self._needs = NeedsOf(self._options.ray.needs, int(self._options.batch_bytes))
        self._pending: dict[Any, Sent] = {}
        self._most_memory = 0.0
        self._bloated: deque[str] = deque()  # nodes on which a worker is to be replaced
        self._said_bloated = False
        self._session = ""
        self._lost_workers = False
        self._ours = not ray.is_initialized()
        runtime_env = _runtime_env(plan, address, say)
        if self._ours:
            self._start(address, runtime_env)
        elif self._options.ray.runtime_env:
            raise RecipeError("run.ray.runtime_env: Ray runs in this process already; give it to that ray.init")
        self._marker = mark(work) if self._cluster and isinstance(work, Path) else None
        self._base = base_of(str(self._marker or ""), plan.steps) if self._cluster else None
        # Two, since Ray fixes with a function after how many calls its worker ends.
        self._task = ray.remote(num_cpus=1, max_retries=0, max_calls=MAX_CALLS)(work_on_node)
        self._last_task = ray.remote(num_cpus=1, max_retries=0, max_calls=1)(work_on_node)
        self._tasks: dict[tuple[tuple[str, float], ...], Any] = {}  # by needs
        self._nodes: list[Mapping[str, float]] = []
        self._waiting = Waiting(self._options.ray.wait_seconds, say)
        self._look()

    def _start(self, address: str | None, runtime_env: dict[str, Any]) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_DISABLE_IMPORT_WARNING", "1")
        options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if runtime_env:
            options["runtime_env"] = runtime_env
        if address is None:
            options |= {
                "num_cpus": self._asked or os.cpu_count(),
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
                "_system_config": {"metrics_report_interval_ms": 60_000},
            }
        try:
            with _handlers_kept():
                # "local" also where a cluster runs on this machine, which nobody named.
                context = ray.init(address=address or "local", **options)
        except (TypeError, ValueError, ray.exceptions.RuntimeEnvSetupError) as error:  # Ray looks at what it is given
            where = "run.ray.runtime_env" if runtime_env else f"--address {address}"
            raise RecipeError(f"{where}: Ray does not take it: {error}") from error
        if address is None:
            self._session = str(context.address_info["session_dir"])  # type: ignore[attr-defined]

    def _look(self) -> None:
        self._nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        self._looked = time.monotonic()
        cpus = int(sum(node.get("CPU", 0) for node in self._nodes))
        if self._asked is None:
            # Enough that no CPU idles between two looks, few enough that an autoscaler is not flooded; what it adds
            # counts.
            self.workers, self._most = max(1, cpus), 2 * cpus + 16
        else:
            self.workers, self._most = max(1, min(self._asked, cpus)), self._asked

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
        needs = self._needs.task(units)
        # A worker keeps the kernels it opened. Where Ray places by memory, it must not hold much more than is asked.
        self._most_memory = max(self._most_memory, needs["memory"])
        memory = needs["memory"] if self._cluster else self._most_memory
        if not self._cluster:
            # One machine has what it has: by a declared memory, or a name of nodes, tasks would wait for ever.
            here = self._nodes[0] if self._nodes else {}
            needs = {n: min(v, here[n]) for n, v in needs.items() if n != "memory" and n in here}
        if self._bloated:
            on = NodeAffinitySchedulingStrategy(self._bloated.popleft(), soft=True)
            task = self._last_task.options(**_task_options(needs), scheduling_strategy=on)
        else:
            key = tuple(sorted(needs.items()))
            task = self._tasks.get(key) or self._tasks.setdefault(key, self._task.options(**_task_options(needs)))
        self._pending[task.remote(units, self._base)] = Sent(units, needs, memory)

    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]:
        """Return tasks that ended, at least one."""
        while True:
            waiting = list(self._pending)
            ready, others = ray.wait(waiting, num_returns=1, timeout=LOOK_SECONDS)
            if ready:
                break
            self._look()
            self._waiting.look([sent.needs for sent in self._pending.values()], self._nodes, _free_cpus)
        if others:
            ready += ray.wait(others, num_returns=len(others), timeout=0)[0]
        self._waiting.ended()
        return [self._outcome(reference) for reference in ready]

    def _outcome(self, reference: Any) -> tuple[list[Unit], list[Report] | Exception]:
        units, _, memory = self._pending.pop(reference)
        try:
            worked: Worked = ray.get(reference)
        except ray.exceptions.RayTaskError as failed:
            return units, _raised(failed)
        except ray.exceptions.RayError as error:
            self._lost_workers = True
            return units, _lost(error)
        if worked.held_bytes > BLOATED * memory:
            self._replace(worked, memory)
        return units, worked.reports

    def _replace(self, worked: Worked, memory: float) -> None:
        if not self._said_bloated:
            self._said_bloated = True
            self._say(
                f"a worker holds {in_words({'memory': worked.held_bytes})} after a task that asked for "
                f"{in_words({'memory': memory})}, and is replaced. Where a stage needs that much, say so: run.ray.needs"
            )
        self._bloated.append(worked.node)

    def close(self) -> None:
        """Stop what was started here, and remove what unfinished tasks wrote."""
        for reference in self._pending:
            with contextlib.suppress(ray.exceptions.RayError):  # Ray itself may be what died
                ray.cancel(reference, force=True)
        if self._pending and (self._cluster or not self._ours):
            with contextlib.suppress(ray.exceptions.RayError):
                ray.wait(list(self._pending), num_returns=len(self._pending), timeout=STOP_SECONDS)
        if self._ours:
            ray.shutdown()
        for sent in self._pending.values():
            discard(sent.units)
        if self._marker is not None:
            self._marker.unlink(missing_ok=True)
        if self._session and not self._lost_workers:  # else its logs may tell why
            _remove_session(Path(self._session))


def _free_cpus() -> float:
    return float(ray.available_resources().get("CPU", 0))  # type: ignore[no-untyped-call]


def _task_options(needs: Needs) -> dict[str, Any]:
    own = {n: v for n, v in needs.items() if n not in ("CPU", "GPU", "memory")}
    options = {"num_cpus": needs.get("CPU", 0), "num_gpus": needs.get("GPU"), "memory": needs.get("memory")}
    return {name: value for name, value in options.items() if value is not None} | ({"resources": own} if own else {})


def _runtime_env(plan: Plan, address: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    given = dict(plan.pipeline.options.ray.runtime_env)
    known = sorted(name for name in RuntimeEnv.known_fields if not name.startswith("_"))
    for name in given:
        if name not in known and PLUGINS not in os.environ:  # Ray leaves out what it does not know, without a word
            raise RecipeError(f"run.ray.runtime_env: Ray has no '{name}'.{nearest(name, known)}")
    if address is None or IN_A_JOB in os.environ or "working_dir" in given:
        return given  # what a job brings is for the job to say
    own = [path for path in own_code(plan) if path not in given.get("py_modules", [])]
    if own:
        say(f"sent to the workers, since stages are in it: {', '.join(own)}")
        given["py_modules"] = [*given.get("py_modules", []), *own]
    return given


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    # ray.init takes SIGTERM for itself and would end this process without a word.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _remove_session(folder: Path) -> None:
    """Remove what a local Ray leaves in its temporary folder: nobody else does, 0.2 MB a run."""
    latest = folder.parent / "session_latest"
    if latest.is_symlink() and latest.resolve() == folder.resolve():
        latest.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _raised(failed: ray.exceptions.RayTaskError) -> Exception:
    cause = failed.cause if isinstance(failed.cause, Exception) else failed
    if isinstance(cause, ImportError) or "No module named" in str(cause):
        said = next((line for line in str(failed).splitlines()[::-1] if "No module named" in line), str(cause))
        return RunError(
            f"a worker cannot import what the driver can: {said.strip()}. Bring it with a runtime environment "
            "(run.ray.runtime_env: pip, py_modules or working_dir), in the image of the nodes, or in a folder of "
            "PYTHONPATH that all nodes see"
        )
    cause.__notes__ = [str(failed)]
    return cause


def _lost(error: ray.exceptions.RayError) -> WorkerLost | RunError:
    said = str(error)[:300]
    for kind, how in HOW_LOST:
        if isinstance(error, kind):
            return WorkerLost(how, said, "node" in how)
    if isinstance(error, ray.exceptions.RuntimeEnvSetupError):
        return RunError(f"the runtime environment of the workers cannot be made: {str(error)[:2000]}")
    return RunError(
        f"Ray failed on the driver's side ({type(error).__name__}: {said}). What is finished stays: run the same "
        "command again to continue"
    )
