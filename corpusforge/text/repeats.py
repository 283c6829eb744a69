"""Repeats: what comes again among the words of each document, from single words to n-grams of any length.

An n-gram can repeat only where both its (n-1)-grams do: each length looks only at the places that the one before
left, so that all lengths up to 10 together cost little more than the first. n-grams are compared by 64-bit hashes;
two of a million differ yet collide with probability 1e-7.
"""

from functools import cached_property
from math import log

import numpy as np
from numba import njit

from corpusforge.text.arrays import Floats, Int32s, Int64s, UInt64s
from corpusforge.text.spans import Spans, mix, table_size


class Repeats:
    """Repeats among the words `words`, each word with its `hashes` and `lengths_chars`."""

    def __init__(self, words: Spans) -> None:
        self._words = words
        self._found: list[tuple[Int64s, ...]] = []  # for n = 2, 3, ...: see _repeated_ngrams, and occurrences
        self._offsets, self._starts = words.offsets.copy(), np.empty(len(words), np.int64)
        self._keys = np.empty(len(words), np.uint64)

    @cached_property
    def _single(self) -> tuple[Int64s, Floats]:
        # Leaves in _offsets, _starts and _keys the places of words that repeat.
        size = self._words.largest_table
        scratch = (np.empty(size, np.uint64), np.empty(size, np.int32), np.empty(size, np.int32))
        return _repeated_words(
            self._words.offsets, self._words.hashes, self._offsets, self._starts, self._keys, *scratch
        )

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
            scratch = (np.empty(size, np.uint64), np.empty(size, np.int32), np.empty(size, np.int32))
            characters = (self._words.hashes, self._before)
            places = (self._offsets, self._starts, self._keys)
            found = _repeated_ngrams(characters, places, scratch, len(self._found) + 2)
            self._found.append((*found, np.diff(self._offsets)))
        return self._found[n - 2]

    @cached_property
    def _before(self) -> Int64s:
        before = np.zeros(len(self._words) + 1, np.int64)
        np.cumsum(self._words.lengths_chars, out=before[1:])
        return before


@njit(cache=True)
def _repeated_words(
    offsets: Int64s,
    hashes: UInt64s,
    kept: Int64s,
    starts: Int64s,
    keys: UInt64s,
    table: UInt64s,
    counts: Int32s,
    slots: Int32s,
) -> tuple[Int64s, Floats]:
    distinct = np.zeros(len(offsets) - 1, np.int64)
    entropy = np.zeros(len(offsets) - 1, np.float64)
    m = 0
    for d in range(len(offsets) - 1):
        begin, stop = offsets[d], offsets[d + 1]
        last = table_size(stop - begin) - 1
        table[: last + 1] = 0
        n = 0
        for i in range(begin, stop):
            key = hashes[i] | np.uint64(1)
            at = np.int64(key >> np.uint64(20)) & last
            while table[at] != 0 and table[at] != key:
                at = (at + 1) & last
            if table[at] == 0:
                table[at] = key
                counts[at] = 0
                slots[n] = at  # in the order in which they were met
                n += 1
            counts[at] += 1
        distinct[d] = n
        for k in range(n):
            share = counts[slots[k]] / (stop - begin)
            entropy[d] -= share * log(share)
        for i in range(begin, stop if n < stop - begin else begin):
            key = hashes[i] | np.uint64(1)
            at = np.int64(key >> np.uint64(20)) & last
            while table[at] != key:
                at = (at + 1) & last
            starts[m] = i
            keys[m] = hashes[i]
            m += counts[at] > 1
        kept[d + 1] = m
    return distinct, entropy


@njit(cache=True)
def _repeated_ngrams(
    words: tuple[UInt64s, Int64s],
    places: tuple[Int64s, Int64s, UInt64s],
    scratch: tuple[UInt64s, Int32s, Int32s],
    n: int,
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Turn the places where (n-1)-grams repeat, with their keys, into those of n-grams, and measure these.

    Per document: characters of the top, covered, of the longest top, of all occurrences; see the methods.
    """
    hashes, before = words
    offsets, starts, keys = places
    table, counts, slots = scratch
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
            if starts[k + 1] == start + 1:
                keys[m] = keys[k] * np.uint64(0xD1342543DE82EF95) + hashes[start + n - 1]
                starts[m] = start
                m += 1
        last = table_size(m - first) - 1
        table[: last + 1] = 0
        for k in range(first, m):
            key = mix(keys[k]) | np.uint64(1)
            at = np.int64(key >> np.uint64(20)) & last
            while table[at] != 0 and table[at] != key:
                at = (at + 1) & last
            if table[at] == 0:
                table[at] = key
                counts[at] = 0
            counts[at] += 1
            slots[k - first] = at
        best = 1
        free = 0  # the first word that is not covered yet
        items = m - first
        m = first
        for k in range(items):
            count = counts[slots[k]]
            if count < 2:
                continue
            start = starts[first + k]
            length = before[start + n] - before[start]
            if count > best:
                best = count
                top[d] = longest[d] = length * best
            elif count == best:
                longest[d] = max(longest[d], length * best)
            occurring[d] += length
            covered[d] += before[start + n] - before[max(start, free)]
            free = start + n
            starts[m] = start
            keys[m] = keys[first + k]
            m += 1
        begin = stop
        offsets[d + 1] = m
    return top, covered, longest, occurring
