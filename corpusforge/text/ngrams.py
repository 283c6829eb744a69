"""Kernels over token n-grams: the most frequent one of a document, and what repeats.

n-grams are compared by 64-bit hashes; two of a million differ yet collide with probability 1e-7.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.spans import mix


@njit(cache=True)
def concatenations(data: UInt8s, starts: Int64s, ends: Int64s) -> tuple[UInt64s, UInt64s]:
    """Return (sums, scales), uint64[tokens + 1], from which any run of tokens has its hash by one multiplication.

    The hash of the concatenated bytes of the tokens i to j - 1 is `(sums[j] - sums[i]) * scales[i]`, a polynomial
    modulo 2**64: it does not depend on where one token ends and the next begins.
    """
    base = np.uint64(0xD1342543DE82EF95)
    inverse = np.uint64(0x572B5EE77A54E3BD)  # base * inverse = 1 modulo 2**64
    letters = np.empty(256, np.uint64)
    for byte in range(256):
        letters[byte] = mix(np.uint64(byte + 1))
    sums = np.empty(len(starts) + 1, np.uint64)
    scales = np.empty(len(starts) + 1, np.uint64)
    total = np.uint64(0)
    power = np.uint64(1)
    scale = np.uint64(1)
    for i in range(len(starts)):
        sums[i] = total
        scales[i] = scale
        for at in range(starts[i], ends[i]):
            total += letters[data[at]] * power
            power *= base
            scale *= inverse
    sums[-1] = total
    scales[-1] = scale
    return sums, scales


@njit(cache=True)
def duplicate_characters(offsets: Int64s, sums: UInt64s, scales: UInt64s, lengths: Int32s, n: int) -> Int64s:
    """Return, per document, the characters in repeated n-grams, n-grams being compared without spaces.

    Left to right: an n-gram that was met before counts whole and is jumped over; else it is remembered, and the
    next begins one token later.
    """
    found = np.zeros(len(offsets) - 1, np.int64)
    keys = np.zeros(_slots(offsets), np.uint64)  # 0: free
    for d in range(len(offsets) - 1):
        stop = offsets[d + 1] - n
        last = _size(stop + 1 - offsets[d]) - 1
        keys[: last + 1] = np.uint64(0)
        i = offsets[d]
        while i <= stop:
            key = (sums[i + n] - sums[i]) * scales[i]
            key = (key ^ (key >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93) | np.uint64(1)
            at = np.int64(key >> np.uint64(32)) & last
            while keys[at] != 0 and keys[at] != key:
                at = (at + 1) & last
            if keys[at] == 0:
                keys[at] = key
                i += 1
            else:
                for token in range(i, i + n):
                    found[d] += lengths[token]
                i += n
    return found


@njit(cache=True)
def top_characters(offsets: Int64s, hashes: UInt64s, lengths: Int32s, n: int) -> Int64s:
    """Return, per document, length times count of its most frequent n-gram, tokens being joined by one space.

    Among equally frequent ones the first that was met; overlapping occurrences count.
    """
    found = np.zeros(len(offsets) - 1, np.int64)
    # A slot is two neighbours: the key (0: free), and count << 32 | 2**32 - 1 - first, whose largest is the answer.
    slots = np.zeros(2 * _slots(offsets), np.uint64)
    for d in range(len(offsets) - 1):
        begin = offsets[d]
        stop = offsets[d + 1] - n
        size = _size(stop + 1 - begin)
        last = 2 * size - 2
        slots[: 2 * size] = np.uint64(0)
        best = np.uint64(0)
        for i in range(begin, stop + 1):
            state = np.uint64(0)
            for token in range(i, i + n):
                state = (state + hashes[token]) * np.uint64(0xD6E8FEB86659FD93)
            key = (state ^ (state >> np.uint64(32))) | np.uint64(1)
            at = np.int64(key) & last
            while slots[at] != 0 and slots[at] != key:
                at = (at + 2) & last
            if slots[at] == 0:
                slots[at] = key
                slots[at + 1] = np.uint64(0xFFFFFFFF - (i - begin))
            slots[at + 1] += np.uint64(1 << 32)
            best = max(best, slots[at + 1])
        if best > 0:
            first = begin + 0xFFFFFFFF - np.int64(best & np.uint64(0xFFFFFFFF))
            length = n - 1
            for token in range(first, first + n):
                length += lengths[token]
            found[d] = length * np.int64(best >> np.uint64(32))
    return found


@njit(cache=True)
def _size(items: int) -> int:
    # Slots of a table for `items` keys: a power of two, at most half full.
    size = 4
    while size < 2 * items:
        size *= 2
    return size


@njit(cache=True)
def _slots(offsets: Int64s) -> int:
    largest = 0
    for d in range(len(offsets) - 1):
        largest = max(largest, offsets[d + 1] - offsets[d])
    return _size(largest)
