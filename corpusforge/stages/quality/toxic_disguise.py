"""Odd spellings of listed words: sh1t, a$$, f*ck, fuuuck, s h i t, and listed words inside longer ones."""

import numpy as np
from numba import njit

from corpusforge.stages.quality.toxic_words import PRIME
from corpusforge.text.arrays import Bools, Int32s, Int64s, UInt8s, UInt32s, UInt64s
from corpusforge.text.spans import mix

_START = np.uint64(0x9E3779B97F4A7C15)  # as in `Words`, whose hashes these must be
_LONGEST_BYTES = 24
_STAR = 42


def _read_as() -> UInt8s:
    """Return the letter that each byte is read as: itself in lower case, or the one it looks like; 0 for no letter."""
    table = np.zeros(256, np.uint8)
    for code in range(26):
        table[65 + code] = table[97 + code] = 97 + code
    for odd, letter in zip("013457@$!+", "oieastasit", strict=True):
        table[ord(odd)] = ord(letter)
    return table


_READ_AS = _read_as()
_SYMBOLS = np.isin(np.arange(256), [ord(c) for c in "*@#$%!+"])  # what stands in for letters besides digits


@njit(cache=True)
def find(keys: UInt64s, kinds: UInt32s, state: np.uint64) -> np.uint32:
    """Return the bits of an entry of `ToxicWords`, 0 when it is none."""
    last = len(keys) - 1
    at = np.int64(state >> np.uint64(20)) & last
    while keys[at] != 0:
        if keys[at] == state:
            return np.uint32(kinds[at])
        at = (at + 1) & last
    return np.uint32(0)


@njit(cache=True)
def _spelled(
    data: UInt8s, start: int, end: int, twice: bool, salt: np.uint64, keys: UInt64s, kinds: UInt32s
) -> np.uint32:
    """Look up what the bytes read as, runs of three or more equal letters as one (or `twice`: two)."""
    state = _START
    before = np.uint8(0)
    run = 0
    for at in range(start, end):
        letter = _READ_AS[data[at]]
        if letter == 0:
            return np.uint32(0)
        if letter == before:
            run += 1
            continue
        for _ in range(0 if before == 0 else run if run < 3 else 1 + twice):
            state = (state ^ np.uint64(before)) * PRIME
        before = letter
        run = 1
    for _ in range(run if run < 3 else 1 + twice):
        state = (state ^ np.uint64(before)) * PRIME
    return find(keys, kinds, (salt ^ mix(state)) * PRIME)


@njit(cache=True)
def _starred(data: UInt8s, start: int, end: int, salt: np.uint64, keys: UInt64s, kinds: UInt32s) -> np.uint32:
    state = _START
    for at in range(start, end):
        byte = data[at]
        letter = np.uint8(_STAR) if _SYMBOLS[byte] else byte | np.uint8(32) if 65 <= byte <= 90 else byte
        state = (state ^ np.uint64(letter)) * PRIME
    return find(keys, kinds, (salt ^ mix(state)) * PRIME)


@njit(cache=True)
def is_plain(data: UInt8s, begin: int, start: int, end: int, stop: int) -> bool:
    """Tell whether `undisguise` has nothing to undo: no symbol at the word, no digit, no letter three times.

    Of 9.3 million words of web pages and manuals 98 % are plain.
    """
    if start > begin and (data[start - 1] == 64 or data[start - 1] == 36):
        return False
    at = end + 1 if end < stop and data[end] == 33 else end  # sh!t, but not an exclamation
    if at < stop and (_READ_AS[data[at]] or (_SYMBOLS[data[at]] and data[at] != 33)):
        return False
    before = np.uint8(0)
    run = 0
    for at in range(start, end):
        low = data[at] | np.uint8(32)
        if 48 <= data[at] <= 57:
            return False
        run = run + 1 if low == before else 0
        if run == 2:
            return False
        before = low
    return True


@njit(cache=True)
def undisguise(
    data: UInt8s,
    begin: int,
    start: int,
    end: int,
    stop: int,
    salt: np.uint64,
    keys: UInt64s,
    kinds: UInt32s,
    masked_keys: UInt64s,
    masked_kinds: UInt32s,
) -> tuple[np.uint32, int]:
    """Return the bits of the entry that an unlisted word is an odd spelling of, and where the spelling ends.

    The text is `data[begin:stop]`, the word `data[start:end]`.
    """
    symbols = 0
    signed = start > begin and (data[start - 1] == 64 or data[start - 1] == 36)  # @ $
    if signed and (start - 1 == begin or data[start - 2] <= 32 or data[start - 2] == 34):
        start -= 1
        symbols = 1
    at = end
    while at < stop and at - start <= _LONGEST_BYTES and (_READ_AS[data[at]] or _SYMBOLS[data[at]]):
        symbols += _SYMBOLS[data[at]]
        at += 1
    while at > end and data[at - 1] == 33:  # !
        symbols -= 1
        at -= 1
    if at - start > _LONGEST_BYTES:
        return np.uint32(0), end
    letters = 0
    digits = 0
    stretched = False
    for i in range(start, at):
        low = data[i] | 32
        letters += 97 <= low <= 122
        digits += 48 <= data[i] <= 57
        if i >= start + 2 and low == data[i - 1] | 32 and low == data[i - 2] | 32:
            stretched = True
    found = np.uint32(0)
    if stretched or ((symbols or digits) and letters >= 1 + (digits > 0)):
        found = _spelled(data, start, at, False, salt, keys, kinds)
        if found == 0 and stretched:
            found = _spelled(data, start, at, True, salt, keys, kinds)
        if found == 0 and symbols and letters:
            found = _starred(data, start, at, salt, masked_keys, masked_kinds)
    return found, at


@njit(cache=True)
def spaced(
    data: UInt8s,
    word: int,
    stop: int,
    starts: Int64s,
    ends: Int64s,
    lengths: Int32s,
    salt: np.uint64,
    keys: UInt64s,
    kinds: UInt32s,
) -> tuple[np.uint32, int]:
    """Return the bits of the longest listed word of four letters or more that is spelled `s h i t` from `word` on.

    The second number is how many words it takes; `stop` is the last word of the text, exclusive.
    """
    state = _START
    found = np.uint32(0)
    taken = 0
    at = word
    while at < stop and at < word + _LONGEST_BYTES and lengths[at] == 1 and ends[at] - starts[at] == 1:
        if at > word and (starts[at] - ends[at - 1] != 1 or data[ends[at - 1]] != data[ends[word]]):
            break
        low = data[starts[at]] | 32
        if not 97 <= low <= 122:
            break
        state = (state ^ np.uint64(low)) * PRIME
        at += 1
        if at - word >= 4:
            bits = find(keys, kinds, (salt ^ mix(state)) * PRIME)
            if bits:
                found = bits
                taken = at - word
    return found, taken


@njit(cache=True)
def holds(data: UInt8s, start: int, end: int, inside: UInt8s, lengths: Int64s, glance: Bools) -> bool:
    """Tell whether a word holds one of `ToxicWords.inside`."""
    for at in range(start, end - 3):
        a = np.int64(data[at] | 32)
        b = np.int64(data[at + 1] | 32)
        c = np.int64(data[at + 2] | 32)
        d = np.int64(data[at + 3] | 32)
        if not glance[(a ^ b << 3 ^ c << 5 ^ d << 7) & 4095]:
            continue
        for row in range(len(lengths)):
            if at + lengths[row] <= end:
                same = True
                for i in range(lengths[row]):
                    if data[at + i] | 32 != inside[row, i]:
                        same = False
                        break
                if same:
                    return True
    return False
