"""Which line breaks a margin made."""

import numpy as np
from numba import njit

from corpusforge.stages.normalize.page_edits import DELETE, SPACE
from corpusforge.text.arrays import Int32s, Int64s, UInt8s

MARGIN = 0.6  # of the document's long lines: shorter lines were not broken by the margin


@njit(cache=True)
def joints(
    data: UInt8s, offsets: Int64s, line_starts: Int64s, starts: Int64s, ends: Int64s, chars: Int32s
) -> tuple[Int64s, Int64s, Int64s]:
    """Return starts, ends and kinds of the spans between lines to join, for `page_edits.apply`.

    `offsets`: lines of each document; `starts`, `ends`, `chars`: of lines without the whitespace around them.
    """
    spans = np.empty((3, len(starts)), np.int64)
    n = 0
    for d in range(len(offsets) - 1):
        first, last = offsets[d], offsets[d + 1]
        full = 0
        for i in range(first, last):
            full += chars[i] > 0
        if full < 2:
            continue
        lengths = np.empty(full, np.int64)
        indents = np.empty(full, np.int64)
        full = 0
        for i in range(first, last):
            if chars[i] > 0:
                indents[full] = starts[i] - line_starts[i]
                lengths[full] = chars[i] + indents[full]
                full += 1
        width = MARGIN * np.sort(lengths)[full * 9 // 10]
        margin = np.sort(indents)[full // 2]
        i = first
        while i < last:
            if chars[i] == 0:
                i += 1
                continue
            stop = i + 1
            prose = True
            while stop < last and chars[stop] > 0:
                before = stop - 1
                prose &= chars[before] + starts[before] - line_starts[before] >= width
                prose &= starts[stop] - line_starts[stop] <= margin
                stop += 1
            if prose:
                for k in range(i, stop - 1):
                    end = ends[k]
                    dash = data[end - 1] == 45
                    dash |= end >= starts[k] + 3 and (
                        data[end - 3] == 0xE2 and data[end - 2] == 0x80 and data[end - 1] == 0x94
                    )
                    spans[0, n], spans[1, n] = end, starts[k + 1]
                    spans[2, n] = DELETE if dash else SPACE
                    n += 1
            i = stop
    return spans[0, :n].copy(), spans[1, :n].copy(), spans[2, :n].copy()
