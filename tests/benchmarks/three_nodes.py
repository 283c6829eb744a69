"""A recipe on a Ray cluster of three nodes (three raylets on this machine) against the same recipe in one process.

    python tests/benchmarks/three_nodes.py RECIPE --set vars.input=DATA

Prints how many units each node ran and whether both runs have one content checksum; exit code 1 when not.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import orjson
import ray
from ray.cluster_utils import Cluster


def run(arguments: list[str]) -> None:
    """Run the command line in this process; it may end the process only by failing."""
    from corpusforge.cli import main

    try:
        main(arguments)
    except SystemExit as end:
        if end.code:
            raise


def manifest(output: Path) -> dict[str, object]:
    """Return the manifest of a finished run."""
    found: dict[str, object] = orjson.loads((output / "manifest.json").read_bytes())
    return found


def main() -> int:
    """Run both and compare."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("recipe")
    given.add_argument("--set", action="append", default=[])
    asked = given.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="three-nodes-"))
    settings = [word for one in asked.set for word in ("--set", one)]
    sums = []
    for name, workers in (("local", ["--workers", "1"]), ("cluster", [])):
        output = folder / name
        arguments = ["run", asked.recipe, *settings, "--set", f"vars.output={output}", *workers]
        begun = time.time()
        if name == "cluster":
            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
            for _ in range(2):
                cluster.add_node(num_cpus=1)
            cluster.wait_for_nodes()
            arguments += ["--address", cluster.address, "--set", "run.keep_work=true", "--set", "run.workers=auto"]
            ray.init(address=cluster.address, logging_level=logging.ERROR, log_to_driver=False)
        run(arguments)
        made = manifest(output)
        sums.append(made["content_checksum"])
        print(f"{name}: {made['documents']}, {made['content_checksum']}, {time.time() - begun:.0f} s", flush=True)
    alive = [node for node in ray.nodes() if node["Alive"]]
    lines = map(orjson.loads, (folder / "cluster" / ".work" / "ledger.jsonl").read_bytes().splitlines())
    nodes = Counter(line["node"] for line in lines if "node" in line)
    print(f"{len(alive)} nodes; units by node: {dict(nodes)}")
    ray.shutdown()
    cluster.shutdown()
    same = len(set(sums)) == 1
    print("same checksum" if same else "DIFFERENT checksums")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
