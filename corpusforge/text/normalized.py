"""Words of normalised text: lower case, without ASCII punctuation, decomposed; what RedPajama-v2 calls words."""

from __future__ import annotations

from functools import cache, cached_property

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.nfd import decompose, load, reorder
from corpusforge.text.repeats import Repeats
from corpusforge.text.spans import Spans, divide, mix
from corpusforge.text.unicode import CLASSES, TABLE
from corpusforge.text.utf8 import decode

_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"  # string.punctuation
_DELETED = 255


class NormalizedWords(Spans):
    """What `unicodedata.normalize("NFD", text.translate(no_punctuation).lower()).split()` gives.

    No punctuation: the 32 marks of ASCII are deleted, so that `don't` is one word and `a - b` two. `hashes`
    uint64[words]: of the normalised code points; `lengths_chars` int32[words]: how many there are; `numeric`
    int32[words]: how many of them str.isnumeric(). `starts` and `ends` are those of the chunk the word came from.
    """

    def __init__(self, chunks: Spans) -> None:
        most = len(chunks)
        starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
        hashes = np.empty(most, np.uint64)
        lengths, numeric = np.empty(most, np.int32), np.empty(most, np.int32)
        room = 2 * int(chunks.lengths_bytes.max(initial=0)) + 8
        codes, classes = np.empty(room, np.int32), np.empty(room, np.int32)
        offsets = _normalize_chunks(
            (chunks.data, chunks.offsets, chunks.starts, chunks.ends),
            (_ascii(), TABLE, CLASSES, *_nfd()),
            (starts, ends, hashes, lengths, numeric),
            codes,
            classes,
        )
        n = int(offsets[-1])
        super().__init__(chunks.data, offsets, starts[:n], ends[:n])
        self.hashes, self.lengths_chars, self.numeric = hashes[:n], lengths[:n], numeric[:n]

    @cached_property
    def chars(self) -> Int64s:
        """Code points of each document's normalised text: its words joined by one space, int64[documents]."""
        return self.sum(self.lengths_chars) + np.maximum(self.counts - 1, 0)

    @cached_property
    def repeats(self) -> Repeats:
        """What repeats among these words."""
        return Repeats(self)

    def count_pair(self, end: str, beginning: str) -> Int64s:
        """How often a word ends with `end` and the next begins with `beginning`, int64[documents].

        Both are lower-case ASCII letters: with a space between them, a phrase searched in the normalised text.
        """
        words = np.frombuffer((end + beginning).encode(), np.uint8).astype(np.int32)
        room = 2 * int(self.lengths_bytes.max(initial=0)) + 8
        codes, classes = np.empty(room, np.int32), np.empty(room, np.int32)
        spans = (self.data, self.offsets, self.starts, self.ends)
        tables = (_ascii(), TABLE, CLASSES, *_nfd())
        return _count_pair(spans, tables, codes, classes, words, len(end))

    def share(self, values: np.ndarray) -> np.ndarray:
        """Sum of integers of words over the normalised text's code points, float64[documents]."""
        return divide(self.sum(values), self.chars)


def normalize(text: str) -> str:
    r"""Return `text` normalised, the reference of `NormalizedWords` for word lists.

    >>> normalize(" Can't STOP -- É ") == "cant stop e\N{COMBINING ACUTE ACCENT}"
    True
    """
    import unicodedata

    kept = text.translate(dict.fromkeys(map(ord, _PUNCTUATION))).lower()
    return unicodedata.normalize("NFD", " ".join(kept.split()))


@cache
def _nfd() -> tuple[Int32s, Int32s]:
    return load()


@cache
def _ascii() -> UInt8s:
    """Lower case of each byte below 128; _DELETED for punctuation."""
    table = np.array([ord(chr(byte).lower()) for byte in range(128)], np.uint8)
    table[np.frombuffer(_PUNCTUATION.encode(), np.uint8)] = _DELETED
    return table


@njit(cache=True)
def _normalize(
    data: UInt8s,
    start: int,
    end: int,
    tables: tuple[UInt8s, Flags, Flags, Int32s, Int32s],
    codes: Int32s,
    classes: Int32s,
) -> int:
    """Write the normalised code points of one chunk to `codes` and return how many there are."""
    ascii_map, table, kinds, decompositions, parts = tables
    n = 0
    at = start
    cased = False  # the last character that takes part in a sigma's form is a letter with case
    while at < end:
        code, width = decode(data, at, end)
        at += width
        if code < 128 and ascii_map[code] == _DELETED:
            continue
        kind = kinds[kinds[code >> 8] + (code & 255)]
        if code == 0x3A3:
            lower = 0x3C3
            if cased and not _cased_follows(data, at, end, ascii_map, kinds):
                lower = 0x3C2
        else:
            lower = code + (table[table[code >> 8] + (code & 255)] >> 8)
        n = decompose(lower, decompositions, parts, codes, classes, n)
        if code == 0x130:  # the only character whose lower case has two
            n = decompose(0x307, decompositions, parts, codes, classes, n)
        if not kind & 128:
            cased = kind & 64 != 0
    reorder(codes, classes, n)
    return n


@njit(cache=True)
def _cased_follows(data: UInt8s, at: int, end: int, ascii_map: UInt8s, kinds: Flags) -> bool:
    while at < end:
        code, width = decode(data, at, end)
        at += width
        if code < 128 and ascii_map[code] == _DELETED:
            continue
        kind = kinds[kinds[code >> 8] + (code & 255)]
        if not kind & 128:
            return bool(kind & 64 != 0)
    return False


@njit(cache=True)
def _normalize_chunks(
    spans: tuple[UInt8s, Int64s, Int64s, Int64s],
    tables: tuple[UInt8s, Flags, Flags, Int32s, Int32s],
    found: tuple[Int64s, Int64s, UInt64s, Int32s, Int32s],
    codes: Int32s,
    classes: Int32s,
) -> Int64s:
    data, chunk_offsets, chunk_starts, chunk_ends = spans
    starts, ends, hashes, lengths, numeric = found
    ascii_map, _, kinds, _, _ = tables
    offsets = np.zeros(len(chunk_offsets), np.int64)
    prime = np.uint64(0xD6E8FEB86659FD93)
    n = 0
    for d in range(len(chunk_offsets) - 1):
        for i in range(chunk_offsets[d], chunk_offsets[d + 1]):
            state = np.uint64(0x9E3779B97F4A7C15)
            length = 0
            digits = 0
            at = chunk_starts[i]
            end = chunk_ends[i]
            while at < end and data[at] < 128:
                letter = ascii_map[data[at]]
                if letter != _DELETED:
                    state = (state ^ np.uint64(letter)) * prime
                    length += 1
                    digits += 48 <= letter <= 57
                at += 1
            if at < end:
                state = np.uint64(0x9E3779B97F4A7C15)
                digits = 0
                length = _normalize(data, chunk_starts[i], end, tables, codes, classes)
                for k in range(length):
                    code = codes[k]
                    state = (state ^ np.uint64(code)) * prime
                    digits += kinds[kinds[code >> 8] + (code & 255)] >> 4 & 1
            if length > 0:
                starts[n] = chunk_starts[i]
                ends[n] = end
                hashes[n] = mix(state)
                lengths[n] = length
                numeric[n] = digits
                n += 1
        offsets[d + 1] = n
    return offsets


@njit(cache=True)
def _count_pair(
    spans: tuple[UInt8s, Int64s, Int64s, Int64s],
    tables: tuple[UInt8s, Flags, Flags, Int32s, Int32s],
    codes: Int32s,
    classes: Int32s,
    words: Int32s,
    split: int,
) -> Int64s:
    data, offsets, starts, ends = spans
    ascii_map = tables[0]
    found = np.zeros(len(offsets) - 1, np.int64)
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1] - 1):
            last = ends[i] - 1
            while last > starts[i] and data[last] < 128 and ascii_map[data[last]] == _DELETED:
                last -= 1
            if data[last] >= 128 or ascii_map[data[last]] != words[split - 1]:
                continue  # an ASCII letter at the end is never the lower case or part of anything else
            n = _normalize(data, starts[i], ends[i], tables, codes, classes)
            if n < split or (codes[n - split : n] != words[:split]).any():
                continue
            n = _normalize(data, starts[i + 1], ends[i + 1], tables, codes, classes)
            rest = len(words) - split
            found[d] += n >= rest and (codes[:rest] == words[split:]).all()
    return found
