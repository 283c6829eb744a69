r"""Cut texts into pre-tokens as the patterns of patterns.py do, over UTF-8 bytes.

Each `_next` function is one pattern by hand: it returns where the match that begins at `i` ends, within `end`, which
the pattern takes for the end of the text. Alternatives are tried in the order of the pattern.
"""

from typing import Any

import numpy as np
from numba import njit

from corpusforge.stages.tokenize.character_classes import (
    CAPITAL,
    LETTER,
    MARK,
    NEWLINE,
    NUMBER,
    PUNCTUATION,
    SMALL,
    SPACE,
    SYMBOL,
)
from corpusforge.stages.tokenize.patterns import Cut
from corpusforge.text.arrays import Int64s, UInt8s, UInt16s
from corpusforge.text.blocks import load8
from corpusforge.text.fasttext_wide import trailing_zeros

PRINTED = PUNCTUATION | SYMBOL
WORDS = LETTER | MARK
_ANY_CASE, _SMALL_ONLY = np.uint64(0x2020202020202020), np.uint64(0)
_SEVEN_BITS, _TOP_BITS = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x8080808080808080)
_FROM_A, _ABOVE_Z = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)  # what makes "a" and "{" 0x80
_FROM_0, _ABOVE_9 = np.uint64(0x5050505050505050), np.uint64(0x4646464646464646)


def cut(data: UInt8s, starts: Int64s, ends: Int64s, table: UInt16s, how: Cut) -> tuple[Int64s, Int64s, Int64s]:
    """Cut spans into pieces: the pieces' starts and ends, and int64[spans + 1], where each span's pieces begin.

    An empty span has no piece; the pieces of a span cover it without holes.
    """
    kernel = {
        "gpt2": _cut_gpt2,
        "cl100k": _cut_cl100k,
        "o200k": _cut_o200k,
        "deepseek": _cut_deepseek,
        "digits": _cut_digits,
        "ideographs": _cut_ideographs,
    }[how.kind]
    room = int((ends - starts).sum()) // 4 + 2 * len(starts) + 64
    letters = WORDS if how.marks else LETTER
    while True:
        offsets = np.zeros(len(starts) + 1, np.int64)
        found = np.empty(room, np.int64)
        if kernel(data, starts, ends, table, how.digits, letters, how.whole_end, found, offsets):
            break
        room *= 4  # at most once for texts of one-byte pieces
    found = found[: offsets[-1]]
    begins = np.empty_like(found)
    begins[1:] = found[:-1]
    some = offsets[1:] > offsets[:-1]
    begins[offsets[:-1][some]] = starts[some]
    return begins, found, offsets


@njit(cache=True, inline="always")
def class_at(data: UInt8s, i: Any, end: Any, table: UInt16s) -> tuple[Any, Any]:
    """Return the class of the character at `i` and its bytes; broken UTF-8 is of no class."""
    lead = data[i]
    if lead < 0x80:
        return np.int64(table[lead]), 1
    return _wide_at(data, i, end, table)


@njit(cache=True)
def _wide_at(data: UInt8s, i: Any, end: Any, table: UInt16s) -> tuple[Any, Any]:
    lead = np.int64(data[i])
    if lead < 0xE0:
        width, code = 2, lead & 0x1F
    elif lead < 0xF0:
        width, code = 3, lead & 0x0F
    else:
        width, code = 4, lead & 0x07
    if lead < 0xC0 or i + width > end:
        return 0, 1
    for k in range(1, width):
        code = code << 6 | (np.int64(data[i + k]) & 0x3F)
    if code > 0x10FFFF:
        return 0, width
    return np.int64(table[code]), width


@njit(cache=True, inline="always")
def _run(data: UInt8s, i: Any, end: Any, table: UInt16s, wanted: Any) -> Any:
    """Return where a run of characters of a class ends."""
    while i < end:
        lead = data[i]
        if lead < 0x80:
            if not table[lead] & wanted:
                return i
            i += 1
        else:
            found, width = _wide_at(data, i, end, table)
            if not found & wanted:
                return i
            i += width
    return i


@njit(cache=True, inline="always")
def _letters(data: UInt8s, i: Any, end: Any, table: UInt16s, wanted: Any, case: Any) -> Any:
    """Return where a run of letters ends, as `_run` does, looking at eight ASCII letters at a time.

    `case` is _ANY_CASE, or _SMALL_ONLY where of ASCII only a to z are wanted. Words are short and their lengths not to
    be foreseen: a loop over bytes ends in a branch that the processor mispredicts, once for each word.
    """
    while i + 8 <= end:
        block = load8(data, i)
        seven = (block | case) & _SEVEN_BITS
        # The top bit of a byte: at least "a", not above "z", and no byte of a wider character.
        found = (seven + _FROM_A) & ~(seven + _ABOVE_Z) & ~block & _TOP_BITS
        if found != _TOP_BITS:
            i += trailing_zeros(found ^ _TOP_BITS) >> 3
            if data[i] < 0x80:
                return i
            break
        i += 8
    return _run(data, i, end, table, wanted)


@njit(cache=True, inline="always")
def _run_without(data: UInt8s, i: Any, end: Any, table: UInt16s, unwanted: Any) -> Any:
    while i < end:
        lead = data[i]
        if lead < 0x80:
            if table[lead] & unwanted:
                return i
            i += 1
        else:
            found, width = _wide_at(data, i, end, table)
            if found & unwanted:
                return i
            i += width
    return i


@njit(cache=True)
def _digits(data: UInt8s, i: Any, end: Any, table: UInt16s, most: Any) -> Any:
    left = most
    while i < end and left:
        found, width = class_at(data, i, end, table)
        if not found & NUMBER:
            break
        i += width
        left -= 1
    return i


@njit(cache=True)
def _newlines(data: UInt8s, i: Any, end: Any, slashes: bool) -> Any:
    while i < end and (data[i] == 10 or data[i] == 13 or (slashes and data[i] == 47)):
        i += 1
    return i


@njit(cache=True)
def _contraction(data: UInt8s, i: Any, end: Any, any_case: bool) -> Any:
    """Return the end of 's, 't, 're, 've, 'm, 'll or 'd at `i`, else `i`; the long s is an s when case is ignored."""
    if i + 1 >= end or data[i] != 39:
        return i
    first = data[i + 1] | 32 if any_case else data[i + 1]
    if first == 115 or first == 116 or first == 109 or first == 100:
        return i + 2
    if i + 2 >= end:
        return i
    if any_case and data[i + 1] == 0xC5 and data[i + 2] == 0xBF:
        return i + 3
    second = data[i + 2] | 32 if any_case else data[i + 2]
    if (second == 101 and (first == 114 or first == 118)) or (second == 108 and first == 108):
        return i + 3
    return i


@njit(cache=True)
def _spaces(data: UInt8s, i: Any, end: Any, table: UInt16s, lines: bool, whole_end: bool) -> Any:
    r"""Return the end of `\s*[\r\n]+` (if `lines`), `\s+(?!\S)` or `\s+` at `i`, a white space."""
    last, at, after_line = i, i, i
    while at < end:
        found, width = class_at(data, at, end, table)
        if not found & SPACE:
            break
        last = at
        at += width
        if found & NEWLINE:
            after_line = at
    if whole_end and at == end:
        return end
    if lines and after_line > i:
        return after_line
    return at if at == end or last == i else last


@njit(cache=True)
def _cut_gpt2(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    table: UInt16s,
    digits: Any,
    letters: Any,
    whole_end: bool,
    found: Int64s,
    offsets: Int64s,
) -> Any:
    made = 0
    for span in range(len(starts)):
        i, end = starts[span], ends[span]
        while i < end:
            if made == len(found):
                return False
            i = _next_gpt2(data, i, end, table)
            found[made] = i
            made += 1
        offsets[span + 1] = made
    return True


@njit(cache=True)
def _next_gpt2(data: UInt8s, i: Any, end: Any, table: UInt16s) -> Any:
    if data[i] == 39:
        to = _contraction(data, i, end, False)
        if to > i:
            return to
    at = i
    if data[i] == 32 and i + 1 < end:
        at = i + 1
    kind, width = class_at(data, at, end, table)
    if kind & LETTER:
        return _letters(data, at + width, end, table, LETTER, _ANY_CASE)
    if kind & NUMBER:
        return _run(data, at + width, end, table, NUMBER)
    if kind & SPACE:
        return _spaces(data, i, end, table, False, False)
    return _run_without(data, at + width, end, table, SPACE | LETTER | NUMBER)


@njit(cache=True)
def _cut_cl100k(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    table: UInt16s,
    digits: Any,
    letters: Any,
    whole_end: bool,
    found: Int64s,
    offsets: Int64s,
) -> Any:
    made = 0
    for span in range(len(starts)):
        i, end = starts[span], ends[span]
        while i < end:
            if made == len(found):
                return False
            i = _next_cl100k(data, i, end, table, digits, letters, whole_end)
            found[made] = i
            made += 1
        offsets[span + 1] = made
    return True


@njit(cache=True)
def _next_cl100k(data: UInt8s, i: Any, end: Any, table: UInt16s, digits: Any, letters: Any, whole_end: bool) -> Any:
    if data[i] == 39:
        to = _contraction(data, i, end, True)
        if to > i:
            return to
    kind, width = class_at(data, i, end, table)
    if kind & letters:
        return _letters(data, i + width, end, table, letters, _ANY_CASE)
    if kind & NUMBER:
        return _digits(data, i, end, table, digits)
    after = i + width
    following, wide = 0, 0
    if after < end:
        following, wide = class_at(data, after, end, table)
        if following & letters and not kind & NEWLINE:
            return _letters(data, after + wide, end, table, letters, _ANY_CASE)
    return _marks_or_spaces(data, i, end, table, kind, following, after + wide, letters | NUMBER, False, whole_end)


@njit(cache=True)
def _marks_or_spaces(
    data: UInt8s,
    i: Any,
    end: Any,
    table: UInt16s,
    kind: Any,
    following: Any,
    after: Any,
    others: Any,
    slashes: bool,
    whole_end: bool,
) -> Any:
    r"""Match ` ?[^\s...]+[\r\n]*` or white space at `i`, of class `kind`, where no word and no number begins.

    `after`: where the second character ends, `following`: its class.
    """
    if not kind & SPACE:
        return _newlines(data, _run_without(data, i, end, table, SPACE | others), end, slashes)
    if data[i] == 32 and after > i + 1 and not following & (SPACE | others):
        return _newlines(data, _run_without(data, after, end, table, SPACE | others), end, slashes)
    return _spaces(data, i, end, table, True, whole_end)


@njit(cache=True)
def _cut_o200k(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    table: UInt16s,
    digits: Any,
    letters: Any,
    whole_end: bool,
    found: Int64s,
    offsets: Int64s,
) -> Any:
    made = 0
    for span in range(len(starts)):
        i, end = starts[span], ends[span]
        while i < end:
            if made == len(found):
                return False
            i = _next_o200k(data, i, end, table, digits)
            found[made] = i
            made += 1
        offsets[span + 1] = made
    return True


@njit(cache=True)
def _next_o200k(data: UInt8s, i: Any, end: Any, table: UInt16s, digits: Any) -> Any:
    kind, width = class_at(data, i, end, table)
    after = i + width
    prefix = not kind & (NEWLINE | LETTER | NUMBER)
    following, wide = 0, 0
    if after < end:
        following, wide = class_at(data, after, end, table)
    if prefix and following & (CAPITAL | SMALL):
        to = _capitals_small(data, after, end, table)
        if to > after:
            return _contracted(data, to, end)
    if kind & (CAPITAL | SMALL):
        to = _capitals_small(data, i, end, table)
        if to > i:
            return _contracted(data, to, end)
    if prefix and following & CAPITAL:
        return _contracted(data, _run(data, after, end, table, CAPITAL), end)
    if kind & CAPITAL:
        return _contracted(data, _run(data, i, end, table, CAPITAL), end)
    if kind & NUMBER:
        return _digits(data, i, end, table, digits)
    return _marks_or_spaces(data, i, end, table, kind, following, after + wide, LETTER | NUMBER, True, False)


@njit(cache=True)
def _contracted(data: UInt8s, i: Any, end: Any) -> Any:
    return _contraction(data, i, end, True) if i < end and data[i] == 39 else i


@njit(cache=True)
def _capitals_small(data: UInt8s, i: Any, end: Any, table: UInt16s) -> Any:
    """Match capitals*, small+ at `i`; return `i` when there is no match.

    Marks and letters without case are both: of a run of capitals the last such one may be what small+ matches.
    """
    at, after_both = i, i
    while at < end:
        kind, width = class_at(data, at, end, table)
        if not kind & CAPITAL:
            break
        at += width
        if kind & SMALL:
            after_both = at
    to = _letters(data, at, end, table, SMALL, _SMALL_ONLY)
    return to if to > at else after_both


@njit(cache=True)
def _cut_deepseek(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    table: UInt16s,
    digits: Any,
    letters: Any,
    whole_end: bool,
    found: Int64s,
    offsets: Int64s,
) -> Any:
    made = 0
    for span in range(len(starts)):
        i, end = starts[span], ends[span]
        inside = False  # what is between matches is one piece
        while i < end:
            to = _next_deepseek(data, i, end, table)
            if to > i and inside:
                if made == len(found):
                    return False
                found[made] = i
                made += 1
            if to > i:
                if made == len(found):
                    return False
                found[made] = to
                made += 1
                i, inside = to, False
            else:
                _, width = class_at(data, i, end, table)
                i, inside = i + width, True
        if inside:
            if made == len(found):
                return False
            found[made] = end
            made += 1
        offsets[span + 1] = made
    return True


@njit(cache=True)
def _next_deepseek(data: UInt8s, i: Any, end: Any, table: UInt16s) -> Any:
    """Return `i` when nothing matches there."""
    kind, width = class_at(data, i, end, table)
    after = i + width
    if kind & WORDS:
        return _letters(data, after, end, table, WORDS, _ANY_CASE)
    following, wide = 0, 0
    if after < end:
        following, wide = class_at(data, after, end, table)
        if kind & PRINTED:
            if width == 1 and data[after] | 32 >= 97 and data[after] | 32 <= 122:
                at = after
                while at < end and data[at] | 32 >= 97 and data[at] | 32 <= 122:
                    at += 1
                return at
        elif not kind & NEWLINE and following & WORDS:
            return _letters(data, after + wide, end, table, WORDS, _ANY_CASE)
    if kind & PRINTED:
        return _newlines(data, _run(data, after, end, table, PRINTED), end, False)
    if data[i] == 32 and following & PRINTED:
        return _newlines(data, _run(data, after + wide, end, table, PRINTED), end, False)
    return _spaces(data, i, end, table, True, False) if kind & SPACE else i


@njit(cache=True)
def _cut_digits(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    table: UInt16s,
    digits: Any,
    letters: Any,
    whole_end: bool,
    found: Int64s,
    offsets: Int64s,
) -> Any:
    """Isolate numbers, so many to a piece."""
    made = 0
    for span in range(len(starts)):
        i, end = starts[span], ends[span]
        while i < end:
            if made == len(found):
                return False
            to = _digits(data, i, end, table, digits)
            i = to if to > i else _no_numbers(data, i, end, table)
            found[made] = i
            made += 1
        offsets[span + 1] = made
    return True


@njit(cache=True, inline="always")
def _no_numbers(data: UInt8s, i: Any, end: Any, table: UInt16s) -> Any:
    """Return where a run without numbers ends, eight ASCII characters at a time."""
    while i < end:
        if i + 8 <= end:
            block = load8(data, i)
            seven = block & _SEVEN_BITS
            found = (block | (seven + _FROM_0) & ~(seven + _ABOVE_9)) & _TOP_BITS  # digits, and bytes of wider ones
            if not found:
                i += 8
                continue
            i += trailing_zeros(found) >> 3
        kind, width = class_at(data, i, end, table)
        if kind & NUMBER:
            return i
        i += width
    return i


@njit(cache=True)
def _ideograph(data: UInt8s, i: Any, end: Any) -> Any:
    """Is the character at `i` one of U+3040 to U+30FF or U+4E00 to U+9FA5."""
    if i + 2 >= end or data[i] < 0xE3 or data[i] > 0xE9:
        return False
    code = (np.int64(data[i]) & 15) << 12 | (np.int64(data[i + 1]) & 63) << 6 | (np.int64(data[i + 2]) & 63)
    return 0x3040 <= code <= 0x30FF or 0x4E00 <= code <= 0x9FA5


@njit(cache=True)
def _cut_ideographs(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    table: UInt16s,
    digits: Any,
    letters: Any,
    whole_end: bool,
    found: Int64s,
    offsets: Int64s,
) -> Any:
    """Isolate runs of Han and kana."""
    made = 0
    for span in range(len(starts)):
        i, end = starts[span], ends[span]
        while i < end:
            if made == len(found):
                return False
            if _ideograph(data, i, end):
                while i < end and _ideograph(data, i, end):
                    i += 3
            else:
                while i < end and not _ideograph(data, i, end):
                    i += 8 if i + 8 <= end and not load8(data, i) & _TOP_BITS else 1
            found[made] = i
            made += 1
        offsets[span + 1] = made
    return True
