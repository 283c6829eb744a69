"""What dedup.minhash removes against the truth: every pair's Jaccard similarity, counted, and the rule without bands.

    python tests/benchmarks/measure_minhash_truth.py FOLDER_OF_PARQUET [--documents 15000] [--bands 14x8,20x8,24x7]

FOLDER holds Parquet files with a `text` column. Its documents are joined by planted near-copies of some of them, of
known kinds, up to --documents. The truth is the Jaccard similarity of the sets of word 5-grams of every pair, from
an inverted index over all n-grams, and the greedy rule over all pairs at or above 0.8: best-ranked first, a document
goes if one that stays is that similar. The stage runs in the real engine with the same rank, for each of --bands.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray

from corpusforge.engine.run import run
from corpusforge.pipeline import Pipeline, RunOptions, Source, Step
from corpusforge.stages.dedup.keepers import sort_distinct
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.read.parquet import Parquet as Reader
from corpusforge.stages.write.parquet import Parquet
from corpusforge.text import segment
from corpusforge.text.shingles import shingles

NGRAM = 5
FILES = 4
VERIFY = 0.8
LEAST = 0.4  # similarity of a pair that is counted
RATES = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2)
CUTS = (0.97, 0.93, 0.88, 0.82, 0.7)
PAGES = 400  # of one template
BINS = (0.8, 0.82, 0.85, 0.9, 0.95, 1.0, 1.01)

Ints = NDArray[np.int64]


def main() -> None:
    """Make the corpus, count the truth, run the stage, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=15_000)
    parser.add_argument("--bands", default="14x8,20x8,24x7")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    files = sorted(arguments.folder.rglob("*.parquet"))
    texts = pa.concat_tables([pq.read_table(f, columns=["text"]) for f in files])["text"].to_pylist()
    texts = [text for text in texts if text][: arguments.documents]
    kinds = ["real"] * len(texts)
    for kind, text in planted(texts, random.Random(arguments.seed)):
        if len(texts) == arguments.documents:
            break
        texts.append(text)
        kinds.append(kind)
    begun = time.process_time()
    first, second, similarity = similar_pairs(texts)
    print(f"{len(texts)} documents, {sum(map(len, texts)) / 1e6:.0f} M characters")
    print(f"{len(first)} pairs with J >= {LEAST}, counted in {time.process_time() - begun:.0f} CPU s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = pa.table({"text": pa.array(texts, pa.large_string())})
        rows: list[tuple[int, int]] = []
        for part in range(FILES):
            first_row, last_row = (n * len(texts) // FILES for n in (part, part + 1))
            pq.write_table(table.slice(first_row, last_row - first_row), folder / f"{part}.parquet")
            rows += [(part, row) for row in range(pq.read_metadata(folder / f"{part}.parquet").num_rows)]
        judged = [one(folder, bands) for bands in arguments.bands.split(",")]
    ids = [judged[0]["ids"][place] for place in rows]
    best_first = sorted(range(len(texts)), key=lambda i: (-len(texts[i]), ids[i]))
    keeper, likeness = greedy(np.array(best_first), first, second, similarity)
    for entry in judged:
        gone = np.array([ids[i] in entry["gone"] for i in range(len(ids))])
        report(entry, gone, keeper, likeness, kinds, {i: n for n, i in enumerate(ids)}, (first, second, similarity))


def planted(texts: list[str], draw: random.Random) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) of near-copies of `texts`, and of pages of one template."""
    words = sorted({w for text in texts[:: max(1, len(texts) // 300)] for w in text.split()})
    frame = [" ".join(draw.choices(words, k=60)) for _ in range(3)]
    for page in range(PAGES):
        own = " ".join(draw.choices(words, k=draw.choice((3, 10, 20, 40, 80, 200))))
        yield "template page", f"{frame[0]}\n{page}\n{frame[1]}\n{own}\n{frame[2]}"
    long_enough = [text for text in texts if 200 < len(text) < 200_000]
    while True:
        text = draw.choice(long_enough)
        rate = draw.choice(RATES)
        pieces = text.split(" ")
        yield f"words {rate:.0%}", " ".join(draw.choice(words) if draw.random() < rate else p for p in pieces)
        kept = draw.choice(CUTS)
        yield f"cut to {kept:.0%}", text[: int(kept * len(text))]
        other = draw.choice(long_enough)
        yield "joined", f"{text}\n\n{other[: int(draw.uniform(0.02, 0.4) * len(text))]}"
        paragraphs = text.split("\n")
        draw.shuffle(paragraphs)
        yield "paragraphs shuffled", "\n".join(paragraphs)


def similar_pairs(texts: list[str]) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Return every pair whose similarity is at least LEAST, counted over all n-grams."""
    grams = shingles(segment(texts).words, NGRAM)
    sets, sizes = np.empty(len(grams.hashes) + 1, np.uint64), np.zeros(len(texts), np.int64)
    _sets(grams.offsets, grams.hashes, sets, sizes)
    owners = np.repeat(np.arange(len(texts)), sizes)
    hashes = sets[: len(owners)]
    order = np.lexsort([owners, hashes])
    hashes, owners = hashes[order], owners[order]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
    posting = np.empty(len(order), np.int64)  # of each n-gram in the order of documents, where its posting begins
    posting[order] = np.repeat(starts, np.diff(np.append(starts, len(hashes))))
    room = 60_000_000
    found = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.float64)
    count = _pairs(sizes, posting, owners, LEAST, *found)
    assert count < room
    return found[0][:count].astype(np.int64), found[1][:count].astype(np.int64), found[2][:count].copy()


@njit(cache=True)
def _sets(offsets: Ints, hashes: NDArray[np.uint64], sets: NDArray[np.uint64], sizes: Ints) -> None:
    at = 0
    for d in range(len(sizes)):
        sizes[d] = sort_distinct(hashes[offsets[d] : offsets[d + 1]], sets[at:])
        at += sizes[d]


@njit(cache=True)
def _pairs(
    sizes: Ints,
    posting: Ints,
    owners: Ints,
    least: float,
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    similarity: NDArray[np.float64],
) -> int:
    shared = np.zeros(len(sizes), np.int64)
    touched = np.empty(len(sizes), np.int64)
    count = 0
    at = 0
    for d in range(len(sizes)):
        many = 0
        for i in range(at, at + sizes[d]):
            k = posting[i]
            while owners[k] < d:  # postings are in the order of documents: those before d, each once
                if shared[owners[k]] == 0:
                    touched[many] = owners[k]
                    many += 1
                shared[owners[k]] += 1
                k += 1
        at += sizes[d]
        for i in range(many):
            other = touched[i]
            alike = shared[other] / (sizes[d] + sizes[other] - shared[other])
            if alike >= least and count < len(first):
                first[count], second[count], similarity[count] = other, d, alike
                count += 1
            shared[other] = 0
    return count


def greedy(best_first: Ints, first: Ints, second: Ints, similarity: NDArray[np.float64]) -> tuple[Ints, Any]:
    """Return each document's keeper (-1: it stays) and its similarity, by the rule over all pairs."""
    rank = np.empty(len(best_first), np.int64)
    rank[best_first] = np.arange(len(best_first))
    near: dict[int, list[tuple[int, int, float]]] = {}
    for a, b, s in zip(first.tolist(), second.tolist(), similarity.tolist(), strict=True):
        if s >= VERIFY:
            better, worse = (a, b) if rank[a] < rank[b] else (b, a)
            near.setdefault(worse, []).append((int(rank[better]), better, s))
    keeper, likeness = np.full(len(best_first), -1), np.zeros(len(best_first))
    for d in best_first.tolist():
        for _, other, s in sorted(near.get(d, [])):
            if keeper[other] < 0:
                keeper[d], likeness[d] = other, s
                break
    return keeper, likeness


def one(folder: Path, bands: str) -> dict[str, Any]:
    """Run the stage; return doc_ids by (file, row), the removed with their keepers, and what it cost."""
    count, rows = map(int, bands.split("x"))
    stage = Minhash(ngram=NGRAM, bands=count, rows=rows, verify=VERIFY, max_source_loss=1.0)
    pipeline = Pipeline(
        (Source("mix", "read.parquet", Reader(paths=(f"{folder}/*.parquet",))),),
        (Step("dedup.minhash", stage),),
        Parquet(path=str(folder / f"out-{bands}")),
        options=RunOptions(workers=1),
    )
    begun = time.process_time()
    outcome = run(pipeline)
    cpu = time.process_time() - begun
    ids: dict[tuple[int, int], str] = {}
    gone: dict[str, str] = {}
    clustered = 0
    for path in sorted(outcome.path.glob("data/*.parquet")):
        table = pq.read_table(path, columns=["doc_id", "origin", "cluster_size"])
        clustered += int(pc.sum(pc.greater(table["cluster_size"], 1)).as_py())
        for doc_id, origin in zip(table["doc_id"].to_pylist(), table["origin"].to_pylist(), strict=True):
            ids[_place(origin)] = doc_id
    for path in sorted(outcome.path.glob("rejected/*.parquet")):
        for row in pq.read_table(path).to_pylist():
            ids[_place(row["origin"])] = row["doc_id"]
            gone[row["doc_id"]] = row["detail"]
    stage_seconds = outcome.manifest["stages"][-1]["seconds"]
    return {"bands": bands, "ids": ids, "gone": gone, "cpu": cpu, "stage": stage_seconds, "in": clustered + len(gone)}


def _place(origin: str) -> tuple[int, int]:
    name, row = origin.split("#")
    return int(name.removesuffix(".parquet")), int(row)


def report(
    entry: dict[str, Any],
    gone: NDArray[np.bool_],
    keeper: Ints,
    likeness: NDArray[np.float64],
    kinds: list[str],
    number: dict[str, int],
    pairs: tuple[Ints, Ints, NDArray[np.float64]],
) -> None:
    """Print shares of the reference's removals, by similarity and by kind."""
    due = keeper >= 0
    print(f"\n{entry['bands']}: {gone.sum()} went, {due.sum()} should by the truth, {(gone & due).sum()} are in both")
    print(f"   {entry['in']} documents in components; {entry['cpu']:.2f} CPU s, {entry['stage']:.2f} of them the stage")
    for low, high in pairwise(BINS):
        mine = due & (likeness >= low) & (likeness < high)
        if mine.any():
            share = 100 * (gone & mine).sum() / mine.sum()
            print(f"   J {low:.2f} to {min(high, 1):.2f}: {(gone & mine).sum():6} of {mine.sum():6} = {share:.2f} %")
    for low, high in ((0.8, 0.9), (0.9, 1.01)):
        mine = due & (likeness >= low) & (likeness < high)
        print(f"   J {low:.1f} to {min(high, 1):.1f} in all: {100 * (gone & mine).sum() / max(mine.sum(), 1):.2f} %")
    known = {(a, b): s for a, b, s in zip(*(p.tolist() for p in pairs), strict=True)}
    alike = []
    for doc_id, kept_id in entry["gone"].items():
        a, b = sorted((number[doc_id], number[kept_id]))
        alike.append(known.get((a, b), 0.0))
    print(f"   least true similarity of a removed text to the text that stays: {min(alike, default=1):.3f}", end="")
    print(f"; below 0.7: {sum(s < 0.7 for s in alike)}")
    print("   by kind, went / due:", end=" ")
    for kind in sorted(set(kinds)):
        mine = np.array([k == kind for k in kinds])
        print(f"{kind} {(gone & mine).sum()}/{(due & mine).sum()}", end="; ")
    print()


if __name__ == "__main__":
    main()
