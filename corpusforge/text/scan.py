"""Find the places where personal data could stand, in one linear pass over the bytes.

A candidate is a span that has the outer form of something: an `@` between what could be a name and a domain, a run
of digits with separators, hexadecimal groups with colons. Whether it is personal data is decided elsewhere, by rules
that need only a short window around it. Every candidate is at most 400 bytes long and each byte is read a
bounded number of times, so that no input can make the scan slow.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int64s, UInt8s

EMAIL = 1  # local@domain.tld
NUMBER = 2  # 7 to 48 digits with separators
HEX = 4  # hexadecimal groups with colons
QUAD = 8  # digits with three or more dots
LONG = 16  # 12 to 48 digits with separators

LOCAL_BYTES = 64  # RFC 5321, 4.5.3.1.1
DOMAIN_BYTES = 255
NUMBER_DIGITS = 48  # longer runs are cut at their spaces
HEX_BYTES = 45

_DIGIT, _ALPHA, _LOCAL, _DOMAIN, _HEX = 1, 2, 4, 8, 16


def _classes() -> UInt8s:
    table = np.zeros(256, np.uint8)
    for byte in range(256):
        character = chr(byte)
        if byte < 0x80:
            if character.isdigit():
                table[byte] |= _DIGIT | _LOCAL | _DOMAIN | _HEX
            elif character.isalpha() or character == "_":
                table[byte] |= _ALPHA | _LOCAL | (_DOMAIN if character != "_" else 0)
            if character in "abcdefABCDEF:.":
                table[byte] |= _HEX
            if character in ".%+'-":
                table[byte] |= _LOCAL
            if character in ".-":
                table[byte] |= _DOMAIN
        elif 0xC3 <= byte <= 0xD4 or byte < 0xC0:  # letters of two bytes: Latin, Greek, Cyrillic
            table[byte] |= _LOCAL | _DOMAIN
    return table


CLASSES = _classes()


def candidates(data: UInt8s, offsets: Int64s, kinds: int) -> Int64s:
    """Return int64[n, 4]: kinds (a sum), document, first byte and end of each candidate, by place of discovery.

    `kinds`: the sum of the kinds that are wanted. Years that are followed by a month or a year (2024-03, 1914-1918)
    belong to no number: two of three runs of digits in web text are dates.
    """
    room = 4096
    while True:
        found = np.zeros((room, 4), np.int64)
        count = _scan(data, offsets, kinds, CLASSES.copy(), found)
        if count <= room:
            return found[:count]
        room = count


@njit(cache=True)
def _scan(data: UInt8s, offsets: Int64s, kinds: int, classes: UInt8s, found: Int64s) -> int:
    count = 0
    for document in range(len(offsets) - 1):
        start = offsets[document]
        stop = offsets[document + 1]
        at = start
        number_free = start  # no number begins before
        hex_free = start
        while at < stop:
            byte = data[at]
            if byte == 0x40 and kinds & 1:
                first, end = _email(data, start, at, stop, classes)
                if end > first:
                    count += _keep(found, count, 1, document, first, end)
            elif byte == 0x3A and kinds & 4 and at >= hex_free:
                first, end, hex_free = _hex(data, hex_free, at, stop, classes)
                if end > first:
                    count += _keep(found, count, 4, document, first, end)
            elif 0x30 <= byte <= 0x39 and kinds & 26 and at >= number_free:
                if at > start and classes[data[at - 1]] & 2:
                    number_free = at + 1
                    while number_free < stop and classes[data[number_free]] & 3:
                        number_free += 1
                else:
                    number_free = _dated(data, at, stop)
                    if number_free == at:
                        end, digits, dots = _number(data, at, stop, classes)
                        number_free = max(end, at + 1)
                        if digits > NUMBER_DIGITS:
                            count = _cut(data, at, end, document, kinds, found, count)
                        else:
                            count += _keep(found, count, _kinds(digits, dots) & kinds, document, at, end)
            at += 1
    return count


@njit(cache=True)
def _keep(found: Int64s, count: int, kind: int, document: int, start: int, end: int) -> int:
    if kind == 0:
        return 0
    if count < len(found):
        found[count, 0] = kind
        found[count, 1] = document
        found[count, 2] = start
        found[count, 3] = end
    return 1


@njit(cache=True)
def _email(data: UInt8s, start: int, at: int, stop: int, classes: UInt8s) -> tuple[int, int]:
    first = at
    while first > start and classes[data[first - 1]] & 4:
        first -= 1
        if at - first > LOCAL_BYTES:
            return 0, 0
    while first < at and (data[first] & 0xC0 == 0x80 or data[first] in (0x2E, 0x25, 0x2B, 0x27, 0x2D)):
        first += 1  # the rest of a longer character, or . % + ' - in front
    end = at + 1
    dots = 0
    while end < stop and classes[data[end]] & 8 and end - at <= DOMAIN_BYTES:
        if data[end] == 0x2E:
            if data[end - 1] == 0x2E or data[end - 1] == 0x40:
                break
            dots += 1
        end += 1
    while end > at and (data[end - 1] == 0x2E or data[end - 1] == 0x2D):
        dots -= data[end - 1] == 0x2E
        end -= 1
    if first == at or dots < 1:
        return 0, 0
    return first, end


@njit(cache=True)
def _number(data: UInt8s, at: int, stop: int, classes: UInt8s) -> tuple[int, int, int]:
    """Return (end, digits, single dots) of the run of digits and separators that begins at `at`.

    A last group that is glued to a word (`4th`) is left out; an extension (`x12`, `ext. 12`) may follow.
    """
    digits = 0
    dots = 0
    end = at
    whole = (at, 0, 0)  # before the last separator with a space in it
    while at < stop and 0x30 <= data[at] <= 0x39:
        while at < stop and 0x30 <= data[at] <= 0x39:
            digits += 1
            at += 1
        end = at
        spaces = 0
        characters = 0
        while at < stop and characters < 3:
            byte = data[at]
            width = 1
            if byte == 0x20:
                spaces += 1
            elif byte == 0xC2 and at + 1 < stop and data[at + 1] == 0xA0:  # no-break space
                width = 2
                spaces += 1
            elif byte == 0xE2 and at + 2 < stop and data[at + 1] == 0x80 and 0x89 <= data[at + 2] <= 0x95:
                width = 3  # thin space, hyphens, dashes
            elif not (byte == 0x2D or byte == 0x2E or byte == 0x29 or byte == 0x2F or (byte == 0x28 and digits < 7)):
                break  # - . ) / (
            at += width
            characters += 1
        if characters == 0 or (spaces == 2 and characters == 2):
            break
        if at < stop and 0x30 <= data[at] <= 0x39:
            dots += characters == 1 and data[at - 1] == 0x2E
            if spaces:
                whole = (end, digits, dots)
    if end < stop and classes[data[end]] & 2 and data[end] | 0x20 != 0x78 and data[end] | 0x20 != 0x65:
        return whole
    return end, digits, dots


@njit(cache=True)
def _kinds(digits: int, dots: int) -> int:
    return (2 if digits >= 7 else 0) | (8 if dots >= 3 else 0) | (16 if digits >= 12 else 0)


@njit(cache=True)
def _dated(data: UInt8s, at: int, stop: int) -> int:
    """Return the end of a year and a month or year (2024-03, 1914-1918) that begin at `at`, or `at`."""
    if not _year(data, at, stop) or at + 6 > stop or not (data[at + 4] == 0x2D or data[at + 4] == 0x2F):
        return at
    end = at + 5
    while end < stop and end < at + 10 and 0x30 <= data[end] <= 0x39:
        end += 1
    digits = end - at - 5
    return end if digits == 1 or digits == 2 or (digits == 4 and _year(data, at + 5, stop)) else at


@njit(cache=True)
def _year(data: UInt8s, at: int, stop: int) -> bool:
    if at + 4 > stop or not (0x30 <= data[at + 2] <= 0x39 and 0x30 <= data[at + 3] <= 0x39):
        return False
    return bool((data[at] == 0x31 and data[at + 1] == 0x39) or (data[at] == 0x32 and data[at + 1] == 0x30))


@njit(cache=True)
def _cut(data: UInt8s, at: int, end: int, document: int, kinds: int, found: Int64s, count: int) -> int:
    """Keep the pieces between spaces of a long run of digits that have a form by themselves."""
    while at < end:
        digits = 0
        dots = 0
        first = at
        while at < end and data[at] != 0x20 and data[at] != 0xA0:
            digits += 0x30 <= data[at] <= 0x39
            dots += data[at] == 0x2E
            at += 1
        if 7 <= digits <= NUMBER_DIGITS or (dots == 3 and digits >= 4):
            while first < at and not 0x30 <= data[first] <= 0x39:
                first += 1
            last = at
            while last > first and not 0x30 <= data[last - 1] <= 0x39:
                last -= 1
            if last - first <= 3 * NUMBER_DIGITS:
                count += _keep(found, count, _kinds(digits, dots) & kinds, document, first, last)
        at += 1
    return count


@njit(cache=True)
def _hex(data: UInt8s, free: int, at: int, stop: int, classes: UInt8s) -> tuple[int, int, int]:
    """Return (first, end, where the next run may begin) of the hexadecimal run around the colon at `at`."""
    first = at
    while first > free and classes[data[first - 1]] & 16:
        first -= 1
    end = at
    colons = 0
    double = False
    while end < stop and classes[data[end]] & 16:
        if data[end] == 0x3A:
            colons += 1
            double |= end > at and data[end - 1] == 0x3A
        end += 1
    following = end
    if data[first] == 0x3A and first + 1 < end and data[first + 1] != 0x3A:
        first += 1  # addr:2001:...
        colons -= 1
    if end - first > HEX_BYTES or not (double or colons >= 6):
        return 0, 0, following
    if (first > 0 and first > free and classes[data[first - 1]] & 3) or (end < stop and classes[data[end]] & 3):
        return 0, 0, following
    return first, end, following
