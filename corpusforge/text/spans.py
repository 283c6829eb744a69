"""Spans: pieces of every document of a batch (lines, paragraphs, chunks), as segmented arrays."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Floats, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import count_characters, strip


class Spans:
    """Pieces of documents: piece `i` is the bytes `data[starts[i]:ends[i]]`.

    `offsets` int64[documents + 1]: document `d` has the pieces `offsets[d]` to `offsets[d + 1]`.
    `starts`, `ends` int64[pieces]: byte positions in `data`.
    """

    def __init__(self, data: UInt8s, offsets: Int64s, starts: Int64s, ends: Int64s) -> None:
        self.data, self.offsets, self.starts, self.ends = data, offsets, starts, ends

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def counts(self) -> Int64s:
        """Pieces per document, int64[documents]."""
        return np.diff(self.offsets)

    @cached_property
    def lengths_bytes(self) -> Int64s:
        """Bytes per piece, int64[pieces]."""
        return self.ends - self.starts

    @cached_property
    def lengths_chars(self) -> Int32s:
        """Code points per piece, int32[pieces]."""
        return count_characters(self.data, self.starts, self.ends).astype(np.int32)

    @cached_property
    def hashes(self) -> UInt64s:
        """64-bit hash of each piece's bytes, uint64[pieces]; well mixed, the same bytes give the same hash anywhere."""
        return hash_spans(self.data, self.starts, self.ends)

    @property
    def duplicates(self) -> tuple[Int64s, Int64s]:
        """Per document: pieces that repeat an earlier piece of the document, and the characters in them."""
        return self._repeated[0], self._repeated[1]

    @cached_property
    def copies(self) -> tuple[Int64s, Int64s]:
        """Per document: pieces that occur more than once in it, the first one too, and the characters in them."""
        return self._repeated[0] + self._repeated[2], self._repeated[1] + self._repeated[3]

    @cached_property
    def _repeated(self) -> Int64s:
        size = self.largest_table
        scratch = np.empty(size, np.uint64), np.empty(size, np.uint64), np.empty(size, np.int64)
        return count_repeated(self.data, self.offsets, self.starts, self.ends, *scratch)

    @cached_property
    def largest_table(self) -> int:
        """Slots of a hash table for the pieces of the document that has most."""
        return int(table_size(int(self.counts.max(initial=0))))

    @cached_property
    def stripped(self) -> Spans:
        """The pieces without the whitespace around them, as str.strip() cuts."""
        starts, ends = strip(self.data, self.starts, self.ends, TABLE)
        return Spans(self.data, self.offsets, starts, ends)

    @cached_property
    def nonempty(self) -> Spans:
        """The pieces that have at least one byte."""
        kept = self.ends > self.starts
        before = np.zeros(len(self) + 1, np.int64)
        np.cumsum(kept, out=before[1:])
        return Spans(self.data, before[self.offsets], self.starts[kept], self.ends[kept])

    def start_with(self, prefix: str) -> Bools:
        """Which pieces begin with `prefix`, bool[pieces]."""
        return self._hold(prefix.encode(), self.starts)

    def end_with(self, suffix: str) -> Bools:
        """Which pieces end with `suffix`, bool[pieces]."""
        return self._hold(suffix.encode(), self.ends - len(suffix.encode()))

    def _hold(self, wanted: bytes, places: Int64s) -> Bools:
        found = self.lengths_bytes >= len(wanted)
        rows = np.flatnonzero(found)
        for k, byte in enumerate(wanted):
            rows = rows[self.data[places[rows] + k] == byte]
        found[:] = False
        found[rows] = True
        return found

    def sum(self, values: np.ndarray) -> Int64s:
        """Sum integers (or booleans) of pieces over each document, int64[documents]; 0 where there is none."""
        before = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=before[1:])
        return before[self.offsets[1:]] - before[self.offsets[:-1]]

    def mean(self, values: np.ndarray) -> Floats:
        """Mean of integers (or booleans) of pieces over each document, float64[documents]; 0 where there is none."""
        return divide(self.sum(values), self.counts)

    def max(self, values: np.ndarray) -> Int64s:
        """Largest of non-negative integers of pieces in each document, int64[documents]; 0 where there is none."""
        found = np.zeros(len(self.counts), np.int64)
        some = self.counts > 0
        if some.any():
            found[some] = np.maximum.reduceat(values, self.offsets[:-1][some])
        return found


def divide(part: np.ndarray, whole: np.ndarray) -> Floats:
    """Return `part / whole` as float64; 0 where `whole` is 0.

    >>> divide(np.array([1, 0]), np.array([4, 0]))
    array([0.25, 0.  ])
    """
    return np.where(whole == 0, 0.0, part / np.maximum(whole, 1))


@njit(cache=True)
def mix(value: np.uint64) -> np.uint64:
    """Return `value` with every bit spread over every other (finalizer of MurmurHash3; a bijection)."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@njit(cache=True)
def hash_spans(data: UInt8s, starts: Int64s, ends: Int64s) -> UInt64s:
    """Return the 64-bit hash of each span of bytes."""
    found = np.empty(len(starts), np.uint64)
    for i in range(len(starts)):
        state = np.uint64(0x9E3779B97F4A7C15)
        for at in range(starts[i], ends[i]):
            state = (state ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
        found[i] = mix(state)
    return found


@njit(cache=True)
def table_size(items: int) -> int:
    """Return the slots of a hash table for `items` keys: a power of two, at most half full."""
    size = 4
    while size < 2 * items:
        size *= 2
    return size


@njit(cache=True)
def hash_bytes(data: UInt8s, start: int, end: int) -> np.uint64:
    """Return the 64-bit hash of one span of bytes, as `hash_spans`."""
    state = np.uint64(0x9E3779B97F4A7C15)
    for at in range(start, end):
        state = (state ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
    return mix(state)


@njit(cache=True)
def _glance(data: UInt8s, start: int, end: int) -> np.uint64:
    """Return a key of length, first and last bytes of a span: equal spans have equal ones."""
    state = np.uint64(end - start) * np.uint64(0x9E3779B97F4A7C15)
    for at in range(start, min(start + 6, end)):
        state = (state << np.uint64(8)) ^ (state >> np.uint64(56)) ^ np.uint64(data[at])
    state *= np.uint64(0xD6E8FEB86659FD93)
    for at in range(max(start, end - 6), end):
        state = (state << np.uint64(8)) ^ (state >> np.uint64(56)) ^ np.uint64(data[at])
    return mix(state) | np.uint64(1)


@njit(cache=True)
def count_repeated(
    data: UInt8s, offsets: Int64s, starts: Int64s, ends: Int64s, glances: UInt64s, keys: UInt64s, counts: Int64s
) -> Int64s:
    """Return, per document, how many pieces repeat an earlier one and how many first ones are repeated.

    int64[4, documents]: pieces that repeat, their characters, first pieces, their characters. Only pieces that look
    alike at a glance are hashed whole: most are not (2.5 -> 0.6 CPU ms per MB). `glances` and `keys` (0: free) and
    `counts` are scratch of the size of the largest table.
    """
    found = np.zeros((4, len(offsets) - 1), np.int64)
    for d in range(len(offsets) - 1):
        begin, end = offsets[d], offsets[d + 1]
        if end - begin < 2:
            continue
        last = table_size(end - begin) - 1
        glances[: last + 1] = 0
        counts[: last + 1] = 0
        alike = 0
        for i in range(begin, end):
            glance = _glance(data, starts[i], ends[i])
            at = np.int64(glance >> np.uint64(20)) & last
            while glances[at] != 0 and glances[at] != glance:
                at = (at + 1) & last
            glances[at] = glance
            counts[at] += 1
            alike += counts[at] > 1
        if alike == 0:
            continue
        keys[: last + 1] = 0
        for i in range(begin, end):
            glance = _glance(data, starts[i], ends[i])
            at = np.int64(glance >> np.uint64(20)) & last
            while glances[at] != glance:
                at = (at + 1) & last
            if counts[at] == 1:
                continue
            # The lowest bit of a slot's key tells whether the piece has come a second time.
            key = hash_bytes(data, starts[i], ends[i]) | np.uint64(1)
            at = np.int64(key >> np.uint64(20)) & last
            while keys[at] != 0 and keys[at] | np.uint64(1) != key:
                at = (at + 1) & last
            if keys[at] == 0:
                keys[at] = key
                continue
            characters = 0
            for place in range(starts[i], ends[i]):
                characters += data[place] & 0xC0 != 0x80
            found[0, d] += 1
            found[1, d] += characters
            if keys[at] == key:
                found[2, d] += 1
                found[3, d] += characters
                keys[at] = key ^ np.uint64(1)
    return found
