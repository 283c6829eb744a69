"""Tasks that wait for a cluster: what holds them up is said, and a run does not wait for ever for a node."""

import time
from collections.abc import Callable, Mapping, Sequence

from corpusforge.engine.needs import Needs, fits, in_words
from corpusforge.errors import RunError

QUIET_SECONDS = 120.0  # without a task that ended, before that is said; then twice as long

Nodes = Sequence[Mapping[str, float]]


class Waiting:
    """Is told when tasks end, and looks at those that do not; `limit` is seconds, `say` tells the user."""

    def __init__(self, limit: float, say: Callable[[str], None]) -> None:
        self._limit = limit
        self._say = say
        self.ended()

    def ended(self) -> None:
        """A task ended, well or not."""
        self._ended = self._homeless_since = time.monotonic()
        self._quiet_seconds = QUIET_SECONDS
        self._said: Needs | None = None

    def look(self, wanted: Sequence[Needs], nodes: Nodes, free_cpus: Callable[[], float]) -> None:
        """Look at tasks by what they need; RunError when none of the nodes could hold one for `limit` seconds."""
        now = time.monotonic()
        homeless = [needs for needs in wanted if not any(fits(needs, node) for node in nodes)]
        if len(homeless) < len(wanted):
            self._homeless_since = now
            if now - self._ended > self._quiet_seconds:
                self._quiet_seconds *= 2
                cpus = sum(node.get("CPU", 0) for node in nodes)
                self._say(
                    f"{len(wanted)} tasks run or wait, and none has ended for {now - self._ended:.0f} s; of {cpus:g} "
                    f"CPUs {free_cpus():g} are free"
                )
            return
        asked = f"no node of the cluster can hold a task: it needs {in_words(homeless[0])}; {largest(nodes)}"
        if now - self._homeless_since > self._limit:
            raise RunError(
                f"{asked}, and none came in {self._limit:g} s (run.ray.wait_seconds). Add such a node, or ask for "
                "less: a smaller run.batch_bytes, or run.ray.needs. What is finished stays: run the same command again"
            )
        if homeless[0] != self._said:
            self._said = homeless[0]
            self._say(f"{asked}. Waiting for one, at most {self._limit:g} s")


def largest(nodes: Nodes) -> str:
    """Say what the node with most memory has, of those that have CPUs.

    >>> largest([{"CPU": 0, "memory": 9 << 30}, {"CPU": 4, "memory": 2 << 30, "node:10.0.0.1": 1}])
    'the largest of 1 has 4 CPU, 2.0 GB of memory'
    """
    with_cpus = [node for node in nodes if node.get("CPU", 0) > 0]
    if not with_cpus:
        return "there is no node with CPUs now"
    found = max(with_cpus, key=lambda node: node.get("memory", 0))
    shown = {name: amount for name, amount in found.items() if not name.startswith(("node:", "object_store_memory"))}
    return f"the largest of {len(with_cpus)} has {in_words(dict(sorted(shown.items())))}"
