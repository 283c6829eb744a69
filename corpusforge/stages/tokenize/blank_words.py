"""Words between white space: what SentencePiece takes apart, and what fertility is counted by."""

import numpy as np
import pyarrow as pa
from numba import njit

from corpusforge.stages.tokenize.character_classes import SPACE, table
from corpusforge.stages.tokenize.compiled import text_buffers
from corpusforge.stages.tokenize.cutters import class_at
from corpusforge.text.arrays import Int64s, UInt8s, UInt16s
from corpusforge.text.spans import Spans


def blank_words(texts: pa.LargeStringArray) -> Spans:
    """Return the runs of other characters than white space.

    >>> blank_words(pa.array(["two words", "", " x"], pa.large_string())).counts
    array([2, 0, 1])
    """
    data, offsets = text_buffers(texts)
    classes = table("tokenizers")
    places = np.zeros(len(offsets), np.int64)
    count = _blank_words(data, offsets, classes, places, np.zeros(0, np.int64), np.zeros(0, np.int64))
    starts, ends = np.empty(count, np.int64), np.empty(count, np.int64)
    _blank_words(data, offsets, classes, places, starts, ends)
    return Spans(data, places, starts, ends)


@njit(cache=True)
def _blank_words(data: UInt8s, offsets: Int64s, classes: UInt16s, places: Int64s, starts: Int64s, ends: Int64s) -> int:
    made = 0
    for d in range(len(offsets) - 1):
        i, end = offsets[d], offsets[d + 1]
        begin = np.int64(-1)
        while i < end:
            kind, width = class_at(data, i, end, classes)
            if not kind & SPACE and begin < 0:
                begin = i
            if kind & SPACE and begin >= 0:
                if len(starts):
                    starts[made], ends[made] = begin, i
                made += 1
                begin = np.int64(-1)
            i += width
        if begin >= 0:
            if len(starts):
                starts[made], ends[made] = begin, end
            made += 1
        places[d + 1] = made
    return made
