"""Precision and recall of privacy.pii on labelled texts, and its speed on bulk text.

    python tests/benchmarks/measure_pii.py [--data ../shared/data] [--errors N]

A found span counts as right when it overlaps a labelled span of its type, and a labelled span as found when a found
one overlaps it; `exact` counts equal spans. Speed: text bytes over CPU seconds, on a second
pass (steady) over all documents.
"""

import argparse
import random
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpusforge.registry import resource
from corpusforge.stages.privacy.detectors import detector, load
from corpusforge.stages.privacy.pii import TYPES, Pii
from corpusforge.stages.privacy.spans import Span, find
from corpusforge.testing import docs
from corpusforge.text import segment

LABELS = {"EMAIL_ADDRESS": "email", "CREDIT_CARD": "card", "IP_ADDRESS": "ip", "PHONE_NUMBER": "phone"}
Place = tuple[int, int, str]


def found_in(column: pa.Array) -> list[Span]:
    about = load(resource("filters", "pii"))["types"]
    regions = tuple(about["phone"]["regions"]["other"])
    return find(segment(column), [detector(name, about[name]) for name in TYPES], [regions] * len(column))


def measure(path: Path, errors: int) -> None:
    rows = pq.read_table(path).to_pylist()
    column = pa.array([row["text"] for row in rows], pa.large_string())
    offsets = segment(column).offsets
    found: dict[int, list[Place]] = {}
    for span in found_in(column):
        text = rows[span.document]["text"].encode()
        start = len(text[: span.start - offsets[span.document]].decode())
        found.setdefault(span.document, []).append((start, start + len(span.value), TYPES[span.kind]))
    print(f"\n{path.name}\n{'type':8}{'labelled':>10}{'found':>8}{'precision':>11}{'recall':>8}{'f1':>7}{'exact':>7}")
    for name in TYPES:
        labelled = right = recalled = exact = everything = 0
        missed: list[str] = []
        wrong: list[str] = []
        for i, row in enumerate(rows):
            text = row["text"]
            labels = [(e["start"], e["end"]) for e in row["entities"] if LABELS.get(e["type"]) == name]
            spans = [(a, b) for a, b, kind in found.get(i, []) if kind == name]
            labelled += len(labels)
            everything += len(spans)
            exact += len(set(labels) & set(spans))
            for a, b in spans:
                if any(a < d and c < b for c, d in labels):
                    right += 1
                else:
                    wrong.append(repr(text[max(0, a - 40) : a] + "[" + text[a:b] + "]" + text[b : b + 15]))
            for a, b in labels:
                if any(a < d and c < b for c, d in spans):
                    recalled += 1
                else:
                    missed.append(repr(text[max(0, a - 40) : a] + "[" + text[a:b] + "]" + text[b : b + 15]))
        precision, recall = right / max(1, everything), recalled / max(1, labelled)
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        print(f"{name:8}{labelled:10}{everything:8}{precision:11.3f}{recall:8.3f}{f1:7.3f}{exact:7}")
        for title, cases in (("missed", missed), ("wrong", wrong)):
            for case in random.Random(0).sample(cases, min(errors, len(cases))):
                print(f"    {title}: {case}")


def speed(paths: list[Path]) -> None:
    column = pa.concat_tables([pq.read_table(p, columns=["text"]) for p in paths])["text"].combine_chunks()
    batch = docs(*column.to_pylist())
    megabytes = segment(batch["text"]).data.nbytes / 1e6
    kernel = Pii().open()
    start = time.process_time()
    kernel(batch)
    cold = time.process_time() - start
    start = time.process_time()
    out = kernel(batch)
    steady = time.process_time() - start
    print(f"\n{', '.join(p.name for p in paths)}: {megabytes:.1f} MB, first pass {cold:.2f} s, ", end="")
    print(f"steady {steady:.2f} s = {megabytes / steady:.0f} MB per CPU second")
    print({name: sum(out[f"pii_{name}"].to_pylist()) for name in TYPES})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "../shared/data")
    parser.add_argument("--errors", type=int, default=0, help="misses and false alarms to print per type")
    arguments = parser.parse_args()
    for path in sorted((arguments.data / "pii").glob("*.parquet")):
        measure(path, arguments.errors)
    speed(sorted((arguments.data / "bulk").glob("*.parquet")))
    speed([arguments.data / "quality/enron_spam.parquet"])


if __name__ == "__main__":
    main()
