"""Which neighbouring characters can make ftfy call a text mojibake: its own pattern, turned into a table.

ftfy repairs the encoding of a segment only when `ftfy.badness.BADNESS_RE` matches somewhere in it. Each of its
some forty alternatives is a short sequence of character sets. A match of an alternative holds, somewhere, every pair of
neighbours of that alternative; so when no character stands before another that such a pair allows, nothing
matches. The table is made from the pattern of the installed ftfy, so it cannot fall behind it.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from corpusforge.text.arrays import Bools, UInt8s, UInt64s

CODES = 0x110000
Set = Bools  # over the intervals of code points


@dataclass(frozen=True)
class Pairs:
    """`left[kinds[a]] & right[kinds[b]]` is not 0 when `a` before `b` is suspect; bit 63 of `left`: `a` alone is."""

    kinds: UInt8s  # per code point
    left: UInt64s  # per kind
    right: UInt64s  # per kind


ALONE = np.uint64(1 << 63)


def suspect_pairs(pattern: re.Pattern[str]) -> Pairs:
    """Return the pairs of `pattern`, an alternation of sequences of character sets (ValueError for another form)."""
    parsed = re._parser.parse(pattern.pattern, pattern.flags)  # type: ignore[attr-defined]
    if len(parsed) != 1 or str(parsed[0][0]) != "BRANCH":
        raise ValueError("ftfy's badness pattern is no plain alternation any more")
    sequences = [option for sequence in parsed[0][1][1] for option in _options(list(sequence))]
    bounds = sorted({0, CODES, 0x80} | {b for sequence in sequences for element in sequence for b in _bounds(element)})
    starts = np.array(bounds[:-1])
    widths = np.diff(np.array(bounds))
    left, right = np.zeros((2, len(starts)), np.uint64)
    bit = 0
    for sequence in sequences:
        sets = [_members(element, starts) for element in sequence]
        if len(sets) == 1:
            _refuse(bool(sets[0][starts < 0x80].any()))
            left[sets[0]] |= ALONE
            continue
        # The pair that the fewest texts hold; one side has no ASCII, so that ASCII neighbours need no look.
        fits = [(a, b) for a, b in pairwise(sets) if not (a[starts < 0x80].any() and b[starts < 0x80].any())]
        _refuse(not fits or bit == 63)
        first, second = min(fits, key=lambda pair: int(widths[pair[0]].sum()) * int(widths[pair[1]].sum()))
        left[first] |= np.uint64(1 << bit)
        right[second] |= np.uint64(1 << bit)
        bit += 1
    rows, kinds = np.unique(np.stack([left, right], axis=1), axis=0, return_inverse=True)
    _refuse(len(rows) > 256)
    return Pairs(
        np.repeat(kinds.reshape(-1).astype(np.uint8), widths),
        np.ascontiguousarray(rows[:, 0]),
        np.ascontiguousarray(rows[:, 1]),
    )


def _refuse(doubtful: bool) -> None:
    if doubtful:
        raise ValueError("ftfy's badness pattern has a form that was not foreseen")


def _options(sequence: list[Any]) -> list[list[Any]]:
    # [a][b]?[c] matches as [a][b][c] or [a][c]; anchors only make a sequence match less often.
    options: list[list[Any]] = [[]]
    for element in sequence:
        name, value = str(element[0]), element[1]
        if name == "AT":
            continue
        if name == "MAX_REPEAT":
            low, high, inner = value
            _refuse((low, high) != (0, 1) or len(inner) != 1)
            options = [*options, *([*option, inner[0]] for option in options)]
        else:
            options = [[*option, element] for option in options]
    return options


def _bounds(element: Any) -> list[int]:
    """Return the code points at which membership in a set may change."""
    name, value = str(element[0]), element[1]
    if name in ("LITERAL", "NOT_LITERAL"):
        return [value, value + 1]
    if name == "RANGE":
        return [value[0], value[1] + 1]
    if name == "IN":
        return [b for inner in value for b in _bounds(inner)]
    if name == "CATEGORY":
        return [b for run in _category(str(value)) for b in run]
    _refuse(name not in ("ANY", "NEGATE"))
    return []


def _members(element: Any, starts: np.ndarray) -> Set:
    name, value = str(element[0]), element[1]
    if name == "ANY":
        return np.ones(len(starts), bool)
    if name == "LITERAL":
        return np.asarray(starts == value)
    if name == "NOT_LITERAL":
        return np.asarray(starts != value)
    if name == "RANGE":
        return np.asarray((starts >= value[0]) & (starts <= value[1]))
    if name == "CATEGORY":
        runs = np.array(_category(str(value)))
        return np.asarray(np.searchsorted(runs[:, 0], starts, "right") > np.searchsorted(runs[:, 1], starts, "right"))
    found = np.zeros(len(starts), bool)
    for inner in value:
        if str(inner[0]) != "NEGATE":
            found |= _members(inner, starts)
    return ~found if str(value[0][0]) == "NEGATE" else found


@cache
def _category(name: str) -> list[tuple[int, int]]:
    known = {"CATEGORY_WORD": r"\w+", "CATEGORY_SPACE": r"\s+"}
    _refuse(name not in known)
    return [m.span() for m in re.finditer(known[name], "".join(map(chr, range(CODES))))]
