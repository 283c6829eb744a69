"""Word counts: how often each word of a corpus occurs, exactly, by exchange.

A word is what a tokenizer cuts a text into before it looks for tokens (a pre-token), in bytes. Counts of a batch are
added up in one table (9 CPU ms per MB), those of a task and of a partition where equal words meet; words are told apart
by 128 bits of hash, so only distinct words travel.

Weights are exact: each is the decimal number as written, all are brought to one denominator, counts are added up as
whole numbers and divided once, to the nearest, halves up. A word that comes to 0 is as if it had not occurred.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusforge.text.arrays import Int64s, UInt8s, UInt64s
from corpusforge.text.spans import Spans, mix

BYTES_A_WORD = 64  # the words that are kept have no more bytes than so many times their highest number


class Weights(NamedTuple):
    """Whole numbers a document's words count, by its source and language, and what the sums are divided by."""

    sources: Mapping[str, int]
    languages: Mapping[str, int]
    other_source: int
    other_language: int
    divisor: int

    def of(self, batch: pa.RecordBatch) -> Int64s:
        """Return the number of each document of a batch; a null language is an unlisted one."""
        found = np.full(batch.num_rows, self.other_source * self.other_language, np.int64)
        if self.sources:
            found = _listed(batch.column("source"), self.sources, self.other_source) * self.other_language
        if self.languages:
            found = (
                found // self.other_language * _listed(batch.column("language"), self.languages, self.other_language)
            )
        return found


def weights(sources: Mapping[str, float], languages: Mapping[str, float]) -> Weights:
    """Return the weights of sources and languages, products of the two; what is not listed weighs 1.

    >>> weights({"web": 1.0, "code": 0.3}, {"de": 1.5})
    Weights(sources={'web': 10, 'code': 3}, languages={'de': 3}, other_source=10, other_language=2, divisor=20)
    """
    by_source = {name: Fraction(str(weight)) for name, weight in sources.items()}
    by_language = {name: Fraction(str(weight)) for name, weight in languages.items()}
    first = lcm(*(weight.denominator for weight in by_source.values()))
    second = lcm(*(weight.denominator for weight in by_language.values()))
    return Weights(
        {name: int(weight * first) for name, weight in by_source.items()},
        {name: int(weight * second) for name, weight in by_language.items()},
        first,
        second,
        first * second,
    )


def _listed(column: pa.Array, numbers: Mapping[str, int], other: int) -> Int64s:
    encoded = column.cast(pa.string()).dictionary_encode(null_encoding="encode")
    values = [other if name is None else numbers.get(name, other) for name in encoded.dictionary.to_pylist()]
    found: Int64s = np.array([*values, other], np.int64)[encoded.indices.to_numpy()]
    return found


def count(words: Spans, numbers: Int64s) -> pa.RecordBatch | None:
    """Return the distinct words of a batch as rows to exchange: key, low, word, count; None when there are none.

    A document's words count its number of `numbers`; those of documents with 0 are left out.
    """
    starts, ends = np.ascontiguousarray(words.starts, np.int64), np.ascontiguousarray(words.ends, np.int64)
    firsts, counts = _tally(words.data, words.offsets, starts, ends, numbers)
    if not len(firsts):
        return None
    starts, ends = starts[firsts], ends[firsts]
    key, low = _hashes(words.data, starts, ends)
    offsets = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(ends - starts, out=offsets[1:])
    data = _gathered(words.data, starts, offsets)
    texts = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    return pa.record_batch({"key": key, "low": low, "word": texts, "count": counts})


def added_up(run: pa.Table) -> pa.Table:
    """Add up the counts of equal words, which are neighbours."""
    if run.num_rows < 2:
        return run
    key, low = run.column("key").to_numpy(), run.column("low").to_numpy()
    first = np.flatnonzero(np.append(True, (key[1:] != key[:-1]) | (low[1:] != low[:-1])))
    if len(first) == len(key):
        return run
    counts = np.add.reduceat(run.column("count").to_numpy(), first)
    taken = run.take(pa.array(first))
    return taken.set_column(taken.schema.get_field_index("count"), "count", pa.array(counts))


def combined(batches: Iterator[pa.RecordBatch], divisor: int) -> Iterator[pa.RecordBatch]:
    """Add up sorted rows, equal ones maybe in several batches, and divide: one row a word."""
    held: pa.Table | None = None
    for batch in batches:
        table = pa.Table.from_batches([batch])
        table = added_up(table if held is None else pa.concat_tables([held, table]))
        held = table.slice(table.num_rows - 1)
        yield from _divided(table.slice(0, table.num_rows - 1), divisor)
    if held is not None:
        yield from _divided(held, divisor)


def _divided(table: pa.Table, divisor: int) -> Iterator[pa.RecordBatch]:
    counts = (table.column("count").to_numpy() + divisor // 2) // divisor
    table = table.set_column(table.schema.get_field_index("count"), "count", pa.array(counts))
    yield from table.filter(pa.array(counts > 0)).combine_chunks().to_batches()


class Words(NamedTuple):
    """Distinct words, most frequent first and of equal counts in the order of their bytes, and what was left out."""

    words: pa.LargeBinaryArray
    counts: Int64s
    distinct: int  # with those left out
    occurrences: int


def with_totals(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Add a row of a null word: how many words the batch has (as its `low`) and how often they occur."""
    total = pc.sum(batch.column("count")).as_py() or 0
    row = {"key": [0], "low": [batch.num_rows], "word": [None], "count": [total]}
    return pa.Table.from_batches([batch, pa.record_batch(row, batch.schema)]).combine_chunks().to_batches()[0]


def most_frequent(table: pa.Table, max_words: int) -> pa.Table:
    """Keep the rows of the most frequent words, in their order, and those of totals.

    The words are taken in the order of `Words` until there are `max_words` or the next would make their bytes more
    than BYTES_A_WORD times that.
    """
    lengths = pc.fill_null(pc.binary_length(table.column("word")), 0).to_numpy()
    if table.num_rows <= max_words and lengths.sum() <= BYTES_A_WORD * max_words:
        return table
    order = _order(table)
    totals = table.column("word").null_count
    fits = np.cumsum(lengths[order]) <= BYTES_A_WORD * max_words
    fits[max_words + totals :] = False
    return table.take(pa.array(np.sort(order[fits]))).combine_chunks()


def _order(table: pa.Table) -> Int64s:
    """Return the rows with the most frequent first, totals before all."""
    keys = [("count", "descending"), ("word", "ascending")]
    order = pc.sort_indices(table.select(["count", "word"]), sort_keys=keys).to_numpy().astype(np.int64)
    totals = table.column("word").is_null().to_numpy()[order]
    return np.concatenate([order[totals], order[~totals]])


def gathered(batches: Iterator[pa.RecordBatch], max_words: int) -> Words:
    """Return the words of rows with totals; no more than twice `max_words` are held at a time."""
    held: pa.Table | None = None
    distinct = occurrences = 0
    for batch in batches:
        totals = pc.is_null(batch.column("word"))
        said = batch.filter(totals)
        distinct += pc.sum(said.column("low")).as_py() or 0
        occurrences += pc.sum(said.column("count")).as_py() or 0
        table = pa.Table.from_batches([batch.filter(pc.invert(totals))])
        held = table if held is None else pa.concat_tables([held, table])
        if held.num_rows > 2 * max_words or held.nbytes > 4 * BYTES_A_WORD * max_words:
            held = most_frequent(held, max_words)
    if held is None:
        return Words(pa.array([], pa.large_binary()), np.zeros(0, np.int64), 0, 0)
    held = most_frequent(held, max_words)
    held = held.take(pa.array(_order(held))).combine_chunks()
    words = held.column("word").combine_chunks()
    return Words(words, held.column("count").to_numpy().astype(np.int64), distinct, occurrences)


@njit(cache=True)
def _tally(data: UInt8s, offsets: Int64s, starts: Int64s, ends: Int64s, numbers: Int64s) -> tuple[Int64s, Int64s]:
    """Return where each distinct word stands first, in that order, and the sums of its documents' numbers."""
    size = 1 << 16
    slots = np.full(size, -1, np.int32)
    hashes = np.empty(size, np.uint64)
    firsts, counts = np.empty(size // 2, np.int64), np.empty(size // 2, np.int64)
    found = 0
    for d in range(len(offsets) - 1):
        if numbers[d] == 0:
            continue
        for i in range(offsets[d], offsets[d + 1]):
            start, end = starts[i], ends[i]
            if start == end:
                continue
            key = np.uint64(end - start)
            for at in range(start, end):
                key = (key ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
            key ^= key >> np.uint64(32)
            slot = np.int64(key & np.uint64(size - 1))
            while True:
                row = slots[slot]
                if row < 0:
                    break
                if hashes[slot] == key:
                    other = starts[firsts[row]]
                    same = ends[firsts[row]] - other == end - start
                    k = 0
                    while same and k < end - start:
                        same = data[other + k] == data[start + k]
                        k += 1
                    if same:
                        break
                slot = (slot + 1) & (size - 1)
            if row >= 0:
                counts[row] += numbers[d]
                continue
            slots[slot], hashes[slot] = found, key
            firsts[found], counts[found] = i, numbers[d]
            found += 1
            if found == len(firsts):
                firsts = np.concatenate((firsts, np.empty(len(firsts), np.int64)))
                counts = np.concatenate((counts, np.empty(len(counts), np.int64)))
                new_slots, new_hashes = np.full(2 * size, -1, np.int32), np.empty(2 * size, np.uint64)
                for old in range(size):
                    if slots[old] >= 0:
                        to = np.int64(hashes[old] & np.uint64(2 * size - 1))
                        while new_slots[to] >= 0:
                            to = (to + 1) & (2 * size - 1)
                        new_slots[to], new_hashes[to] = slots[old], hashes[old]
                slots, hashes, size = new_slots, new_hashes, 2 * size
    return firsts[:found], counts[:found]


@njit(cache=True)
def _hashes(data: UInt8s, starts: Int64s, ends: Int64s) -> tuple[UInt64s, UInt64s]:
    """Return 128 bits of every word: two chains that treat a byte differently."""
    high, low = np.empty(len(starts), np.uint64), np.empty(len(starts), np.uint64)
    for i in range(len(starts)):
        a, b = np.uint64(0x9E3779B97F4A7C15), np.uint64(ends[i] - starts[i])
        for at in range(starts[i], ends[i]):
            a = (a ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
            b = (b + np.uint64(data[at])) * np.uint64(0xC2B2AE3D27D4EB4F)
            b ^= b >> np.uint64(29)
        high[i], low[i] = mix(a), mix(b)
    return high, low


@njit(cache=True)
def _gathered(data: UInt8s, starts: Int64s, offsets: Int64s) -> UInt8s:
    """Copy spans end to end; `offsets`: where each goes."""
    found = np.empty(offsets[-1], np.uint8)
    for i in range(len(starts)):
        for k in range(offsets[i + 1] - offsets[i]):
            found[offsets[i] + k] = data[starts[i] + k]
    return found
