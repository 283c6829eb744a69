"""Find the lines that ftfy or Unicode normalization could change, in one pass over the bytes."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from corpusforge.stages.normalize.badness import CODES, Pairs
from corpusforge.text.arrays import Bools, Int64s, UInt8s, UInt64s
from corpusforge.text.utf8 import decode

Form = Literal["NFC", "NFKC", "none"]

# What a line is found for:
REPAIR = 1  # ftfy could change it
UNSTABLE = 2  # perhaps not in the normalization form
AFTER_TAG = 4  # a '<' stands in an earlier line of the document: ftfy's "auto" leaves entities alone

# Code points in `Characters.kinds`, beside their canonical combining class (0..240):
ALTERED = 250  # always replaced or removed
DOUBTFUL = 255  # Unicode's quick check says No or Maybe

_ENTITY_CHARS = 24  # ftfy: &#?[0-9A-Za-z]{1,24};

# Longer lines are repaired in pieces of this many characters: ftfy tries a dozen encodings on a piece, several times.
PIECE_CHARS = 100_000


@dataclass(frozen=True)
class Characters:
    """What single characters mean for a form and a set of repairs; `kinds` uint8 per code point."""

    kinds: UInt8s

    @classmethod
    def of(cls, form: Form, altered: list[int]) -> "Characters":
        """Build the table: combining classes, the form's quick check, and the code points that ftfy replaces."""
        kinds = np.zeros(CODES, np.uint8)
        if form != "none":
            for first, last in _NORMALIZABLE:
                for code in range(first, last):
                    character = chr(code)
                    if unicodedata.normalize(form, character) != character:
                        kinds[code] = DOUBTFUL
                        _mark_second(kinds, unicodedata.normalize("NFD", character))
                    elif kinds[code] == 0:
                        kinds[code] = unicodedata.combining(character)
                    if unicodedata.decomposition(character)[:1].isalnum():
                        _mark_second(kinds, unicodedata.normalize("NFD", character))
            kinds[0x1161:0x1176] = DOUBTFUL  # Hangul vowels and finals compose by rule
            kinds[0x11A8:0x11C3] = DOUBTFUL
        kinds[altered] = ALTERED
        return cls(kinds)


def _mark_second(kinds: UInt8s, decomposed: str) -> None:
    # What follows in a canonical decomposition may compose with what stands before it: quick check Maybe.
    for character in decomposed[1:]:
        kinds[ord(character)] = DOUBTFUL


# Everything but Han and Hangul syllables, private use and unassigned planes; a test checks all code points.
_NORMALIZABLE = ((0, 0x3400), (0xA000, 0xAC00), (0xF900, 0x20000), (0x2F800, 0x2FA20), (0xE0000, 0xE0200))


def find(
    data: UInt8s, offsets: Int64s, wanted: Bools, characters: Characters, pairs: Pairs | None, entities: int
) -> tuple[Bools, Int64s, Int64s, UInt8s]:
    """Return (broken, starts, ends, flags).

    `broken` bool per document: it holds a carriage return or form feed. The others: the lines (with their line feed)
    that are found, in order, as byte positions. Only documents of `wanted` are searched. `entities`: 0 never counts
    HTML entities, 1 always, 2 until the document's first line with a '<'.
    """
    left = pairs.left if pairs else np.zeros(1, np.uint64)
    right = pairs.right if pairs else np.zeros(1, np.uint64)
    groups = pairs.kinds if pairs else np.zeros(CODES, np.uint8)
    broken = np.zeros(len(offsets) - 1, np.bool_)
    room = 1024
    while True:
        lines = np.zeros((room, 3), np.int64)
        found = _find(data, offsets, wanted, characters.kinds, groups, left, right, entities, broken, lines)
        if found <= room:
            return broken, lines[:found, 0].copy(), lines[:found, 1].copy(), lines[:found, 2].astype(np.uint8)
        room = found


@njit(cache=True)
def _find(
    data: UInt8s,
    offsets: Int64s,
    wanted: Bools,
    kinds: UInt8s,
    groups: UInt8s,
    left: UInt64s,
    right: UInt64s,
    entities: int,
    broken: Bools,
    lines: Int64s,
) -> int:
    # 1 line feed, 2 other control, 3 ampersand, 4 less-than, 5 carriage return or form feed
    ascii_kinds = np.zeros(256, np.uint8)
    for code in range(0x20):
        ascii_kinds[code] = 2
    ascii_kinds[0x7F] = 2
    ascii_kinds[0x09] = 0
    ascii_kinds[0x0A] = 1
    ascii_kinds[0x0C] = 5
    ascii_kinds[0x0D] = 5
    ascii_kinds[0x26] = 3
    ascii_kinds[0x3C] = 4
    for code in range(0x80, 256):
        ascii_kinds[code] = 6
    alone = np.uint64(1) << np.uint64(63)
    found = 0
    for document in range(len(offsets) - 1):
        if not wanted[document]:
            continue
        at = offsets[document]
        stop = offsets[document + 1]
        line = at
        flags = 0
        tag_before = False  # in an earlier line
        tag = False
        entity = False  # in this line
        combining = 0  # combining class of the previous character
        before = groups[0]  # group of the previous character, when it is not ASCII
        while at < stop:
            byte = data[at]
            kind = ascii_kinds[byte]
            if kind == 0:
                at += 1
            elif kind == 6:
                code, width = decode(data, at, stop)
                group = groups[code]
                if at > line and data[at - 1] < 0x80:
                    before = groups[data[at - 1]]
                if left[group] & alone or (at > line and left[before] & right[group]):
                    flags |= 1
                before = group
                if at + width < stop and data[at + width] < 0x80 and left[group] & right[groups[data[at + width]]]:
                    flags |= 1
                one = kinds[code]
                if one == 250:
                    flags |= 1
                elif one == 255 or combining > one > 0:
                    flags |= 2
                at += width
                combining = one if one < 250 else 0
                if at < stop and data[at] < 0x80:
                    combining = 0
                continue
            elif kind == 3:
                if entities == 1 or (entities == 2 and not tag_before):
                    to = at + 1
                    if to < stop and data[to] == 0x23:
                        to += 1
                    first = to
                    while to < stop and to - first <= _ENTITY_CHARS:
                        small = data[to] | 0x20
                        if not (0x30 <= data[to] <= 0x39 or 0x61 <= small <= 0x7A):
                            break
                        to += 1
                    if to < stop and data[to] == 0x3B and 1 <= to - first <= _ENTITY_CHARS:
                        entity = True
                at += 1
            elif kind == 1:
                at += 1
                found += _keep(
                    lines,
                    found,
                    line,
                    at,
                    flags,
                    entity and not (entities == 2 and tag and at - line <= PIECE_CHARS),
                    tag_before,
                )
                flags = 0
                entity = False
                line = at
                tag_before |= tag
            elif kind == 4:
                tag = True
                at += 1
            elif kind == 5:
                broken[document] = True
                at += 1
            else:
                flags |= 1
                at += 1
        found += _keep(
            lines,
            found,
            line,
            at,
            flags,
            entity and not (entities == 2 and tag and at - line <= PIECE_CHARS),
            tag_before,
        )
    return found


@njit(cache=True)
def _keep(lines: Int64s, found: int, start: int, end: int, flags: int, entity: bool, tag_before: bool) -> int:
    if entity:
        flags |= 1
    if not flags:
        return 0
    if found < len(lines):
        lines[found, 0] = start
        lines[found, 1] = end
        lines[found, 2] = flags | (4 if tag_before else 0)
    return 1
