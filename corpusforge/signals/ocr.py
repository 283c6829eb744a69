"""Traces of bad character recognition, told without a dictionary. Words are whitespace-delimited chunks.

A letter is here what Unicode calls letter, mark or number, but not 0-9; a Latin letter is one below U+0250. Separators
(`-‐-―/'‘-‟.…,:;&@#_!?"«»·()[]`) cut a chunk into parts that are judged each; all else is a symbol. A chunk is garbled
when it is
  mixed: a part has a digit between Latin letters, right after one of them (w1th, rn4n; not 1st, A4, jardin1),
  vowelless: a part has three letters or more, all small, or six, one of them a capital, and none of them is a, e, i, o,
      u, y or beyond ASCII (thr, bncl),
  symbolic: a part has a symbol after a letter (and after a Latin letter or digit) and a Latin letter later (th^e,
      b|ack), or the chunk has neither letter nor digit but one of `,#/@\\^{|}~` or a symbol of Latin-1,
  lone: one small ASCII consonant is its only letter or digit and it has no full stop (t, f; not an initial, a, y, o).
A chunk with `:/` is an address, never garbled.
"""

from typing import cast

import numpy as np
from numba import njit

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Flags, Floats, Int64s, UInt8s
from corpusforge.text.spans import divide
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode

MIXED, VOWELLESS, SYMBOLIC, LONE = 1, 2, 4, 8
# Bits of an ASCII character; a separator is one of the marks above.
_SMALL, _CAPITAL, _SEPARATOR, _VOWEL = 1, 2, 4, 8
# What is found per document: words of any kind and of three kinds, characters that read as text and that do not.
_GARBLED, _MIXED, _VOWELLESS, _SYMBOLIC, _READABLE, _UNREADABLE = range(6)


def garbled_word_fraction(text: TextBatch) -> Floats:
    """Share of words that look misread: mixed, vowelless, symbolic or lone (0..1); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> garbled_word_fraction(segment(["tlie w1th b|ack t of ~", "The 1st of May, well-known.", ""]))
    array([0.66666667, 0.        , 0.        ])

    Source: none; kinds after Taghva et al. 2001 (Automatic removal of garbage strings in OCR text) and Wudtke et al.
    2011, in linear time and without their lengths tuned to English.
    """
    return _share(text, _GARBLED)


def mixed_word_fraction(text: TextBatch) -> Floats:
    """Share of words with digits among letters, such as `w1th` (0..1); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> mixed_word_fraction(segment(["w1th 90s style on the 1st", ""]))
    array([0.16666667, 0.        ])

    Source: none; see `garbled_word_fraction`.
    """
    return _share(text, _MIXED)


def vowelless_word_fraction(text: TextBatch) -> Floats:
    """Share of words of three small Latin letters or more without a vowel (0..1); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> vowelless_word_fraction(segment(["thr Mrs BBC rhythm", ""]))
    array([0.25, 0.  ])

    Source: none; see `garbled_word_fraction`.
    """
    return _share(text, _VOWELLESS)


def symbolic_word_fraction(text: TextBatch) -> Floats:
    """Share of words with a symbol between letters, or of symbols only (0..1); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> symbolic_word_fraction(segment(["th^e ~ well-known * Co.", ""]))
    array([0.4, 0. ])

    Source: none; see `garbled_word_fraction`.
    """
    return _share(text, _SYMBOLIC)


def unreadable_char_fraction(text: TextBatch) -> Floats:
    """Share of characters outside of what reads as words and numbers (0..1), whitespace left out; 0 for no text.

    Words are runs of letters (see above): two or more with a vowel or a letter beyond ASCII, or all capitals; a capital
    and small letters; small Roman numerals (of i, v, x, l, c); two letters after a digit (1st); one letter that is a
    capital, `a`, `e`, `i`, `o`, `u`, `y` or beyond ASCII or stands after `&`; what stands after an apostrophe. A run in
    which a capital follows a small ASCII letter is none, but for a capital among its first four letters after a `c`
    (McKay, MacLeod) or where the run begins with O or D (DeWitt). Numbers are runs of digits; an operator (`+ < = >`,
    arrows and mathematical ones) that is a chunk by itself counts as one. All else are marks: one that stands twice or
    more (`...`, `--`) is left out, and so is the first single one of a chunk and the first after each word.

    >>> from corpusforge.text import segment
    >>> unreadable_char_fraction(segment(["K.C.M.G., F.R.G.S. (1821-1890) ...", "i! rI|; .~ tT1", ""])).round(2)
    array([0.06, 0.75, 0.  ])

    Source: none; tells lines of scanned figures, see `garbled_word_fraction` for misread words.
    """
    found = _found(text)
    return divide(found[_UNREADABLE], found[_READABLE] + found[_UNREADABLE])


def _share(text: TextBatch, row: int) -> Floats:
    return divide(_found(text)[row], text.chunks.counts)


def _found(text: TextBatch) -> Int64s:
    chunks = text.chunks
    return cast(
        Int64s,
        text.once("ocr", lambda: _measure(text.data, chunks.offsets, chunks.starts, chunks.ends, TABLE)),
    )


@njit(cache=True)
def _separates(code: int) -> bool:
    # What stands inside words and between their parts.
    if code < 128:
        return (
            33 <= code <= 35
            or 38 <= code <= 41
            or 44 <= code <= 47
            or 58 <= code <= 59
            or code == 63
            or code == 64
            or code == 91
            or code == 93
            or code == 95
        )
    return 0x2010 <= code <= 0x201F or code == 0x2026 or code == 0xB7 or code == 0xAB or code == 0xBB


@njit(cache=True)
def _vowel(code: int) -> bool:
    return code == 97 or code == 101 or code == 105 or code == 111 or code == 117 or code == 121


@njit(cache=True)
def _measure(data: UInt8s, offsets: Int64s, starts: Int64s, ends: Int64s, table: Flags) -> Int64s:
    found = np.zeros((6, len(offsets) - 1), np.int64)
    bits = np.zeros(256, np.uint8)
    for code in range(128):
        letter = _CAPITAL if 65 <= code <= 90 else _SMALL if 97 <= code <= 122 else 0
        if letter:
            bits[code] = letter | (_VOWEL if _vowel(code | 32) else 0)
        elif _separates(code):
            bits[code] = _SEPARATOR
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            # Nine of ten words: small letters with a vowel, or the first a capital, and a mark on either side.
            at = starts[i]
            end = ends[i]
            if bits[data[at]] & _SEPARATOR:
                at += 1
            begin = at
            met = 0
            if at < end:
                met = bits[data[at]]
                at += met & (_SMALL | _CAPITAL) != 0
            while at < end and bits[data[at]] & _SMALL:
                met |= bits[data[at]]
                at += 1
            length = at - begin
            if at < end and bits[data[at]] & _SEPARATOR:
                at += 1
            if at == end and met & _VOWEL:
                found[_READABLE, d] += length
                continue
            kind = _kind(data, starts[i], end, table)
            found[_GARBLED, d] += kind != 0
            found[_MIXED, d] += kind & MIXED != 0
            found[_VOWELLESS, d] += kind & VOWELLESS != 0
            found[_SYMBOLIC, d] += kind & SYMBOLIC != 0
            readable, unreadable = _read(data, starts[i], end, table)
            found[_READABLE, d] += readable
            found[_UNREADABLE, d] += unreadable
    return found


@njit(cache=True)
def _kind(data: UInt8s, start: int, end: int, table: Flags) -> int:
    kind = 0
    letters = 0  # of the part
    small = 0  # small ASCII letters of the part
    vowels = 0  # or letters beyond ASCII
    mixed = False  # a digit after a Latin letter
    symbol = False  # after a letter of the part
    words = 0  # letters and digits of the chunk
    strange = False  # a symbol that does not stand alone in print
    dotted = False
    latin = False  # the last letter
    last = 0
    at = start
    while True:
        code = 0
        width = 1
        if at < end:
            code = int(data[at])
            if code >= 128:
                code, width = decode(data, at, end)
            entry = int(table[table[code >> 8] + (code & 255)])
        if at >= end or ((entry & 1 == 0 or code == 95) and _separates(code)):
            if vowels == 0 and small == letters and letters >= 3:
                kind |= VOWELLESS
            if vowels == 0 and small == letters - 1 and letters >= 6:
                kind |= VOWELLESS
            if at >= end:
                break
            dotted |= code == 46
            if code == 47 and at > start and data[at - 1] == 58:  # an address: www is no word
                return 0
            strange |= code == 35 or code == 44 or code == 47 or code == 64
            letters = small = vowels = 0
            mixed = symbol = False
        elif entry & 1:
            words += 1
            last = code
            if 48 <= code <= 57:
                mixed |= letters > 0 and latin
            else:
                if symbol and code < 0x250:
                    kind |= SYMBOLIC
                if mixed and code < 0x250:
                    kind |= MIXED
                latin = code < 0x250
                letters += entry & 4 == 0
                if code >= 128:
                    vowels += 1
                elif 97 <= code <= 122:
                    small += 1
                lower = code | 32
                vowels += _vowel(lower)
        else:
            symbol |= letters > 0 and last < 0x250
            strange |= code == 92 or code == 94 or 123 <= code <= 126 or 0xA1 <= code <= 0xBF
        at += width
    if words == 0:
        return SYMBOLIC if strange else 0
    consonant = 98 <= last <= 122 and not _vowel(last)
    if words == 1 and consonant and not dotted:
        kind |= LONE
    return kind


@njit(cache=True)
def _read(data: UInt8s, start: int, end: int, table: Flags) -> tuple[int, int]:
    # Characters of a chunk that read as text and that do not.
    good = 0
    bad = 0
    free = True  # the next mark belongs to a word
    before = 32  # the code point before this one, 32 at the start
    at = start
    while at < end:
        code = int(data[at])
        width = 1
        if code >= 128:
            code, width = decode(data, at, end)
        if table[table[code >> 8] + (code & 255)] & 1 and code != 95:
            length, width, reads = _run(data, at, end, table, before)
            at += width
            if reads:
                good += length
            else:
                bad += length
            free = True
            before = int(data[at - 1])
        else:
            repeated = 1
            at += width
            while at < end and data[at] == data[at - width] and decode(data, at, end)[0] == code:
                repeated += 1
                at += width
            alone = before == 32 and at == end
            if repeated == 1 and alone and _operator(code):
                good += 1
            elif repeated == 1:
                bad += not free
                free = False
            before = code
    return good, bad


@njit(cache=True)
def _operator(code: int) -> bool:
    # + < = > ± × ÷, arrows and mathematical operators.
    return code == 43 or 60 <= code <= 62 or code == 0xB1 or code == 0xD7 or code == 0xF7 or 0x2190 <= code < 0x2300


@njit(cache=True)
def _run(data: UInt8s, start: int, stop: int, table: Flags, before: int) -> tuple[int, int, bool]:
    # (characters, bytes, does it read as a word) of the run of letters or of digits that begins at `start`.
    first, _ = decode(data, start, stop)
    digits = 48 <= first <= 57
    length = 0
    vowels = 0
    capitals = 0
    roman = 0  # small i v x l c
    turns = 0  # a capital after a small letter
    small = False
    at = start
    while at < stop:
        code = int(data[at])
        width = 1
        if code >= 128:
            code, width = decode(data, at, stop)
        if not table[table[code >> 8] + (code & 255)] & 1 or code == 95 or (48 <= code <= 57) != digits:
            break
        lower = code | 32
        vowels += code >= 128 or _vowel(lower)
        roman += code == 105 or code == 118 or code == 120 or code == 108 or code == 99
        capital = 65 <= code <= 90
        capitals += capital
        name = length <= 3 and (data[at - 1] == 99 or data[start] == 79 or data[start] == 68)  # McKay, DeWitt
        turns += capital and small and not name
        small = 97 <= code <= 122
        length += 1
        at += width
    if digits or before == 39 or before == 0x2019 or (before == 38 and length == 1):
        return length, at - start, True
    if length == 1:
        return length, at - start, capitals == 1 or vowels == 1
    capital_first = 65 <= first <= 90
    reads = turns == 0 and (vowels > 0 or capitals == length or roman == length or (capital_first and capitals == 1))
    return length, at - start, reads or (48 <= before <= 57 and length <= 2)
