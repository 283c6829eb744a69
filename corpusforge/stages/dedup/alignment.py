"""Alignment: passages of evaluation sets that a text quotes with small changes.

Seeds (rare n-grams of a few words) say where a passage may stand; there its words are aligned with those of the text,
in order, gaps allowed. The score is the weight of the aligned words over the weight of all words of the passage. A
word's weight is its inverse document frequency among the passages, between `LEAST_WEIGHT` and 1, so that neither a
frame ("Which of the following ...") nor a single rare name decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.errors import RecipeError
from corpusforge.stages.dedup.evals import eval_names, read_items
from corpusforge.stages.dedup.overlap import block_filter, in_filter, telling
from corpusforge.text import segment
from corpusforge.text.arrays import Bools, Floats, Int64s, UInt64s
from corpusforge.text.shingles import shingles
from corpusforge.text.words import Words

LEAST_WEIGHT = 0.2
LONG_WORDS, SHORT_WORDS = 50, 20  # from here on `min_score` is enough; up to here half of what is missing to 1 is asked
RARE_FRACTION, COMMON_FRACTION = 0.02, 0.3  # of the passages that have a word: full weight below, the least above
MOST_WORDS = 250  # a longer passage is compared in pieces, so that the work grows with its length alone


@dataclass(frozen=True)
class Passages:
    """Passages of evaluation items: a field of at least `min_words` words, or the whole item where none has as many.

    One of more than MOST_WORDS words is several passages.

    `words` uint64: of passage i those from `offsets[i]` to `offsets[i + 1]`, with `weights` float64. `seeds` uint64,
    sorted: seed j stands at the word `places[j]` (one entry for each passage that has the seed, two if it repeats it).
    """

    offsets: Int64s
    words: UInt64s
    weights: Floats
    seeds: UInt64s
    places: Int64s
    seed_words: int
    filter: UInt64s  # of the seeds
    items: Int64s  # of each passage, counted over all files
    names: list[str]
    first_items: Int64s

    def label(self, passage: int) -> str:
        """Return file and item of a passage: "gsm8k.jsonl#12"."""
        item = int(self.items[passage])
        file = int(np.searchsorted(self.first_items, item, "right")) - 1
        return f"{self.names[file]}#{item - int(self.first_items[file])}"


class Alignments(NamedTuple):
    """Where texts quote passages; one row for each place, by document, passage and place."""

    documents: Int64s
    passages: Int64s
    scores: Floats  # 0..1
    begins: Int64s  # words of the batch: the quotation is from here ...
    ends: Int64s  # ... to before here


def read_passages(
    paths: Sequence[str], fields: Sequence[str], seed_words: int, min_words: int, max_items: int
) -> Passages:
    """Read the passages of `paths`; RecipeError when there is none of `min_words` words."""
    texts: list[str] = []
    items: list[int] = []
    files: list[int] = []
    first_items = [0]
    least = max(min_words, seed_words)
    for number, path in enumerate(paths):
        found = list(read_items(path, fields))
        for item, chosen in enumerate(_fields(found, min_words), first_items[-1]):
            pieces = [piece for string in chosen for piece in _pieces(string)]
            texts += pieces
            items += [item] * len(pieces)
            files += [number] * len(pieces)
        first_items.append(first_items[-1] + len(found))
    enough = np.flatnonzero(segment(texts).words.counts >= least)
    if not len(enough):
        raise RecipeError(f"against: no item of {len(paths)} files has {least} words")
    words = segment([texts[i] for i in enough]).words
    seeds, places = _seeds(words, np.array(files)[enough], seed_words, max_items)
    return Passages(
        offsets=words.offsets,
        words=words.hashes,
        weights=_weights(words),
        seeds=seeds,
        places=places,
        seed_words=seed_words,
        filter=block_filter(seeds),
        items=np.array(items, np.int64)[enough],
        names=eval_names(paths),
        first_items=np.array(first_items, np.int64),
    )


def needed_score(words: np.ndarray, min_score: float) -> Floats:
    """Return the score that passages of so many words need: more of short ones, which less says."""
    short = np.clip((LONG_WORDS - words) / (LONG_WORDS - SHORT_WORDS), 0, 1)
    return np.asarray(min_score + (1 - min_score) / 2 * short)


def align(passages: Passages, words: Words) -> Alignments:
    """Align the texts with every passage that a seed points to."""
    position, place = _meetings(passages, words)
    document = np.searchsorted(words.offsets, position, "right") - 1
    passage = np.searchsorted(passages.offsets, place, "right") - 1
    begins = position - (place - passages.offsets[passage])  # where the passage would begin without gaps
    order = np.lexsort([begins, passage, document])
    document, passage, begins = document[order], passage[order], begins[order]
    length = passages.offsets[passage + 1] - passages.offsets[passage]
    first = np.flatnonzero(_quotations(document, passage, begins, length))
    last = np.append(first[1:], len(order))[: len(first)] - 1
    slack = np.maximum(length[first] // 10, 2)
    low = np.maximum(begins[first] - slack, words.offsets[document[first]])
    high = np.minimum(begins[last] + length[first] + slack, words.offsets[document[first] + 1])
    scores, spans = np.empty(len(first)), np.empty((2, len(first)), np.int64)
    _align(passages.offsets, passages.words, passages.weights, passage[first], words.hashes, low, high, scores, spans)
    return Alignments(document[first], passage[first], scores, spans[0], spans[1])


def _fields(items: list[list[str]], min_words: int) -> Iterator[list[str]]:
    # The fields of each item that have min_words words, or the whole item.
    counts = iter(segment([string for strings in items for string in strings]).words.counts.tolist())
    for strings in items:
        long = [string for string in strings if next(counts) >= min_words]
        yield long or ["\n".join(strings)]


def _pieces(string: str) -> list[str]:
    # Pieces of at most MOST_WORDS words, equal in length.
    if len(string) <= MOST_WORDS:  # characters: there cannot be more words
        return [string]
    words = segment([string]).words
    if len(words) <= MOST_WORDS:
        return [string]
    cuts = np.linspace(0, len(words), -(-len(words) // MOST_WORDS) + 1).astype(np.int64)
    data = words.data.tobytes()
    return [data[words.starts[b] : words.ends[e - 1]].decode() for b, e in pairwise(cuts)]


def _seeds(words: Words, file: np.ndarray, seed_words: int, max_items: int) -> tuple[UInt64s, Int64s]:
    # The telling n-grams that are in at most max_items passages of any one file, sorted, with where they stand.
    grams = shingles(words, seed_words)
    passage = np.repeat(np.arange(len(words.counts)), np.diff(grams.offsets))
    place = words.offsets[passage] + np.arange(len(passage)) - grams.offsets[passage]
    chosen = telling(words, grams.offsets, seed_words) >= min(seed_words, 3)
    hashes, passage, place = grams.hashes[chosen], passage[chosen], place[chosen]
    held = _distinct(hashes, file[passage], passage)
    pairs, counts = _counted(hashes[held], file[passage[held]])
    wanted = ~np.isin(hashes, pairs[counts > max_items])
    order = np.flatnonzero(wanted)[np.lexsort([place[wanted], hashes[wanted]])]
    hashes, passage, place = hashes[order], passage[order], place[order]
    # Of a seed that a passage repeats, two places: a text that repeats it too would meet it 50 times at every word.
    few = np.ones(len(order), bool)
    few[2:] = (hashes[2:] != hashes[:-2]) | (passage[2:] != passage[:-2])
    return hashes[few], place[few]


def _weights(words: Words) -> Floats:
    passage = np.repeat(np.arange(len(words.counts)), words.counts)
    held = _distinct(words.hashes, passage)
    known, counts = np.unique(words.hashes[held], return_counts=True)
    share = counts[np.searchsorted(known, words.hashes)] / len(words.counts)
    weight = np.log(share / COMMON_FRACTION) / np.log(RARE_FRACTION / COMMON_FRACTION)
    return np.asarray(np.clip(weight, LEAST_WEIGHT, 1.0))


def _distinct(*columns: np.ndarray) -> Int64s:
    # The places of the first of equal rows, in the order of the columns.
    order = np.lexsort(columns[::-1])
    new = np.ones(len(order), bool)
    new[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    return np.asarray(order[new])


def _counted(hashes: UInt64s, file: np.ndarray) -> tuple[UInt64s, Int64s]:
    # Each pair of hash and file: the hash, and how often the pair occurs. Rows come sorted.
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (file[1:] != file[:-1])
    starts = np.flatnonzero(new)
    return hashes[starts], np.diff(np.append(starts, len(hashes)))


def _meetings(passages: Passages, words: Words) -> tuple[Int64s, Int64s]:
    # (word of the texts, word of the passages) where an equal seed begins
    grams = shingles(words, passages.seed_words)
    likely = np.flatnonzero(in_filter(grams.hashes, passages.filter))
    hashes = grams.hashes[likely]
    first = np.searchsorted(passages.seeds, hashes, "left")
    counts = np.searchsorted(passages.seeds, hashes, "right") - first
    which = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    document = np.searchsorted(grams.offsets, likely, "right") - 1
    position = words.offsets[document] + likely - grams.offsets[document]
    return np.repeat(position, counts), passages.places[which]


@njit(cache=True)
def _quotations(documents: Int64s, passages: Int64s, begins: Int64s, lengths: Int64s) -> Bools:
    # Which beginnings open a quotation: those that lie close together are one, with words added or left out. Not more
    # than half a passage apart in all, or a phrase that a list repeats in every line would make one quotation of it, in
    # which the passage's other words are found somewhere (scores of 0.99 and 1 without this).
    new = np.ones(len(begins), np.bool_)
    first = 0
    for i in range(1, len(begins)):
        if documents[i] == documents[i - 1] and passages[i] == passages[i - 1]:
            near = begins[i] - begins[i - 1] <= max(lengths[i] // 4, 3)
            new[i] = not near or begins[i] - begins[first] > max(lengths[i] // 2, 6)
        if new[i]:
            first = i
    return new


@njit(cache=True)
def _align(
    offsets: Int64s,
    words: UInt64s,
    weights: Floats,
    passages: Int64s,
    texts: UInt64s,
    low: Int64s,
    high: Int64s,
    scores: Floats,
    spans: Int64s,
) -> None:
    for a in range(len(passages)):
        begin = offsets[passages[a]]
        end = offsets[passages[a] + 1]
        width = high[a] - low[a]
        # Row by row: the best weight of the passage's words so far within the text's first j words, and where the
        # first and last of the aligned words stand.
        best = np.zeros(width + 1)
        froms = np.full(width + 1, -1, np.int64)
        tos = np.full(width + 1, -1, np.int64)
        total = 0.0
        for i in range(begin, end):
            total += weights[i]
            diagonal = 0.0
            diagonal_from = np.int64(-1)
            for j in range(width):
                up = best[j + 1]
                up_from = froms[j + 1]
                if words[i] == texts[low[a] + j] and diagonal + weights[i] > max(up, best[j]):
                    best[j + 1] = diagonal + weights[i]
                    froms[j + 1] = low[a] + j if diagonal_from < 0 else diagonal_from
                    tos[j + 1] = low[a] + j + 1
                elif best[j] > up:
                    best[j + 1] = best[j]
                    froms[j + 1] = froms[j]
                    tos[j + 1] = tos[j]
                diagonal = up
                diagonal_from = up_from
        scores[a] = best[width] / total
        spans[0, a] = froms[width]
        spans[1, a] = tos[width]
