"""From what was decided of each line to the spans of bytes that change."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusforge.stages.normalize.line_hyphens import HARD, NONE, hyphen_bytes
from corpusforge.stages.normalize.page_lines import Lines
from corpusforge.text import segment
from corpusforge.text.arrays import Bools, Int64s, UInt8s

DELETE, LINE, PARAGRAPH, SPACE = 0, 1, 2, 3  # what stands in the place of a span: nothing, one newline, two, a space


@njit(cache=True)
def edits(
    data: UInt8s,
    texts: Int64s,
    offsets: Int64s,
    line_starts: Int64s,
    lines: Lines,
    dropped: Bools,
    ends: Int64s,
    broken: Int64s,
) -> tuple[Int64s, Int64s, Int64s]:
    """Return starts, ends and kinds of the spans to replace, sorted and disjoint.

    `line_starts`: of the lines with the whitespace before them; `ends`: of the lines without their verse numbers;
    `broken`: what becomes of the hyphen at a line's end.
    """
    most = 2 * len(dropped) + len(texts)
    starts = np.empty(most, np.int64)
    stops = np.empty(most, np.int64)
    kinds = np.empty(most, np.int64)
    n = 0
    for d in range(len(offsets) - 1):
        last = offsets[d + 1]
        before = -1  # the kept line before
        blank = False
        furniture = False
        for i in range(offsets[d], last + 1):
            if i < last and (dropped[i] or lines.chars[i] == 0):
                blank |= lines.chars[i] == 0
                furniture |= dropped[i]
                continue
            if before >= 0 and broken[before] != NONE and i < last:
                length = hyphen_bytes(data, lines.starts[before], lines.ends[before])
                starts[n] = lines.ends[before] - (0 if broken[before] == HARD else length)
                stops[n] = lines.starts[i]
                kinds[n] = DELETE
                n += 1
                at = lines.starts[i]  # the rest of the word and what clings to it stay with it
                while at < ends[i] and data[at] != 32 and data[at] != 9:
                    at += 1
                stop = at
                while stop < ends[i] and (data[stop] == 32 or data[stop] == 9):
                    stop += 1
                if at < stop < ends[i]:
                    starts[n], stops[n], kinds[n] = at, stop, LINE
                    n += 1
            elif furniture:
                starts[n] = texts[d] if before < 0 else ends[before]
                stops[n] = line_starts[i] if i < last else texts[d + 1]
                if before < 0 or i == last:
                    kinds[n] = DELETE
                elif not blank or (lines.ends_open[before] and lines.begins_lower[i]):
                    kinds[n] = LINE
                else:
                    kinds[n] = PARAGRAPH
                n += 1
            elif before >= 0 and ends[before] < lines.ends[before]:
                starts[n], stops[n], kinds[n] = ends[before], lines.ends[before], DELETE
                n += 1
            before = i
            blank = False
            furniture = False
    return starts[:n], stops[:n], kinds[:n]


def apply(column: pa.Array, starts: Int64s, stops: Int64s, kinds: Int64s) -> pa.Array:
    """Return `column` with each span of `segment(column).data` replaced by what its kind says; nulls stay null.

    Spans are sorted, disjoint, each inside one document and at least as long as what replaces it. Without spans the
    column itself comes back, so that what was cut from it is not cut again. Cost: one copy of the text.
    """
    if not len(starts):
        return column
    text = segment(column)
    data = np.empty(int(text.offsets[-1] - text.offsets[0]), np.uint8)
    offsets = _apply(text.data, text.offsets, starts, stops, kinds, data)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data[: offsets[-1]])]
    result = pa.Array.from_buffers(pa.large_string(), text.documents, buffers)
    if column.null_count:
        result = pc.if_else(column.is_valid(), result, pa.scalar(None, pa.large_string()))
    return result


@njit(cache=True)
def _apply(data: UInt8s, texts: Int64s, starts: Int64s, stops: Int64s, kinds: Int64s, out: UInt8s) -> Int64s:
    offsets = np.zeros(len(texts), np.int64)
    n = 0
    k = 0
    for d in range(len(texts) - 1):
        at = texts[d]
        while k < len(starts) and starts[k] < texts[d + 1]:
            length = starts[k] - at
            out[n : n + length] = data[at : starts[k]]
            n += length
            if kinds[k] == SPACE:
                out[n] = 32
                n += 1
            else:
                for _ in range(kinds[k]):
                    out[n] = 10
                    n += 1
            at = stops[k]
            k += 1
        length = texts[d + 1] - at
        out[n : n + length] = data[at : texts[d + 1]]
        n += length
        offsets[d + 1] = n
    return offsets
