"""Words broken at the end of a line: which hyphen the printer set and which belongs to the word.

The document is its own dictionary: "exam-/ple" is "example" where "example" stands elsewhere, "well-/known" keeps its
hyphen where "well-known" does. Where neither stands, what the document does in the decided cases decides.
"""

import numpy as np
from numba import njit

from corpusforge.stages.normalize.page_lines import Lines
from corpusforge.text.arrays import Bools, Flags, Int64s, UInt8s, UInt64s
from corpusforge.text.spans import mix, table_size
from corpusforge.text.utf8 import decode

NONE, SOFT, HARD = 0, 1, 2  # no broken word; the hyphen goes; the hyphen stays
MARGIN = 0.6  # of the document's long lines: what is shorter was not broken by the margin (verse)
MAX_WORD_BYTES = 80
MIN_PART_BYTES = 4  # two words that long are more often a compound than a broken word
MIN_LEADING = 2  # a word that stands before hyphens at least so often,
LEADING_FRACTION = 0.2  # and in such a share of its places, keeps its hyphen

_PRIME = np.uint64(0xD6E8FEB86659FD93)
ANY = np.uint64(1)  # any word, in a pair


@njit(cache=True)
def hyphen_bytes(data: UInt8s, start: int, end: int) -> int:
    """Return the length of the hyphen that ends the line: - (also doubly soft), U+2010, U+00AD, U+00AC; else 0."""
    if end - start >= 2 and data[end - 1] == 45:
        return 0 if data[end - 2] == 45 else 1
    if end - start >= 3 and data[end - 2] == 0xC2 and (data[end - 1] == 0xAD or data[end - 1] == 0xAC):
        return 2
    if end - start >= 4 and data[end - 3] == 0xE2 and data[end - 2] == 0x80 and data[end - 1] == 0x90:
        return 3
    return 0


@njit(cache=True)
def _continue_hash(data: UInt8s, table: Flags, start: int, end: int, state: np.uint64) -> np.uint64:
    at = start
    while at < end:
        code, width = decode(data, at, end)
        state = (state ^ np.uint64(code + (table[table[code >> 8] + (code & 255)] >> 8))) * _PRIME
        at += width
    return state


@njit(cache=True)
def _pair(left: np.uint64, right: np.uint64) -> np.uint64:
    return mix(left * _PRIME ^ right)


@njit(cache=True)
def _slot(keys: UInt64s, key: np.uint64) -> int:
    # The place of `key` in an open table whose size is a power of two; 0 is the empty key.
    mask = np.uint64(len(keys) - 1)
    at = key & mask
    while keys[at] != 0 and keys[at] != key:
        at = (at + np.uint64(1)) & mask
    return int(at)


@njit(cache=True)
def decide(
    data: UInt8s,
    table: Flags,
    offsets: Int64s,
    line_starts: Int64s,
    lines: Lines,
    dropped: Bools,
    word_offsets: Int64s,
    word_starts: Int64s,
    word_ends: Int64s,
    word_hashes: UInt64s,
) -> Int64s:
    """Return NONE, SOFT or HARD for each line: what becomes of the hyphen at its end."""
    found = np.zeros(len(lines.chars), np.int64)
    for d in range(len(offsets) - 1):
        first, last = offsets[d], offsets[d + 1]
        broken = _broken(data, table, line_starts, lines, dropped, first, last)
        if len(broken) == 0:
            continue
        n = len(broken)
        hashes = np.zeros((n, 5), np.uint64)  # left, right, joined, pair, left before a hyphen
        for q in range(n):
            i, j = broken[q, 0], broken[q, 1]
            end = lines.ends[i] - hyphen_bytes(data, lines.starts[i], lines.ends[i])
            start = _word_start(data, table, lines.starts[i], end)
            stop = _word_end(data, table, lines.starts[j], lines.ends[j])
            seed = np.uint64(0x9E3779B97F4A7C15)
            state = _continue_hash(data, table, start, end, seed)
            left = mix(state)
            right = mix(_continue_hash(data, table, lines.starts[j], stop, seed))
            joined = mix(_continue_hash(data, table, lines.starts[j], stop, state))
            hashes[q, 0], hashes[q, 1], hashes[q, 2], hashes[q, 3] = left, right, joined, _pair(left, right)
            hashes[q, 4] = _pair(left, ANY)
        keys = np.zeros(table_size(5 * n), np.uint64)
        counts = np.zeros(len(keys), np.int64)
        for q in range(n):
            for c in range(5):
                at = _slot(keys, hashes[q, c])
                keys[at] = hashes[q, c]
                counts[at] -= c < 2  # the two parts themselves are no evidence that they are words
        for w in range(word_offsets[d], word_offsets[d + 1]):
            at = _slot(keys, word_hashes[w])
            if keys[at] != 0:
                counts[at] += 1
            if w + 1 < word_offsets[d + 1] and word_starts[w + 1] == word_ends[w] + 1 and data[word_ends[w]] == 45:
                for second in (word_hashes[w + 1], ANY):
                    at = _slot(keys, _pair(word_hashes[w], second))
                    if keys[at] != 0:
                        counts[at] += 1
        _settle(data, table, lines, broken, hashes, keys, counts, found)
    return found


@njit(cache=True)
def _settle(
    data: UInt8s,
    table: Flags,
    lines: Lines,
    broken: Int64s,
    hashes: UInt64s,
    keys: UInt64s,
    counts: Int64s,
    found: Int64s,
) -> None:
    n = len(broken)
    whole = np.empty(n, np.bool_)  # both parts are words of the document
    soft = np.zeros(2, np.int64)  # decided by evidence, by `whole`
    hard = np.zeros(2, np.int64)
    for q in range(n):
        i, j = broken[q, 0], broken[q, 1]
        whole[q] = counts[_slot(keys, hashes[q, 0])] > 0 and counts[_slot(keys, hashes[q, 1])] > 0
        joined = counts[_slot(keys, hashes[q, 2])]
        paired = counts[_slot(keys, hashes[q, 3])]
        length = hyphen_bytes(data, lines.starts[i], lines.ends[i])
        if length == 2:
            found[i] = SOFT  # U+00AC and U+00AD say so themselves
        elif not lines.begins_lower[j] and lines.ends_open[i] and _small_before(data, table, lines, i, length):
            found[i] = HARD  # Anglo-/Saxon
        elif joined > paired:
            found[i] = SOFT
            soft[int(whole[q])] += 1
        elif paired > joined:
            found[i] = HARD
            hard[int(whole[q])] += 1
    for q in range(n):
        i, j = broken[q, 0], broken[q, 1]
        if found[i] != NONE:
            continue
        left, right = _part_bytes(data, table, lines, i, j)
        alone = counts[_slot(keys, hashes[q, 0])]
        leading = counts[_slot(keys, hashes[q, 4])]
        if left >= MIN_PART_BYTES and leading >= MIN_LEADING and LEADING_FRACTION * alone <= leading:
            found[i] = HARD  # self-, half-, well-
        elif whole[q] and min(left, right) >= MIN_PART_BYTES:
            found[i] = HARD
        elif whole[q]:  # smoking-/room and in-/side look alike: the hyphen goes only where most such ones go
            found[i] = SOFT if soft[1] > hard[1] else HARD
        else:  # a fragment; a document that never breaks words has them too, as rare words
            found[i] = HARD if hard[0] + hard[1] > soft[0] + soft[1] else SOFT


@njit(cache=True)
def _part_bytes(data: UInt8s, table: Flags, lines: Lines, i: int, j: int) -> tuple[int, int]:
    end = lines.ends[i] - hyphen_bytes(data, lines.starts[i], lines.ends[i])
    left = end - _word_start(data, table, lines.starts[i], end)
    return left, _word_end(data, table, lines.starts[j], lines.ends[j]) - lines.starts[j]


@njit(cache=True)
def _small_before(data: UInt8s, table: Flags, lines: Lines, i: int, length: int) -> bool:
    back = lines.ends[i] - length - 1
    while back > lines.starts[i] and data[back] & 0xC0 == 0x80:
        back -= 1
    code, _ = decode(data, back, lines.ends[i])
    return bool(table[table[code >> 8] + (code & 255)] >> 8 == 0)


@njit(cache=True)
def _broken(
    data: UInt8s, table: Flags, line_starts: Int64s, lines: Lines, dropped: Bools, first: int, last: int
) -> Int64s:
    # Pairs (line, line where it goes on) of lines that end in a hyphen at the margin.
    kept = 0
    ends = 0
    for i in range(first, last):
        if lines.chars[i] > 0 and not dropped[i]:
            kept += 1
            ends += hyphen_bytes(data, lines.starts[i], lines.ends[i]) > 0
    broken = np.empty((ends, 2), np.int64)
    if ends == 0:
        return broken
    lengths = np.empty(kept, np.int64)
    kept = 0
    for i in range(first, last):
        if lines.chars[i] > 0 and not dropped[i]:
            lengths[kept] = lines.chars[i]
            kept += 1
    margin = MARGIN * np.sort(lengths)[kept * 9 // 10]
    n = 0
    for i in range(first, last):
        if lines.chars[i] < margin or dropped[i]:
            continue
        length = hyphen_bytes(data, lines.starts[i], lines.ends[i])
        if length == 0:
            continue
        j = i + 1
        blank = False
        furniture = False
        while j < last and (dropped[j] or lines.chars[j] == 0):
            blank |= lines.chars[j] == 0
            furniture |= dropped[j]
            j += 1
        if j == last or (blank and not furniture):
            continue
        if lines.starts[j] - line_starts[j] > lines.starts[i] - line_starts[i]:  # a verse that goes on
            continue
        end = lines.ends[i] - length
        start = _word_start(data, table, lines.starts[i], end)
        stop = _word_end(data, table, lines.starts[j], lines.ends[j])
        if start < end and stop > lines.starts[j] and end - start + stop - lines.starts[j] <= MAX_WORD_BYTES:
            broken[n, 0] = i
            broken[n, 1] = j
            n += 1
    return broken[:n]


@njit(cache=True)
def _word_start(data: UInt8s, table: Flags, start: int, end: int) -> int:
    # Where the letters before `end` begin; `end` when a digit or no letter stands there.
    at = end
    while at > start and end - at < MAX_WORD_BYTES:
        back = at - 1
        while back > start and data[back] & 0xC0 == 0x80:
            back -= 1
        code, _ = decode(data, back, end)
        if not table[table[code >> 8] + (code & 255)] & 1 or 48 <= code <= 57 or code == 95:
            break
        at = back
    return at


@njit(cache=True)
def _word_end(data: UInt8s, table: Flags, start: int, end: int) -> int:
    at = start
    while at < end and at - start < MAX_WORD_BYTES:
        code, width = decode(data, at, end)
        if not table[table[code >> 8] + (code & 255)] & 1 or 48 <= code <= 57 or code == 95:
            break
        at += width
    return at
