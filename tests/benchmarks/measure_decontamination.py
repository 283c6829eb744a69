"""Plant evaluation items in real texts, verbatim and edited, and count what dedup.decontaminate finds.

    python tests/benchmarks/measure_decontamination.py --evals "EVALS/*" --texts FOLDER_OR_FILE.parquet [--items 2000]

Each planted text is a real one with an item's longest string in its middle. Edits are drawn by seed: `words N%`
substitutes words of other items, `drop` and `add` leave out or insert words, `typos` swaps two letters of a word,
`layout` changes case, punctuation and line breaks. "clean" are the same texts with nothing planted.
"""

import argparse
import random
import resource
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpusforge.stages.dedup.decontaminate import Decontaminate
from corpusforge.stages.dedup.evals import eval_names, find_evals, read_items
from corpusforge.testing import docs

Edit = Callable[[list[str], random.Random, list[str]], list[str]]


def words(share: float) -> Edit:
    """Substitute a share of the words."""
    return lambda said, draw, others: [draw.choice(others) if draw.random() < share else w for w in said]


def drop(said: list[str], draw: random.Random, others: list[str]) -> list[str]:
    """Leave out one word in 15."""
    return [w for w in said if draw.random() >= 1 / 15]


def add(said: list[str], draw: random.Random, others: list[str]) -> list[str]:
    """Insert a word after one in 15."""
    return [part for w in said for part in ([w, draw.choice(others)] if draw.random() < 1 / 15 else [w])]


def typos(said: list[str], draw: random.Random, others: list[str]) -> list[str]:
    """Swap two letters of one word in 20."""
    return [w[1] + w[0] + w[2:] if len(w) > 2 and draw.random() < 1 / 20 else w for w in said]


def layout(said: list[str], draw: random.Random, others: list[str]) -> list[str]:
    """Change case, punctuation and line breaks."""
    return [draw.choice([w.upper(), w.lower(), w + ",", "\n" + w]) for w in said]


EDITS: dict[str, Edit] = {
    "verbatim": lambda said, draw, others: said,
    "layout": layout,
    "words 2%": words(0.02),
    "words 5%": words(0.05),
    "words 10%": words(0.1),
    "words 20%": words(0.2),
    "drop": drop,
    "add": add,
    "typos": typos,
}


def main() -> None:
    """Print a table: share found by kind of edit and mode, and what was rejected of the clean texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evals", nargs="+", required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--clean", type=int, default=5000)
    parser.add_argument("--min-words", type=int, default=8, help="of an item that is planted")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    files = sorted(given.texts.rglob("*.parquet")) if given.texts.is_dir() else [given.texts]
    texts = pa.concat_tables([pq.read_table(f, columns=["text"]) for f in files])["text"].to_pylist()
    draw.shuffle(texts)
    paths = find_evals(given.evals)
    items = []
    for name, path in zip(eval_names(paths), paths, strict=True):
        for number, strings in enumerate(read_items(path)):
            longest = max(strings, key=len, default="")
            if len(longest.split()) >= given.min_words:
                items.append((f"{name}#{number}", longest.split()))
    chosen = draw.sample(items, min(given.items, len(items)))
    others = [word for _, said in draw.sample(items, min(300, len(items))) for word in said]
    print(f"{len(items)} items, {len(chosen)} planted, {len(texts)} texts")
    hosts = texts[given.clean :] or texts
    for match in ("ngrams", "alignment"):
        started = time.process_time()
        kernel = Decontaminate(against=tuple(given.evals), match=match).open()
        kernel(docs("compile"))
        print(f"\n{match}: index {time.process_time() - started:.2f} CPU s")
        batch = docs(*texts[: given.clean])
        kernel(batch.slice(0, 200))
        started = time.process_time()
        found = kernel(batch)
        size = sum(len(t.encode()) for t in texts[: given.clean]) / 1e6
        seconds = time.process_time() - started
        hit = found.filter(found["rejected"].is_valid())
        print(f"  clean: {hit.num_rows} of {batch.num_rows} rejected; {size:.1f} MB, {size / seconds:.0f} MB per CPU s")
        for row in hit.to_pylist()[:10]:
            print(f"    {row['rejected_detail']} {row['rejected_value']:.2f}: {row['text'][:80]!r}")
        for name, edit in EDITS.items():
            draw = random.Random(given.seed)
            planted = []
            for i, (_, said) in enumerate(chosen):
                host = hosts[i % len(hosts)]
                middle = host.find(" ", len(host) // 2)
                planted.append(f"{host[:middle]} {' '.join(edit(said, draw, others))} {host[max(middle, 0) :]}")
            found = kernel(docs(*planted))
            details = found["rejected_detail"].to_pylist()
            right = sum(d is not None for d in details)
            same = sum(d == label for d, (label, _) in zip(details, chosen, strict=True))
            lengths = Counter(len(said) // 20 * 20 for d, (_, said) in zip(details, chosen, strict=True) if d is None)
            missed = ", ".join(f"{n} of {k}+ words" for k, n in sorted(lengths.items())[:4])
            print(
                f"  {name:10} {right / len(chosen):.4f} found, {same / len(chosen):.4f} as that item; missed: {missed}"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
