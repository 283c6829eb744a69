"""Find the places where a code of letters, digits and separators could stand, in one linear pass over the bytes.

As in corpusforge/text/scan.py a candidate has the outer form of something and nothing more: account numbers, hardware
addresses, the part of an address on the web before its `@`, and identity numbers with letters in them. At the start
of a word at most 64 bytes are looked at, behind `://` at most 256, each once, so that no input can make it slow.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int64s, UInt8s

IBAN = 1  # two letters, two digits, and 11 to 30 more letters and digits, in one piece or in groups of four
MAC = 2  # six pairs of hexadecimal digits with `:` or `-`, or three groups of four with dots
CREDENTIALS = 4  # between `://` and `@`, with a colon
LETTERED = 8  # 8 to 18 letters and digits, of both at least one and six, with `-` and `.` between them

CODE_BYTES = 24
CREDENTIALS_BYTES = 256
_IBAN_CHARS = 34

_DIGIT, _LETTER, _HEX, _COLON = 1, 2, 4, 8


def _classes() -> UInt8s:
    table = np.zeros(256, np.uint8)
    for byte in range(0x80):
        character = chr(byte)
        table[byte] = (
            _DIGIT * character.isdigit()
            + _LETTER * character.isalpha()
            + _HEX * (character in "0123456789abcdefABCDEF")
        )
    table[ord(":")] = _COLON
    return table


CLASSES = _classes()


def codes(data: UInt8s, offsets: Int64s, kinds: int) -> Int64s:
    """Return int64[n, 4]: kind, document, first byte and end of each candidate. `kinds`: the sum of what is wanted."""
    room = 1024
    while True:
        found = np.zeros((room, 4), np.int64)
        count = _scan(data, offsets, kinds, CLASSES.copy(), found)
        if count <= room:
            return found[:count]
        room = count


@njit(cache=True)
def _scan(data: UInt8s, offsets: Int64s, kinds: int, classes: UInt8s, found: Int64s) -> int:
    # Digits and colons lead to everything, so that only they are looked at closely: 1.3 ns a byte, 3.7 word by word.
    count = 0
    for document in range(len(offsets) - 1):
        start = offsets[document]
        stop = offsets[document + 1]
        at = start
        free = start  # no word begins before
        lettered_free = start
        while at < stop:
            kind = classes[data[at]]
            if not kind & 9:
                at += 1
                continue
            if kind & 8:
                if kinds & 4 and at + 2 < stop and data[at + 1] == 0x2F and data[at + 2] == 0x2F:
                    end = _credentials(data, at + 3, stop)
                    if end > at:
                        count += _keep(found, count, 4, document, at + 3, end)
                at += 1
                continue
            begin = at
            while begin > free and classes[data[begin - 1]] & 3:
                begin -= 1
            end = at
            while end < stop and classes[data[end]] & 3:
                end += 1
            if kinds & 1 and end - begin >= 4:
                last = _iban(data, begin, end, stop, classes)
                if last > begin:
                    count += _keep(found, count, 1, document, begin, last)
            if kinds & 8 and begin >= lettered_free and end - begin <= 18:
                first, last = _lettered(data, lettered_free, begin, stop, classes)
                if last > first:
                    count += _keep(found, count, 8, document, first, last)
                    lettered_free = last
            if kinds & 2 and (end - begin == 2 or end - begin == 4):
                first, last = _mac(data, free, begin, end, stop, classes)
                if last > first:
                    count += _keep(found, count, 2, document, first, last)
                    end = last
            at = end
            free = end
    return count


@njit(cache=True)
def _keep(found: Int64s, count: int, kind: int, document: int, start: int, end: int) -> int:
    if count < len(found):
        found[count, 0] = kind
        found[count, 1] = document
        found[count, 2] = start
        found[count, 3] = end
    return 1


@njit(cache=True)
def _credentials(data: UInt8s, at: int, stop: int) -> int:
    """Return the place of the `@` behind `user:password`, or 0."""
    colons = 0
    last = min(stop, at + CREDENTIALS_BYTES)
    while at < last:
        byte = data[at]
        if byte == 0x40:
            return at if colons else 0
        if byte <= 0x20 or byte == 0x22 or byte == 0x27 or byte == 0x2F or byte == 0x3C or byte == 0x3E or byte == 0x60:
            return 0  # white space, quotes, a path, a tag
        colons += byte == 0x3A
        at += 1
    return 0


@njit(cache=True)
def _iban(data: UInt8s, at: int, end: int, stop: int, classes: UInt8s) -> int:
    """Return the end of an account number whose first word is `at:end`, or 0."""
    if not (
        classes[data[at]] & 2 and classes[data[at + 1]] & 2 and classes[data[at + 2]] & 1 and classes[data[at + 3]] & 1
    ):
        return 0
    if end - at > 4:
        return end if 15 <= end - at <= _IBAN_CHARS else 0
    characters = 4
    while end + 1 < stop and characters < _IBAN_CHARS:
        wide = data[end] == 0xC2 and data[end + 1] == 0xA0  # no-break space
        if not (wide or data[end] == 0x20 or data[end] == 0x2D):
            break
        begin = end + 1 + wide
        last = begin
        while last < stop and last < begin + 5 and classes[data[last]] & 3:
            last += 1
        if last == begin or last > begin + 4:
            break
        characters += last - begin
        end = last
        if last < begin + 4:
            break
    return end if characters >= 15 else 0


@njit(cache=True)
def _mac(data: UInt8s, start: int, at: int, end: int, stop: int, classes: UInt8s) -> tuple[int, int]:
    """Return (first byte, end) of the hardware address of which `at:end` is a group, or zeros."""
    width = end - at
    for _ in range(5):  # groups before that have no digit
        if at - 1 - width >= start and _is_mac_sign(data[at - 1], width):
            whole = True
            for i in range(width):
                whole &= (classes[data[at - 2 - i]] & 4) > 0
            if not whole:
                break
            at -= width + 1
    groups = 6 if width == 2 else 3
    last = at + groups * (width + 1) - 1
    if last > stop or not _is_mac_sign(data[at + width], width):
        return 0, 0
    sign = data[at + width]
    if at > start and (data[at - 1] == sign or data[at - 1] == 0x5F or classes[data[at - 1]] & 3):
        return 0, 0
    for i in range(last - at):
        byte = data[at + i]
        if (i + 1) % (width + 1) == 0:
            if byte != sign:
                return 0, 0
        elif not classes[byte] & 4:
            return 0, 0
    if last < stop and (classes[data[last]] & 3 or data[last] == 0x5F):
        return 0, 0
    if last + 1 < stop and data[last] == sign and classes[data[last + 1]] & 3:
        return 0, 0
    return at, last


@njit(cache=True)
def _is_mac_sign(byte: int, width: int) -> bool:
    return byte == 0x2E if width == 4 else byte == 0x3A or byte == 0x2D


@njit(cache=True)
def _lettered(data: UInt8s, start: int, at: int, stop: int, classes: UInt8s) -> tuple[int, int]:
    """Return (first byte, end) of the run of letters and digits with `-` and `.` between them around `at`, or zeros."""
    low = max(start, at - CODE_BYTES)
    while at > low and (
        classes[data[at - 1]] & 3
        or ((data[at - 1] == 0x2D or data[at - 1] == 0x2E) and at - 1 > low and classes[data[at - 2]] & 3)
    ):
        at -= 1
    if at > start and (classes[data[at - 1]] & 3 or data[at - 1] == 0x5F):
        return 0, 0
    begin = at
    digits = 0
    letters = 0
    last = min(stop, at + CODE_BYTES + 1)
    while at < last:
        kind = classes[data[at]]
        if kind & 3:
            digits += kind & 1
            letters += (kind & 2) >> 1
        elif not ((data[at] == 0x2D or data[at] == 0x2E) and at + 1 < stop and classes[data[at + 1]] & 3):
            break
        at += 1
    if at - begin > CODE_BYTES or digits < 6 or letters < 1 or digits + letters > 18:
        return 0, 0
    return (0, 0) if at < stop and data[at] == 0x5F else (begin, at)
