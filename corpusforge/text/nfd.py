"""Canonical decomposition (NFD) of code points inside compiled loops.

`DECOMPOSITIONS` is a two-stage table (see unicode.py): an entry is the canonical combining class, plus `length << 8`
and `place << 11` of the full decomposition in `PARTS`, int32 code points, where there is one. Hangul syllables are
computed. Both are read from nfd.npz, Unicode 14.0 (Python 3.11), made by

    python -m corpusforge.text.nfd
"""

import unicodedata
from pathlib import Path

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int32s
from corpusforge.text.unicode import two_stage

FILE = Path(__file__).with_suffix(".npz")
_SHORT_RUN = 16  # marks; longer runs are sorted by counting


def build() -> tuple[Int32s, Int32s]:
    """Compute both tables from this Python's `unicodedata`."""
    entries = np.zeros(0x110000, np.int32)
    parts: list[int] = []
    for code in range(0x110000):
        character = chr(code)
        decomposed = unicodedata.normalize("NFD", character)
        entries[code] = unicodedata.combining(character)
        if decomposed != character and not 0xAC00 <= code < 0xD7A4:
            entries[code] |= len(decomposed) << 8 | len(parts) << 11
            parts.extend(map(ord, decomposed))
    return two_stage(entries), np.array(parts, np.int32)


def load() -> tuple[Int32s, Int32s]:
    """Read both tables."""
    with np.load(FILE) as stored:
        return stored["decompositions"], stored["parts"]


@njit(cache=True)
def decompose(code: int, table: Flags, parts: Int32s, codes: Int32s, classes: Int32s, n: int) -> int:
    """Write the decomposition of `code` at `codes[n]`, and combining classes beside it; return the new n."""
    if 0xAC00 <= code < 0xD7A4:
        place = code - 0xAC00
        codes[n] = 0x1100 + place // 588
        codes[n + 1] = 0x1161 + place % 588 // 28
        codes[n + 2] = 0x11A7 + place % 28
        classes[n : n + 3] = 0
        return n + 3 if place % 28 else n + 2
    entry = table[table[code >> 8] + (code & 255)]
    length = int(entry >> 8 & 7)
    if length == 0:
        codes[n] = code
        classes[n] = entry
        return n + 1
    place = entry >> 11
    for k in range(length):
        part = parts[place + k]
        codes[n + k] = part
        classes[n + k] = table[table[part >> 8] + (part & 255)] & 255
    return n + length


@njit(cache=True)
def reorder(codes: Int32s, classes: Int32s, n: int) -> None:
    """Sort each run of marks among the first `n` code points by combining class, stably; linear on any input."""
    at = 0
    while at < n:
        if classes[at] == 0:
            at += 1
            continue
        stop = at
        ordered = True
        while stop < n and classes[stop] != 0:
            ordered &= stop == at or classes[stop - 1] <= classes[stop]
            stop += 1
        if not ordered and stop - at <= _SHORT_RUN:
            for i in range(at + 1, stop):
                code, kind, k = codes[i], classes[i], i
                while k > at and classes[k - 1] > kind:
                    codes[k], classes[k] = codes[k - 1], classes[k - 1]
                    k -= 1
                codes[k], classes[k] = code, kind
        elif not ordered:
            places = np.zeros(257, np.int64)
            for i in range(at, stop):
                places[classes[i] + 1] += 1
            places = np.cumsum(places)
            before = codes[at:stop].copy()
            kinds = classes[at:stop].copy()
            for i in range(stop - at):
                place = at + places[kinds[i]]
                places[kinds[i]] += 1
                codes[place], classes[place] = before[i], kinds[i]
        at = stop


if __name__ == "__main__":
    decompositions, code_points = build()
    np.savez_compressed(FILE, decompositions=decompositions, parts=code_points)
