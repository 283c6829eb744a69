"""What every group of signals costs, whether it grows with the batch, and whether any text makes it slow.

    python tests/benchmarks/measure_signals.py [--data ../shared/data] [--mb 8] [--only normalized dclm] [--scaling]

A group is a module of corpusforge/signals. Each is measured in a process of its own, on its first batch of English web
text after a small other one that compiles the kernels. `cuts`: the arrays of TextBatch that the group asks for (words,
tokens, lines), which groups share; `signals`: everything else. Words stand between whitespace. CPU time.

The hostile texts are 1 MB each and their cost is given as a multiple of what web text costs per byte; `growth` is the
cost of 1 MB over four times the cost of 250 kB: 1 is linear, 4 quadratic. --scaling measures all groups together on
batches of 1, 10 and 100 MB of different documents (beyond the stored ones: their words in another order, seeded),
which takes some 6 GB.
"""

import argparse
import multiprocessing
import random
import resource
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpusforge import signals

HOSTILE: dict[str, Callable[[int], str]] = {
    "one word": lambda n: "x" * n,
    "one line": lambda n: ("word " * (n // 5))[:n],
    "100,000 lines": lambda n: "a line..\n" * (n // 9),
    "all different": lambda n: " ".join(map(str, range(10**6, 10**6 + n // 8))),
    "marks": lambda n: "q" + "\u0301\u0323" * (n // 4),
    "punctuation": lambda n: ".(" * (n // 2),
    "no spaces": lambda n: "日本語の文章。" * (n // 21),
    "capital sigmas": lambda n: "Σ'" * (n // 3),
}


def texts_of(data: Path, size: int, skip: int = 0) -> pa.Array:
    """Return documents of `size` bytes together; after the stored ones their words in a seeded order."""
    stored = [text for path in sorted((data / "bulk").glob("*.parquet")) for text in _read(path)]
    shuffle = random.Random(0)
    found: list[str] = []
    have = 0
    number = skip
    while have < size:
        text = stored[number % len(stored)]
        if number >= len(stored):
            lines = [line.split(" ") for line in text.split("\n")]
            for line in lines:
                shuffle.shuffle(line)
            text = "\n".join(map(" ".join, lines))
        found.append(text)
        have += len(text.encode())
        number += 1
    return pa.array(found, pa.large_string())


def _read(path: Path) -> list[str]:
    return list(pq.read_table(path, columns=["text"])["text"].to_pylist())


def group(module: str) -> list[Callable[..., Any]]:
    names = [name for name in signals.names() if signals._modules()[name] == module]
    return [signals.find(name) for name in names]


def cuts_of(batch: Any) -> list[str]:
    """The arrays of a TextBatch that were computed, in order."""
    kinds = type(batch)
    return [name for name in batch.__dict__ if isinstance(getattr(kinds, name, None), cached_property)]


def timed(action: Callable[[], Any]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def measure(module: str, column: pa.Array, small: pa.Array) -> dict[str, float]:
    from corpusforge.text.batch import TextBatch
    from corpusforge.text.memory import keep_freed_memory

    keep_freed_memory()
    measures = group(module)
    warm = TextBatch(small)
    for one in measures:
        one(warm)
    text = TextBatch(column)
    cuts = timed(lambda: [getattr(text, name) for name in cuts_of(warm)])
    own = timed(lambda: [one(text) for one in measures])
    words = int(TextBatch(column).chunks.counts.sum())
    return {"signals": len(measures), "cuts": cuts, "own": own, "words": words, "bytes": float(text.data.nbytes)}


def measure_hostile(module: str, make: Callable[[int], str], small: pa.Array) -> tuple[float, float]:
    """Return CPU seconds for 250 kB and 1 MB of a hostile text, cuts included."""
    from corpusforge.text.batch import TextBatch

    measures = group(module)

    def cost(size: int) -> float:
        column = pa.array([make(size)], pa.large_string())

        def run() -> None:
            text = TextBatch(column)
            for one in measures:
                one(text)

        return min(timed(run) for _ in range(2))

    warm = TextBatch(small)
    for one in measures:
        one(warm)
    return cost(250_000), cost(1_000_000)


def measure_all(only: list[str], column: pa.Array, small: pa.Array) -> tuple[float, float, float]:
    """Return CPU seconds, MB and peak MB over the base of all groups, or `only` some, on one batch."""
    from corpusforge.text.batch import TextBatch

    measures = [one for module in modules() if not only or module in only for one in group(module)]
    warm = TextBatch(small)
    for one in measures:
        one(warm)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = TextBatch(column)
    spent = timed(lambda: [one(text) for one in measures])
    return spent, text.data.nbytes / 1e6, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1e3


def modules() -> list[str]:
    return sorted({module for name, module in signals._modules().items() if not signals.is_change(name)})


def alone(action: Callable[..., Any], *given: Any) -> Any:
    """Run in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(action, given)


def hostile_row(module: str, per_byte: float, small: pa.Array) -> list[str]:
    row = []
    for name in HOSTILE:
        quarter, whole = alone(_hostile, module, name, small)
        growth = whole / (4 * max(quarter, 1e-9))
        row.append(f"{whole / 1e6 / per_byte:.1f} ({growth:.1f})")
    return row


def _hostile(module: str, name: str, small: pa.Array) -> tuple[float, float]:
    return measure_hostile(module, HOSTILE[name], small)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "../shared/data")
    parser.add_argument("--mb", type=float, default=8, help="size of the batch")
    parser.add_argument("--only", nargs="*", default=[], help="groups")
    parser.add_argument("--no-hostile", action="store_true")
    parser.add_argument("--scaling", action="store_true", help="the groups together, on batches of --sizes")
    parser.add_argument("--sizes", type=float, nargs="*", default=[1, 10, 100], help="MB")
    arguments = parser.parse_args()
    small = texts_of(arguments.data, 60_000, skip=11)
    if arguments.scaling:
        print(f"{'MB':>8}{'CPU s':>9}{'ms per MB':>11}{'peak MB':>9}{'peak per MB':>13}")
        for size in arguments.sizes:
            spent, megabytes, peak = alone(
                measure_all, arguments.only, texts_of(arguments.data, int(size * 1e6)), small
            )
            each = f"{1e3 * spent / megabytes:>11.1f}{peak:>9.0f}{peak / megabytes:>13.1f}"
            print(f"{megabytes:>8.1f}{spent:>9.2f}{each}", flush=True)
        return
    column = texts_of(arguments.data, int(arguments.mb * 1e6))
    print(f"{len(column)} documents, {pa.compute.sum(pa.compute.binary_length(column)).as_py() / 1e6:.1f} MB")
    head = f"{'group':24}{'signals':>8}{'cuts ns/word':>14}{'signals ns/word':>17}{'MB per CPU s':>14}"
    print(head + ("" if arguments.no_hostile else "   hostile: times web text (growth): " + ", ".join(HOSTILE)))
    for module in modules():
        if arguments.only and module not in arguments.only:
            continue
        found = alone(measure, module, column, small)
        cuts, own = (1e9 * found[name] / found["words"] for name in ("cuts", "own"))
        spent = found["cuts"] + found["own"]
        line = f"{module:24}{found['signals']:>8}{cuts:>14.1f}{own:>17.1f}{found['bytes'] / 1e6 / spent:>14.0f}"
        if not arguments.no_hostile:
            line += "   " + "  ".join(hostile_row(module, spent / found["bytes"], small))
        print(line, flush=True)


if __name__ == "__main__":
    np.seterr(all="raise")
    sys.exit(main())
