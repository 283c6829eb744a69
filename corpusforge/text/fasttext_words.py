"""The rows of fastText's input matrix that make up a word: its own, and those of its character n-grams.

Source: Bojanowski et al. 2017 (arXiv:1607.04606), section 3.2; pruned buckets: Joulin et al. 2016 (arXiv:1612.03651).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt32s, UInt64s
from corpusforge.text.fasttext_wide import (
    NO_BYTE,
    buckets16,
    count_bits,
    empty16,
    hash16,
    present16,
    trailing_zeros,
    widen16,
)

Float32s = npt.NDArray[np.float32]
_BASIS, _PRIME, _LOW = np.uint64(2166136261), np.uint64(16777619), np.uint64(0xFFFFFFFF)
_ONE, _SIX, _LAST, _FREE = np.uint64(1), np.uint64(6), np.uint64(63), np.uint64(0xFFFFFFFFFFFFFFFF)


class Tables(NamedTuple):
    """A model's input side as compiled code reads it; see `Supervised` in stages/quality/fasttext_file.py."""

    text: UInt8s  # holds the dictionary's words
    starts: Int64s
    ends: Int64s
    slots: UInt64s  # open addressing: hash << 32 | index of a word or label; _FREE for none
    present: UInt64s  # a bit per hash bucket that has a row (none: every bucket has): 250 kB stay in cache
    bits: UInt32s  # the same bits
    before: Int32s  # how many buckets have a row before those of present[i]
    words: int
    min_n: int
    max_n: int
    bucket: int
    reciprocal: int  # 2^32 // bucket
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
    reciprocal = (1 << 32) // max(bucket, 1)
    before = before.astype(np.int32)
    return Tables(
        text,
        starts,
        ends,
        slots,
        present,
        present.view(np.uint32),
        before,
        words,
        min_n,
        max_n,
        bucket,
        reciprocal,
        word_ngrams,
    )


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
        number = np.uint64(np.uint32(rows[i]))
        rows[at] = rows[i]
        at += int(np.int64(present[number >> _SIX] >> (number & _LAST) & _ONE))
    for i in range(first, at):
        number = np.uint64(np.uint32(rows[i]))
        below = (_ONE << (number & _LAST)) - _ONE
        rows[i] = words + before[number >> _SIX] + count_bits(present[number >> _SIX] & below)
    return at


@njit(cache=True)
def new_scratch(max_n: int) -> UInt32s:
    """Return the numbers that `rows_of` works on: 16 states, 16 buckets of each n, a mask of each n."""
    return np.zeros(17 * max_n + 33, np.uint32)


@njit(cache=True)
def _spread(data: UInt8s, start: int, end: int, planes: UInt32s) -> tuple[int, int]:
    """Write the characters of < word > as `hash16` takes them; return how many, and the bytes of the widest."""
    stride = len(planes) >> 2
    planes[0] = 60
    wide = np.uint64(0)
    at = start
    while at < end and at + 16 <= len(data):
        some = widen16(data, at, planes, at - start + 1)
        wide |= some if at + 16 <= end else some & ((_ONE << np.uint64(end - at)) - _ONE)
        at += 16
    if at >= end and not wide:
        planes[end - start + 1] = 62
        return end - start + 2, 1
    planes[stride] = planes[2 * stride] = planes[3 * stride] = NO_BYTE
    characters = 0
    k = 0
    widest = 0
    for i in range(start, end):
        byte = data[i]
        if byte & 0xC0 == 0x80 and k < 3 * stride:  # more is no UTF-8
            k += stride
            widest = max(widest, k)
        else:
            k = 0
            characters += 1
            for more in range(stride, 4 * stride, stride):
                planes[more + characters] = NO_BYTE
        planes[k + characters] = np.uint32(np.int32(np.int8(byte)))
    characters += 1
    planes[characters] = 62
    for more in range(stride, 4 * stride, stride):
        planes[more + characters] = NO_BYTE
    return characters + 1, widest // stride + 1


@njit(cache=True)
def rows_of(
    data: UInt8s, start: int, end: int, t: Tables, rows: Int32s, at: int, planes: UInt32s, scratch: UInt32s
) -> tuple[int, np.uint64, bool]:
    """Write the rows of the word data[start:end] to rows[at:]; return how many, the word's hash, if it is a word.

    `rows` has room for max_n - min_n + 1 rows per byte of < word > and one more; `planes` for four times its bytes and
    32 more. A label is no word and has no rows.
    """
    words, min_n, max_n, bucket = t.words, t.min_n, t.max_n, t.bucket
    has_grams = bucket > 0 and max_n > 0
    characters, widest = _spread(data, start, end, planes) if has_grams else (0, 0)  # long before it is read
    state = fnv(data, start, end)
    word = find_word(data, start, end, state, t)
    label = word >= words
    if word < 0 and end - start >= 9 and data[start] == 95:
        label = True
        for i, byte in enumerate((95, 95, 108, 97, 98, 101, 108, 95, 95)):  # __label__
            label &= data[start + i] == byte
    if label:
        return 0, state, False
    first = at
    if word >= 0:
        rows[at] = word
        at += 1
    if not has_grams:
        return at - first, state, True
    present, before, bits = t.present, t.before, t.bits
    stride = len(planes) >> 2
    masks = 16 * max_n + 16
    for block in range(0, characters, 16):  # 16 n-grams of one length at once
        empty16(scratch)
        every = np.uint64(0)
        for n in range(1, max_n + 1):
            hash16(planes, block + n - 1, stride, widest, scratch)
            if n < min_n:
                continue
            buckets16(scratch, 16 * n, bucket, t.reciprocal)
            mask = present16(bits, scratch, 16 * n) if len(bits) else np.uint64(0xFFFF)
            left = characters - block - n + 1  # n-grams that are there
            if n == 1:  # < and > alone are none
                left -= 1
                if block == 0:
                    mask &= ~_ONE
            if left < 16:
                mask &= (_ONE << np.uint64(max(left, 0))) - _ONE
            scratch[masks + n] = np.uint32(mask)
            every |= mask
        while every:
            i = trailing_zeros(every)
            every &= every - _ONE
            for n in range(min_n, max_n + 1):
                number = np.uint64(scratch[16 * n + i])
                if len(bits):
                    below = (_ONE << (number & _LAST)) - _ONE
                    rows[at] = words + before[number >> _SIX] + count_bits(present[number >> _SIX] & below)
                else:
                    rows[at] = words + np.int64(number)
                at += int(np.int64(scratch[masks + n] >> np.uint32(i) & np.uint32(1)))
    return at - first, state, True
