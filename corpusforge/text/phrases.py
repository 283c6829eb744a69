"""Phrases: how often listed words and phrases occur in every document, by the hashes of its words.

A phrase is one word or several adjacent ones. Scripts without spaces need nothing of their own: there every letter
is a word (see `Words`), so that a listed word matches wherever its letters stand together.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt64s
from corpusforge.text.batch import segment


class Hashed(Protocol):
    """Words of texts, such as `Words`: text `d` has the words `offsets[d]:offsets[d + 1]`."""

    @property
    def hashes(self) -> UInt64s:
        """64-bit hash of each word, uint64[words]."""

    @property
    def offsets(self) -> Int64s:
        """int64[texts + 1]."""


class Phrases:
    """Lists of phrases, ready to be counted; `lists` is name -> phrases, matched regardless of case."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self.names = tuple(lists)
        found: dict[tuple[int, ...], None] = {}  # (list, hash, hash, ...), in order
        for number, name in enumerate(self.names):
            words = segment(list(lists[name])).words
            for i in range(len(words.counts)):
                phrase = words.hashes[words.offsets[i] : words.offsets[i + 1]].tolist()
                if phrase:
                    found[(number, *phrase)] = None
        # Longest first among those that begin alike: the first match of a chain is the longest.
        phrases = sorted(found, key=lambda p: (p[0], p[1], -len(p)))
        self._hashes = np.array([h for p in phrases for h in p[1:]], np.uint64)
        self._starts = np.cumsum([0] + [len(p) - 1 for p in phrases], dtype=np.int64)
        self._lists = np.array([p[0] for p in phrases], np.int32)
        self._slots = np.full(1 << (4 * len(phrases) + 2).bit_length(), -1, np.int32)
        _index(self._hashes, self._starts, self._lists, self._slots)

    def count(self, words: Hashed, lists: Int32s) -> tuple[Int64s, Int64s]:
        """Return (phrases found, words they cover), int64[documents] each.

        `lists` int32[documents]: which list counts for a document, an index into `names`; -1 for none. Matches do
        not overlap: the longest phrase at the leftmost word is taken.
        """
        hits, covered = np.zeros(len(lists), np.int64), np.zeros(len(lists), np.int64)
        _count(words.hashes, words.offsets, lists, self._hashes, self._starts, self._lists, self._slots, hits, covered)
        return hits, covered


@njit(cache=True)
def _index(hashes: UInt64s, starts: Int64s, lists: Int32s, slots: Int32s) -> None:
    # A slot holds the first phrase of those with one list and one first word; they follow each other.
    for i in range(len(lists)):
        first = hashes[starts[i]]
        if i > 0 and lists[i] == lists[i - 1] and first == hashes[starts[i - 1]]:
            continue
        slot = (np.int64(first >> np.uint64(1)) + lists[i]) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = i


@njit(cache=True)
def _count(
    words: UInt64s,
    offsets: Int64s,
    wanted: Int32s,
    hashes: UInt64s,
    starts: Int64s,
    lists: Int32s,
    slots: Int32s,
    hits: Int64s,
    covered: Int64s,
) -> None:
    last = len(slots) - 1
    for d in range(len(wanted)):
        number = wanted[d]
        if number < 0:
            continue
        at = offsets[d]
        stop = offsets[d + 1]
        while at < stop:
            word = words[at]
            slot = (np.int64(word >> np.uint64(1)) + number) & last
            while slots[slot] >= 0 and (hashes[starts[slots[slot]]] != word or lists[slots[slot]] != number):
                slot = (slot + 1) & last
            length = 0
            phrase = np.int64(slots[slot])
            while 0 <= phrase < len(lists) and length == 0:
                if hashes[starts[phrase]] != word or lists[phrase] != number:
                    break
                size = starts[phrase + 1] - starts[phrase]
                length = size if at + size <= stop else 0
                for i in range(1, length):
                    if words[at + i] != hashes[starts[phrase] + i]:
                        length = 0
                        break
                phrase += 1
            if length > 0:
                hits[d] += 1
                covered[d] += length
            at += max(1, length)
