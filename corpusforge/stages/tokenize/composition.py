"""Texts that NFC may change: a scan that leaves the others alone.

A text is in NFC when all its characters are inert: assigned, of combining class 0, and neither changed by NFC nor
composed with what stands before. Normalization never changes for characters once assigned (the stability policy of
UAX #15), so what Python's older tables call inert is inert for any reference.
"""

import unicodedata
from functools import cache

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Int64s, UInt8s
from corpusforge.text.utf8 import decode

PLANES = 0x30000  # what lies above counts as not inert


@cache
def inert() -> Bools:
    """Return which code points below PLANES are inert."""
    found = np.zeros(PLANES, bool)
    for code in range(PLANES):
        letter = chr(code)
        found[code] = (
            unicodedata.category(letter) not in ("Cn", "Cs")
            and not unicodedata.combining(letter)
            and unicodedata.is_normalized("NFC", letter)
        )
    for code in range(PLANES):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found[int(parts[1], 16)] = False
    found[0x1161:0x1176] = found[0x11A8:0x11C3] = False  # Hangul vowels and finals, composed by rule
    return found


def may_change(data: UInt8s, offsets: Int64s) -> Bools:
    """Return which documents have a character that is not inert."""
    return _may_change(data, offsets, inert())


@njit(cache=True)
def _may_change(data: UInt8s, offsets: Int64s, inert: Bools) -> Bools:
    found = np.zeros(len(offsets) - 1, np.bool_)
    for d in range(len(found)):
        i, end = offsets[d], offsets[d + 1]
        while i < end:
            if data[i] < 128:
                i += 1
                continue
            code, width = decode(data, i, end)
            if code >= len(inert) or not inert[code]:
                found[d] = True
                break
            i += width
    return found
