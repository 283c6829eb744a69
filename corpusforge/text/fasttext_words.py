"""The rows of fastText's input matrix that make up a word: its own, and those of its character n-grams.

Source: Bojanowski et al. 2017 (arXiv:1607.04606), section 3.2; pruned buckets: Joulin et al. 2016 (arXiv:1612.03651).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s

Float32s = npt.NDArray[np.float32]


class Tables(NamedTuple):
    """A model as compiled code reads it; see `Supervised` in stages/quality/fasttext_file.py."""

    text: UInt8s  # holds the dictionary's words
    starts: Int64s
    ends: Int64s
    slots: Int32s  # open addressing: index of a word or label, -1 for none
    present: UInt8s  # a bit per hash bucket that has a row: 250 kB stay in cache where 8 MB do not
    ngrams: Int32s
    matrix: Float32s
    output: Float32s
    children: Int32s  # [nodes, 2] of the softmax tree; no rows: plain softmax
    sizes: Int64s  # words, min_n, max_n, bucket, index of the end-of-sentence word (-1: none)


@njit(cache=True)
def _fnv(data: UInt8s, start: int, end: int) -> np.uint64:
    state = np.uint64(2166136261)
    for at in range(start, end):
        state = _fnv_step(state, data[at])
    return state


@njit(cache=True)
def _fnv_step(state: np.uint64, byte: np.uint8) -> np.uint64:
    wide = np.uint64(byte)
    if byte >= 128:
        wide |= np.uint64(0xFFFFFF00)  # fastText hashes signed chars
    return ((state ^ wide) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF)


@njit(cache=True)
def index_words(text: UInt8s, starts: Int64s, ends: Int64s, slots: Int32s) -> None:
    """Fill the dictionary's hash table."""
    for word in range(len(starts)):
        slot = int(np.int64(_fnv(text, starts[word], ends[word]))) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = word


@njit(cache=True)
def find_word(data: UInt8s, start: int, end: int, text: UInt8s, starts: Int64s, ends: Int64s, slots: Int32s) -> int:
    """Return the index of the word data[start:end] in the dictionary, -1 when it is not there."""
    slot = int(np.int64(_fnv(data, start, end))) & (len(slots) - 1)
    while slots[slot] >= 0:
        word = int(slots[slot])
        if ends[word] - starts[word] == end - start:
            same = True
            for i in range(end - start):
                if text[starts[word] + i] != data[start + i]:
                    same = False
                    break
            if same:
                return word
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@njit(cache=True)
def rows_of(data: UInt8s, start: int, end: int, t: Tables, rows: Int32s) -> int:
    """Write the rows of the word data[start:end] and return how many; `rows` holds enough."""
    words, min_n, max_n, bucket = t.sizes[0], t.sizes[1], t.sizes[2], np.uint64(t.sizes[3])
    word = find_word(data, start, end, t.text, t.starts, t.ends, t.slots)
    if word >= words:
        return 0  # a label
    if word < 0 and end - start >= 9:
        label = True
        for i, byte in enumerate((95, 95, 108, 97, 98, 101, 108, 95, 95)):  # __label__
            label &= data[start + i] == byte
        if label:
            return 0
    present, ngrams = t.present, t.ngrams
    pruned = len(ngrams) > 0
    found = 0
    if word >= 0:
        rows[0] = word
        found = 1
    for i in range(start - 1, end + 1):  # < word >
        if start <= i < end and data[i] & 0xC0 == 0x80:
            continue
        state = np.uint64(2166136261)
        j = i
        n = 1
        while j <= end and n <= max_n:
            state = _fnv_step(state, np.uint8(60) if j < start else np.uint8(62) if j == end else data[j])
            j += 1
            while start <= j < end and data[j] & 0xC0 == 0x80:
                state = _fnv_step(state, data[j])
                j += 1
            if n >= min_n and not (n == 1 and (i < start or j > end)):
                row = int(np.int64(state % bucket))
                if pruned:
                    row = int(ngrams[row]) if present[row >> 3] >> (row & 7) & 1 else -1
                else:
                    row += words
                if row >= 0:
                    rows[found] = row
                    found += 1
            n += 1
    return found
