"""Where edited texts come from, so that what was cut in the texts before them need not be cut again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.sentences import count_sentences
from corpusforge.text.spans import Spans
from corpusforge.text.tokens import Tokens

if TYPE_CHECKING:
    from corpusforge.text.batch import TextBatch


class Source(NamedTuple):
    """Pieces that stand in one batch: their bytes there, and which pieces they are."""

    text: TextBatch
    starts: Int64s
    ends: Int64s
    pieces: Int64s
    rows: Int64s | None  # the documents of `text` that the pieces are; None: parts of them


class Origin:
    """The pieces of which texts were made.

    `places` int64[pieces]: where each begins in the new bytes. `offsets` int64[documents + 1]: pieces of each document.
    No chunk or token reaches over the ends of a piece: whitespace other than one space stands between two of them.
    `of_lines`: no line of str.splitlines() does either, and pieces that are parts of documents are one line each.
    """

    def __init__(self, sources: list[Source], places: Int64s, offsets: Int64s, of_lines: bool) -> None:
        self.sources, self.places, self.offsets, self.of_lines = sources, places, offsets, of_lines

    def line_sentences(self) -> Int64s:
        """Return the sentences of each new text, each line cut by itself."""
        counts = np.zeros(len(self.places) + 1, np.int64)
        for text, starts, ends, pieces, rows in self.sources:
            if rows is not None:
                counts[pieces + 1] = text.line_sentences[rows]
            else:
                lines = Spans(text.data, np.arange(len(starts) + 1), starts, ends)
                counts[pieces + 1] = count_sentences(lines, text.tokens)
        np.cumsum(counts, out=counts)
        return counts[self.offsets[1:]] - counts[self.offsets[:-1]]

    def chunks(self, data: UInt8s) -> Spans:
        """Return the chunks of the new texts."""
        found = self._copy(lambda text: text.chunks)
        return Spans(data, found.offsets, found.starts, found.ends)

    def tokens(self, data: UInt8s) -> Tokens:
        """Return the tokens of the new texts."""
        return CopiedTokens(data, self._copy(lambda text: text.tokens))

    def _copy(self, cut: Callable[[TextBatch], Spans]) -> _Copies:
        counts = np.zeros(len(self.places), np.int64)
        taken = []
        for source in self.sources:
            spans = cut(source.text)
            first, last = _inside(spans.starts, source.starts, source.ends)
            counts[source.pieces] = last - first
            taken.append((spans, first, last))
        before = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=before[1:])
        starts, ends = np.empty(before[-1], np.int64), np.empty(before[-1], np.int64)
        for source, (spans, first, last) in zip(self.sources, taken, strict=True):
            shifts = self.places[source.pieces] - source.starts
            _shift(spans.starts, spans.ends, first, last, shifts, before[source.pieces], starts, ends)
        parts = [_Part(*part, before[source.pieces]) for source, part in zip(self.sources, taken, strict=True)]
        return _Copies(before[self.offsets], starts, ends, parts)


class _Part(NamedTuple):
    # Of one source: spans first[i] to last[i] became the spans from places[i].
    spans: Spans
    first: Int64s
    last: Int64s
    places: Int64s


class _Copies(NamedTuple):
    offsets: Int64s
    starts: Int64s
    ends: Int64s
    parts: list[_Part]


class CopiedTokens(Tokens):
    """Tokens that were cut in other texts; what is known of each is copied when it is asked for."""

    def __init__(self, data: UInt8s, found: _Copies) -> None:
        Spans.__init__(self, data, found.offsets, found.starts, found.ends)
        self._parts = found.parts

    @cached_property
    def kinds(self) -> UInt8s:
        """As in `Tokens`."""
        return self._copied(lambda tokens: tokens.kinds, np.dtype(np.uint8))

    @cached_property
    def hashes(self) -> UInt64s:
        """As in `Tokens`."""
        return self._copied(lambda tokens: tokens.hashes, np.dtype(np.uint64))

    @cached_property
    def lengths_chars(self) -> Int32s:
        """As in `Tokens`."""
        return self._copied(lambda tokens: tokens.lengths_chars, np.dtype(np.int32))

    def _copied(self, get: Callable[[Tokens], np.ndarray], kind: np.dtype) -> np.ndarray:
        values = np.empty(len(self), kind)
        for spans, first, last, places in self._parts:
            assert isinstance(spans, Tokens)
            counts = last - first
            if len(counts):
                taken = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
                there = np.arange(counts.sum()) + np.repeat(places - np.cumsum(counts) + counts, counts)
                values[there] = get(spans)[taken]
        return values


@njit(cache=True)
def _inside(places: Int64s, starts: Int64s, ends: Int64s) -> tuple[Int64s, Int64s]:
    """Return the first of `places` from each start on, and from each end on; pieces are disjoint and in order."""
    first, last = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    k = 0
    for i in range(len(starts)):
        while k < len(places) and places[k] < starts[i]:
            k += 1
        first[i] = k
        while k < len(places) and places[k] < ends[i]:
            k += 1
        last[i] = k
    return first, last


@njit(cache=True)
def _shift(
    starts: Int64s,
    ends: Int64s,
    first: Int64s,
    last: Int64s,
    shifts: Int64s,
    places: Int64s,
    new_starts: Int64s,
    new_ends: Int64s,
) -> None:
    for i in range(len(first)):
        place = places[i]
        for k in range(first[i], last[i]):
            new_starts[place] = starts[k] + shifts[i]
            new_ends[place] = ends[k] + shifts[i]
            place += 1
