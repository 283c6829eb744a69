"""The edits of a rule pack: of whole texts, then of their lines."""

from typing import NamedTuple

import numpy as np

from corpusforge import signals
from corpusforge.rules import Early, Edit, Lines, Pack, Rule
from corpusforge.text import TextBatch
from corpusforge.text.arrays import Bools, Floats
from corpusforge.text.pieces import Pieces
from corpusforge.text.spans import Spans


class Edited(NamedTuple):
    """The texts after the edits, and which documents they reject."""

    text: TextBatch
    early: Early


def edit(pack: Pack, text: TextBatch, alive: Bools) -> Edited:
    """Apply the edits of a pack to the documents of the mask `alive`; all others keep their text."""
    reasons = pack.early_reasons()
    early = Early(np.zeros((text.documents, len(reasons)), bool), np.full((text.documents, len(reasons)), np.nan))
    before = text
    if pack.edits:
        documents = Pieces(np.arange(text.documents + 1), text)
        for one in pack.edits:
            documents.replace(one.pattern, one.replacement, alive)
        text = _joined(documents, text, np.ones(len(documents), bool), "", np.zeros(text.documents, bool))
    if pack.lines is not None:
        text = _edit_lines(pack.lines, text, alive, reasons, early)
    if text is not before:
        early.fired[:, -1] = alive & text.blank & ~before.blank
    return Edited(text, early)


def _edit_lines(lines: Lines, text: TextBatch, alive: Bools, reasons: tuple[str, ...], early: Early) -> TextBatch:
    spans = {"newline": text.lines, "unicode": text.unicode_lines, "paragraph": text.paragraphs}[lines.cut]
    spans = _whole_unless(alive, text, spans.stripped if lines.strip else spans)
    pieces = Pieces.cut(text, spans, of_lines=lines.cut == "unicode" and bool(alive.all()))
    there = np.repeat(alive, spans.counts)  # lines that steps look at
    keep = np.ones(len(pieces), bool)
    reason = np.full(len(pieces), -1)  # of the document, by its line
    value = np.zeros(len(pieces))
    for step in lines.steps:
        which = there & _within(step.when, pieces) if step.when else there
        if isinstance(step.what, Edit):
            changed = pieces.replace(step.what.pattern, step.what.replacement, which)
            out = changed & pieces.blank() if step.then == "drop" and changed.any() else np.zeros(len(pieces), bool)
        else:
            measured = pieces.measure(signals.find(step.what.signal))
            out = which & ~((measured >= step.what.min) & (measured <= step.what.max))
        if step.then == "reject":
            reason[out], value[out] = reasons.index(step.reason), measured[out]
        else:
            keep &= ~out
        there = there & ~out
    rejecting = np.flatnonzero(reason >= 0)
    if len(rejecting):
        # The first line that rejects its document gives the reason.
        documents, first = np.unique(np.searchsorted(spans.offsets, rejecting, side="right") - 1, return_index=True)
        early.fired[documents, reason[rejecting[first]]] = True
        early.values[documents, reason[rejecting[first]]] = value[rejecting[first]]
    return _joined(pieces, text, keep, lines.join, alive & lines.strip)


def _within(rule: Rule, pieces: Pieces) -> Bools:
    measured: Floats = pieces.measure(signals.find(rule.signal))
    return np.asarray((measured >= rule.min) & (measured <= rule.max))


def _whole_unless(alive: Bools, text: TextBatch, spans: Spans) -> Spans:
    """Return the spans with one for the whole text of each document that is not alive."""
    if alive.all():
        return spans
    counts = np.where(alive, spans.counts, 1)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    starts, ends = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.int64)
    whole = np.zeros(len(starts), bool)
    whole[offsets[:-1][~alive]] = True
    theirs = np.repeat(alive, spans.counts)
    starts[~whole], ends[~whole] = spans.starts[theirs], spans.ends[theirs]
    starts[whole], ends[whole] = text.offsets[:-1][~alive], text.offsets[1:][~alive]
    return Spans(text.data, offsets, starts, ends)


def _joined(pieces: Pieces, text: TextBatch, keep: Bools, separator: str, strip: Bools) -> TextBatch:
    """Return the joined texts, or `text` itself when they are the same."""
    joined = pieces.join(keep, separator, strip)
    return text if joined.column.equals(text.column) else joined
