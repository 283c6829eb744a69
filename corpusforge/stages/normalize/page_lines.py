"""What each line of a book is like: its length, the number at its end, how it begins and ends."""

from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Flags, Int64s, UInt8s, UInt64s
from corpusforge.text.spans import mix
from corpusforge.text.utf8 import decode

MAX_HEAD_CHARS = 70
NO_NUMBER = -1
UNREADABLE = -2  # a number with misread digits: l2, IO3


class Lines(NamedTuple):
    """What the kernels know of each line; all arrays have one entry a line, positions are bytes."""

    starts: Int64s  # of the line without the whitespace around it
    ends: Int64s
    chars: Int64s
    numbers: Int64s  # page number at one of its ends, NO_NUMBER or UNREADABLE
    keys: UInt64s  # hash of the letters of what could be a head, 0 for other lines
    only_number: Bools
    begins_lower: Bools
    ends_open: Bools  # in a small letter, a comma, a semicolon or a hyphen


@njit(cache=True)
def is_lower(code: int, entry: int) -> bool:
    """Tell small letters of Latin, Greek and Cyrillic; scripts without case have none."""
    if code < 128:
        return 97 <= code <= 122
    cased = 0xDF <= code < 0x250 or 0x370 <= code < 0x530 or 0x1E00 <= code < 0x2000
    return bool(cased and entry & 1 and not entry & 4 and entry >> 8 == 0)


@njit(cache=True)
def _number(data: UInt8s, start: int, end: int) -> int:
    # The value of a token of at most four characters that is a number, perhaps misread.
    if end - start == 0 or end - start > 4:
        return NO_NUMBER
    value = 0
    digits = 0
    for at in range(start, end):
        byte = data[at]
        if 48 <= byte <= 57:
            value = value * 10 + (byte - 48)
            digits += 1
        elif not (
            byte == 108
            or byte == 73
            or byte == 105
            or byte == 79
            or byte == 111
            or byte == 83
            or byte == 90
            or byte == 66
            or byte == 124
        ):  # l I i O o S Z B |
            return NO_NUMBER
    if digits == 0:
        return NO_NUMBER
    return value if digits == end - start else UNREADABLE


@njit(cache=True)
def _is_frame(byte: int) -> bool:
    # What may stand around a page number: - [ ] ( ) . , * ~ _ and the space.
    return (
        byte == 45
        or byte == 91
        or byte == 93
        or byte == 40
        or byte == 41
        or byte == 46
        or byte == 44
        or byte == 42
        or byte == 126
        or byte == 95
        or byte == 32
    )


@njit(cache=True)
def describe(
    data: UInt8s,
    table: Flags,
    starts: Int64s,
    ends: Int64s,
    chars: Int64s,
    numbers: Int64s,
    keys: UInt64s,
    only_number: Bools,
    begins_lower: Bools,
    ends_open: Bools,
) -> None:
    """Fill the arrays of `Lines` from the bytes of the lines, `starts` and `ends` without whitespace."""
    for i in range(len(starts)):
        start = starts[i]
        end = ends[i]
        numbers[i] = NO_NUMBER
        count = 0
        for at in range(start, end):
            count += (data[at] & 0xC0) != 0x80
        chars[i] = count
        if count == 0:
            continue
        code, width = decode(data, start, end)
        begins_lower[i] = is_lower(code, table[table[code >> 8] + (code & 255)])
        back = end - 1
        while back > start and data[back] & 0xC0 == 0x80:
            back -= 1
        code, width = decode(data, back, end)
        ends_open[i] = (
            code == 44
            or code == 59
            or code == 45
            or code == 0xAC
            or code == 0xAD
            or code == 0x2010
            or is_lower(code, table[table[code >> 8] + (code & 255)])
        )
        if count > MAX_HEAD_CHARS:
            continue
        # A number at the right end, then at the left end; both are cut off before the letters are read.
        left = start
        right = end
        while right > left and _is_frame(data[right - 1]):
            right -= 1
        at = right
        while at > left and data[at - 1] > 32 and not _is_frame(data[at - 1]):
            at -= 1
        found = _number(data, at, right)
        if found != NO_NUMBER:
            right = at
        while left < right and _is_frame(data[left]):
            left += 1
        at = left
        while at < right and data[at] > 32 and not _is_frame(data[at]):
            at += 1
        other = _number(data, left, at)
        if other != NO_NUMBER:
            left = at
            if found < 0:
                found = other
        numbers[i] = found
        state = np.uint64(0x9E3779B97F4A7C15)
        letters = 0
        others = 0  # neither letters nor spaces
        length = 0  # of the word that is open
        small = False  # it begins with a small letter
        headlike = True
        at = left
        while at < right:
            code, width = decode(data, at, right)
            entry = table[table[code >> 8] + (code & 255)]
            if entry & 1 and not 48 <= code <= 57:
                if length == 0:
                    small = is_lower(code, entry)
                length += 1
                letters += 1
                state = (state ^ np.uint64(code + (entry >> 8))) * np.uint64(0xD6E8FEB86659FD93)
                if small and length == 4:  # "of the" may be small, longer words are not
                    headlike = False
            else:
                length = 0
                others += entry & 8 == 0
            at += width
        if letters == 0:
            only_number[i] = found != NO_NUMBER and others == 0
        elif headlike and letters >= 3 and others <= letters // 2:  # else a formula or a row of a table
            keys[i] = mix(state) | np.uint64(1)
