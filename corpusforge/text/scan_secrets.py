"""Find the places where a key or a secret could stand in code, in one linear pass over the bytes.

As in corpusforge/text/scan.py a candidate has the outer form of something and nothing more: a block between BEGIN and
END, a long word of letters and digits, a value behind a name such as `password`. Each byte is read a bounded number
of times: the search for the end of a block stops at the next beginning.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int64s, UInt8s

BLOCK = 1  # -----BEGIN ... PRIVATE KEY----- to the end
TOKEN = 2  # 16 or more of letters, digits, `_`, `-` where letters and digits meet twice; such words joined by dots
ASSIGNED = 4  # the value behind `name =`, `name:`, `"name" =>` or `"name",` where the name says that it is secret

BLOCK_BYTES = 16384
TOKEN_BYTES = 4096
VALUE_BYTES = 256
_MIN_TOKEN = 16
_MIN_VALUE = 8
_NAME_BYTES = 48
_GAP_BYTES = 8

_DIGIT, _LETTER, _JOINT, _SIGN, _KNOWN = 1, 2, 4, 8, 16

_NAMES = ("pass", "pwd", "secret", "token", "key", "auth", "cred", "salt", "signature", "kennwort", "contrase", "senha")


def _classes() -> UInt8s:
    table = np.zeros(256, np.uint8)
    for byte in range(0x80):
        character = chr(byte)
        table[byte] = _DIGIT * character.isdigit() + _LETTER * character.isalpha() + _JOINT * (character in "_-")
        table[byte] += _SIGN * (character in "-=:,") + _KNOWN * (character in "_-K")
    return table


def _table() -> UInt8s:
    table = np.zeros((len(_NAMES), max(map(len, _NAMES))), np.uint8)
    for i, name in enumerate(_NAMES):
        table[i, : len(name)] = np.frombuffer(name.encode(), np.uint8)
    return table


CLASSES = _classes()
NAMES = _table()


def secrets(data: UInt8s, offsets: Int64s, kinds: int) -> Int64s:
    """Return int64[n, 4]: kind, document, first byte and end of each candidate. `kinds`: the sum of what is wanted."""
    room = 4096
    while True:
        found = np.zeros((room, 4), np.int64)
        count = _scan(data, offsets, kinds, CLASSES.copy(), NAMES.copy(), found)
        if count <= room:
            return found[:count]
        room = count


@njit(cache=True)
def _scan(data: UInt8s, offsets: Int64s, kinds: int, classes: UInt8s, names: UInt8s, found: Int64s) -> int:
    # Only digits, dashes, `=`, colons, low lines and K are looked at closely: they lead to everything.
    count = 0
    for document in range(len(offsets) - 1):
        start = offsets[document]
        stop = offsets[document + 1]
        at = start
        free = start  # no word begins before
        while at < stop:
            kind = classes[data[at]]
            if not kind & 25:
                at += 1
                continue
            known = kinds & 2 and kind & 16 and _known(data, start, at, stop)
            if kind & 1 or known:
                begin = at
                if kinds & 2:
                    while begin > free and (
                        classes[data[begin - 1]] & 7
                        or (data[begin - 1] == 0x2E and begin - 1 > free and classes[data[begin - 2]] & 7)
                    ):
                        begin -= 1
                    at, wanted = _token(data, begin, stop, classes)
                    free = at
                    if (wanted or known) and at - begin <= TOKEN_BYTES:
                        count += _keep(found, count, 2, document, begin, at)
                else:
                    at += 1
                continue
            if data[at] == 0x2D:
                if kinds & 1 and _is(data, at, stop, b"-----BEGIN "):
                    end, whole = _block(data, at, stop)
                    if whole:
                        count += _keep(found, count, 1, document, at, end)
                    at = end
                    free = end
                    continue
            elif data[at] == 0x2C and not (at > start and data[at - 1] in (0x22, 0x27)):
                at += 1  # a comma between two strings in quotes, or none
                continue
            elif kinds & 4 and _says_secret(data, start, at, classes, names):
                first, last = _value(data, at + 1, stop)
                if last - first >= _MIN_VALUE:
                    count += _keep(found, count, 4, document, first, last)
            at += 1
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
def _is(data: UInt8s, at: int, stop: int, word: bytes) -> bool:
    if at + len(word) > stop:
        return False
    same = 0
    while same < len(word) and data[at + same] == word[same]:
        same += 1
    return same == len(word)


@njit(cache=True)
def _known(data: UInt8s, start: int, at: int, stop: int) -> bool:
    """Say whether the byte at `at` is the `_`, `-` or `K` of the prefix of keys that often have no digit."""
    if data[at] == 0x5F:
        return at >= start + 2 and data[at - 1] == 0x66 and data[at - 2] == 0x68  # hf_
    if data[at] == 0x4B:
        return at > start and at + 2 < stop and data[at - 1] == 0x41 and data[at + 1] == 0x49 and data[at + 2] == 0x41
    return at >= start + 3 and data[at - 1] == 0x74 and data[at - 2] == 0x61 and data[at - 3] == 0x70  # pat-, AKIA


@njit(cache=True)
def _token(data: UInt8s, at: int, stop: int, classes: UInt8s) -> tuple[int, bool]:
    """Return (end, whether one part is a candidate) of the word at `at`, with dots between its parts."""
    wanted = False
    while True:
        begin = at
        changes = 0
        last = 0
        while at < stop and classes[data[at]] & 7:
            kind = classes[data[at]] & 3
            changes += kind + last == 3
            last = kind
            at += 1
        wanted |= at - begin >= _MIN_TOKEN and changes > 1
        if not (at + 1 < stop and data[at] == 0x2E and classes[data[at + 1]] & 7):
            return at, wanted
        at += 1


@njit(cache=True)
def _block(data: UInt8s, at: int, stop: int) -> tuple[int, bool]:
    """Return (where to go on, whether a private key ends there) for the block that begins at `at`."""
    end = at + 11
    line = min(stop, at + 64)
    private = False
    while end < line and data[end] != 0x0A and not _is(data, end, stop, b"-----"):
        private |= _is(data, end, stop, b"PRIVATE KEY")
        end += 1
    if not private:
        return end, False
    last = min(stop, at + BLOCK_BYTES)
    while end < last:
        if data[end] == 0x2D:
            if _is(data, end, stop, b"-----BEGIN "):
                return end, True
            if _is(data, end, stop, b"-----END "):
                close = end + 9
                while close < stop and close < end + 64 and not _is(data, close, stop, b"-----"):
                    close += 1
                return min(stop, close + 5), True
        end += 1
    return end, True


@njit(cache=True)
def _says_secret(data: UInt8s, start: int, at: int, classes: UInt8s, names: UInt8s) -> bool:
    """Say whether the name before the sign at `at` holds one of the words; a few signs may stand between."""
    end = at
    low = max(start, at - _GAP_BYTES)
    while end > low and not classes[data[end - 1]] & 3 and data[end - 1] != 0x0A:
        end -= 1
    first = end
    low = max(start, end - _NAME_BYTES)
    while first > low and (classes[data[first - 1]] & 7 or data[first - 1] == 0x2E):
        first -= 1
    for place in range(first, end - 2):
        for word in range(len(names)):
            i = 0
            room = min(names.shape[1], end - place)
            while i < room and names[word, i] and data[place + i] | 0x20 == names[word, i]:
                i += 1
            if i == names.shape[1] or names[word, i] == 0:
                return True
    return False


@njit(cache=True)
def _value(data: UInt8s, at: int, stop: int) -> tuple[int, int]:
    """Return (first byte, end) of what is assigned behind `at`: a string in quotes, or a word."""
    low = at
    while at < stop and at < low + _GAP_BYTES and (data[at] == 0x20 or data[at] == 0x3D or data[at] == 0x3E):
        at += 1  # space, or the rest of :=, == and =>
    while at < stop and at < low + _GAP_BYTES and (data[at] | 0x20 == 0x62 or data[at] | 0x20 == 0x72):
        if at + 1 < stop and (data[at + 1] == 0x22 or data[at + 1] == 0x27):
            at += 1  # b"..." and r"..."
        break
    quote = 0
    if at < stop and (data[at] == 0x22 or data[at] == 0x27 or data[at] == 0x60):
        quote = data[at]
        at += 1
    end = at
    last = min(stop, at + VALUE_BYTES)
    while end < last and data[end] > 0x20:
        byte = data[end]
        if byte == quote or (quote == 0 and (byte == 0x22 or byte == 0x27 or byte == 0x3B or byte == 0x2C)):
            break
        end += 1
    if (end == last and last < stop) or (quote and (end >= stop or data[end] != quote)):
        return at, at  # too long, or a string with spaces
    return at, end
