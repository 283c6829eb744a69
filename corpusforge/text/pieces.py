"""Pieces: parts of texts while they are edited, dropped and joined again, without Python for each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusforge.text.arrays import Bools, Floats, Int64s, UInt8s
from corpusforge.text.batch import TextBatch
from corpusforge.text.blocks import copy
from corpusforge.text.origin import Origin, Source
from corpusforge.text.spans import Spans
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import strip


class Pieces:
    """Pieces of documents in order: `offsets` int64[documents + 1], as in `Spans`.

    All pieces begin as texts of one batch; those that an edit changes move to a batch of their own. `rows`
    int64[pieces]: where a piece stands, counted through all batches.
    """

    def __init__(self, offsets: Int64s, first: TextBatch) -> None:
        self.offsets = offsets
        self.batches = [first]
        self.rows = np.arange(first.documents)

    @classmethod
    def cut(cls, text: TextBatch, spans: Spans, of_lines: bool) -> Pieces:
        """Make pieces of spans of `text` that cut no chunk; `of_lines`: each is a line of str.splitlines()."""
        offsets, starts, ends = spans.offsets, spans.starts, spans.ends
        places = np.zeros(len(starts) + 1, np.int64)
        np.cumsum(ends - starts, out=places[1:])
        data = np.empty(int(places[-1]), np.uint8)
        _copy(text.data, starts, ends, data, places)
        each = np.arange(len(starts) + 1)
        origin = Origin([Source(text, starts, ends, each[:-1], None)], places[:-1], each, of_lines)
        return cls(offsets, TextBatch(_column(data, places), origin))

    def __len__(self) -> int:
        return len(self.rows)

    def measure(self, signal: Callable[[TextBatch], Floats]) -> Floats:
        """Return a signal of each piece, float64[pieces]."""
        return np.concatenate([signal(batch) for batch in self.batches])[self.rows]

    def replace(self, pattern: str, replacement: str, which: Bools) -> Bools:
        """Replace a pattern (RE2) in the pieces of the mask `which`; return the mask of those it changed."""
        changed = np.zeros(len(self), bool)
        begin = 0
        for batch in tuple(self.batches):
            inside = np.flatnonzero(which & (self.rows >= begin) & (self.rows < begin + batch.documents))
            if len(inside):
                hits = pc.match_substring_regex(batch.column, pattern).to_numpy(zero_copy_only=False)
                inside = inside[hits[self.rows[inside] - begin]]
            if len(inside):
                old = batch.column.take(pa.array(self.rows[inside] - begin))
                new = pc.replace_substring_regex(old, pattern, replacement)
                other = pc.not_equal(old, new).to_numpy(zero_copy_only=False)
                changed[inside[other]] = True
                if other.any():
                    self.rows[inside[other]] = sum(b.documents for b in self.batches) + np.arange(other.sum())
                    self.batches.append(TextBatch(new.filter(pa.array(other))))
            begin += batch.documents
        return changed

    def blank(self) -> Bools:
        """Say which pieces hold nothing but whitespace, bool[pieces]."""
        return np.concatenate([batch.blank for batch in self.batches])[self.rows]

    def join(self, keep: Bools, separator: str, strip_texts: Bools) -> TextBatch:
        """Return the documents: kept pieces with the separator between them; stripped last where the mask says so."""
        kept = np.flatnonzero(keep)
        between = np.frombuffer(separator.encode(), np.uint8)
        before = np.zeros(len(keep) + 1, np.int64)
        np.cumsum(keep, out=before[1:])
        offsets = before[self.offsets]  # of kept pieces
        follows = np.ones(len(kept), bool)  # behind another piece of its document
        follows[offsets[:-1][np.diff(offsets) > 0]] = False
        rows = self.rows[kept]
        lengths = np.concatenate([batch.lengths_bytes for batch in self.batches])[rows]
        ends = np.cumsum(lengths + follows * len(between))
        places = ends - lengths
        data = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        for k, byte in enumerate(between):
            data[places[follows] - len(between) + k] = byte
        begin = 0
        sources: list[Source] = []
        for batch in self.batches:
            inside = np.flatnonzero((rows >= begin) & (rows < begin + batch.documents))
            texts = rows[inside] - begin
            sources.append(Source(batch, batch.offsets[texts], batch.offsets[texts + 1], inside, texts))
            _copy(batch.data, sources[-1].starts, sources[-1].ends, data, places[inside])
            begin += batch.documents
        texts = np.concatenate([[0], ends])[offsets]
        begins, stops = strip(data, texts[:-1], texts[1:], TABLE)
        begins, stops = np.where(strip_texts, begins, texts[:-1]), np.where(strip_texts, stops, texts[1:])
        if (begins != texts[:-1]).any() or (stops != texts[1:]).any():
            moved = np.concatenate([[0], np.cumsum(stops - begins)])
            stripped = np.empty(int(moved[-1]), np.uint8)
            _copy(data, begins, stops, stripped, moved)
            places -= np.repeat(begins - moved[:-1], np.diff(offsets))
            data, texts = stripped, moved
        single = bool(np.diff(offsets).max(initial=0) <= 1)
        if not single and (separator == " " or not separator.isspace()):
            return TextBatch(_column(data, texts))
        of_lines = single or separator.strip(" ") == "\n" * len(separator.strip(" "))
        return TextBatch(_column(data, texts), Origin(sources, places, offsets, of_lines))


def _column(data: UInt8s, offsets: Int64s) -> pa.LargeStringArray:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)


@njit(cache=True)
def _copy(data: UInt8s, starts: Int64s, ends: Int64s, out: UInt8s, places: Int64s) -> None:
    for i in range(len(starts)):
        copy(data, starts[i], ends[i] - starts[i], out, places[i])
