"""Word lists: how many words of each document stand on a list, by the hashes of its words."""

from collections.abc import Callable, Sequence

import numpy as np
from numba import njit

from corpusforge.registry import shipped
from corpusforge.text.arrays import Int64s, UInt64s
from corpusforge.text.spans import Spans


class WordList:
    """Entries of one word or of several adjacent ones, each word hashed by the function that hashed the text's."""

    def __init__(self, entries: Sequence[Sequence[str]], hash_of: Callable[[str], int]) -> None:
        hashed = sorted({tuple(map(hash_of, entry)) for entry in entries if entry})  # equal first words stand together
        self._hashes = np.array([h for entry in hashed for h in entry], np.uint64)
        self._starts = np.cumsum([0, *map(len, hashed)], dtype=np.int64)
        self._slots = np.full(1 << (4 * len(hashed) + 2).bit_length(), -1, np.int64)
        _index(self._hashes, self._starts, self._slots)

    def count(self, words: Spans) -> Int64s:
        """How often entries occur in each document, int64[documents]; those that overlap count each."""
        return _count(words.offsets, words.hashes, self._hashes, self._starts, self._slots)


def read_words(name: str) -> list[str]:
    """Return the entries of filters/words/NAME.txt, in order.

    >>> read_words("stop.en")[:3]
    ['a', "a's", 'able']
    """
    lines = (shipped("filters") / "words" / f"{name}.txt").read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line and not line.startswith("#")]


@njit(cache=True)
def _index(hashes: UInt64s, starts: Int64s, slots: Int64s) -> None:
    for i in range(len(starts) - 1):
        first = hashes[starts[i]]
        if i > 0 and hashes[starts[i - 1]] == first:
            continue
        slot = np.int64(first >> np.uint64(1)) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = i


@njit(cache=True)
def _count(offsets: Int64s, words: UInt64s, hashes: UInt64s, starts: Int64s, slots: Int64s) -> Int64s:
    found = np.zeros(len(offsets) - 1, np.int64)
    last = len(slots) - 1
    for d in range(len(offsets) - 1):
        stop = offsets[d + 1]
        for at in range(offsets[d], stop):
            word = words[at]
            slot = np.int64(word >> np.uint64(1)) & last
            while slots[slot] >= 0 and hashes[starts[slots[slot]]] != word:
                slot = (slot + 1) & last
            entry = slots[slot]
            while 0 <= entry < len(starts) - 1 and hashes[starts[entry]] == word:
                size = starts[entry + 1] - starts[entry]
                same = at + size <= stop
                k = 1
                while same and k < size:
                    same = words[at + k] == hashes[starts[entry] + k]
                    k += 1
                found[d] += same
                entry += 1
    return found
