"""dedup.minhash on a synthetic corpus of any size: time, memory, bytes of each pass, removals against what was planted.

    python tests/benchmarks/scale_minhash.py --documents 500000 --boilerplate 10000 --giant 20000 --template 20000
        [--workers 2] [--folder FOLDER] [--set bands=14 ...]

The text is made while it is read (see synthetic_corpus.py); its making is in the figures of the first segment. MB =
10^6 bytes. Memory of a process is its proportional set size, sampled twice a second.
"""

import argparse
import collections
import json
import shutil
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
from synthetic_corpus import (
    CLUSTER,
    GIANT,
    KINDS,
    Corpus,
    SyntheticCorpus,
    add_options,
    corpus_of,
    write_shards,
)

from corpusforge.engine.run import run
from corpusforge.pipeline import Pipeline, RunOptions, Source, Step
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.write.parquet import Parquet


class Memory(threading.Thread):
    """Samples the memory of this process and all it started."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.largest_worker = self.largest_sum = self.largest_driver = 0

    def run(self) -> None:
        """Sample until the process ends."""
        me = psutil.Process()
        while True:
            sizes = [_size(process) for process in me.children(recursive=True)]
            driver = _size(me)
            self.largest_driver = max(self.largest_driver, driver)
            self.largest_worker = max([self.largest_worker, *sizes])
            self.largest_sum = max(self.largest_sum, driver + sum(sizes))
            time.sleep(0.5)


def _size(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where everything is written, and deleted afterwards")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of dedup.minhash")
    arguments = parser.parse_args()
    corpus = corpus_of(arguments)
    fields = {name: json.loads(value) for name, value in (pair.split("=") for pair in arguments.set)}
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=arguments.folder))
    memory = Memory()
    memory.start()
    try:
        write_shards(corpus, folder / "shards", arguments.shard_documents)
        stage = Minhash.model_validate({"max_source_loss": 1.0, **fields})
        begun = time.time()
        manifest = run(pipeline(folder, stage, arguments.workers)).manifest
        print_run(manifest, time.time() - begun, memory)
        print_units(folder / "out" / ".work" / "ledger.done.jsonl")
        print_removals(corpus, folder / "out", stage.verify)
    finally:
        shutil.rmtree(folder)


def pipeline(folder: Path, stage: Minhash, workers: int) -> Pipeline:
    """Read the shards, remove near-duplicates, write Parquet."""
    return Pipeline(
        (Source("synthetic", "synthetic_corpus:SyntheticCorpus", SyntheticCorpus(paths=(str(folder / "shards"),))),),
        (Step("dedup.minhash", stage),),
        Parquet(path=str(folder / "out")),
        options=RunOptions(workers=workers),
    )


def print_run(manifest: dict[str, Any], seconds: float, memory: Memory) -> None:
    """Print time and memory."""
    size = manifest["stages"][0]["bytes"] / 1e6
    cpu = manifest["run"]["cpu_seconds"]
    read = manifest["documents"]["read"]
    print(f"{read} documents, {size:.0f} MB, {manifest['run']['workers']} workers")
    print(f"{seconds:.0f} s, {cpu:.0f} CPU s: {size / cpu:.1f} MB per CPU s, {cpu / read * 1e6:.0f} CPU us a document")
    print(
        f"peak memory: worker {memory.largest_worker / 1e6:.0f} MB, driver {memory.largest_driver / 1e6:.0f} MB, "
        f"all with Ray {memory.largest_sum / 1e6:.0f} MB"
    )


def print_units(ledger: Path) -> None:
    """Print what each kind of work cost and wrote, from the ledger."""
    count, cpu, written, longest = (collections.Counter[str]() for _ in range(4))
    for line in ledger.read_bytes().splitlines():
        unit = json.loads(line)
        if "unit" not in unit:
            continue
        name = unit["name"].split(" of ")[0].split(" [")[0]
        kind = {"SegmentUnit": "segment " + name[-3:], "PartUnit": "part " + name.split("/")[0]}.get(unit["kind"], name)
        kind += " (emit)" if unit["kind"] == "EmitUnit" else " (combine)" if unit["kind"] == "CombineUnit" else ""
        count[kind] += 1
        cpu[kind] += unit["cpu_seconds"]
        longest[kind] = max(longest[kind], unit["seconds"])
        files = [*unit.get("files", {}).values(), *unit.get("runs", {}).values(), unit.get("part")]
        written[kind] += sum(file["size"] for file in files if file)
    print(f"{'work':44} {'units':>6} {'CPU s':>8} {'longest s':>10} {'MB written':>11}")
    for kind in count:
        print(f"{kind:44} {count[kind]:6} {cpu[kind]:8.1f} {longest[kind]:10.1f} {written[kind] / 1e6:11.1f}")
    print(f"{'in all':44} {count.total():6} {cpu.total():8.1f} {'':10} {written.total() / 1e6:11.1f}")


def print_removals(corpus: Corpus, output: Path, verify: float) -> None:
    """Print how many of the planted duplicates went, and what else did."""
    gone = np.zeros(corpus.documents, bool)
    for path in sorted(output.glob("rejected/*.parquet")):
        for origin in pq.read_table(path, columns=["origin"])["origin"].to_pylist():
            gone[int(origin.split("#")[1])] = True
    plan = corpus.plan(np.arange(corpus.documents))
    must_go = np.zeros(corpus.documents, bool)  # all but one of a group, whichever that is
    for kind in (GIANT, CLUSTER):
        mine = np.flatnonzero((plan.kind == kind) & (plan.jaccard >= verify))
        _, first = np.unique(plan.group[mine], return_index=True)
        must_go[mine] = True
        must_go[mine[first]] = False
    print(f"{'planted':22} {'documents':>10} {'J':>6} {'should go':>10} {'went':>8}")
    for kind, name in enumerate(KINDS):
        of_kind = plan.kind == kind
        steps = [0.0, 0.6, 0.8, 0.84, 0.88, 0.93, 1.01] if kind == CLUSTER else [0.0, 1.01]
        for low, high in pairwise(steps):
            mine = of_kind & (plan.jaccard >= low) & (plan.jaccard < high)
            if mine.any():
                due, went = int(must_go[mine].sum()), int(gone[mine].sum())
                share = f"{100 * went / due:.2f} %" if due else ""
                print(f"{name:22} {mine.sum():10} {plan.jaccard[mine].mean():6.2f} {due:10} {went:8} {share}")
    print(f"in all: {must_go.sum()} should go, {gone.sum()} went")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
