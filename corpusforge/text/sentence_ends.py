"""Sentences of any language, by the marks that end them; no word list and no model decides.

Two definitions: the default rules of Unicode (UAX #29), and runs between `.`, `!` and `?`. What both miss: an
abbreviation before a capital (`Mr. Smith`) ends a sentence. Han and kana text is cut at its own marks, as are
Devanagari, Armenian, Ethiopic, Khmer or Burmese; Thai and Lao write no mark between sentences, so that each of their
lines is one sentence.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int64s, UInt8s
from corpusforge.text.spans import Spans
from corpusforge.text.unicode import CLASSES, SENTENCE_BREAKS
from corpusforge.text.utf8 import decode

_CR, _LF, _SEP, _EXTEND, _FORMAT, _SP, _LOWER, _UPPER, _OLETTER, _NUMERIC, _ATERM, _STERM, _CLOSE, _SCONTINUE = range(
    1, len(SENTENCE_BREAKS)
)


def sentences(data: UInt8s, texts: Int64s) -> Spans:
    """Sentences as UAX #29 cuts by default, without the whitespace around them; blank ones are left out.

    Every line break ends a sentence.
    """
    most = int(texts[-1] - texts[0]) // 2 + len(texts)  # a visible character and what ends the sentence
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    offsets = _sentences(data, texts, CLASSES, starts, ends)
    return Spans(data, offsets, starts[: offsets[-1]], ends[: offsets[-1]])


def count_marked(data: UInt8s, texts: Int64s) -> Int64s:
    r"""How often \b[^.!?]+[.!?]* is found in each text, int64[documents].

    That is, how many of the runs between the marks . ! ? hold a letter, digit or '_'.
    """
    return _count_marked(data, texts, CLASSES)


@njit(cache=True)
def _count_marked(data: UInt8s, texts: Int64s, kinds: Flags) -> Int64s:
    found = np.zeros(len(texts) - 1, np.int64)
    for d in range(len(texts) - 1):
        at = texts[d]
        stop = texts[d + 1]
        free = 1  # the run has no word character yet
        count = 0
        while at < stop:
            byte = data[at]
            width = 1
            code = int(byte)
            if byte >= 128:
                code, width = decode(data, at, stop)
            if byte == 0x2E or byte == 0x21 or byte == 0x3F:
                free = 1
            elif free and kinds[kinds[code >> 8] + (code & 255)] & 256:
                count += 1
                free = 0
            at += width
        found[d] = count
    return found


@njit(cache=True)
def _sentences(data: UInt8s, texts: Int64s, kinds: Flags, starts: Int64s, ends: Int64s) -> Int64s:
    offsets = np.zeros(len(texts), np.int64)
    ascii_kinds = kinds[kinds[0] : kinds[0] + 128].copy()
    n = 0
    for d in range(len(texts) - 1):
        at = texts[d]
        stop = texts[d + 1]
        before = 0  # the last class that is neither Extend nor Format
        ahead = 0  # the one before the mark
        mark = 0  # _ATERM or _STERM, while only Close and Sp followed it
        phase = 0  # 0: nothing followed the mark; 1: Close; 2: Sp
        literal = 0  # the class of the last character
        first = np.int64(-1)  # of the open sentence, whitespace left out
        last = at
        while at < stop:
            byte = data[at]
            width = 1
            if byte < 128:
                kind = int(ascii_kinds[byte])
            else:
                code, width = decode(data, at, stop)
                kind = int(kinds[kinds[code >> 8] + (code & 255)])
            now = kind >> 12
            skipped = now in (_EXTEND, _FORMAT)
            cut = False
            if _CR <= literal <= _SEP:
                cut = not (literal == _CR and now == _LF)
                mark = 0
                before = 0
            elif skipped:
                pass
            elif mark:
                cut = _ends(data, at, stop, kinds, now, mark, phase, ahead)
                if now == _SP:
                    phase = 2
                elif now == _CLOSE and phase < 2:
                    phase = 1
                elif not _CR <= now <= _SEP:
                    mark = 0
            if cut and first >= 0:
                starts[n] = first
                ends[n] = last
                n += 1
                first = np.int64(-1)
            if not skipped:
                if now in (_ATERM, _STERM):
                    mark = now
                    phase = 0
                    ahead = before
                before = now
            literal = now
            if not kind & 512:
                if first < 0:
                    first = at
                last = at + width
            at += width
        if first >= 0:
            starts[n] = first
            ends[n] = last
            n += 1
        offsets[d + 1] = n
    return offsets


@njit(cache=True)
def _ends(data: UInt8s, at: int, stop: int, kinds: Flags, now: int, mark: int, phase: int, ahead: int) -> bool:
    """Tell whether a sentence ends before the character of class `now` at `at`; numbers are the rules of UAX #29."""
    if now == _SP or _CR <= now <= _SEP or (now == _CLOSE and phase < 2):  # SB9, SB10
        return False
    if now in (_SCONTINUE, _ATERM, _STERM):  # SB8a
        return False
    if mark == _STERM:
        return True
    if phase == 0 and (now == _NUMERIC or (now == _UPPER and (ahead in (_UPPER, _LOWER)))):  # SB6, SB7
        return False
    while not (_CR <= now <= _SEP or _LOWER <= now <= _OLETTER or _ATERM <= now <= _STERM):
        _, width = decode(data, at, stop)  # SB8: no further than to the next letter or mark, so that all is linear
        at += width
        if at >= stop:
            return True
        code, _ = decode(data, at, stop)
        now = kinds[kinds[code >> 8] + (code & 255)] >> 12
    return now != _LOWER
