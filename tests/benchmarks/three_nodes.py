"""A recipe on a Ray cluster of three nodes against the same recipe on this machine with one and two workers.

    python tests/benchmarks/three_nodes.py RECIPE --set vars.input=DATA --namespaces --lose one

Without --namespaces the nodes are three raylets on this machine. With it (as root) each is a machine of its own as far
as the kernel can make one: address, host name, processes, /tmp, /dev/shm; only the folder of output and work is shared.
--lose cuts one off in the middle of the run, or all that work, and lets another join. Prints which nodes ran how many
units and whether all runs have one content checksum; exit code 1 when not.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson
import ray
from node_namespaces import Machines, available
from ray.cluster_utils import Cluster

LOST_AFTER = 0.3  # of the units


def start(recipe: str, output: Path, *words: str, machines: Machines | None = None) -> "subprocess.Popen[bytes]":
    """Start a run, here or on the first of `machines`."""
    if Path(recipe).is_file():  # machines have a current folder of their own
        recipe = str(Path(recipe).resolve())
    arguments = ["run", recipe, "--set", f"vars.output={output}", "--progress", "plain", *words]
    before = machines.inside(1) if machines else []
    environment = machines.environment if machines else None
    return subprocess.Popen([*before, sys.executable, "-m", "corpusforge", *arguments], env=environment)


class Done(NamedTuple):
    """A committed unit."""

    name: str
    node: str


def units(output: Path) -> list[Done]:
    """Return the committed units of a run."""
    ledger = output / ".work" / "ledger.jsonl"
    if not ledger.exists():
        return []
    content = ledger.read_bytes()
    lines = map(orjson.loads, content[: content.rfind(b"\n") + 1].splitlines())
    return [Done(line["name"], line.get("node", "driver")) for line in lines if "unit" in line]


@contextmanager
def raylets() -> Iterator[str]:
    """Three raylets on this machine."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
    cluster.wait_for_nodes()
    yield cluster.address
    cluster.shutdown()


def lose(machines: Machines, output: Path, most: int, which: str, ended: threading.Event) -> None:
    """Cut off the third machine, or all but the head, when a share of the units is done; others join a little later."""
    while len(units(output)) < LOST_AFTER * most and not ended.wait(0.2):
        pass
    if ended.is_set():
        return
    for number in (3,) if which == "one" else (2, 3):
        machines.kill(number)
        print(f"node {number} cut off after {len(units(output))} units", flush=True)
    time.sleep(5 if which == "one" else 45)  # longer than a cluster takes to see that a node is gone
    machines.start(4)


def on_cluster(recipe: str, output: Path, most: int, words: list[str], namespaces: bool, lost: str) -> int:
    """Run on three nodes; return the exit code."""
    words = [*words, "--set", "run.keep_work=true", "--set", "run.workers=auto"]
    if not namespaces:
        with raylets() as address:
            return start(recipe, output, *words, "--address", address).wait()
    machines = Machines()
    try:
        machines.start(1, "--include-dashboard=false", f"--num-cpus={0 if lost == 'all' else 1}")
        machines.wait(1)
        for number in (2, 3):
            machines.start(number, *(('--resources={"bigmem":1}',) if number == 2 else ()))
        machines.wait(3)
        process = start(recipe, output, *words, "--address", machines.head, machines=machines)
        ended = threading.Event()
        watcher = threading.Thread(target=lose, args=(machines, output, most, lost, ended))
        if lost:
            watcher.start()
        code = process.wait()
        ended.set()
        if lost:
            watcher.join()
        return code
    finally:
        machines.close()


def main() -> int:
    """Run all and compare."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("recipe")
    given.add_argument("--set", action="append", default=[])
    given.add_argument("--namespaces", action="store_true")
    given.add_argument("--lose", choices=["one", "all"], default="", help="nodes in the middle; with --namespaces")
    given.add_argument("--bigmem", metavar="STAGE", help="a corpus stage that asks for what the second machine has")
    asked = given.parse_args()
    if asked.namespaces and (why := available()):
        raise SystemExit(f"--namespaces: {why}")
    logging.getLogger("ray").setLevel(logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="three-nodes-", dir="/var/tmp"))  # not in /tmp, which machines have their own
    words = [word for one in asked.set for word in ("--set", one)]
    sums, most = [], 0
    for name in ("one worker", "two workers", "three nodes"):
        output = folder / name.replace(" ", "-")
        begun = time.time()
        if name == "three nodes":
            needs = ["--set", f"run.ray.needs={{{asked.bigmem}: {{bigmem: 1}}}}"] if asked.bigmem else []
            code = on_cluster(asked.recipe, output, most, words + needs, asked.namespaces, asked.lose)
        else:
            code = start(asked.recipe, output, *words, "--workers", "1" if name == "one worker" else "2").wait()
        if code:
            print(f"{name}: exit code {code}; see {output}")
            return 1
        made = orjson.loads((output / "manifest.json").read_bytes())
        sums.append(made["content_checksum"])
        most = made["run"]["units"]
        print(f"{name}: {made['documents']}, {made['run']}, {sums[-1]}, {time.time() - begun:.0f} s", flush=True)
    done = units(output)
    print(f"units by node: {dict(Counter(unit.node for unit in done))}")
    same = len(set(sums)) == 1
    if asked.bigmem:
        found = Counter(unit.node for unit in done if unit.name.startswith(asked.bigmem))
        print(f"units of the passes of {asked.bigmem} by node: {dict(found)}")
        same = same and len(found) == 1
    print("same checksum" if same else "DIFFERENT checksums")
    return 0 if same else 1


if __name__ == "__main__":
    ray.logger.setLevel(logging.ERROR)
    sys.exit(main())
