"""Count ASCII phrases in lower-cased text, many lists of them in one pass over the bytes."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s
from corpusforge.text.batch import TextBatch

_RAREST_FIRST = "zqxjkvbpygwfmucldrhsnioate "


def count_lower_case(text: TextBatch, lists: Sequence[Sequence[str]]) -> Int64s:
    """Return how often the phrases of each list stand in each document's lower-cased text, int64[lists, documents].

    Phrases are of lower-case ASCII letters and spaces, and none can overlap itself. Lower case is str.lower()'s: the
    only other character that becomes an ASCII letter by it is the Kelvin sign. 1 ns per byte: phrases are looked for at
    their rarest letter.
    """
    found = np.zeros((len(lists), text.documents), np.int64)
    _count(text.data, text.offsets, *_phrases(tuple(map(tuple, lists))), found)
    return found


class _Phrases(NamedTuple):
    letters: UInt8s  # of all phrases
    begins: Int32s  # of each phrase in `letters`, and the end of the last
    anchors: Int32s  # where its rarest letter stands in it
    lists: Int32s  # to which list it belongs
    first: Flags  # by byte: the first phrase with that rarest letter; they stand together; -1: none


@cache
def _phrases(lists: tuple[tuple[str, ...], ...]) -> _Phrases:
    def rarest(phrase: str) -> str:
        return min(phrase, key=_RAREST_FIRST.index)

    phrases = sorted((rarest(p), p, number) for number, some in enumerate(lists) for p in some)
    first = np.full(256, -1, np.int32)
    for i in reversed(range(len(phrases))):
        letter = phrases[i][0]
        first[[ord(letter), ord(letter.upper())]] = i
        if letter == "k":
            first[0xAA] = i  # the last byte of the Kelvin sign
    return _Phrases(
        np.frombuffer("".join(p for _, p, _ in phrases).encode(), np.uint8).copy(),
        np.cumsum([0, *(len(p) for _, p, _ in phrases)]).astype(np.int32),
        np.array([p.index(letter) for letter, p, _ in phrases], np.int32),
        np.array([number for _, _, number in phrases], np.int32),
        first,
    )


@njit(cache=True)
def _count(
    data: UInt8s,
    offsets: Int64s,
    letters: UInt8s,
    begins: Int32s,
    anchors: Int32s,
    lists: Int32s,
    first: Int32s,
    found: Int64s,
) -> None:
    for d in range(len(offsets) - 1):
        start = offsets[d]
        stop = offsets[d + 1]
        for at in range(start, stop):
            phrase = first[data[at]]
            if phrase < 0:
                continue
            letter = letters[begins[phrase] + anchors[phrase]]
            while phrase < len(lists) and letters[begins[phrase] + anchors[phrase]] == letter:
                middle = begins[phrase] + anchors[phrase]
                after = _same(data, letters, at, stop, middle, begins[phrase + 1], 1)
                if after and _same(data, letters, at, start - 1, middle, begins[phrase] - 1, -1):
                    found[lists[phrase], d] += 1
                phrase += 1


@njit(cache=True)
def _same(data: UInt8s, letters: UInt8s, at: int, stop: int, letter: int, last: int, step: int) -> bool:
    """Say whether the letters from `letter` up to `last` stand from `at` on, going forth (1) or back (-1)."""
    while letter != last:
        if at == stop:
            return False
        byte = data[at]
        if 65 <= byte <= 90:
            byte |= 32
        if letters[letter] == 107 and (byte == 0xAA or byte == 0xE2):  # the Kelvin sign is E2 84 AA
            first = at if byte == 0xE2 else at - 2
            if first < 0 or first + 2 >= len(data):
                return False
            if data[first] != 0xE2 or data[first + 1] != 0x84 or data[first + 2] != 0xAA:
                return False
            at = first + 2 if step > 0 else first
        elif byte != letters[letter]:
            return False
        at += step
        letter += step
    return True
