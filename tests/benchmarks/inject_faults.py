"""Random faults over runs on real data: each run must end in the bytes of an undisturbed one.

    python tests/benchmarks/inject_faults.py DATA --faults 100 --per-run 8 --seed 0
    python tests/benchmarks/inject_faults.py DATA --faults 100 --per-run 8 --seed 0 --store

DATA holds web/*.warc.gz, books/gutenberg and code/*.parquet. A run's faults are drawn from its seed alone and printed
with it, so that `--seed N --faults 1` repeats one run. Even seeds run on a cluster of three raylets, odd ones on a Ray
of their own. Outputs lie on a small disk that is filled up (needs root); with `--store` inputs, outputs, intermediates
and the ledger are in an S3-compatible server behind a proxy that disturbs one request in fifty all the time, and whole
series of them when an outage is drawn. A fault counts when it took effect. Ends with `N of N ended ...`; exit code 1
when not. `--folder` keeps the undisturbed run for the next call.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from fault_kit.disk import small_disk
from fault_kit.nodes import Nodes
from fault_kit.plan import ANYWHERE, IN_STORE, IN_WORKER, OF_NODES, OF_RAY, ON_DISK, drawn
from fault_kit.proxy import Proxy
from fault_kit.runs import Case, Undisturbed, run_with
from fault_kit.store import KEYS, client, store

from corpusforge.engine.storage import StoredPath, files_below, remove_tree, stored_path

RECIPE = Path(__file__).with_suffix(".yaml")
INPUTS = ("web/goose3*.warc.gz", "books/gutenberg/pg1*", "code/*.parquet")  # what the recipe reads
DISK_BYTES = 600 << 20
BUCKET = "faults"
DISTURBED = 0.02  # share of the requests to a store


class Place(NamedTuple):
    """Where runs are, and the kinds of faults that can happen there."""

    inputs: str
    outputs: StoredPath
    kinds: tuple[str, ...]
    disk: Path | None = None
    proxy: Proxy | None = None


@contextmanager
def on_disk(data: Path, folder: Path) -> Iterator[Place]:
    """Yield a small disk; the inputs stay where they are."""
    with small_disk(folder, DISK_BYTES) as disk:
        yield Place(str(data), disk, ANYWHERE + ON_DISK + IN_WORKER, disk)


@contextmanager
def in_store(data: Path, seed: int) -> Iterator[Place]:
    """Yield a bucket that holds the inputs, behind a proxy."""
    os.environ |= KEYS
    with store(BUCKET) as port:
        direct = client(f"127.0.0.1:{port}")
        for path in (path for pattern in INPUTS for path in data.glob(pattern)):
            with direct.open_output_stream(f"{BUCKET}/in/{path.relative_to(data)}", compression=None) as file:
                file.write(path.read_bytes())
        proxy = Proxy("127.0.0.1", port, seed, DISTURBED)
        # The kit looks at the store by itself; whom it starts goes by the proxy, the raylets too.
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
        stored_path(f"s3://{BUCKET}").exists()
        os.environ["AWS_ENDPOINT_URL"] = f"http://{proxy.endpoint}"
        kinds = (*ANYWHERE, *IN_STORE, "worker kills itself", "no memory")
        yield Place(f"s3://{BUCKET}/in", stored_path(f"s3://{BUCKET}"), kinds, None, proxy)
        proxy.close()


def main() -> int:
    """Run until enough faults happened."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("data", type=Path)
    given.add_argument("--faults", type=int, default=25)
    given.add_argument("--per-run", type=int, default=8)
    given.add_argument("--seed", type=int, default=0)
    given.add_argument("--store", action="store_true")
    given.add_argument("--seconds", type=float, default=450, help="after which no further run begins")
    given.add_argument("--folder", type=Path)
    asked = given.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="faults-"))
    folder.mkdir(exist_ok=True)
    data = asked.data.resolve()
    paths = (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # of the raylets too
    shutil.rmtree(folder / "log", ignore_errors=True)
    undisturbed = Undisturbed.run(Case(RECIPE, folder / "log", folder / "whole", (f"vars.input={data}",)))
    print(f"undisturbed: {undisturbed.units} units, {undisturbed.checksum}", flush=True)
    happened: Counter[str] = Counter()
    alike = runs = right = starts = 0
    seed, first = asked.seed, time.time()
    with ExitStack() as stack:
        short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fk")))  # sockets have short names
        place = stack.enter_context(in_store(data, seed) if asked.store else on_disk(data, short))
        nodes = stack.enter_context(closing(Nodes(short / "r")))
        while happened.total() < asked.faults and time.time() - first < asked.seconds:
            begun = time.time()
            case, kinds = drawn_case(seed, folder, place, nodes)
            ended = run_with(drawn(seed, asked.per_run, kinds), case, undisturbed)
            runs, right, starts = runs + 1, right + (not ended.problems), starts + ended.starts
            happened.update(fault.kind for fault in ended.happened)
            alike += 0 if ended.problems else len(ended.happened)
            said = ", ".join(f"{f.kind} at {f.place}" for f in ended.happened) or "none"
            on = "a cluster" if case.nodes else "its own Ray"
            print(
                f"seed {seed} on {on}: drawn {asked.per_run}, happened: {said}; "
                f"{ended.starts} starts, {time.time() - begun:.0f} s: {ended.problems or 'same bytes'}",
                flush=True,
            )
            if ended.problems:
                keep(case)
            remove_tree(case.output)
            seed += 1
        if place.proxy:
            print(f"{place.proxy.requests} requests to the store, disturbed: {dict(place.proxy.happened)}")
    print(f"happened: {dict(sorted(happened.items()))}; {starts} starts of {runs} runs")
    print(f"{right} of {runs} runs, {alike} of {happened.total()} faults ended with the undisturbed bytes")
    return 0 if right == runs else 1


def drawn_case(seed: int, folder: Path, place: Place, nodes: Nodes) -> tuple[Case, tuple[str, ...]]:
    """Return where the run of a seed happens, and the kinds of faults that can."""
    cluster = nodes if seed % 2 == 0 else None
    if cluster:
        cluster.restore()
    log = folder / f"seed{seed}"
    shutil.rmtree(log, ignore_errors=True)
    settings = (f"vars.input={place.inputs}",)
    roots = () if place.proxy else (Path(place.inputs),)
    case = Case(RECIPE, log, place.outputs / f"seed{seed}", settings, place.disk, cluster, roots, place.proxy)
    return case, place.kinds + OF_RAY + (OF_NODES if cluster else ())


def keep(case: Case) -> None:
    """Leave the output of a run that did not end well beside its log."""
    if isinstance(case.output, Path):
        shutil.copytree(case.output, case.folder / "output")
    else:
        (case.folder / "output").write_text("\n".join(map(str, files_below(case.output))))


if __name__ == "__main__":
    sys.exit(main())
