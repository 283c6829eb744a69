"""Vectors of texts: the mean of the rows of their words, words remembered.

Natural text repeats words, so the rows of a word are found once and remembered, in the order of first occurrence: the
frequent words stand together. A text is cut into stretches of about 100 words, and each step is done for all of a
stretch before the next, so that the processor waits for many places of memory at once. Rows are added in float32 in
fastText's own order.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt32s
from corpusforge.text.fasttext_wide import (
    add_1_column,
    add_16_columns,
    add_64_columns,
    copy10,
    load8,
    separators,
    trailing_zeros,
)
from corpusforge.text.fasttext_words import Float32s, Tables, find_word, fnv, keep_present, new_scratch, rows_of

_LONGEST_BYTES = 64  # a longer word is not remembered
_WORDS = 128  # of a stretch, at most
_INLINE = 10  # rows copied at once; 99 % of the words of lid.176 have no more
_SMALLEST = 4096  # numbers in a new memory at least: one word of _LONGEST_BYTES with n-grams must fit
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_EOS = np.frombuffer(b"</s>", np.uint8)
_END_OF_SENTENCE = np.uint64(int.from_bytes(b"</s>", "little"))
_ONE, _HALF, _WORD_PRIME = np.uint64(1), np.uint64(32), np.uint64(116049371)
_PLACE, _TAG = np.uint32(0xFFFFFF), np.uint32(0xFF000000)

# `index` is a hash table: eight bits of the hash, and the word's place in `store`, in pairs of numbers; 0: free.
# A word in `store`: 0-1 its first eight bytes, 2-3 the next eight, 4 fastText's hash, 5 rows << 1 | it is a word, from
# 6 the rows. A word of more than 16 bytes has in place of its bytes a hash and its length << 8 (no text is that: its
# first byte would be NUL), and behind the rows its bytes, one a number.
Memory = tuple[UInt32s, Int32s, Int64s]  # index, store, used: words, numbers of `store`


def new_memory(words: int) -> Memory:
    """Return a memory for that many words, 56 bytes each, of which the system gives only what is used."""
    words = min(max(words, 8), 1 << 21)
    index = np.zeros(1 << (2 * words - 1).bit_length(), np.uint32)
    store = np.zeros(12 * words + _SMALLEST, np.int32)
    return index, store, np.array([0, 8], np.int64)  # at place 0 stands no word


@njit(cache=True)
def _mix(lo: np.uint64, hi: np.uint64) -> np.uint64:
    mixed = (lo ^ (hi * _B)) * _A
    return mixed ^ (mixed >> _HALF)


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
def _find(data: UInt8s, start: int, end: int, lo: np.uint64, hi: np.uint64, index: UInt32s, store: Int32s) -> int:
    """Return the place of a word in the store, or 0."""
    mixed = _mix(lo, hi)
    last = len(index) - 1
    slot = int(np.int64(mixed)) & last
    tag = np.uint32(mixed >> _HALF) & _TAG
    while index[slot] != 0:
        if index[slot] & _TAG == tag:
            place = 2 * int(index[slot] & _PLACE)
            if load8(store, place) == lo and load8(store, place + 2) == hi:
                same = True
                if end - start > 16:
                    first = place + 6 + (store[place + 5] >> 1)
                    for i in range(end - start):
                        same &= store[first + i] == data[start + i]
                if same:
                    return place
        slot = (slot + 1) & last
    return 0


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
    index: UInt32s,
    store: Int32s,
    used: Int64s,
) -> None:
    """Put a word and its rows, rows[first:first + (head >> 1)], into the memory; a full one is emptied."""
    count = head >> 1
    length = end - start
    size = 6 + count + (length if length > 16 else 0)
    if 2 * used[0] >= len(index) or used[1] + size + _INLINE > len(store):
        index[:] = 0
        used[0], used[1] = 0, 8
        if used[1] + size + _INLINE > len(store):
            return
    mixed = _mix(lo, hi)
    last = len(index) - 1
    slot = int(np.int64(mixed)) & last
    while index[slot] != 0:
        slot = (slot + 1) & last
    place = used[1]
    index[slot] = (np.uint32(mixed >> _HALF) & _TAG) | np.uint32(place >> 1)
    store[place], store[place + 1] = np.int32(np.uint32(lo)), np.int32(np.uint32(lo >> _HALF))
    store[place + 2], store[place + 3] = np.int32(np.uint32(hi)), np.int32(np.uint32(hi >> _HALF))
    store[place + 4] = np.int32(np.uint32(state))
    store[place + 5] = head
    if count <= _INLINE:
        copy10(rows, first, store, place + 6)
    else:
        for i in range(count):
            store[place + 6 + i] = rows[first + i]
    if length > 16:
        for i in range(length):
            store[place + 6 + count + i] = data[start + i]
    used[0] += 1
    used[1] += size + (size & 1)


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
def text_vectors(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    t: Tables,
    matrix: UInt8s,
    memory: Memory,
    vectors: Float32s,
    totals: Int64s,
) -> None:
    """Write the vector of each text data[starts[i]:ends[i]] and its number of rows, 0 for a text without words."""
    index, store, used = memory
    last = len(index) - 1
    per_character = max(1, t.max_n - t.min_n + 1)
    bucket = np.uint64(t.bucket)
    room = t.word_ngrams + _INLINE + per_character * (_LONGEST_BYTES + 2) + 8  # for what one step may write
    eos_hash = fnv(_EOS, 0, 4)
    eos_row = find_word(_EOS, 0, 4, eos_hash, t)
    cuts = np.empty(2 * _WORDS, np.int64)
    keys = np.empty((_WORDS, 2), np.uint64)
    places = np.empty(_WORDS, np.int64)
    rows = np.empty(max(8192, 2 * room), np.int32)
    hashes = np.empty(1024, np.int32)
    planes = np.zeros(4 * (_LONGEST_BYTES + t.max_n + 32), np.uint32)
    scratch = new_scratch(t.max_n)
    for d in range(len(starts)):
        at, stop = starts[d], ends[d]
        vector = vectors[d]
        vector[:] = 0
        total = 0
        n = 0  # rows not yet added
        seen = 0  # words, for word n-grams
        kept = 0  # cuts of a word that goes on
        any_word = False
        while at < stop:
            found, at = _cut(data, at, stop, cuts, kept)
            words = found >> 1
            any_word |= words > 0
            for w in range(words):
                keys[w, 0], keys[w, 1] = _key(data, cuts[2 * w], cuts[2 * w + 1])
            for w in range(words):
                places[w] = index[int(np.int64(_mix(keys[w, 0], keys[w, 1]))) & last] & _PLACE
            for w in range(words):
                place = 2 * places[w]
                hit = (load8(store, place) == keys[w, 0]) & (load8(store, place + 2) == keys[w, 1])
                places[w] = place if hit else 0
            if t.word_ngrams > 1 and seen + _WORDS + 1 > len(hashes):
                longer = np.empty(2 * len(hashes) + _WORDS, np.int32)
                longer[:seen] = hashes[:seen]
                hashes = longer
            for w in range(words):
                start, end = cuts[2 * w], cuts[2 * w + 1]
                length = end - start
                place = places[w]
                if place == 0 or length > 16:
                    if keys[w, 0] == _END_OF_SENTENCE and length == 4:  # fastText reads no further
                        at = stop
                        break
                    place = 0
                    if length <= _LONGEST_BYTES:
                        place = _find(data, start, end, keys[w, 0], keys[w, 1], index, store)
                if place:
                    hashed = store[place + 4]
                    head = int(store[place + 5])
                    count = head >> 1
                    if count <= _INLINE:
                        copy10(store, place + 6, rows, n)
                    else:
                        for i in range(count):
                            rows[n + i] = store[place + 6 + i]
                else:
                    if n + per_character * (length + 2) + 8 > len(rows):
                        _add(matrix, rows, n, vector)
                        total += n
                        n = 0
                        if per_character * (length + 2) + 8 + room > len(rows):
                            rows = np.empty(per_character * (length + 2) + 8 + room, np.int32)
                    if length > _LONGEST_BYTES and 4 * (length + t.max_n + 32) > len(planes):
                        planes = np.zeros(4 * (length + t.max_n + 32), np.uint32)
                    count, state, word = rows_of(data, start, end, t, rows, n, planes, scratch)
                    hashed = np.int32(np.uint32(state))
                    head = count << 1 | int(word)
                    if length <= _LONGEST_BYTES:
                        _remember(data, start, end, keys[w, 0], keys[w, 1], state, head, rows, n, index, store, used)
                        if used[0] == 1:  # it was emptied: what was looked up is gone
                            places[w + 1 : words] = 0
                n += count
                if n + room > len(rows):
                    _add(matrix, rows, n, vector)
                    total += n
                    n = 0
                if t.word_ngrams > 1 and head & 1:
                    hashes[seen] = hashed
                    seen += 1
            kept = found & 1
            if kept:
                cuts[0] = cuts[found - 1]
        if not any_word:
            totals[d] = 0
            continue
        if eos_row >= 0:
            rows[n] = eos_row
            n += 1
        if t.word_ngrams > 1 and t.bucket > 0:
            hashes[seen] = np.int32(np.uint32(eos_hash))
            seen += 1
            grams = n
            for i in range(seen):
                mixed = np.uint64(np.int64(hashes[i]))
                for j in range(i + 1, min(seen, i + t.word_ngrams)):
                    mixed = mixed * _WORD_PRIME + np.uint64(np.int64(hashes[j]))
                    rows[n] = np.int32(np.int64(mixed % bucket))
                    n += 1
                if n + t.word_ngrams > len(rows) or i == seen - 1:
                    n = keep_present(rows, grams, n, t)
                    _add(matrix, rows, n, vector)
                    total += n
                    n = grams = 0
        _add(matrix, rows, n, vector)
        total += n
        totals[d] = total
        if total:
            for j in range(len(vector)):
                vector[j] *= np.float32(1.0 / total)
