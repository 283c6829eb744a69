"""Count n-grams exactly: a stream of word ids -> sorted runs -> a tree of suffixes with counts.

Every position whose word is to be predicted gives one window: the word and the `order - 1` before it, back to the
begin of its line or to an unknown word. A window is one number of 128 bits, its last word in the highest bits, so
that sorted windows stand grouped by suffix. Windows are sorted in runs of `RUN` (radix), equal ones are joined, runs
wait on disk and are merged by ranges of keys: memory depends on RUN and on the number of distinct n-grams, not on the
length of the text.

The tree: a node of level k is an n-gram of k words, its parent (`suffix`) the same without the first word. The nodes
of a level stand in the order of their windows, so that the children of a node are neighbours, sorted by word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

from corpusforge.errors import RunError
from corpusforge.text.arrays import Int64s, UInt32s, UInt64s

UNKNOWN, BEGIN, END = 0, 1, 2  # ids of <unk>, <s>, </s>
RUN = 4 << 20  # windows sorted at a time: 64 MB of keys, as much again to sort them


@dataclass
class Level:
    """The n-grams of one length, in the order of their windows.

    `words` uint32: the first word; `suffix` uint32: the node of level - 1 without it; `raw` uint32: how often it
    occurs; `adjusted` uint32: Kneser-Ney's count, how many different words it occurs after (`raw` at the highest
    level, and after <s> or an unknown word, which nothing stands before).
    """

    words: UInt32s
    suffix: UInt32s
    raw: UInt32s
    adjusted: UInt32s


def id_bits(vocabulary: int, order: int) -> int:
    """Return the bits of an id in a window; RunError when `order` of them do not fit 128."""
    bits = vocabulary.bit_length()  # ids are stored plus one, 0 being "nothing"
    if bits * order > 128:
        raise RunError(
            f"{vocabulary:,} words are too many for n-grams of {order} words: at most {(1 << 128 // order) - 1:,}; "
            "raise --min-count or lower --max-words or --order"
        )
    return bits


def count(stream: Iterator[UInt32s], vocabulary: int, order: int, max_ngrams: int, folder: Path) -> list[Level]:
    """Return the levels 1 to `order`; level 1 has a node for every id.

    `stream` yields ids, whole lines of BEGIN ... END. Temporary files go to `folder` (20 bytes for each distinct
    window of a run). Raises RunError above `max_ngrams` nodes.
    """
    bits = id_bits(vocabulary, order)
    runs = [_stored(run, folder / f"run-{i}") for i, run in enumerate(_runs(stream, bits, order))]
    merged = _merged(runs, folder)
    totals = np.zeros(order, np.int64)
    last = np.zeros(2, np.uint64)
    for high, low, _ in _blocks(merged):
        _count_nodes(high, low, bits, order, last, totals)
    totals[0] = vocabulary
    if totals.sum() > max_ngrams:
        raise RunError(
            f"the texts have {int(totals.sum()):,} distinct n-grams of up to {order} words, and --max-ngrams is "
            f"{max_ngrams:,} (about 60 bytes of memory each); raise it, give less text, or lower --order"
        )
    levels = [Level(*(np.zeros(int(n), np.uint32) for _ in range(4))) for n in totals]
    levels[0].words[:] = np.arange(vocabulary)
    ends, last = np.zeros(order, np.int64), np.zeros(2, np.uint64)
    for high, low, counts in _blocks(merged):
        _fill(
            high,
            low,
            counts,
            bits,
            last,
            ends,
            tuple(level.words for level in levels),
            tuple(level.suffix for level in levels),
            tuple(level.raw for level in levels),
            tuple(level.adjusted for level in levels),
        )
    top = levels[-1]
    top.adjusted[:] = top.raw
    for level in levels[1:-1]:
        alone = level.words <= BEGIN
        level.adjusted[alone] = level.raw[alone]
    return levels


Run = tuple[UInt64s, UInt64s, UInt32s]  # high and low bits of windows, sorted and distinct; how often each occurs


def _runs(stream: Iterator[UInt32s], bits: int, order: int) -> Iterator[Run]:
    high, low = np.empty(RUN, np.uint64), np.empty(RUN, np.uint64)
    spare = np.empty(RUN, np.uint64), np.empty(RUN, np.uint64)
    n = 0
    state = np.zeros(2, np.uint64)
    for ids in stream:
        at = 0
        while at < len(ids):
            at, n = _windows(ids, at, bits, order, state, high, low, n)
            if n == RUN:
                yield _sorted(high, low, *spare, n, bits * order)
                n = 0
    if n:
        yield _sorted(high, low, *spare, n, bits * order)


def _sorted(high: UInt64s, low: UInt64s, spare_high: UInt64s, spare_low: UInt64s, n: int, bits: int) -> Run:
    swapped = _radix_sort(high[:n], low[:n], spare_high[:n], spare_low[:n], bits)
    return _joined(*(spare_high[:n], spare_low[:n]) if swapped else (high[:n], low[:n]), np.ones(n, np.uint32))


def _joined(high: UInt64s, low: UInt64s, counts: UInt32s) -> Run:
    """Join equal neighbours and add up their counts, which stop at 2^32 - 1."""
    if not len(high):
        return high, low, counts
    first = np.flatnonzero(np.append(True, (high[1:] != high[:-1]) | (low[1:] != low[:-1])))
    total = np.add.reduceat(counts.astype(np.uint64), first)
    return high[first], low[first], np.minimum(total, 0xFFFFFFFF).astype(np.uint32)


def _stored(run: Run, path: Path) -> Run:
    high, low, counts = (f"{path}-{name}.npy" for name in ("high", "low", "counts"))
    for file, array in zip((high, low, counts), run, strict=True):
        np.save(file, np.asarray(array))
    return np.load(high, mmap_mode="r"), np.load(low, mmap_mode="r"), np.load(counts, mmap_mode="r")


def _merged(runs: Sequence[Run], folder: Path) -> list[Run]:
    """Merge runs by ranges of the high bits that hold about RUN windows; one high value stays together."""
    if len(runs) < 2:
        return list(runs)
    step = max(1, RUN // len(runs))
    marks = np.unique(np.concatenate([high[::step] for high, _, _ in runs]))
    taken = np.unique(np.append(marks[:: len(runs)], np.uint64(0)))
    places = [np.append(np.searchsorted(high, taken), len(high)) for high, _, _ in runs]
    merged = []
    for i in range(len(taken)):
        parts = [tuple(a[at[i] : at[i + 1]] for a in run) for run, at in zip(runs, places, strict=True)]
        high, low, counts = (np.concatenate([part[k] for part in parts]) for k in range(3))
        order = np.lexsort((low, high))
        merged.append(_stored(_joined(high[order], low[order], counts[order]), folder / f"merged-{i}"))
    return merged


def _blocks(merged: Sequence[Run]) -> Iterator[Run]:
    for run in merged:
        yield np.array(run[0]), np.array(run[1]), np.array(run[2])


@njit(cache=True)
def _windows(
    ids: UInt32s, at: int, bits: int, order: int, state: UInt64s, high: UInt64s, low: UInt64s, n: int
) -> tuple[int, int]:
    """Write windows until `ids` end or the arrays are full; return the next place in `ids` and in the arrays."""
    base = 128 - order * bits
    ones = np.uint64(0xFFFFFFFFFFFFFFFF)
    keep_high = ones if base < 64 else ones << np.uint64(base - 64)
    keep_low = ones << np.uint64(base) if base < 64 else np.uint64(0)
    top = np.uint64(64 - bits)
    width = np.uint64(bits)
    h, s = state[0], state[1]
    while at < len(ids) and n < len(high):
        word = np.uint64(ids[at]) + np.uint64(1)
        if word <= 2:  # <unk> or <s>: nothing is seen before it
            h = s = np.uint64(0)
        else:
            s = (s >> width | h << top) & keep_low
            h = h >> width & keep_high
        h |= word << top
        if word > 2:
            high[n] = h
            low[n] = s
            n += 1
        at += 1
    state[0], state[1] = h, s
    return at, n


@njit(cache=True)
def _radix_sort(high: UInt64s, low: UInt64s, spare_high: UInt64s, spare_low: UInt64s, bits: int) -> bool:
    """Sort pairs of which the highest `bits` bits are used, lowest digit first.

    Return whether the result is in the spare arrays.
    """
    a, b, c, d = high, low, spare_high, spare_low
    swapped = False
    counts = np.empty(2049, np.int64)
    for begin in range(128 - bits, 128, 11):
        counts[:] = 0
        for i in range(len(a)):
            counts[_digit(a[i], b[i], begin) + 1] += 1
        for k in range(1, 2049):
            counts[k] += counts[k - 1]
        for i in range(len(a)):
            digit = _digit(a[i], b[i], begin)
            place = counts[digit]
            counts[digit] = place + 1
            c[place] = a[i]
            d[place] = b[i]
        a, b, c, d = c, d, a, b
        swapped = not swapped
    return swapped


@njit(cache=True)
def _digit(high: np.uint64, low: np.uint64, begin: int) -> np.int64:
    if begin >= 64:
        return np.int64(high >> np.uint64(begin - 64) & np.uint64(2047))
    digit = low >> np.uint64(begin)
    if begin > 53:
        digit |= high << np.uint64(64 - begin)
    return np.int64(digit & np.uint64(2047))


@njit(cache=True)
def _word(high: np.uint64, low: np.uint64, begin: int, bits: int) -> np.uint64:
    """Return the word whose lowest bit is `begin`."""
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    if begin >= 64:
        return high >> np.uint64(begin - 64) & mask
    word = low >> np.uint64(begin)
    if begin + bits > 64:
        word |= high << np.uint64(64 - begin)
    return word & mask


@njit(cache=True)
def _shared(high: np.uint64, low: np.uint64, last: UInt64s, bits: int, order: int) -> int:
    """Return how many words, from the last one on, a window has in common with the one before."""
    same = 0
    while same < order:
        begin = 128 - (same + 1) * bits
        if _word(high, low, begin, bits) != _word(last[0], last[1], begin, bits):
            break
        same += 1
    return same


@njit(cache=True)
def _count_nodes(high: UInt64s, low: UInt64s, bits: int, order: int, last: UInt64s, totals: Int64s) -> None:
    for i in range(len(high)):
        k = _shared(high[i], low[i], last, bits, order)
        while k < order and _word(high[i], low[i], 128 - (k + 1) * bits, bits) != 0:
            totals[k] += 1
            k += 1
        last[0], last[1] = high[i], low[i]


@njit(cache=True)
def _fill(
    high: UInt64s,
    low: UInt64s,
    counts: UInt32s,
    bits: int,
    last: UInt64s,
    ends: Int64s,
    words: tuple[UInt32s, ...],
    suffix: tuple[UInt32s, ...],
    raw: tuple[UInt32s, ...],
    adjusted: tuple[UInt32s, ...],
) -> None:
    """Open the nodes of each window that the one before did not have; `ends[k]`: nodes of level k + 1 so far."""
    order = len(words)
    for i in range(len(high)):
        same = _shared(high[i], low[i], last, bits, order)
        parent = np.int64(0)
        for k in range(order):
            word = _word(high[i], low[i], 128 - (k + 1) * bits, bits)
            if word == 0:
                break
            if k == 0:
                node = np.int64(word) - 1
            else:
                if k >= same:
                    words[k][ends[k]] = word - np.uint64(1)
                    suffix[k][ends[k]] = parent
                    adjusted[k - 1][parent] += np.uint32(1)
                    ends[k] += 1
                node = ends[k] - 1
            raw[k][node] = min(np.uint64(0xFFFFFFFF), np.uint64(raw[k][node]) + np.uint64(counts[i]))
            parent = node
        last[0], last[1] = high[i], low[i]
