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
_ONE, _FREE = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)


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
    slots, text, starts, ends = t.slots, t.text, t.starts, t.ends  # each mention of a field counts a reference
    last = np.uint64(len(slots) - 1)
    slot = state & last
    while slots[slot] != _FREE:
        if slots[slot] >> np.uint64(32) == state:
            word = int(np.int64(slots[slot] & _LOW))
            first = starts[word]
            same = ends[word] - first == end - start
            i = 0
            while same and i < end - start:
                same = text[first + i] == data[start + i]
                i += 1
            if same:
                return word
        slot = (slot + np.uint64(1)) & last
    return -1


@njit(cache=True)
def keep_present(rows: Int32s, first: int, end: int, t: Tables) -> int:
    """Replace the hash buckets rows[first:end] by the rows of those that have one; return the new end."""
    present, before, words = t.present, t.before, t.words
    if len(present) == 0:
        for i in range(first, end):
            rows[i] += words
        return end
    at = first
    for i in range(first, end):  # without a branch: which buckets have a row cannot be guessed
        bucket = rows[i]
        rows[at] = bucket
        at += int(np.int64(present[bucket >> 6] >> np.uint64(bucket & 63) & _ONE))
    for i in range(first, at):
        bucket = rows[i]
        below = (_ONE << np.uint64(bucket & 63)) - _ONE
        rows[i] = words + before[bucket >> 6] + count_bits(present[bucket >> 6] & below)
    return at


@njit(cache=True)
def rows_of(data: UInt8s, start: int, end: int, t: Tables, rows: Int32s, at: int) -> tuple[int, np.uint64, bool]:
    """Write the rows of the word data[start:end] to rows[at:]; return how many, the word's hash, if it is a word.

    `rows` has room for max_n - min_n + 1 rows per byte of < word > and one more. A label is no word and has no rows.
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
    min_n, max_n, bucket, reciprocal = t.min_n, t.max_n, np.uint64(t.bucket), t.reciprocal
    if bucket == 0 or max_n == 0:
        return at - first, state, True
    grams = at
    for i in range(start - 1, end + 1):  # < word >
        part = ((_BASIS ^ np.uint64(60)) * _PRIME) & _LOW
        if i >= start:
            if i < end and data[i] & 0xC0 == 0x80:
                continue
            part = ((_BASIS ^ _signed(data[i] if i < end else np.uint8(62))) * _PRIME) & _LOW
        j = i + 1
        n = 1
        while True:
            while j < end and data[j] & 0xC0 == 0x80 and j > start:
                part = ((part ^ _signed(data[j])) * _PRIME) & _LOW
                j += 1
            if n >= min_n and not (n == 1 and (i < start or j > end)):
                # part % bucket (Lemire, Kaser and Kurz 2019): a division costs as much as the rest of this loop
                rows[at] = np.int32(np.int64(high_product(reciprocal * part, bucket)))
                at += 1
            n += 1
            if n > max_n or j > end:
                break
            part = ((part ^ _signed(data[j] if j < end else np.uint8(62))) * _PRIME) & _LOW
            j += 1
    return keep_present(rows, grams, at, t) - first, state, True
