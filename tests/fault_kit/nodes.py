"""A Ray cluster of several raylets on this machine, of which nodes are lost and to which others come."""

import os
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

NODES = 3  # the first is the one that the driver is attached to: with it goes the driver


class Nodes:
    """A cluster that the kit started; a node has one CPU."""

    def __init__(self, folder: Path) -> None:
        os.environ["RAY_TMPDIR"] = str(folder)  # read when Ray is imported and when processes start: all inherit it
        from ray.cluster_utils import Cluster

        self._arguments = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 << 20}
        # A node that is gone is missed within seconds, so that a run of faults ends within minutes.
        health = {"health_check_period_ms": 1000, "health_check_failure_threshold": 5, "health_check_timeout_ms": 5000}
        self._cluster = Cluster(initialize_head=True, head_node_args=self._arguments | {"_system_config": health})
        self.address: str = self._cluster.address
        self.restore()

    def restore(self) -> None:
        """Have NODES nodes again, all alive."""
        for node in list(self._cluster.worker_nodes):
            if not node.remaining_processes_alive() or len(self._cluster.worker_nodes) >= NODES:
                self._remove(node)
        while len(self._cluster.worker_nodes) < NODES - 1:
            self.add()

    def add(self) -> None:
        """Start another node."""
        self._cluster.add_node(**self._arguments)

    def remove(self, draw: Random) -> bool:
        """Kill everything of a node at once; False when only the head is left."""
        if node := self._drawn(draw):
            raylet = self._raylet(node)
            for one in [psutil.Process(raylet), *_below(raylet)]:
                _kill(one)
            self._remove(node)
        return node is not None

    def kill_raylet(self, draw: Random) -> bool:
        """Kill only the raylet of a node."""
        node = self._drawn(draw)
        if node is not None:
            _kill(psutil.Process(self._raylet(node)))
        return node is not None

    def processes(self) -> list[psutil.Process]:
        """Return what runs below the raylets."""
        nodes = self._cluster.list_all_nodes()
        return [one for node in nodes if node.live_processes() for one in _below(self._raylet(node))]

    def close(self) -> None:
        """End all nodes."""
        for node in list(self._cluster.worker_nodes):
            self._remove(node)
        self._cluster.shutdown()

    def _drawn(self, draw: Random) -> object | None:
        alive = [n for n in self._cluster.worker_nodes if n.remaining_processes_alive()]
        return draw.choice(sorted(alive, key=self._raylet)) if alive else None

    def _remove(self, node: object) -> None:
        self._cluster.remove_node(node, allow_graceful=False)

    @staticmethod
    def _raylet(node: object) -> int:
        return int(node.all_processes["raylet"][0].process.pid)  # type: ignore[attr-defined]


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()
