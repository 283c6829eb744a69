"""The tokens that n-gram language models see: texts normalised, cut into lines and into tokens with hashes.

Two cuts: `words`, each run of letters, marks, numbers and `_` (a letter of a script that writes no spaces is one of
its own) and each other character that is no space (Unicode's and the ASCII control characters); `whitespace`, what
stands between ASCII whitespace and NUL, as KenLM cuts.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numba import njit

from corpusforge.text.arrays import Flags, Int64s, UInt8s, UInt64s
from corpusforge.text.batch import segment
from corpusforge.text.ccnet_normal import Normalisation, normalise
from corpusforge.text.spans import mix
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode

Cut = Literal["words", "whitespace"]
Unit = Literal["document", "line"]


@dataclass(frozen=True)
class TextForm:
    """How a text becomes lines of tokens; a model keeps the form that it was trained on."""

    normalize: Normalisation = "spaced"
    unit: Unit = "document"  # what stands between <s> and </s>: the whole text as one line, or each of its lines
    tokens: Cut = "words"


@dataclass(frozen=True)
class LineTokens:
    """Tokens of the lines of a batch: token `i` is `data[starts[i]:ends[i]]`, line `l` has `offsets[l]` and on.

    `hashes` uint64[tokens]; `lines` int64[documents + 1]: the first line of each document. A line may have no tokens.
    """

    data: UInt8s
    starts: Int64s
    ends: Int64s
    hashes: UInt64s
    offsets: Int64s
    lines: Int64s


def line_texts(column: pa.Array, form: TextForm) -> tuple[UInt8s, Int64s, Int64s]:
    """Return the normalised lines of a text column as (data, offsets of lines in data, first line of documents)."""
    text = segment(column)
    starts, ends, lines = text.offsets[:-1].copy(), text.offsets[1:].copy(), np.arange(text.documents + 1)
    if form.unit == "line":
        starts, ends, lines = text.lines.starts, text.lines.ends, text.lines.offsets
    if form.normalize != "none":
        data, offsets = normalise(text.data, starts, ends, form.normalize == "spaced")
        return data, offsets, lines
    if form.unit == "document":
        return text.data, text.offsets, lines
    # The byte after a line is its newline, which is a space: lines may touch.
    return text.data, np.append(starts, ends[-1:]) if len(starts) else np.zeros(1, np.int64), lines


def line_tokens(column: pa.Array, form: TextForm) -> LineTokens:
    """Return the tokens of a text column in the given form."""
    return cut(*line_texts(column, form), form.tokens)


def cut(data: UInt8s, offsets: Int64s, lines: Int64s, tokens: Cut) -> LineTokens:
    """Cut lines into tokens; `data[offsets[l]:offsets[l + 1]]` is line `l`."""
    data = data.view()
    data.flags.writeable = False
    most = int(offsets[-1] - offsets[0]) + 1
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    hashes = np.empty(most, np.uint64)  # pages never touched cost nothing
    places = _cut(data, offsets, TABLE, tokens == "words", starts, ends, hashes)
    n = int(places[-1])
    return LineTokens(data, starts[:n], ends[:n], hashes[:n], places, lines)


def hash_token(token: bytes) -> int:
    """Return the hash that `cut` gives a token.

    >>> int(cut(np.frombuffer(b"a cat", np.uint8), np.array([0, 5]), np.array([0, 1]), "words").hashes[1]) == (
    ...     hash_token(b"cat"))
    True
    """
    state = 0x9E3779B97F4A7C15
    for byte in token:
        state = (state ^ byte) * 0xD6E8FEB86659FD93 & (1 << 64) - 1
    return int(mix(np.uint64(state)))


@njit(cache=True)
def _cut(
    data: UInt8s, lines: Int64s, table: Flags, words: bool, starts: Int64s, ends: Int64s, hashes: UInt64s
) -> Int64s:
    offsets = np.zeros(len(lines), np.int64)
    prime = np.uint64(0xD6E8FEB86659FD93)
    kinds = np.empty(128, np.int64)  # 0 space, 1 inside a token, 2 a token of its own
    for code in range(128):
        entry = table[table[0] + code]
        if words:
            kinds[code] = 0 if entry & 8 or code < 32 or code == 127 else 1 if entry & 1 else 2
        else:
            kinds[code] = 0 if code == 32 or 9 <= code <= 13 or code == 0 else 1
    n = 0
    for line in range(len(lines) - 1):
        at = lines[line]
        stop = lines[line + 1]
        inside = False  # a token is open
        joins = 0  # 1: what is inside a word may follow; 2: a mark may follow
        state = np.uint64(0)
        while at < stop:
            byte = data[at]
            width = 1
            mark = False
            if byte < 128:
                kind = kinds[byte]
            else:
                code, width = decode(data, at, stop)
                entry = table[table[code >> 8] + (code & 255)]
                mark = entry & 4 != 0
                kind = 1 if not words else 0 if entry & 8 else 3 if entry & 2 else 1 if entry & 1 else 2
            if inside and not (kind == 1 and (joins == 1 or (joins == 2 and mark))):
                ends[n] = at
                hashes[n] = mix(state)
                n += 1
                inside = False
            if kind:
                if not inside:
                    starts[n] = at
                    state = np.uint64(0x9E3779B97F4A7C15)
                    joins = 1 if kind == 1 else 2 if kind == 3 else 0
                inside = True
                for k in range(width):
                    state = (state ^ np.uint64(data[at + k])) * prime
            at += width
        if inside:
            ends[n] = stop
            hashes[n] = mix(state)
            n += 1
        offsets[line + 1] = n
    return offsets
