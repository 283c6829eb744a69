"""Repeats: what comes again among the words of each document, from single words to n-grams of any length.

An n-gram can repeat only where both its (n-1)-grams do: each length looks only at the places that the one before
left, so that all lengths up to 10 together cost little more than the first two. n-grams are compared by their hashes.
"""

from functools import cache, cached_property
from math import log

import numpy as np
from numba import njit

from corpusforge.text.arrays import Floats, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.spans import Spans, table_size

COUNT = np.uint64((1 << 26) - 1)


class Repeats:
    """Repeats among the words `words`, each word with its `hashes` and `lengths_chars`."""

    def __init__(self, words: Spans) -> None:
        self._words = words
        self._found: list[tuple[Int64s, ...]] = []  # for n = 2, 3, ...: see _repeated_ngrams, and occurrences
        self._offsets, self._starts = words.offsets.copy(), np.empty(len(words), np.int64)
        self._keys = np.empty(len(words), np.uint64)
        self._before = np.zeros(len(words) + 1, np.int64)  # characters of the words before each
        np.cumsum(words.lengths_chars, out=self._before[1:])

    @cached_property
    def _single(self) -> tuple[Int64s, Floats]:
        # Leaves in _offsets, _starts and _keys the places of words that repeat.
        size = self._words.largest_table
        scratch = (np.empty(size, np.uint64), np.empty(size, np.int32))
        places = (self._offsets, self._starts, self._keys)
        return _repeated_words(self._words.offsets, self._words.hashes, places, scratch, _logarithms())

    @property
    def distinct(self) -> Int64s:
        """Different words of each document, int64[documents]."""
        return self._single[0]

    @property
    def entropy(self) -> Floats:
        """Entropy of each document's distribution of words in nats, float64[documents]."""
        return self._single[1]

    def top_chars(self, n: int) -> Int64s:
        """Length times count of each document's most frequent n-gram (n >= 2), int64[documents].

        Length is that of the words alone. Overlapping occurrences count; among equally frequent n-grams the first
        counts; 0 where none occurs twice.
        """
        return self._extended(n)[0]

    def longest_top_chars(self, n: int) -> Int64s:
        """Like `top_chars`; among equally frequent n-grams the longest counts."""
        return self._extended(n)[2]

    def occurring_chars(self, n: int) -> Int64s:
        """Characters of all occurrences of repeated n-grams (n >= 2), int64[documents]; where two overlap, of both."""
        return self._extended(n)[3]

    def occurrences(self, n: int) -> Int64s:
        """How many n-grams (n >= 2) occur more than once, each counted as often as it occurs, int64[documents]."""
        return self._extended(n)[4]

    def covered_chars(self, n: int) -> Int64s:
        """Characters of the words that any repeated n-gram (n >= 2) covers, each word once, int64[documents]."""
        return self._extended(n)[1]

    def _extended(self, n: int) -> tuple[Int64s, ...]:
        assert n >= 2 and self._single
        while len(self._found) < n - 1:
            size = int(table_size(int(np.diff(self._offsets).max(initial=0))))
            scratch = (np.empty(size, np.uint64), np.empty(size, np.int32), np.empty(size, np.uint8))
            words = (self._words.hashes, self._before)
            places = (self._offsets, self._starts, self._keys)
            found = _repeated_ngrams(words, places, scratch, len(self._found) + 2)
            self._found.append((*found, np.diff(self._offsets)))
        return self._found[n - 2]


@cache
def _logarithms() -> Floats:
    """n * log(n) for small n: most words of a text are rare."""
    counts = np.arange(1, 4096)
    return np.concatenate([[0.0], counts * np.log(counts)])


@njit(cache=True)
def count_key(table: UInt64s, last: int, key: np.uint64) -> int:
    """Count `key` in a table of `last` + 1 slots (a power of two; 0: free) and return its slot.

    A slot holds the upper 38 bits of the key and, in the lower 26 (`COUNT`), how often it came: one place to look at.
    The slot itself tells keys apart by further bits; two of a million differ yet collide with probability 1e-6.
    """
    tag = key >> np.uint64(26)
    at = np.int64(key) & last
    while table[at] != 0 and table[at] >> np.uint64(26) != tag:
        at = (at + 1) & last
    entry = table[at]
    table[at] = (tag << np.uint64(26) if entry == 0 else entry) + np.uint64(1)  # no branch
    return int(at)


@njit(cache=True)
def _repeated_words(
    offsets: Int64s,
    hashes: UInt64s,
    places: tuple[Int64s, Int64s, UInt64s],
    scratch: tuple[UInt64s, Int32s],
    logarithms: Floats,
) -> tuple[Int64s, Floats]:
    kept, starts, keys = places
    table, slots = scratch
    distinct = np.zeros(len(offsets) - 1, np.int64)
    entropy = np.zeros(len(offsets) - 1, np.float64)
    m = 0
    for d in range(len(offsets) - 1):
        begin, stop = offsets[d], offsets[d + 1]
        last = table_size(stop - begin) - 1
        table[: last + 1] = 0
        n = 0
        for i in range(begin, stop):
            at = count_key(table, last, hashes[i])
            new = table[at] & COUNT == 1
            n += new
            slots[i - begin] = ~at if new else at
        total = 0.0
        for i in range(begin, stop):
            slot = slots[i - begin]
            count = np.int64(table[~slot if slot < 0 else slot] & COUNT)
            if slot < 0:
                total += logarithms[count] if count < len(logarithms) else count * log(count)
            starts[m] = i
            keys[m] = hashes[i]
            m += int(count > 1)
        distinct[d] = n
        if stop > begin:
            entropy[d] = max(0.0, log(stop - begin) - total / (stop - begin))
        kept[d + 1] = m
    return distinct, entropy


@njit(cache=True)
def _repeated_ngrams(
    words: tuple[UInt64s, Int64s],
    places: tuple[Int64s, Int64s, UInt64s],
    scratch: tuple[UInt64s, Int32s, UInt8s],
    n: int,
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Turn the places where (n-1)-grams repeat, with their keys, into those of n-grams, and measure these.

    Per document: characters of the top, covered, of the longest top, of all occurrences; see the methods.
    """
    hashes, before = words
    offsets, starts, keys = places
    table, slots, counts = scratch
    top = np.zeros(len(offsets) - 1, np.int64)
    covered = np.zeros(len(offsets) - 1, np.int64)
    longest = np.zeros(len(offsets) - 1, np.int64)
    occurring = np.zeros(len(offsets) - 1, np.int64)
    m = 0
    begin = offsets[0]
    for d in range(len(offsets) - 1):
        stop = offsets[d + 1]
        first = m
        for k in range(begin, stop - 1):
            start = starts[k]
            key = keys[k] * np.uint64(0xD1342543DE82EF95) + hashes[min(start + n, len(hashes)) - 1]
            keys[m] = key ^ (key >> np.uint64(32))
            starts[m] = start
            m += starts[k + 1] == start + 1
        last = table_size(m - first) - 1
        counts[: last + 1] = 0  # of keys with the same lower bits: most that come once are told without the table
        for k in range(first, m):
            at = np.int64(keys[k]) & last
            counts[at] = min(counts[at] + 1, 2)
        items = 0
        for k in range(first, m):
            keys[first + items] = keys[k]
            starts[first + items] = starts[k]
            items += counts[np.int64(keys[k]) & last] > 1
        last = table_size(items) - 1
        table[: last + 1] = 0
        for k in range(items):
            slots[k] = count_key(table, last, keys[first + k])
        best = np.int64(1)
        free = np.int64(0)  # the first word that is not covered yet
        m = first
        for k in range(items):
            count = np.int64(table[slots[k]] & COUNT)
            if count < 2:
                continue
            start = starts[first + k]
            length = before[start + n] - before[start]
            covered[d] += before[start + n] - before[max(start, free)]
            if count > best:
                best = count
                top[d] = longest[d] = length * best
            elif count == best:
                longest[d] = max(longest[d], length * best)
            occurring[d] += length
            free = start + n
            starts[m] = start
            keys[m] = keys[first + k]
            m += 1
        begin = stop
        offsets[d + 1] = m
    return top, covered, longest, occurring
