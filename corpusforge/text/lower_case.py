"""Count ASCII phrases in lower-cased text, in one pass over the bytes."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numba import njit

from corpusforge.text.arrays import Floats, Int32s, Int64s, UInt8s
from corpusforge.text.batch import TextBatch


def count_lower_case(text: TextBatch, phrases: Sequence[str]) -> Floats:
    """Return how often the phrases (lower-case ASCII) end anywhere in each document's lower-cased text, float64.

    Lower case is str.lower()'s: the only other character that becomes an ASCII letter by it is the Kelvin sign.
    """
    table, ends = _automaton(tuple(phrases))
    return _count(text.data, text.offsets, table, ends).astype(np.float64)


@cache
def _automaton(phrases: tuple[str, ...]) -> tuple[Int32s, Int32s]:
    """Return Aho and Corasick's automaton: the next state times 256 by state and byte, and phrases that end in each."""
    follow: list[dict[int, int]] = [{}]
    ends = [0]
    for phrase in phrases:
        state = 0
        for byte in phrase.encode("ascii"):
            if byte not in follow[state]:
                follow[state][byte] = len(follow)
                follow.append({})
                ends.append(0)
            state = follow[state][byte]
        ends[state] += 1
    table = np.zeros((len(follow), 256), np.int32)
    fallback = [0] * len(follow)
    queue = [0]
    for state in queue:  # breadth first: what a state falls back to is complete before it
        if state:
            table[state] = table[fallback[state]]
            ends[state] += ends[fallback[state]]
        for byte, after in follow[state].items():
            fallback[after] = int(table[state, byte]) if state else 0
            table[state, byte] = after
            queue.append(after)
    table[:, ord("A") : ord("Z") + 1] = table[:, ord("a") : ord("z") + 1]
    return table.reshape(-1) * 256, np.array(ends, np.int32)


@njit(cache=True)
def _count(data: UInt8s, offsets: Int64s, table: Int32s, ends: Int32s) -> Int64s:
    found = np.zeros(len(offsets) - 1, np.int64)
    for d in range(len(offsets) - 1):
        state = np.int64(0)
        count = 0
        at = offsets[d]
        stop = offsets[d + 1]
        while at < stop:
            byte = data[at]
            at += 1
            if byte == 0xE2 and at + 1 < stop and data[at] == 0x84 and data[at + 1] == 0xAA:  # Kelvin sign
                byte = np.uint8(0x6B)
                at += 2
            state = np.int64(table[state + byte])
            count += ends[state >> 8]
        found[d] = count
    return found
