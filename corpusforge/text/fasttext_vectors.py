"""Vectors of texts: the mean of the rows of their words, words remembered.

Natural text repeats words, so the rows of a word are found once and remembered: one cache line holds a word of up to
16 bytes and up to ten rows. Rows are added in float32 in fastText's own order.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.fasttext_wide import (
    add_1_column,
    add_16_columns,
    add_64_columns,
    copy10,
    load8,
    separators,
    trailing_zeros,
)
from corpusforge.text.fasttext_words import Float32s, Tables, find_word, fnv, row_of_hash, rows_of

_LONGEST_BYTES = 64  # a longer word is not remembered
_WORDS = 1024  # cut at a time
_INLINE = 10  # rows beside the word
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_EOS = np.frombuffer(b"</s>", np.uint8)
_END_OF_SENTENCE = np.uint64(int.from_bytes(b"</s>", "little"))
_ONE, _HALF, _WORD_PRIME = np.uint64(1), np.uint64(32), np.uint64(116049371)

# A slot is one cache line, eight uint64 or 16 int32. As uint64: 0 the word's first eight bytes, 1 the next eight. As
# int32: 4 fastText's hash, 5 rows << 1 | it is a word, 6-15 the rows. A word of more than 16 bytes has in place of its
# bytes a hash and its length << 8 (no text is that: its first byte would be NUL); it, and a word of more than ten rows,
# has its rows in `more`, from the place at 6, and behind them its bytes, one a number. All zero: free.
Memory = tuple[UInt64s, Int32s, Int64s]  # slots, `more`, used: words, numbers of `more`


def new_memory() -> Memory:
    """Return a memory of no words, 0.3 MB; it grows."""
    return np.zeros(8 * 4096 + 7, np.uint64), np.empty(4096, np.int32), np.zeros(2, np.int64)


@njit(cache=True)
def _aligned(slots: UInt64s) -> int:
    """Index of the first cache line of `slots`."""
    return (-slots.ctypes.data & 63) >> 3


@njit(cache=True)
def _place(lo: np.uint64, hi: np.uint64, last: np.uint64) -> np.uint64:
    mixed = (lo ^ (hi * _B)) * _A
    return (mixed ^ (mixed >> _HALF)) & last


@njit(cache=True)
def _grown(slots: UInt64s) -> UInt64s:
    old = len(slots) // 8
    grown = np.zeros(16 * old + 7, np.uint64)
    last = np.uint64(2 * old - 1)
    source, target = _aligned(slots), _aligned(grown)
    for i in range(old):
        at = source + 8 * i
        if slots[at] == 0 and slots[at + 1] == 0:
            continue
        slot = _place(slots[at], slots[at + 1], last)
        to = target + 8 * int(np.int64(slot))
        while grown[to] != 0 or grown[to + 1] != 0:
            slot = (slot + _ONE) & last
            to = target + 8 * int(np.int64(slot))
        for k in range(8):
            grown[to + k] = slots[at + k]
    return grown


@njit(cache=True)
def _key(data: UInt8s, start: int, end: int) -> tuple[np.uint64, np.uint64]:
    """The two numbers that stand for a word in its slot."""
    length = end - start
    lo = np.uint64(0)
    hi = np.uint64(0)
    if length > 16:
        at = start
        while at + 8 <= end:
            lo = (lo ^ load8(data, at)) * _A
            lo ^= lo >> _HALF
            at += 8
        while at < end:
            lo = (lo ^ np.uint64(data[at])) * _B
            at += 1
        hi = np.uint64(length << 8)
    elif start + 16 <= len(data):
        lo = load8(data, start) & _MASKS[min(length, 8)]
        hi = load8(data, start + 8) & _MASKS[max(length - 8, 0)]
    else:
        for i in range(min(length, 8)):
            lo |= np.uint64(data[start + i]) << np.uint64(8 * i)
        for i in range(8, length):
            hi |= np.uint64(data[start + i]) << np.uint64(8 * (i - 8))
    return lo, hi


@njit(cache=True)
def _cut(data: UInt8s, at: int, stop: int, cuts: Int64s, n: int) -> tuple[int, int]:
    """Append the places where words of data[at:stop] start and end to cuts[:n]; return how many, and where it stopped.

    An odd `n`: a word goes on at `at`.
    """
    inside = np.uint64(n & 1)
    while at < stop and n + 64 < len(cuts):
        left = stop - at
        if at + 64 <= len(data):
            ends = separators(data, at)
        else:
            ends = np.uint64(0)
            for i in range(min(left, 64)):
                byte = data[at + i]
                if byte == 32 or 9 <= byte <= 13 or byte == 0:
                    ends |= _ONE << np.uint64(i)
        if left < 64:
            ends |= ~np.uint64(0) << np.uint64(left)
        edges = ~ends ^ (~ends << _ONE | inside)
        inside = ~ends >> np.uint64(63)
        while edges != 0:
            cuts[n] = at + trailing_zeros(edges)
            edges &= edges - _ONE
            n += 1
        at += 64
    if at >= stop and n & 1:
        cuts[n] = stop
        n += 1
    return n, at


@njit(cache=True)
def _add(matrix: UInt8s, rows: Int32s, count: int, vector: Float32s) -> None:
    width = len(vector)
    column = 0
    while column + 64 <= width:
        add_64_columns(matrix, rows, count, vector, width, column)
        column += 64
    while column + 16 <= width:
        add_16_columns(matrix, rows, count, vector, width, column)
        column += 16
    while column < width:
        add_1_column(matrix, rows, count, vector, width, column)
        column += 1


@njit(cache=True)
def _remember(
    data: UInt8s,
    start: int,
    end: int,
    lo: np.uint64,
    hi: np.uint64,
    state: np.uint64,
    head: int,
    rows: Int32s,
    first: int,
    memory: Memory,
    most: int,
) -> Memory:
    """Put a word and its rows, rows[first:first + (head >> 1)], into the memory; a full one grows or is emptied."""
    slots, more, used = memory
    if 16 * used[0] >= len(slots) - 8:  # half full
        if used[0] >= most:
            slots[:] = 0
            used[:] = 0
        else:
            slots = _grown(slots)
    last = np.uint64(len(slots) // 8 - 1)
    base = _aligned(slots)
    slot = _place(lo, hi, last)
    at = base + 8 * int(np.int64(slot))
    while slots[at] != 0 or slots[at + 1] != 0:
        slot = (slot + _ONE) & last
        at = base + 8 * int(np.int64(slot))
    slots[at], slots[at + 1] = lo, hi
    numbers = slots.view(np.int32)
    numbers[2 * at + 4] = np.int32(np.uint32(state))
    numbers[2 * at + 5] = head
    count = head >> 1
    length = end - start
    if length <= 16 and count <= _INLINE:
        for i in range(count):
            numbers[2 * at + 6 + i] = rows[first + i]
    else:
        place = used[1]
        if place + count + length > len(more):
            grown = np.empty(2 * len(more) + count + length, np.int32)
            grown[:place] = more[:place]
            more = grown
        for i in range(count):
            more[place + i] = rows[first + i]
        for i in range(length):
            more[place + count + i] = data[start + i]
        numbers[2 * at + 6] = place
        used[1] += count + length
    used[0] += 1
    return slots, more, used


@njit(cache=True)
def text_vectors(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    t: Tables,
    matrix: UInt8s,
    memory: Memory,
    most: int,
    vectors: Float32s,
    totals: Int64s,
) -> Memory:
    """Write the vector of each text data[starts[i]:ends[i]] and its number of rows, 0 for a text without words.

    Returns the memory to go on with; it holds at most `most` words.
    """
    per_character = max(1, t.max_n - t.min_n + 1)
    eos_hash = fnv(_EOS, 0, 4)
    eos_row = find_word(_EOS, 0, 4, eos_hash, t)
    cuts = np.empty(2 * _WORDS + 64, np.int64)
    rows = np.empty(16 * _WORDS, np.int32)
    hashes = np.empty(_WORDS, np.int32)
    for d in range(len(starts)):
        at, stop = starts[d], ends[d]
        vector = vectors[d]
        vector[:] = 0
        total = 0
        n = 0  # rows not yet added
        seen = 0  # words, for word n-grams
        open_cuts = 0
        any_word = False
        while at < stop:
            found, at = _cut(data, at, stop, cuts, open_cuts)
            if found > 1:
                any_word = True
            if n + 12 * _WORDS + 512 > len(rows):
                _add(matrix, rows, n, vector)
                total += n
                n = 0
            if t.word_ngrams > 1 and seen + _WORDS + 64 > len(hashes):
                longer = np.empty(2 * len(hashes) + _WORDS + 64, np.int32)
                longer[:seen] = hashes[:seen]
                hashes = longer
            slots, more, _ = memory
            numbers = slots.view(np.int32)
            base = _aligned(slots)
            last = np.uint64(len(slots) // 8 - 1)
            for w in range(0, found - 1, 2):
                start, end = cuts[w], cuts[w + 1]
                length = end - start
                if length > _LONGEST_BYTES:
                    room = per_character * (length + 2) + 8
                    _add(matrix, rows, n, vector)
                    total += n
                    n = 0
                    if room > len(rows):
                        rows = np.empty(room, np.int32)
                    n, state, word = rows_of(data, start, end, t, rows, 0)
                    _add(matrix, rows, n, vector)
                    total += n
                    n = 0
                    head = int(word)
                    hashed = np.int32(np.uint32(state))
                else:
                    lo, hi = _key(data, start, end)
                    if lo == _END_OF_SENTENCE and hi == 0:  # fastText reads no further
                        at = stop
                        break
                    slot = _place(lo, hi, last)
                    place = base + 8 * int(np.int64(slot))
                    while not (
                        slots[place] == lo
                        and slots[place + 1] == hi
                        and (length <= 16 or _same(data, start, end, numbers, 2 * place, more))
                    ):
                        if slots[place] == 0 and slots[place + 1] == 0:
                            place = -1
                            break
                        slot = (slot + _ONE) & last
                        place = base + 8 * int(np.int64(slot))
                    if place < 0:
                        if n + per_character * (length + 2) + 8 + 10 * _WORDS > len(rows):
                            _add(matrix, rows, n, vector)
                            total += n
                            n = 0
                        count, state, word = rows_of(data, start, end, t, rows, n)
                        head = count << 1 | int(word)
                        hashed = np.int32(np.uint32(state))
                        memory = _remember(data, start, end, lo, hi, state, head, rows, n, memory, most)
                        slots, more, _ = memory
                        numbers = slots.view(np.int32)
                        base = _aligned(slots)
                        last = np.uint64(len(slots) // 8 - 1)
                    else:
                        hashed = numbers[2 * place + 4]
                        head = int(numbers[2 * place + 5])
                        count = head >> 1
                        if length <= 16 and count <= _INLINE:
                            copy10(numbers, 2 * place + 6, rows, n)
                        else:
                            if n + count + 11 * _WORDS > len(rows):
                                _add(matrix, rows, n, vector)
                                total += n
                                n = 0
                            first = numbers[2 * place + 6]
                            for i in range(count):
                                rows[n + i] = more[first + i]
                    n += count
                if t.word_ngrams > 1 and head & 1:
                    hashes[seen] = hashed
                    seen += 1
            open_cuts = 0
            if found & 1:
                cuts[0] = cuts[found - 1]
                open_cuts = 1
        if not any_word:
            totals[d] = 0
            continue
        if n + 2 > len(rows):
            _add(matrix, rows, n, vector)
            total += n
            n = 0
        if eos_row >= 0:
            rows[n] = eos_row
            n += 1
        if t.word_ngrams > 1 and t.bucket > 0:
            hashes[seen] = np.int32(np.uint32(eos_hash))
            seen += 1
            for i in range(seen):
                mixed = np.uint64(np.int64(hashes[i]))
                for j in range(i + 1, min(seen, i + t.word_ngrams)):
                    mixed = mixed * _WORD_PRIME + np.uint64(np.int64(hashes[j]))
                    row = row_of_hash(mixed, t)
                    if row >= 0:
                        if n == len(rows):
                            _add(matrix, rows, n, vector)
                            total += n
                            n = 0
                        rows[n] = row
                        n += 1
        _add(matrix, rows, n, vector)
        total += n
        totals[d] = total
        if total:
            for j in range(len(vector)):
                vector[j] *= np.float32(1.0 / total)
    return memory


@njit(cache=True)
def _same(data: UInt8s, start: int, end: int, numbers: Int32s, slot: int, more: Int32s) -> bool:
    first = numbers[slot + 6] + (numbers[slot + 5] >> 1)
    same = True
    for i in range(end - start):
        same &= more[first + i] == data[start + i]
    return same
