"""Words as Unicode cuts text by default (UAX 29), for rule sets that count them.

`TABLE` is a two-stage table like that of `unicode.py`; an entry is a Word_Break class and flags. It is read from
`unicode_words.npy` and made by

    python -m corpusforge.text.unicode_words

from Unicode 17.0 (regex 2026.11.15); alphanumerics and digits are those of Unicode 14.0 (Python 3.11).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit

from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.repeats import Repeats
from corpusforge.text.spans import Spans, mix
from corpusforge.text.unicode import two_stage
from corpusforge.text.utf8 import decode

CLASSES = (
    "Other",
    "CR",
    "LF",
    "Newline",
    "Extend",
    "ZWJ",
    "Format",
    "Katakana",
    "Hebrew_Letter",
    "ALetter",
    "Single_Quote",
    "Double_Quote",
    "MidNumLet",
    "MidLetter",
    "MidNum",
    "Numeric",
    "ExtendNumLet",
    "Regional_Indicator",
    "WSegSpace",
)
PICTOGRAPHIC = 32  # Extended_Pictographic
ALPHANUMERIC = 64  # str.isalnum()
DIGIT = 128  # str.isdigit()

FILE = Path(__file__).with_suffix(".npy")

_CR, _LF, _NEWLINE, _EXTEND, _ZWJ, _FORMAT, _KATAKANA, _HEBREW, _LETTER, _SINGLE, _DOUBLE = range(1, 12)
_MID_BOTH, _MID_LETTER, _MID_NUMBER, _NUMERIC, _JOINER, _REGIONAL, _SPACE = range(12, 19)


class UnicodeWords(Spans):
    """The words of UAX 29 that begin with a letter or digit (str.isalnum()), case kept.

    Letters stay together across marks, one apostrophe or full stop inside, digits and underscores ("don't", "3.14",
    "a_b"). Ideographs, hiragana and the letters of Thai, Lao, Khmer and Burmese are words of their own, with their
    marks; katakana stay together. `hashes` uint64 and `lengths_chars` int32 as in `Spans`. 130 MB/s on English.
    """

    def __init__(self, data: UInt8s, text_offsets: Int64s) -> None:
        most = int(text_offsets[-1] - text_offsets[0])  # pages never touched cost nothing
        starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
        hashes, lengths = np.empty(most, np.uint64), np.empty(most, np.int32)
        offsets = _words(data, text_offsets, TABLE, starts, ends, hashes, lengths)
        n = int(offsets[-1])
        super().__init__(data, offsets, starts[:n], ends[:n])
        self.hashes, self.lengths_chars = hashes[:n], lengths[:n]
        self.repeats = Repeats(self)


def build() -> npt.NDArray[np.int32]:
    """Compute the table from the `regex` module and this Python's `str` methods."""
    import regex

    characters = "".join(map(chr, range(0x110000)))
    entries = np.zeros(0x110000, np.int32)
    patterns = [(number, rf"\p{{Word_Break={name}}}+") for number, name in enumerate(CLASSES) if number]
    for value, pattern in (*patterns, (PICTOGRAPHIC, r"\p{Extended_Pictographic}+")):
        for match in regex.compile(pattern, regex.V1).finditer(characters):
            entries[match.start() : match.end()] |= value
    for code, character in enumerate(characters):
        entries[code] |= ALPHANUMERIC * character.isalnum() | DIGIT * character.isdigit()
    return two_stage(entries)


TABLE: npt.NDArray[np.int32]
if __name__ == "__main__":
    np.save(FILE, build())
else:
    TABLE = np.load(FILE)


@njit(cache=True)
def _words(
    data: UInt8s, texts: Int64s, table: Flags, starts: Int64s, ends: Int64s, hashes: UInt64s, lengths: Int32s
) -> Int64s:
    offsets = np.zeros(len(texts), np.int64)
    ascii_entries = table[table[0] : table[0] + 128].copy()
    ascii_letters = ascii_entries & 31 == _LETTER
    n = 0
    for d in range(len(texts) - 1):
        at = texts[d]
        stop = texts[d + 1]
        start = at
        wanted = False  # the segment that is open begins with a letter or digit
        state = np.uint64(0x9E3779B97F4A7C15)  # as hash_spans
        length = 0  # of the segment that is open; 0: none is
        last = 0  # class of the last character, marks and format characters skipped (WB4)
        before = 0  # class before `last`, where `last` stands between letters or digits; else 0
        joined = False  # the last character is a zero-width joiner
        spaced = False  # the last character is a space, nothing skipped
        flags = 0  # regional indicators in a row
        while at < stop:
            if last == _LETTER and length > 0:
                run = at
                while at < stop and data[at] < 128 and ascii_letters[data[at]]:
                    state = (state ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
                    at += 1
                if at > run:
                    length += at - run
                    before = _LETTER
                    joined = False
                    if at == stop:
                        break
            if data[at] < 128:
                entry = int(ascii_entries[data[at]])
                width = 1
            else:
                code, width = decode(data, at, stop)
                entry = int(table[table[code >> 8] + (code & 255)])
            kind = entry & 31
            skipped = kind in (_EXTEND, _FORMAT, _ZWJ)
            letter = kind in (_LETTER, _HEBREW)
            cut = True
            if length == 0 or (last == _CR and kind == _LF):
                cut = False
            elif last in (_CR, _LF, _NEWLINE) or kind in (_CR, _LF, _NEWLINE):
                cut = True
            elif (joined and entry & PICTOGRAPHIC) or (spaced and kind == _SPACE) or skipped:
                cut = False
            elif letter:
                if last in (_LETTER, _HEBREW, _NUMERIC, _JOINER):
                    cut = False
                elif before in (_LETTER, _HEBREW):
                    cut = last not in (_MID_LETTER, _MID_BOTH, _SINGLE)
                    if last == _DOUBLE:
                        cut = not (before == _HEBREW and kind == _HEBREW)
            elif kind == _NUMERIC:
                if last in (_NUMERIC, _LETTER, _HEBREW, _JOINER):
                    cut = False
                elif before == _NUMERIC:
                    cut = last not in (_MID_NUMBER, _MID_BOTH, _SINGLE)
            elif kind == _KATAKANA:
                cut = last not in (_KATAKANA, _JOINER)
            elif kind == _JOINER:
                cut = last not in (_LETTER, _HEBREW, _NUMERIC, _KATAKANA, _JOINER)
            elif kind == _REGIONAL:
                cut = not (last == _REGIONAL and flags % 2 == 1)
            elif _SINGLE <= kind <= _MID_NUMBER:
                # Joins what stands before it when the right thing follows.
                lettered = last in (_LETTER, _HEBREW)
                if lettered and (kind in (_MID_LETTER, _MID_BOTH, _SINGLE)):
                    after = _following(data, at + width, stop, table)
                    cut = not (after in (_LETTER, _HEBREW) or (kind == _SINGLE and last == _HEBREW))
                elif last == _HEBREW and kind == _DOUBLE:
                    cut = _following(data, at + width, stop, table) != _HEBREW
                elif last == _NUMERIC and (kind in (_MID_NUMBER, _MID_BOTH, _SINGLE)):
                    cut = _following(data, at + width, stop, table) != _NUMERIC
            if cut:
                if wanted:
                    starts[n] = start
                    ends[n] = at
                    hashes[n] = mix(state)
                    lengths[n] = length
                    n += 1
                length = 0
            if length == 0:
                start = at
                wanted = entry & ALPHANUMERIC != 0
                state = np.uint64(0x9E3779B97F4A7C15)
            length += 1
            if wanted:
                for byte in range(at, at + width):
                    state = (state ^ np.uint64(data[byte])) * np.uint64(0xD6E8FEB86659FD93)
            joined = kind == _ZWJ
            spaced = kind == _SPACE
            if not skipped or last == 0 or last in (_CR, _LF, _NEWLINE) or length == 1:
                flags = flags + 1 if kind == _REGIONAL and last == _REGIONAL and length > 1 else int(kind == _REGIONAL)
                before = last if length > 1 else 0
                last = kind
            at += width
        if wanted and length > 0:
            starts[n] = start
            ends[n] = stop
            hashes[n] = mix(state)
            lengths[n] = length
            n += 1
        offsets[d + 1] = n
    return offsets


@njit(cache=True)
def _following(data: UInt8s, at: int, stop: int, table: Flags) -> int:
    """Return the class of the next character that is no mark or format character; 0 at the end."""
    while at < stop:
        code, width = decode(data, at, stop)
        kind = int(table[table[code >> 8] + (code & 255)]) & 31
        if kind < _EXTEND or kind > _FORMAT:
            return kind
        at += width
    return 0


def count_fasttext_words(data: UInt8s, texts: Int64s) -> Int64s:
    """Return how many words of each document begin with a letter or digit (str.isalnum()), int64[documents].

    Words as fastText cuts them: at space, tab, line feed, vertical tab, form feed, carriage return and NUL.
    """
    return _count_fasttext_words(data, texts, TABLE)


@njit(cache=True)
def _count_fasttext_words(data: UInt8s, texts: Int64s, table: Flags) -> Int64s:
    found = np.zeros(len(texts) - 1, np.int64)
    separates = np.zeros(256, np.int64)
    separates[np.array([0, 9, 10, 11, 12, 13, 32])] = 1
    begins = np.zeros(256, np.int64)
    begins[:128] = table[table[0] : table[0] + 128] & ALPHANUMERIC != 0
    for d in range(len(texts) - 1):
        count = 0
        outside = 1  # no branch: where a word begins cannot be foreseen (18 -> 5 ns a word)
        for at in range(texts[d], texts[d + 1]):
            byte = data[at]
            count += outside & begins[byte]
            if byte >= 128 and outside:
                code, _ = decode(data, at, texts[d + 1])
                count += table[table[code >> 8] + (code & 255)] & ALPHANUMERIC != 0
            outside = separates[byte]
        found[d] = count
    return found
