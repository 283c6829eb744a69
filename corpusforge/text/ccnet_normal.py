"""The text normalisation of CCNet, which its language models were trained on, in one pass over the bytes.

Per text, in this order: strip, lower case (str.lower), NFD without nonspacing marks (Mn), every decimal digit becomes
0, 33 punctuation marks become ASCII ones, control characters (U+0000-001F, U+007F-009F) go. What a code point becomes
does not depend on its neighbours, but for the capital sigma, so a two-stage table (see unicode.py) holds the bytes:
an entry is `length << 24 | place in BYTES`; 0 stands for "as it is". Hangul syllables are computed. Both arrays are
read from ccnet_normal.npz, Unicode 14.0 (Python 3.11), made by

    python -m corpusforge.text.ccnet_normal

Line breaks are control characters: CCNet normalises a document as one line, which glues the words at line ends
together ("end\\nnext" becomes "endnext"). `spaced` writes a space for each control character instead.

Where it differs: several marks that are no Mn but have a combining class (musical notation, U+302E) stay in the
order in which they stand. CCNet maps the full-width digit 1 to a quotation mark, but only after all digits are 0.

Source: Wenzek et al. 2020 (arXiv:1911.00359), cc_net/text_normalizer.py.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int64s, UInt8s
from corpusforge.text.unicode import CASED, CLASSES, IGNORABLE, TABLE, two_stage
from corpusforge.text.utf8 import decode, strip

FILE = Path(__file__).with_suffix(".npz")
Normalisation = Literal["ccnet", "spaced", "none"]

PUNCTUATION = {
    **dict.fromkeys("„”“«»」「《》", '"'),
    **dict(zip("，。、∶：？！（）；～％〈〉【】", ",.,::?!();~%<>[]", strict=True)),
    **dict.fromkeys("´’", "'"),
    **dict.fromkeys("–━►", "-"),
    "—": " - ",
    "．": ". ",
    "…": "...",
}
_MOST_BYTES = 3  # out of each byte: a Hangul syllable gives three jamo
_DROPPED = 1 << 23  # in an entry: a control character


def build() -> tuple[Flags, UInt8s]:
    """Compute the table and the bytes from this Python's Unicode data."""
    entries = np.zeros(0x110000, np.int32)
    pool = bytearray()
    places: dict[bytes, int] = {}
    for code in range(0x110000):
        if 0xAC00 <= code < 0xD7A4 or 0xD800 <= code < 0xE000:
            continue
        character = chr(code)
        made = unicodedata.normalize("NFD", character.lower())
        made = "".join(c for c in made if unicodedata.category(c) != "Mn")
        made = "".join("0" if c.isdecimal() else PUNCTUATION.get(c, c) for c in made)
        if unicodedata.category(character) == "Cc":
            entries[code] = _DROPPED
        elif made != character:
            written = made.encode()
            assert len(written) <= _MOST_BYTES * len(character.encode())
            place = places.setdefault(written, len(pool))
            if place == len(pool):
                pool += written
            entries[code] = len(written) << 24 | place
            if not made:
                entries[code] = 1 << 22  # nothing is left of it
    return two_stage(entries), np.frombuffer(bytes(pool), np.uint8)


@cache
def _tables() -> tuple[Flags, UInt8s]:
    with np.load(FILE) as stored:
        return stored["entries"], stored["bytes"]


def normalise(data: UInt8s, starts: Int64s, ends: Int64s, spaced: bool) -> tuple[UInt8s, Int64s]:
    """Return the normalised bytes of the spans one after another, and their offsets, int64[spans + 1].

    0.004 CPU s per MB of English, one core.

    >>> text = "Das  Café\\nkostet １２ €…".encode()
    >>> spans = np.array([0]), np.array([len(text)])
    >>> normalise(np.frombuffer(text, np.uint8), *spans, spaced=False)[0].tobytes().decode()
    'das  cafekostet 00 €...'
    """
    entries, pool = _tables()
    starts, ends = strip(data, starts, ends, TABLE)
    out = np.empty(_MOST_BYTES * int((ends - starts).sum()) + 16, np.uint8)  # pages never touched cost nothing
    offsets = _normalise(data, starts, ends, spaced, entries, pool, CLASSES, out)
    return out[: offsets[-1]], offsets


@njit(cache=True)
def _normalise(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    spaced: bool,
    entries: Flags,
    pool: UInt8s,
    classes: Flags,
    out: UInt8s,
) -> Int64s:
    offsets = np.zeros(len(starts) + 1, np.int64)
    ascii_map = np.empty(128, np.uint8)
    for code in range(128):
        ascii_map[code] = code
        if 0x41 <= code <= 0x5A:
            ascii_map[code] = code + 32
        elif 0x30 <= code <= 0x39:
            ascii_map[code] = 0x30
        elif code < 32 or code == 127:
            ascii_map[code] = 32 if spaced else 255
    n = 0
    for i in range(len(starts)):
        at = starts[i]
        stop = ends[i]
        while at < stop:
            byte = data[at]
            if byte < 128:
                mapped = ascii_map[byte]
                out[n] = mapped
                n += mapped != 255
                at += 1
                continue
            code, width = decode(data, at, stop)
            entry = entries[entries[code >> 8] + (code & 255)]
            if 0xAC00 <= code < 0xD7A4:
                place = code - 0xAC00
                n = _put(0x1100 + place // 588, out, n)
                n = _put(0x1161 + place % 588 // 28, out, n)
                if place % 28:
                    n = _put(0x11A7 + place % 28, out, n)
            elif code == 0x3A3:
                n = _put(0x3C2 if _ends_word(data, starts[i], at, stop, classes) else 0x3C3, out, n)
            elif entry == 0:
                out[n : n + width] = data[at : at + width]
                n += width
            elif entry >= 1 << 24:
                place = entry & 0x3FFFFF
                for k in range(entry >> 24):
                    out[n + k] = pool[place + k]
                n += entry >> 24
            elif entry == 1 << 23 and spaced:
                out[n] = 32
                n += 1
            at += width
        offsets[i + 1] = n
    return offsets


@njit(cache=True)
def _put(code: int, out: UInt8s, n: int) -> int:
    if code < 0x800:
        out[n] = 0xC0 | code >> 6
        out[n + 1] = 0x80 | code & 63
        return n + 2
    out[n] = 0xE0 | code >> 12
    out[n + 1] = 0x80 | code >> 6 & 63
    out[n + 2] = 0x80 | code & 63
    return n + 3


@njit(cache=True)
def _ends_word(data: UInt8s, start: int, at: int, stop: int, classes: Flags) -> bool:
    """Say whether the capital sigma at `at` is a final one: a cased letter before it, none after it (Unicode 3.13)."""
    after = at + 2
    while after < stop:
        code, width = decode(data, after, stop)
        kind = classes[classes[code >> 8] + (code & 255)]
        if kind & 64:
            return False
        if not kind & 128:
            break
        after += width
    back = at
    while back > start:
        back -= 1
        while back > start and data[back] & 0xC0 == 0x80:
            back -= 1
        code, _ = decode(data, back, stop)
        kind = classes[classes[code >> 8] + (code & 255)]
        if kind & 64:
            return True
        if not kind & 128:
            return False
    return False


assert (CASED, IGNORABLE) == (64, 128)  # as the kernel reads them

if __name__ == "__main__":
    table, code_points = build()
    np.savez_compressed(FILE, entries=table, bytes=code_points)
