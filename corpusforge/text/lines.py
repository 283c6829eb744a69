"""Lines, paragraphs and whitespace-delimited chunks, cut exactly as Python's str methods cut them."""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Flags, Int64s, UInt8s
from corpusforge.text.blocks import spaces64, wide64
from corpusforge.text.fasttext_wide import trailing_zeros
from corpusforge.text.spans import Spans
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode, strip


def lines(data: UInt8s, texts: Int64s) -> Spans:
    r"""Lines as text.split("\n") gives them: an empty text has one empty line."""
    return _split(data, texts, texts[:-1], texts[1:], 0)


def full_lines(data: UInt8s, texts: Int64s) -> Spans:
    r"""Lines as re.split("\n+", text) gives them."""
    return _split(data, texts, texts[:-1], texts[1:], 1)


def paragraphs(data: UInt8s, texts: Int64s) -> Spans:
    r"""Paragraphs as re.split("\n{2,}", text.strip()) gives them."""
    starts, ends = strip(data, texts[:-1], texts[1:], TABLE)
    return _split(data, texts, starts, ends, 2)


def ended_lines(data: UInt8s, texts: Int64s) -> Spans:
    r"""Lines with the newline that ends them, as re.findall(r"[^\n]*\n|[^\n]+", text): together they are the text."""
    plain = lines(data, texts)
    ends = plain.ends.copy()
    inner = np.ones(len(ends), np.bool_)
    inner[plain.offsets[1:] - 1] = False  # the last line of each text has no newline
    ends[inner] += 1
    full = ends > plain.starts
    return Spans(data, plain.offsets - _before(~full)[plain.offsets], plain.starts[full], ends[full])


def _before(flags: Bools) -> Int64s:
    counts = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags, out=counts[1:])
    return counts


def unicode_lines(data: UInt8s, texts: Int64s) -> Spans:
    """Lines as text.splitlines() gives them: every Unicode line break cuts, an empty text has no line."""
    part = data[texts[0] : texts[-1]]
    breaks = np.flatnonzero((part < 32) | (part == 0xC2) | (part == 0xE2)) + texts[0]  # all that may begin one
    most = len(breaks) + len(texts)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    offsets = _splitlines(data, texts, breaks, starts, ends)
    return Spans(data, offsets, starts[: offsets[-1]], ends[: offsets[-1]])


def chunks(data: UInt8s, texts: Int64s) -> Spans:
    """Chunks as text.split() gives them: maximal runs of characters that are no whitespace."""
    most = int((texts[-1] - texts[0]) // 2 + len(texts))
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    offsets = _chunks(data, texts, TABLE, starts, ends)
    return Spans(data, offsets, starts[: offsets[-1]], ends[: offsets[-1]])


def _split(data: UInt8s, texts: Int64s, begins: Int64s, stops: Int64s, run: int) -> Spans:
    newlines = np.flatnonzero(data[texts[0] : texts[-1]] == 10) + texts[0]
    most = len(newlines) + len(texts)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    offsets = _split_newlines(newlines, begins, stops, run, starts, ends)
    return Spans(data, offsets, starts[: offsets[-1]], ends[: offsets[-1]])


@njit(cache=True)
def _split_newlines(newlines: Int64s, begins: Int64s, stops: Int64s, run: int, starts: Int64s, ends: Int64s) -> Int64s:
    # newlines: their places, found 8 bytes at a time by NumPy (1.0 -> 0.3 CPU ms per MB).
    # run 0: every newline separates; else only runs of at least `run` newlines, each as one separator.
    offsets = np.zeros(len(begins) + 1, np.int64)
    n = 0
    k = 0
    for d in range(len(begins)):
        stop = stops[d]
        starts[n] = begins[d]
        while k < len(newlines) and newlines[k] < begins[d]:
            k += 1
        while k < len(newlines) and newlines[k] < stop:
            at = newlines[k]
            after = at + 1
            k += 1
            while run > 0 and k < len(newlines) and newlines[k] == after and after < stop:
                after += 1
                k += 1
            if after - at >= run:
                ends[n] = at
                n += 1
                starts[n] = after
        ends[n] = stop
        n += 1
        offsets[d + 1] = n
    return offsets


@njit(cache=True)
def _splitlines(data: UInt8s, texts: Int64s, breaks: Int64s, starts: Int64s, ends: Int64s) -> Int64s:
    offsets = np.zeros(len(texts), np.int64)
    n = 0
    k = 0
    for d in range(len(texts) - 1):
        start = texts[d]
        stop = texts[d + 1]
        while k < len(breaks) and breaks[k] < stop:
            at = breaks[k]
            k += 1
            byte = data[at]
            width = 0
            if byte < 32:
                if 10 <= byte <= 13 or 28 <= byte <= 30:
                    width = 2 if byte == 13 and at + 1 < stop and data[at + 1] == 10 else 1
            elif byte == 0xC2 and at + 1 < stop and data[at + 1] == 0x85:
                width = 2
            elif byte == 0xE2 and at + 2 < stop and data[at + 1] == 0x80 and data[at + 2] & 0xFE == 0xA8:
                width = 3
            if width == 0 or at < start:  # the line feed of a carriage return
                continue
            starts[n] = start
            ends[n] = at
            n += 1
            start = at + width
        if start < stop:
            starts[n] = start
            ends[n] = stop
            n += 1
        offsets[d + 1] = n
    return offsets


@njit(cache=True)
def _chunks(data: UInt8s, texts: Int64s, table: Flags, starts: Int64s, ends: Int64s) -> Int64s:
    # 64 bytes at a time where all are ASCII: 15 -> 4 ns a chunk.
    offsets = np.zeros(len(texts), np.int64)
    n = 0
    for d in range(len(texts) - 1):
        at = texts[d]
        stop = texts[d + 1]
        inside = np.uint64(0)  # 1: a chunk is open
        while at < stop:
            block = min(stop, at + 64)
            if at + 64 <= len(data) and wide64(data, at) == 0:
                inner = ~spaces64(data, at)
                if block < at + 64:
                    inner &= (np.uint64(1) << np.uint64(block - at)) - np.uint64(1)
                edges = inner ^ (inner << np.uint64(1) | inside)
                if block < at + 64:
                    edges &= (np.uint64(1) << np.uint64(block - at)) - np.uint64(1)
                if edges != 0 and inside:
                    ends[n] = at + trailing_zeros(edges)
                    n += 1
                    edges &= edges - np.uint64(1)
                inside = inner >> np.uint64(block - at - 1) & np.uint64(1)
                while edges != 0:
                    starts[n] = at + trailing_zeros(edges)
                    edges &= edges - np.uint64(1)
                    if edges == 0:
                        break
                    ends[n] = at + trailing_zeros(edges)
                    edges &= edges - np.uint64(1)
                    n += 1
                at = block
                continue
            while at < block:  # the last character may reach over
                byte = data[at]
                width = 1
                space = byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31
                if byte >= 128:
                    code, width = decode(data, at, stop)
                    space = table[table[code >> 8] + (code & 255)] & 8 != 0
                if space:
                    if inside:
                        ends[n] = at
                        n += 1
                    inside = np.uint64(0)
                elif not inside:
                    starts[n] = at
                    inside = np.uint64(1)
                at += width
        if inside:
            ends[n] = stop
            n += 1
        offsets[d + 1] = n
    return offsets
