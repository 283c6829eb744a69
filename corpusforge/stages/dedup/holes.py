"""Holes: texts without some of their words."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusforge.text import segment
from corpusforge.text.arrays import Bools, Flags, Int64s, UInt8s
from corpusforge.text.spans import Spans
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode


def covered(words: Spans, begins: Int64s, ends: Int64s) -> Bools:
    """Return which words are inside any of the runs `begins[i]` to before `ends[i]`, bool[words]."""
    edges = np.zeros(len(words) + 1, np.int64)
    np.add.at(edges, begins, 1)
    np.add.at(edges, ends, -1)
    return np.asarray(np.cumsum(edges[:-1]) > 0)


def without_words(column: pa.Array, words: Spans, gone: Bools) -> pa.LargeStringArray:
    """Return the texts without the words of the mask `gone`; nulls stay null.

    What stood between words stays, but of the gaps before and after a hole only the one with more line breaks, the
    earlier one of equals. A text whose beginning goes has nothing before its first word; one whose end goes keeps the
    mark that stands right behind its last word, and no whitespace.
    """
    text = segment(column)
    room = np.empty(int(text.offsets[-1] - text.offsets[0]), np.uint8)
    offsets = _without_words(text.data, text.offsets, words.offsets, words.starts, words.ends, gone, TABLE, room)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(room[: offsets[-1]])]
    edited = pa.Array.from_buffers(pa.large_string(), text.documents, buffers)
    return pc.if_else(column.is_valid(), edited, None) if column.null_count else edited


@njit(cache=True)
def _without_words(
    data: UInt8s, texts: Int64s, offsets: Int64s, starts: Int64s, ends: Int64s, gone: Bools, table: Flags, out: UInt8s
) -> Int64s:
    found = np.zeros(len(texts), np.int64)
    n = 0
    for d in range(len(texts) - 1):
        first = offsets[d]
        last = offsets[d + 1]
        begin = n
        at = texts[d]  # written up to here
        hole = np.int64(-1)  # where the gap before the open hole begins
        for i in range(first, last):
            if gone[i]:
                if hole < 0:
                    hole = at
                    gap = starts[i]  # where that gap ends
                at = ends[i]
                continue
            if hole >= 0:
                before = 0
                for p in range(hole, gap):
                    before += data[p] == 10
                after = 0
                for p in range(at, starts[i]):
                    after += data[p] == 10
                if n == begin and hole == texts[d]:  # the beginning went
                    at = starts[i]
                elif after <= before:
                    for p in range(hole, gap):
                        out[n] = data[p]
                        n += 1
                    at = starts[i]
                hole = np.int64(-1)
            for p in range(at, ends[i]):
                out[n] = data[p]
                n += 1
            at = ends[i]
        if hole < 0:
            for p in range(at, texts[d + 1]):
                out[n] = data[p]
                n += 1
        else:
            # The end went: a mark that closes the last sentence stays, whitespace does not.
            p = int(hole)
            while n > begin and p < gap:
                code, width = decode(data, p, gap)
                if table[table[code >> 8] + (code & 255)] & 8:
                    break
                for q in range(p, p + width):
                    out[n] = data[q]
                    n += 1
                p += width
        found[d + 1] = n
    return found
