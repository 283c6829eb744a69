"""Precision and recall of privacy.pii on labelled and on generated texts, and its speed on bulk text.

    python tests/benchmarks/measure_pii.py [labelled] [generated] [speed] [worst] [--half dev|held|all] [--errors N]

`labelled`: the Parquet files of DATA/pii, all types that have labels. `generated`: tests/benchmarks/generate_pii.py.
`speed`: default types over DATA/bulk, first pass in a fresh process, after one small document has compiled the
kernels. `worst`: 1 and 4 MB of what is hardest. Strict and lenient: see labelled_pii.py.
"""

import argparse
import random
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from labelled_pii import Labelled, Place, half, read, score, table

from corpusforge.stages.privacy.pii import Pii
from corpusforge.stages.privacy.spans import find
from corpusforge.stages.privacy.types import default_types, make
from corpusforge.testing import docs
from corpusforge.text import segment

UNITS = ["🙂", "1", "@", "a.a.a.a", ":", "deadbeef", "QUJDREVGRw", "1 ", "a@b.cc ", "1.2.3.4 ", "555-123-4567 "]
UNITS += ["4" * 16 + " ", "token=a1B2c3D4e5 ", "-----BEGIN PRIVATE KEY-----", "DE12 3456 ", "00:1b:", "://a:", "eyJ0."]
WARM = "jane@web.org, 10.2.3.4 and 212-664-7665, AB12CD34EF56GH78, a1:b2:c3:d4:e5:f6 key = 'a1b2c3d4e5f6g7h8'"


def found_in(texts: list[Labelled], languages: list[str] | None = None) -> list[list[Place]]:
    """Return what the default types find in each text, in characters."""
    types = make("pii", default_types("pii"))
    column = pa.array([t.text for t in texts], pa.large_string())
    batch = segment(column)
    regions = [types.regions.get(x, types.regions["other"]) for x in languages or ["other"] * len(texts)]
    found: list[list[Place]] = [[] for _ in texts]
    for span in find(batch, types.detectors, regions):
        raw = texts[span.document].text.encode()
        start = len(raw[: span.start - batch.offsets[span.document]].decode())
        found[span.document].append((start, start + len(span.value), types.names[span.kind]))
    return found


def report(title: str, texts: list[Labelled], found: list[list[Place]], errors: int) -> None:
    types = sorted({kind for t in texts for _, _, kind in t.places} | {kind for f in found for _, _, kind in f})
    scores = score(texts, found, types)
    print("\n" + table(title, scores))
    for name, s in scores.items():
        for what, cases in (("missed", s.missed), ("wrong", s.wrong)):
            for case in random.Random(0).sample(cases, min(errors, len(cases))):
                print(f"    {name} {what}: {case}")


def speed(paths: list[Path]) -> None:
    column = pa.concat_tables([pq.read_table(p, columns=["text"]) for p in paths])["text"].combine_chunks()
    batches = [docs(*column.slice(i, 2000).to_pylist()) for i in range(0, len(column), 2000)]
    megabytes = sum(segment(b["text"]).data.nbytes for b in batches) / 1e6
    begun = time.process_time()
    kernel = Pii().open()
    kernel(
        docs("jane@web.org, 10.2.3.4 and 212-664-7665, AB12CD34EF56GH78, a1:b2:c3:d4:e5:f6 key = 'a1b2c3d4e5f6g7h8'")
    )
    start = time.process_time()
    counts: dict[str, int] = {}
    for batch in batches:
        out = kernel(batch)
        for name in out.schema.names:
            if name.startswith("pii_"):
                counts[name] = counts.get(name, 0) + sum(out.column(name).to_pylist())
    took = time.process_time() - start
    print(
        f"\n{megabytes:.1f} MB of {', '.join(p.name for p in paths)}: opening and compiling {start - begun:.2f} CPU s,"
    )
    print(f"first pass {took:.2f} CPU s = {megabytes / took:.0f} MB per CPU second")
    print({name: count for name, count in counts.items() if count})


def worst() -> None:
    kernel = Pii().open()
    kernel(docs("x"))
    print(f"\n{'1 and 4 MB of':30}{'CPU s':>8}{'CPU s':>8}{'ratio':>7}")
    for unit in UNITS:
        times = []
        for size in (1_000_000, 4_000_000):
            text = unit * (size // len(unit.encode()))
            start = time.process_time()
            kernel(docs(text))
            times.append(time.process_time() - start)
        print(f"{unit!r:30}{times[0]:8.3f}{times[1]:8.3f}{times[1] / times[0]:7.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["labelled", "generated", "speed", "worst"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=("dev", "held", "all"), default="all")
    parser.add_argument("--errors", type=int, default=0, help="misses and false alarms to print per type")
    arguments = parser.parse_args()
    if "speed" in arguments.what:
        speed(sorted((arguments.data / "bulk").glob("*.parquet")))
    if "labelled" in arguments.what:
        for path in sorted((arguments.data / "pii").glob("*.parquet")):
            texts = half(read(path), arguments.half)
            report(f"{path.name} ({arguments.half})", texts, found_in(texts), arguments.errors)
    if "generated" in arguments.what:
        from generate_pii import generate

        for which in ("dev", "held") if arguments.half == "all" else (arguments.half,):
            texts, languages = generate(arguments.data, which)
            report(f"generated ({which})", texts, found_in(texts, languages), arguments.errors)
    if "worst" in arguments.what:
        worst()


if __name__ == "__main__":
    main()
