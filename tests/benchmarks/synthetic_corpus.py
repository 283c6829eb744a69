"""A synthetic corpus of any size with planted near-duplicates, made while it is read.

    python tests/benchmarks/synthetic_corpus.py FOLDER --documents 500000 --boilerplate 10000 --giant 20000
    PYTHONPATH=tests/benchmarks corpusforge run RECIPE      with    synthetic_corpus:SyntheticCorpus: {paths: FOLDER}

FOLDER holds one small JSON file per shard and no text: a document is a function of the seed and its number. Words
are drawn by Zipf's law, lengths from a log-normal distribution. What is planted (`Corpus.plan`):

  giant        pages of one template that differ in a few words: a Jaccard similarity of 0.93, one must stay
  template     pages of another template with much text of their own: 0.6, all must stay
  boilerplate  unlike documents that begin with one block of 150 words: all must stay
  cluster      2 to 8 documents, far apart, any two of one similarity, from JACCARDS: one stays if it is high enough

Two documents of a kind share a beginning of words and have ends of their own, so that their similarity is known.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from corpusforge.source import Found, Reader, Split

Ints = NDArray[np.int64]

KINDS = ("plain", "giant", "template", "boilerplate", "cluster")
PLAIN, GIANT, TEMPLATE, BOILERPLATE, CLUSTER = range(5)
JACCARDS = (0.95, 0.9, 0.85, 0.82, 0.75, 0.5)
NGRAM = 5  # of the planted similarities
LANES = 8
TEMPLATE_WORDS = 250
BLOCK_WORDS = 150
VOCABULARY = 30_000
DRAWS_BITS = 17
SLOT_BYTES = 16  # room for a word
BATCH_DOCUMENTS = 1000


class Plan(NamedTuple):
    """For each document: its kind, the planted group it is in, its words, the words it shares with the group, J."""

    kind: Ints
    group: Ints  # -1: none
    words: Ints
    shared_words: Ints
    jaccard: NDArray[np.float64]  # of any two of the group


@dataclass(frozen=True)
class Corpus:
    """How many documents, and what is planted."""

    documents: int
    boilerplate: int = 0
    giant: int = 0
    template: int = 0
    clustered_fraction: float = 0.25  # of the first eighth of the documents: each begins a cluster
    median_words: int = 200
    sigma: float = 1.0
    seed: int = 0

    def plan(self, numbers: Ints) -> Plan:
        """Say what the documents with these numbers are."""
        kind = np.full(len(numbers), PLAIN)
        for what, count in ((GIANT, self.giant), (TEMPLATE, self.template), (BOILERPLATE, self.boilerplate)):
            if count:
                step = self.documents // count
                kind[(numbers % step == what % step) & (numbers // step < count) & (kind == PLAIN)] = what
        per_lane = -(-self.documents // LANES)
        place, lane = numbers % per_lane, numbers // per_lane
        draw = _random(self.seed, 1, place)
        size = 2 + (draw >> np.uint64(8)).astype(np.int64) % (LANES - 1)
        begun = (draw >> np.uint64(40)).astype(np.float64) < self.clustered_fraction * 2**24
        kind[(kind == PLAIN) & begun & (lane < size)] = CLUSTER
        group = np.select([kind == CLUSTER, kind == PLAIN], [place + len(KINDS), -1], kind)
        words = self._lengths(np.where(kind == CLUSTER, place, numbers + per_lane))
        words[kind == CLUSTER] = np.maximum(words[kind == CLUSTER], 100)  # or a word by chance the same moves J much
        words[kind == GIANT] = TEMPLATE_WORDS + 5
        words[kind == TEMPLATE] = TEMPLATE_WORDS + 80
        words[kind == BOILERPLATE] += BLOCK_WORDS
        wanted = np.array(JACCARDS)[(draw % np.uint64(len(JACCARDS))).astype(np.int64)]
        shared_grams = np.rint(2 * (words - NGRAM + 1) * wanted / (1 + wanted)).astype(np.int64)
        fixed = {GIANT: TEMPLATE_WORDS, TEMPLATE: TEMPLATE_WORDS, BOILERPLATE: BLOCK_WORDS}
        shared = np.select(
            [kind == k for k in (CLUSTER, *fixed)], [shared_grams + NGRAM - 1, *fixed.values()], default=0
        )
        both = np.maximum(shared - NGRAM + 1, 0)
        jaccard = np.where(kind == PLAIN, 0.0, both / (2 * (words - NGRAM + 1) - both))
        return Plan(kind, group, words, shared, jaccard)

    def _lengths(self, numbers: Ints) -> Ints:
        one, two = (_random(self.seed, k, numbers).astype(np.float64) / 2**64 for k in (2, 3))
        normal = np.sqrt(-2 * np.log(1 - one)) * np.cos(2 * np.pi * two)
        return np.clip(self.median_words * np.exp(self.sigma * normal), 30, 50_000).astype(np.int64)


class SyntheticCorpus(Reader):
    """Read the documents of a synthetic corpus. 200 MB of text per CPU second."""

    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    def read(self, split: Split) -> Iterator[Found]:
        """Make the documents of one shard, in batches."""
        with split.open() as file:
            shard = json.load(file)
        corpus = Corpus(**shard["corpus"])
        for first in range(shard["first"], shard["last"], BATCH_DOCUMENTS):
            yield documents(corpus, np.arange(first, min(first + BATCH_DOCUMENTS, shard["last"])))


def write_shards(corpus: Corpus, folder: Path, shard_documents: int) -> None:
    """Write the files that SyntheticCorpus reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard, first in enumerate(range(0, corpus.documents, shard_documents)):
        last = min(first + shard_documents, corpus.documents)
        content = {"corpus": asdict(corpus), "first": first, "last": last}
        (folder / f"shard-{shard:05d}.json").write_text(json.dumps(content))


def documents(corpus: Corpus, numbers: Ints) -> pa.RecordBatch:
    """Return documents by their numbers: `text`, and the number as `origin`."""
    plan = corpus.plan(numbers)
    letters, lengths, draws = _vocabulary()
    # the beginning is drawn from the group's stream, the end from the document's own
    group = _random(corpus.seed, 4, plan.group)
    own = _random(corpus.seed, 5, numbers)
    room = int(plan.words.sum()) * (int(lengths.max()) + 2) + SLOT_BYTES
    data, offsets = np.empty(room, np.uint8), np.zeros(len(numbers) + 1, np.int64)
    _write(group, own, plan.words, plan.shared_words, letters, lengths, draws, data, offsets)
    text = pa.LargeStringArray.from_buffers(
        len(numbers), pa.py_buffer(offsets), pa.py_buffer(data[: offsets[-1]].copy())
    )
    return pa.record_batch({"text": text, "origin": pa.array(numbers).cast(pa.string())})


def _random(seed: int, purpose: int, numbers: Ints) -> NDArray[np.uint64]:
    state = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state += np.uint64((seed * 64 + purpose) * 0xD1342543DE82EF9B & 2**64 - 1)
    state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return state ^ state >> np.uint64(31)


_made: tuple[NDArray[np.uint8], Ints, NDArray[np.int32]] | None = None


def _vocabulary() -> tuple[NDArray[np.uint8], Ints, NDArray[np.int32]]:
    # the letters of each word, their number, and a table from which a word's rank is drawn with chance ~ 1 / rank
    global _made
    if _made is None:
        syllables = [c + v + e for v in "aeiou" for c in "btdkmnrsl" for e in ("", "n", "r", "s")]
        letters = np.zeros((VOCABULARY, SLOT_BYTES), np.uint8)
        lengths = np.zeros(VOCABULARY, np.int64)
        for rank in range(VOCABULARY):
            word = syllables[rank % len(syllables)]
            rest = rank // len(syllables)
            while rest:
                word += syllables[(rest - 1) % len(syllables)]
                rest = (rest - 1) // len(syllables)
            lengths[rank] = len(word)
            letters[rank, : len(word)] = np.frombuffer(word.encode(), np.uint8)
        chance = 1 / np.arange(1, VOCABULARY + 1)
        ranks = np.searchsorted(np.cumsum(chance) / chance.sum(), (np.arange(1 << DRAWS_BITS) + 0.5) / 2**DRAWS_BITS)
        _made = letters, lengths, ranks.astype(np.int32)
    return _made


@njit(cache=True)
def _write(
    group: NDArray[np.uint64],
    own: NDArray[np.uint64],
    words: Ints,
    shared: Ints,
    letters: NDArray[np.uint8],
    lengths: Ints,
    draws: NDArray[np.int32],
    data: NDArray[np.uint8],
    offsets: Ints,
) -> None:
    at = 0
    for d in range(len(words)):
        for w in range(words[d]):
            state = (group[d] if w < shared[d] else own[d]) + np.uint64(w) * np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
            if w > 0:
                if state & np.uint64(15) == 0:
                    data[at] = 46  # "."
                    at += 1
                data[at] = 10 if state & np.uint64(63) == 0 else 32
                at += 1
            word = draws[np.int64(state >> np.uint64(64 - DRAWS_BITS))]
            for i in range(SLOT_BYTES):  # one move of 16 bytes; the next word overwrites what is too much
                data[at + i] = letters[word, i]
            at += lengths[word]
        offsets[d + 1] = at


def main() -> None:
    """Write the shards of a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    add_options(parser)
    arguments = parser.parse_args()
    write_shards(corpus_of(arguments), arguments.folder, arguments.shard_documents)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `corpus_of` reads."""
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--boilerplate", type=int, default=0, help="documents that begin with one block of text")
    parser.add_argument("--giant", type=int, default=0, help="pages of one template, nearly the same")
    parser.add_argument("--template", type=int, default=0, help="pages of one template, with text of their own")
    parser.add_argument("--median-words", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard-documents", type=int, default=25_000)


def corpus_of(arguments: argparse.Namespace) -> Corpus:
    """Return the corpus the options describe."""
    a = arguments
    return Corpus(a.documents, a.boilerplate, a.giant, a.template, median_words=a.median_words, seed=a.seed)


if __name__ == "__main__":
    main()
