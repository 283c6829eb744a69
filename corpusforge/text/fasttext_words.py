"""The rows of fastText's input matrix that make up a word: its own, and those of its character n-grams.

Source: Bojanowski et al. 2017 (arXiv:1607.04606), section 3.2; pruned buckets: Joulin et al. 2016 (arXiv:1612.03651).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.fasttext_wide import count_bits, high_product

Float32s = npt.NDArray[np.float32]
_BASIS, _PRIME, _LOW = np.uint64(2166136261), np.uint64(16777619), np.uint64(0xFFFFFFFF)


class Tables(NamedTuple):
    """A model's input side as compiled code reads it; see `Supervised` in stages/quality/fasttext_file.py."""

    text: UInt8s  # holds the dictionary's words
    starts: Int64s
    ends: Int64s
    slots: UInt64s  # open addressing: hash << 32 | index of a word or label; _FREE for none
    present: UInt64s  # a bit per hash bucket that has a row (none: every bucket has): 250 kB stay in cache
    before: Int32s  # how many buckets have a row before those of present[i]
    words: int
    min_n: int
    max_n: int
    bucket: int
    reciprocal: np.uint64  # of `bucket`, see `_modulo`
    word_ngrams: int


_FREE = np.uint64(0xFFFFFFFFFFFFFFFF)


def input_tables(
    text: UInt8s, starts: Int64s, ends: Int64s, survivors: Int32s | None, sizes: tuple[int, int, int, int, int]
) -> Tables:
    """Build the tables; `sizes`: words, min_n, max_n, bucket, word_ngrams."""
    words, min_n, max_n, bucket, word_ngrams = sizes
    slots = np.full(1 << (2 * len(starts)).bit_length(), _FREE, np.uint64)
    _index(text, starts, ends, slots)
    has_row = np.zeros(0 if survivors is None else -(-bucket // 64) * 64, np.uint8)
    if survivors is not None:
        has_row[survivors] = 1
    present = np.packbits(has_row, bitorder="little").view(np.uint64)
    before = np.cumsum(np.bitwise_count(present), dtype=np.int32) - np.bitwise_count(present)
    if survivors is not None and not len(survivors):
        bucket = 0  # no n-gram has a row
    reciprocal = np.uint64((0xFFFFFFFFFFFFFFFF // bucket + 1) & 0xFFFFFFFFFFFFFFFF if bucket else 0)
    before = before.astype(np.int32)
    return Tables(text, starts, ends, slots, present, before, words, min_n, max_n, bucket, reciprocal, word_ngrams)


@njit(cache=True)
def fnv(data: UInt8s, start: int, end: int) -> np.uint64:
    """Return fastText's hash of data[start:end] (FNV-1a, 32 bits, over signed chars)."""
    state = _BASIS
    for at in range(start, end):
        state = ((state ^ _signed(data[at])) * _PRIME) & _LOW
    return state


@njit(cache=True)
def _signed(byte: np.uint8) -> np.uint64:
    return np.uint64(np.int64(np.int8(byte))) & _LOW


@njit(cache=True)
def _index(text: UInt8s, starts: Int64s, ends: Int64s, slots: UInt64s) -> None:
    last = np.uint64(len(slots) - 1)
    for word in range(len(starts)):
        state = fnv(text, starts[word], ends[word])
        slot = state & last
        while slots[slot] != _FREE:
            slot = (slot + np.uint64(1)) & last
        slots[slot] = state << np.uint64(32) | np.uint64(word)


@njit(cache=True)
def find_word(data: UInt8s, start: int, end: int, state: np.uint64, t: Tables) -> int:
    """Return the index of the word data[start:end], whose hash is `state`, in the dictionary; -1: not there."""
    last = np.uint64(len(t.slots) - 1)
    slot = state & last
    while t.slots[slot] != _FREE:
        if t.slots[slot] >> np.uint64(32) == state:
            word = int(np.int64(t.slots[slot] & _LOW))
            first = t.starts[word]
            same = t.ends[word] - first == end - start
            i = 0
            while same and i < end - start:
                same = t.text[first + i] == data[start + i]
                i += 1
            if same:
                return word
        slot = (slot + np.uint64(1)) & last
    return -1


@njit(cache=True)
def row_of_hash(state: np.uint64, t: Tables) -> int:
    """Return the row of the bucket of a hash, -1 when it was pruned; there are buckets."""
    return int(_row_of_bucket(int(np.int64(state % np.uint64(t.bucket))), t))


@njit(cache=True)
def _row_of_bucket(bucket: int, t: Tables) -> int:
    if len(t.present) == 0:
        return t.words + bucket
    bits = t.present[bucket >> 6]
    bit = np.uint64(1) << np.uint64(bucket & 63)
    if bits & bit == 0:
        return -1
    return int(t.words + t.before[bucket >> 6] + count_bits(bits & (bit - np.uint64(1))))


@njit(cache=True)
def rows_of(data: UInt8s, start: int, end: int, t: Tables, rows: Int32s, at: int) -> tuple[int, np.uint64, bool]:
    """Write the rows of the word data[start:end] to rows[at:]; return how many, the word's hash, if it is a word.

    `rows` has room for (max_n - min_n + 1) rows per byte and five more. A label is no word and has no rows.
    """
    state = fnv(data, start, end)
    word = find_word(data, start, end, state, t)
    label = word >= t.words
    if word < 0 and end - start >= 9:
        label = True
        for i, byte in enumerate((95, 95, 108, 97, 98, 101, 108, 95, 95)):  # __label__
            label &= data[start + i] == byte
    if label:
        return 0, state, False
    first = at
    if word >= 0:
        rows[at] = word
        at += 1
    if t.bucket == 0 or t.max_n == 0:
        return at - first, state, True
    for i in range(start - 1, end + 1):  # < word >
        if start <= i < end and data[i] & 0xC0 == 0x80:
            continue
        part = _BASIS
        j = i
        n = 1
        while j <= end and n <= t.max_n:
            part = (
                (part ^ _signed(np.uint8(60) if j < start else np.uint8(62) if j == end else data[j])) * _PRIME
            ) & _LOW
            j += 1
            while start <= j < end and data[j] & 0xC0 == 0x80:
                part = ((part ^ _signed(data[j])) * _PRIME) & _LOW
                j += 1
            if n >= t.min_n and not (n == 1 and (i < start or j > end)):
                # part % bucket (Lemire, Kaser and Kurz 2019): a division costs as much as the rest of this loop
                row = _row_of_bucket(int(np.int64(high_product(t.reciprocal * part, np.uint64(t.bucket)))), t)
                if row >= 0:
                    rows[at] = row
                    at += 1
            n += 1
    return at - first, state, True
