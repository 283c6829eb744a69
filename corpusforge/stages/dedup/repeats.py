"""Repeats: pieces of text (lines, paragraphs, runs of sentences) that occur again, and texts without them.

What `dedup.lines`, `dedup.sentences` and `dedup.inside` share: 128-bit digests of pieces in a normal form, rows for the
exchange, the combine that finds what goes, and the removal. Pieces meet by hash and exchange; nothing is probed in a
Bloom filter, so that no piece goes by chance and order of arrival makes no difference.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusforge.stage import kept
from corpusforge.stages.dedup.copies import Within, scopes
from corpusforge.stages.dedup.rank import ranks
from corpusforge.text import TextBatch, segment
from corpusforge.text.arrays import Bools, Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.spans import Spans, mix, table_size
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode

Unit = Literal["line", "paragraph", "sentence"]
Compare = Literal["text", "words"]


def cut(text: TextBatch, unit: Unit) -> Spans:
    """Return the pieces of every document; see `TextBatch` and `sentence_ends`."""
    if unit == "sentence":
        from corpusforge.text.sentence_ends import sentences

        return sentences(text.data, text.offsets)
    return text.lines if unit == "line" else text.paragraphs


def piece_digests(pieces: Spans, compare: Compare) -> tuple[UInt64s, Int32s]:
    """Return (digests uint64[pieces, 2], characters int32[pieces]) of the pieces' normal form.

    `text`: without the whitespace around it. `words`: lower-case letters, marks and numbers, every digit 0, one space
    for whatever stands between words. Characters are those of the normal form.
    """
    digests, lengths = np.empty((len(pieces), 2), np.uint64), np.empty(len(pieces), np.int32)
    if compare == "words":
        _digest_words(pieces.data, pieces.starts, pieces.ends, TABLE, digests, lengths)
    else:
        bare = pieces.stripped
        _digest_bytes(bare.data, bare.starts, bare.ends, digests)
        lengths[:] = bare.lengths_chars
    return digests, lengths


def window_digests(offsets: Int64s, digests: UInt64s, lengths: Int32s, window: int) -> tuple[UInt64s, Int64s, Int64s]:
    """Return (digests, characters, first pieces) of every run of `window` pieces inside a document."""
    counts = np.maximum(np.diff(offsets) - window + 1, 0)
    begins = np.repeat(offsets[:-1] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    first = begins + np.arange(len(begins))
    joined, characters = digests[first], lengths[first].astype(np.int64)
    for k in range(1, window):
        joined = _chain(joined, digests[first + k])
        characters += lengths[first + k]
    return joined, characters, first


def piece_rows(
    batch: pa.RecordBatch,
    unit: Unit,
    compare: Compare,
    window: int,
    min_chars: int,
    within: Within,
    keep: str,
    priority: Sequence[str],
) -> pa.RecordBatch | None:
    """Return the rows to exchange: every run of `window` pieces of at least `min_chars` characters in normal form."""
    pieces = cut(segment(batch.column("text")), unit)
    digests, characters, first = window_digests(pieces.offsets, *piece_digests(pieces, compare), window)
    document = np.searchsorted(pieces.offsets, first, side="right") - 1
    wanted = kept(batch)[document] & (characters >= max(min_chars, 1))
    if not wanted.any():
        return None
    digests, document = digests[wanted], document[wanted]
    rows = pa.array(document)
    return pa.RecordBatch.from_pydict(
        {
            "hash": pa.array(digests[:, 0] ^ scopes(batch, within)[document]),
            "rest": pa.array(digests[:, 1]),
            "rank": ranks(batch, keep, priority).take(rows),
            "piece": pa.array((first[wanted] - pieces.offsets[document]).astype(np.uint32)),
            "split": batch.column("split").take(rows),
            "row": batch.column("row").take(rows),
        }
    )


Combine = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def combine_repeats(min_count: int, keep_first: bool, digest: tuple[str, ...] = ("hash", "rest")) -> Combine:
    """Return the combine that finds, of pieces that occur at least `min_count` times, all but the best-ranked, or all.

    Rows come sorted by the columns of `digest`, best-ranked first; what is found is (split, row, piece). Held are at
    most `min_count` - 1 rows of one piece, however often it occurs.
    """

    def combine(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: pa.RecordBatch | None = None  # rows of the open piece, while they are fewer than min_count
        seen, open_digest = 0, np.zeros((1, len(digest)), np.uint64)  # copies of the open piece that were passed on
        for batch in batches:
            if not batch.num_rows:
                continue
            if held is not None:
                batch = pa.concat_batches([held, batch])
            digests = np.stack([np.asarray(batch.column(name)) for name in digest], axis=1)
            first = np.ones(len(digests), bool)
            first[1:] = (digests[1:] != digests[:-1]).any(axis=1)
            starts = np.flatnonzero(first)
            sizes = np.diff(np.append(starts, len(digests)))
            earlier = np.zeros(len(starts), np.int64)
            if held is None and (digests[0] == open_digest[0]).all():
                earlier[0] = seen
            group = np.cumsum(first) - 1
            place = np.arange(len(digests)) - starts[group] + earlier[group]
            often = (sizes + earlier >= min_count)[group]
            last = np.arange(len(digests)) >= starts[-1]
            held = None if often[-1] else batch.filter(pa.array(last))
            seen, open_digest = (int(sizes[-1] + earlier[-1]) if often[-1] else 0), digests[-1:]
            gone = often & (place > 0) if keep_first else often
            yield batch.filter(pa.array(gone)).select(["split", "row", "piece"])

    return combine


def gone_pieces(findings: pa.RecordBatch, rows: pa.Array, pieces: Spans, window: int) -> Bools:
    """Return which pieces go, bool[pieces]: those the findings name by row and number, and the `window` - 1 after."""
    gone = np.zeros(len(pieces), bool)
    if findings.num_rows:
        document = np.searchsorted(np.asarray(rows), np.asarray(findings.column("row")))
        first = pieces.offsets[document] + np.asarray(findings.column("piece")).astype(np.int64)
        for k in range(window):
            gone[first + k] = True
    return gone


def repeats(pieces: Spans, digests: UInt64s, lengths: Int32s, min_chars: int) -> Bools:
    """Return which pieces of at least `min_chars` characters repeat an earlier one of their document, bool[pieces]."""
    table = np.empty(pieces.largest_table, np.int64)
    return _repeats(pieces.offsets, digests, lengths, min_chars, table)


def remove(column: pa.Array, pieces: Spans, gone: Bools) -> pa.LargeStringArray:
    """Return the texts without the pieces that go and what separates each from the next; nulls stay null.

    A text that loses nothing stays as it is; one that loses some has no whitespace at its end and no empty line at its
    start.
    """
    text = segment(column)
    room = np.empty(int(text.offsets[-1] - text.offsets[0]), np.uint8)
    offsets = _remove(text.data, text.offsets, pieces.offsets, pieces.starts, gone, TABLE, room)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(room[: offsets[-1]])]
    edited = pa.Array.from_buffers(pa.large_string(), text.documents, buffers)
    return pc.if_else(column.is_valid(), edited, None) if column.null_count else edited


def _chain(left: UInt64s, right: UInt64s) -> UInt64s:
    odd = np.array([0xD6E8FEB86659FD93, 0xD1342543DE82EF9B], np.uint64)
    return np.asarray((left * odd) ^ (right + (left >> np.uint64(29))))


@njit(cache=True)
def _digest_bytes(data: UInt8s, starts: Int64s, ends: Int64s, digests: UInt64s) -> None:
    for i in range(len(starts)):
        high = np.uint64(0x9E3779B97F4A7C15)
        low = np.uint64(0xC2B2AE3D27D4EB4F)
        for at in range(starts[i], ends[i]):
            high = (high ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
            low = (low + np.uint64(data[at]) + np.uint64(1)) * np.uint64(0xD1342543DE82EF9B)
            low ^= low >> np.uint64(31)
        digests[i, 0] = mix(high)
        digests[i, 1] = mix(low)


@njit(cache=True)
def _digest_words(data: UInt8s, starts: Int64s, ends: Int64s, table: Flags, digests: UInt64s, lengths: Int32s) -> None:
    ascii_entries = table[table[0] : table[0] + 128].copy()
    for i in range(len(starts)):
        high = np.uint64(0x9E3779B97F4A7C15)
        low = np.uint64(0xC2B2AE3D27D4EB4F)
        length = 0
        gap = False
        at = starts[i]
        stop = ends[i]
        while at < stop:
            byte = data[at]
            if byte < 128:
                entry = int(ascii_entries[byte])
                code = int(byte)
                width = 1
            else:
                code, width = decode(data, at, stop)
                entry = int(table[table[code >> 8] + (code & 255)])
            at += width
            if not entry & 1:
                gap = length > 0
                continue
            code += entry >> 8
            if 48 <= code <= 57:
                code = 48
            if gap:
                high = (high ^ np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
                low = (low + np.uint64(33)) * np.uint64(0xD1342543DE82EF9B)
                low ^= low >> np.uint64(31)
                length += 1
                gap = False
            high = (high ^ np.uint64(code)) * np.uint64(0xD6E8FEB86659FD93)
            low = (low + np.uint64(code) + np.uint64(1)) * np.uint64(0xD1342543DE82EF9B)
            low ^= low >> np.uint64(31)
            length += 1
        digests[i, 0] = mix(high)
        digests[i, 1] = mix(low)
        lengths[i] = length


@njit(cache=True)
def _repeats(offsets: Int64s, digests: UInt64s, lengths: Int32s, min_chars: int, table: Int64s) -> Bools:
    found = np.zeros(len(digests), np.bool_)
    for d in range(len(offsets) - 1):
        begin = offsets[d]
        end = offsets[d + 1]
        if end - begin < 2:
            continue
        last = table_size(end - begin) - 1
        table[: last + 1] = -1
        for i in range(begin, end):
            if lengths[i] < min_chars:
                continue
            at = np.int64(digests[i, 0] >> np.uint64(20)) & last
            while table[at] >= 0 and (digests[table[at], 0] != digests[i, 0] or digests[table[at], 1] != digests[i, 1]):
                at = (at + 1) & last
            found[i] = table[at] >= 0
            if table[at] < 0:
                table[at] = i
    return found


@njit(cache=True)
def _remove(
    data: UInt8s, texts: Int64s, offsets: Int64s, starts: Int64s, gone: Bools, table: Flags, out: UInt8s
) -> Int64s:
    found = np.zeros(len(texts), np.int64)
    n = 0
    for d in range(len(texts) - 1):
        begin = n
        at = texts[d]
        changed = False
        for i in range(offsets[d], offsets[d + 1]):
            changed |= gone[i]
        for i in range(offsets[d], offsets[d + 1]):
            after = starts[i + 1] if i + 1 < offsets[d + 1] else texts[d + 1]
            if not gone[i]:
                for k in range(at, after):
                    if not (changed and n == begin and data[k] == 10):
                        out[n] = data[k]
                        n += 1
            at = after
        if offsets[d] == offsets[d + 1]:
            for k in range(texts[d], texts[d + 1]):
                out[n] = data[k]
                n += 1
        while changed and n > begin:
            back = n - 1
            while back > begin and out[back] & 0xC0 == 0x80:
                back -= 1
            code, _ = decode(out, back, n)
            if not table[table[code >> 8] + (code & 255)] & 8:
                break
            n = back
        found[d + 1] = n
    return found
