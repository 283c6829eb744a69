"""What a printed page has besides its text: running heads and page numbers, found by what they do.

A running head repeats and stands where a page ended, so it cuts sentences in two; a title, a refrain, a speaker's name
or a numbered section may repeat too, but stands between sentences. Hence the two questions asked of each group of
lines: does it repeat with growing page numbers, and does it interrupt?
"""

import numpy as np
from numba import njit

from corpusforge.stages.normalize.page_lines import MAX_HEAD_CHARS, NO_NUMBER, Lines
from corpusforge.text.arrays import Bools, Flags, Int64s, UInt8s
from corpusforge.text.utf8 import decode

MIN_REPEATS = 3  # of a head with growing numbers; without numbers two more
MIN_CHAIN = 6  # page numbers that grow
NEIGHBOURS = 4  # heads before and after that a misread head is compared with
MAX_HEAD_DISTANCE = 0.25  # edits by letters
WINDOW = 3  # lines of furniture that may stand together: foot, number, head


@njit(cache=True)
def _interrupts(lines: Lines, i: int, first: int, last: int) -> bool:
    # Whether the sentence before line i goes on after it; other furniture and blank lines are passed over.
    before = i - 1
    passed = 0
    while before >= first and (lines.chars[before] == 0 or (passed < WINDOW and _candidate(lines, before))):
        passed += lines.chars[before] > 0
        before -= 1
    after = i + 1
    passed = 0
    while after < last and (lines.chars[after] == 0 or (passed < WINDOW and _candidate(lines, after))):
        passed += lines.chars[after] > 0
        after += 1
    if before < first or after >= last or after - before > 16:
        return False
    return bool(lines.ends_open[before] and lines.begins_lower[after])


@njit(cache=True)
def _candidate(lines: Lines, i: int) -> bool:
    return bool(lines.only_number[i] or lines.keys[i] != 0)


@njit(cache=True)
def _distance(data: UInt8s, table: Flags, a: Int64s, b: Int64s, most: int) -> int:
    # Edits between two lists of letters, `most` + 1 when there are more.
    if abs(len(a) - len(b)) > most:
        return most + 1
    row = np.arange(len(b) + 1)
    for i in range(len(a)):
        before = row[0]
        row[0] = i + 1
        smallest = row[0]
        for k in range(len(b)):
            change = before + (a[i] != b[k])
            before = row[k + 1]
            row[k + 1] = min(change, before + 1, row[k] + 1)
            smallest = min(smallest, row[k + 1])
        if smallest > most:
            return most + 1
    return int(row[len(b)])


@njit(cache=True)
def _letters(data: UInt8s, table: Flags, start: int, end: int) -> Int64s:
    found = np.empty(MAX_HEAD_CHARS, np.int64)
    n = 0
    at = start
    while at < end and n < MAX_HEAD_CHARS:
        code, width = decode(data, at, end)
        entry = table[table[code >> 8] + (code & 255)]
        if entry & 1 and not 48 <= code <= 57:
            found[n] = code + (entry >> 8)
            n += 1
        at += width
    return found[:n]


@njit(cache=True)
def _chain(values: Int64s) -> Bools:
    # The longest strictly growing subsequence (patience; of equally long ones that with the smallest tails).
    n = len(values)
    tails = np.empty(n, np.int64)  # index of the smallest last value of a chain of length k + 1
    before = np.empty(n, np.int64)
    longest = 0
    for i in range(n):
        low, high = 0, longest
        while low < high:
            middle = (low + high) // 2
            if values[tails[middle]] < values[i]:
                low = middle + 1
            else:
                high = middle
        before[i] = tails[low - 1] if low > 0 else -1
        tails[low] = i
        longest = max(longest, low + 1)
    member = np.zeros(n, np.bool_)
    at = tails[longest - 1] if longest > 0 else -1
    while at >= 0:
        member[at] = True
        at = before[at]
    return member


@njit(cache=True)
def mark(data: UInt8s, table: Flags, offsets: Int64s, lines: Lines) -> Bools:
    """Return which lines are running heads or page numbers, bool[lines]; `offsets`: lines of each document."""
    dropped = np.zeros(len(lines.chars), np.bool_)
    for d in range(len(offsets) - 1):
        first, last = offsets[d], offsets[d + 1]
        n = 0
        for i in range(first, last):
            n += _candidate(lines, i)
        if n < MIN_REPEATS:
            continue
        which = np.empty(n, np.int64)
        cuts = np.empty(n, np.bool_)
        n = 0
        for i in range(first, last):
            if _candidate(lines, i):
                which[n] = i
                cuts[n] = _interrupts(lines, i, first, last)
                n += 1
        if not cuts.any():
            continue
        _mark_numbers(lines, which, cuts, dropped)
        _mark_repeated(lines, which, cuts, dropped)
        _mark_misread(data, table, lines, which, cuts, dropped)
    return dropped


@njit(cache=True)
def _mark_repeated(lines: Lines, which: Int64s, cuts: Bools, dropped: Bools) -> None:
    keys = lines.keys[which]
    order = np.argsort(keys, kind="mergesort")
    at = 0
    while at < len(order):
        stop = at + 1
        while stop < len(order) and keys[order[stop]] == keys[order[at]]:
            stop += 1
        repeats = stop - at
        if keys[order[at]] != 0 and repeats >= MIN_REPEATS:
            interrupting = 0
            numbered = 0
            growing = 0
            value = NO_NUMBER
            for k in range(at, stop):
                i = which[order[k]]
                interrupting += cuts[order[k]] or _beside(lines, i, dropped)
                if lines.numbers[i] >= 0:
                    growing += value >= 0 and lines.numbers[i] > value
                    numbered += 1
                    value = lines.numbers[i]
            grows = numbered >= MIN_REPEATS and growing >= 0.7 * (numbered - 1)
            least = 0.2 if grows else 0.3
            if (grows or repeats >= MIN_REPEATS + 2) and interrupting >= least * repeats:
                for k in range(at, stop):
                    i = which[order[k]]
                    # The first may be the title itself, of which the head is a copy.
                    dropped[i] = k > at or lines.numbers[i] >= 0 or cuts[order[k]]
        at = stop


@njit(cache=True)
def _beside(lines: Lines, i: int, dropped: Bools) -> bool:
    # Whether a page number stands in the line before or after, blank lines apart.
    for step in (-1, 1):
        at = i + step
        while 0 <= at < len(dropped) and abs(at - i) <= WINDOW and lines.chars[at] == 0:
            at += step
        if 0 <= at < len(dropped) and dropped[at] and lines.only_number[at]:
            return True
    return False


@njit(cache=True)
def _mark_numbers(lines: Lines, which: Int64s, cuts: Bools, dropped: Bools) -> None:
    n = 0
    chosen = np.empty(len(which), np.int64)
    for k in range(len(which)):
        if lines.numbers[which[k]] > 0:
            chosen[n] = k
            n += 1
    chosen = chosen[:n]
    if n < MIN_CHAIN:
        return
    member = _chain(lines.numbers[which[chosen]])
    length = 0
    interrupting = 0
    for k in range(n):
        length += member[k]
        interrupting += member[k] and cuts[chosen[k]]
    if length < MIN_CHAIN or interrupting < 0.25 * length:
        return
    for k in range(n):
        i = which[chosen[k]]
        if member[k] and (lines.only_number[i] or cuts[chosen[k]]):
            dropped[i] = True
    for k in range(len(which)):  # a number that cannot be read, where a page ended
        i = which[k]
        if lines.only_number[i] and cuts[k]:
            dropped[i] = True


@njit(cache=True)
def _mark_misread(data: UInt8s, table: Flags, lines: Lines, which: Int64s, cuts: Bools, dropped: Bools) -> None:
    # Heads that differ by misread letters: compared with the heads that stand around them.
    heads = np.empty(len(which), np.int64)
    n = 0
    for k in range(len(which)):
        if dropped[which[k]] and lines.keys[which[k]] != 0:
            heads[n] = which[k]
            n += 1
    heads = heads[:n]
    after = 0
    for k in range(len(which)):
        i = which[k]
        while after < n and heads[after] < i:
            after += 1
        if dropped[i] or lines.keys[i] == 0:
            continue
        if lines.numbers[i] == NO_NUMBER and not cuts[k] and not _beside(lines, i, dropped):
            continue
        mine = _letters(data, table, lines.starts[i], lines.ends[i])
        for h in range(max(after - NEIGHBOURS, 0), min(after + NEIGHBOURS, n)):
            theirs = _letters(data, table, lines.starts[heads[h]], lines.ends[heads[h]])
            most = int(MAX_HEAD_DISTANCE * max(len(mine), len(theirs)))
            if _distance(data, table, mine, theirs, most) <= most:
                dropped[i] = True
                break
