"""Spans of personal data in a text column: found, made disjoint, and given their replacements."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusforge.stages.privacy.detectors import AFTER_BYTES, BEFORE_BYTES, Detector, Scan, Window
from corpusforge.text.batch import TextBatch
from corpusforge.text.scan import candidates

_DIGITS = "0123456789"
_BETWEEN = re.compile(r"[\s/–—]")  # could stand between two values


class Span(NamedTuple):
    """Bytes `start:end` of a batch's data, in document `document`, are personal data of type `kind`."""

    document: int
    start: int
    end: int
    kind: int  # place of the type in the order of types
    value: str


def find(text: TextBatch, detectors: Sequence[Detector], regions: Sequence[tuple[str, ...]]) -> list[Span]:
    """Return the disjoint spans of a batch, sorted. `regions` of each document: see `Detector.find`."""
    scans: dict[Scan, int] = {}  # each scan once, with all the kinds that are wanted of it
    for detector in detectors:
        scan: Scan = getattr(detector, "scan", candidates)
        scans[scan] = scans.get(scan, 0) | detector.candidates
    found: list[Span] = []
    for scan, wanted in scans.items():
        mine = [(i, d) for i, d in enumerate(detectors) if getattr(d, "scan", candidates) is scan]
        asked: dict[tuple[int, int, bool], list[tuple[int, Detector]]] = {}  # most candidates concern few detectors
        for kind, document, first, end in scan(text.data, text.offsets, wanted).tolist():
            window = _window(text, document, first, end, kind)
            value = window.text[window.start : window.end]
            digits, one = sum(map(value.count, _DIGITS)), _BETWEEN.search(value) is None
            concerned = asked.get((kind, digits, one))
            if concerned is None:
                concerned = asked[kind, digits, one] = [
                    (i, d) for i, d in mine if d.candidates & kind and _fits(getattr(d, "digits", ()), digits, one)
                ]
            for place, detector in concerned:
                for start, stop in detector.find(window, regions[document]):
                    begin = first + _bytes(window, window.start, start)
                    value = window.text[start:stop]
                    found.append(Span(document, begin, begin + len(value.encode()), place, value))
    return disjoint(found)


def _fits(wanted: Collection[int], digits: int, one: bool) -> bool:
    """Say whether a candidate with so many digits can hold a value; `one`: it is in one piece."""
    return not wanted or digits in wanted or (not one and digits > min(wanted))


def _window(text: TextBatch, document: int, first: int, end: int, kind: int) -> Window:
    data = text.data.data
    low = max(int(text.offsets[document]), first - BEFORE_BYTES)
    high = min(int(text.offsets[document + 1]), end + AFTER_BYTES)
    whole = str(data[low:high], "utf-8", "ignore")
    if len(whole) == high - low:
        return Window(whole, first - low, end - low, kind)
    before = str(data[low:first], "utf-8", "ignore")
    inside = str(data[first:end], "utf-8", "ignore")
    behind = str(data[end:high], "utf-8", "ignore")
    return Window(before + inside + behind, len(before), len(before) + len(inside), kind)


def _bytes(window: Window, start: int, stop: int) -> int:
    if stop < start:
        return -len(window.text[stop:start].encode())
    return len(window.text[start:stop].encode())


def disjoint(spans: Iterable[Span]) -> list[Span]:
    """Return spans that do not overlap, sorted by place: the longest first, then by the order of types, then by place.

    >>> disjoint([Span(0, 0, 9, 1, "a"), Span(0, 5, 15, 0, "b"), Span(0, 20, 30, 1, "c"), Span(0, 20, 30, 0, "d")])
    [Span(document=0, start=5, end=15, kind=0, value='b'), Span(document=0, start=20, end=30, kind=0, value='d')]
    """
    starts: list[int] = []
    taken: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.kind, s.start)):
        at = bisect_left(starts, span.start)
        free_before = at == 0 or taken[at - 1].end <= span.start
        if free_before and (at == len(starts) or starts[at] >= span.end):
            starts.insert(at, span.start)
            taken.insert(at, span)
    return taken


def count(spans: Sequence[Span], types: int, documents: int) -> npt.NDArray[np.int32]:
    """Return the number of spans, int32[types, documents]."""
    counts = np.zeros((types, documents), np.int32)
    for span in spans:
        counts[span.kind, span.document] += 1
    return counts
