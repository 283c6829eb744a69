"""Random faults over runs on real data: each run must end in the bytes of an undisturbed one.

    python tests/benchmarks/inject_faults.py DATA --faults 100 --per-run 8 --seed 0

DATA holds web/*.warc.gz, books/gutenberg and code/*.parquet. A run's faults are drawn from its seed alone and printed
with it, so that `--seed N --faults 1` repeats one run. Even seeds run on a cluster of three raylets, odd ones on a Ray
of their own. Outputs lie on a small disk that is filled up (needs root). A fault counts when it took effect. Ends with
`N of N ended ...`; exit code 1 when not. `--folder` keeps the undisturbed run for the next call.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from fault_kit.disk import small_disk
from fault_kit.nodes import Nodes
from fault_kit.plan import IN_DRIVER, IN_WORKER, OF_NODES, OF_RAY, drawn
from fault_kit.runs import Case, Undisturbed, run_with

RECIPE = Path(__file__).with_suffix(".yaml")
DISK_BYTES = 600 << 20


def main() -> int:
    """Run until enough faults happened."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("data", type=Path)
    given.add_argument("--faults", type=int, default=25)
    given.add_argument("--per-run", type=int, default=8)
    given.add_argument("--seed", type=int, default=0)
    given.add_argument("--seconds", type=float, default=450, help="after which no further run begins")
    given.add_argument("--folder", type=Path)
    asked = given.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="faults-"))
    folder.mkdir(exist_ok=True)
    inputs = asked.data.resolve()
    settings = (f"vars.input={inputs}",)
    paths = (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # of the raylets too
    shutil.rmtree(folder / "log", ignore_errors=True)
    undisturbed = Undisturbed.run(Case(RECIPE, folder / "log", folder / "whole", settings))
    print(f"undisturbed: {undisturbed.units} units, {undisturbed.checksum}", flush=True)
    kinds: Counter[str] = Counter()
    alike = runs = right = starts = 0
    seed, first = asked.seed, time.time()
    with tempfile.TemporaryDirectory(prefix="fk") as short, small_disk(Path(short), DISK_BYTES) as disk:
        nodes = Nodes(Path(short) / "r")
        try:
            while kinds.total() < asked.faults and time.time() - first < asked.seconds:
                on_cluster = seed % 2 == 0
                choice = IN_DRIVER + IN_WORKER + OF_RAY + (OF_NODES if on_cluster else ())
                faults = drawn(seed, asked.per_run, choice)
                place = folder / f"seed{seed}"
                shutil.rmtree(place, ignore_errors=True)
                output = disk / f"seed{seed}"
                if on_cluster:
                    nodes.restore()
                begun = time.time()
                case = Case(RECIPE, place, output, settings, disk, nodes if on_cluster else None, (inputs,))
                ended = run_with(faults, case, undisturbed)
                runs, right, starts = runs + 1, right + (not ended.problems), starts + ended.starts
                kinds.update(fault.kind for fault in ended.happened)
                alike += 0 if ended.problems else len(ended.happened)
                said = ", ".join(f"{f.kind} at {f.place}" for f in ended.happened) or "none"
                print(
                    f"seed {seed} on {'a cluster' if on_cluster else 'its own Ray'}: drawn {len(faults)}, happened: "
                    f"{said}; {ended.starts} starts, {time.time() - begun:.0f} s: {ended.problems or 'same bytes'}",
                    flush=True,
                )
                if ended.problems:
                    shutil.copytree(output, place / "output")
                shutil.rmtree(output, ignore_errors=True)
                seed += 1
        finally:
            nodes.close()
    print(f"happened: {dict(sorted(kinds.items()))}; {starts} starts of {runs} runs")
    print(f"{right} of {runs} runs, {alike} of {kinds.total()} faults ended with the undisturbed bytes")
    return 0 if right == runs else 1


if __name__ == "__main__":
    sys.exit(main())
