"""Filled lines: those between newlines that hold a character that is no whitespace."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Flags, Int64s, UInt8s
from corpusforge.text.english_rules import TERMINAL
from corpusforge.text.spans import Spans
from corpusforge.text.tokens import english
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode


class FilledLines(Spans):
    """The filled ones among lines."""

    def __init__(self, lines: Spans) -> None:
        filled = ~blank(lines.data, lines.starts, lines.ends, TABLE)
        before = np.zeros(len(lines) + 1, np.int64)
        np.cumsum(filled, out=before[1:])
        super().__init__(lines.data, before[lines.offsets], lines.starts[filled], lines.ends[filled])

    @cached_property
    def terminal(self) -> Bools:
        """Which lines end with a character that ends a sentence in some script, bool[lines]."""
        return _last_has(self.data, self.starts, self.ends, english().rules.table, TERMINAL)


@njit(cache=True)
def blank(data: UInt8s, starts: Int64s, ends: Int64s, table: Flags) -> Bools:
    """Say which spans hold nothing but whitespace."""
    found = np.ones(len(starts), np.bool_)
    for i in range(len(starts)):
        at = starts[i]
        while found[i] and at < ends[i]:
            code, width = decode(data, at, ends[i])
            found[i] = table[table[code >> 8] + (code & 255)] & 8 != 0
            at += width
    return found


@njit(cache=True)
def _last_has(data: UInt8s, starts: Int64s, ends: Int64s, table: Flags, flag: int) -> Bools:
    found = np.zeros(len(starts), np.bool_)
    for i in range(len(starts)):
        back = ends[i] - 1
        while back > starts[i] and data[back] & 0xC0 == 0x80:
            back -= 1
        if back >= starts[i]:
            code, _ = decode(data, back, ends[i])
            found[i] = table[table[code >> 8] + (code & 255)] & flag != 0
    return found
