r"""Tokens of the pattern \w+|[^\w\s]+, NLTK's WordPunct tokenizer."""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Flags, Int64s, UInt8s, UInt64s
from corpusforge.text.spans import Spans, mix
from corpusforge.text.unicode import CLASSES
from corpusforge.text.utf8 import decode

_ASCII_LETTER, _UPPER, _LOWER = 1, 2, 4


class WordPunct(Spans):
    r"""What `re.findall(r"\w+|[^\w\s]+", text)` gives: runs of letters, digits and '_', and runs of other marks.

    `ascii_letter` bool[tokens]: has a letter a-z or A-Z. `upper` bool[tokens]: str.isupper(). `hashes` as in `Spans`.
    """

    def __init__(self, data: UInt8s, texts: Int64s) -> None:
        most = int(texts[-1] - texts[0])  # pages never touched cost nothing
        starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
        hashes, flags = np.empty(most, np.uint64), np.empty(most, np.uint8)
        offsets = _word_punct(data, texts, CLASSES, starts, ends, hashes, flags)
        n = int(offsets[-1])
        super().__init__(data, offsets, starts[:n], ends[:n])
        self.hashes = hashes[:n]
        self.ascii_letter: Bools = flags[:n] & _ASCII_LETTER != 0
        self.upper: Bools = flags[:n] & (_UPPER | _LOWER) == _UPPER


@njit(cache=True)
def _word_punct(
    data: UInt8s, texts: Int64s, kinds: Flags, starts: Int64s, ends: Int64s, hashes: UInt64s, flags: UInt8s
) -> Int64s:
    offsets = np.zeros(len(texts), np.int64)
    ascii_kinds = kinds[kinds[0] : kinds[0] + 128].copy()
    for letter in range(26):
        ascii_kinds[65 + letter] |= 1 << 20
        ascii_kinds[97 + letter] |= 1 << 20
    n = 0
    for d in range(len(texts) - 1):
        at = texts[d]
        stop = texts[d + 1]
        before = 512  # 512 between tokens, 256 in a word, 0 in a run of marks
        state = np.uint64(0)
        met = 0
        while at < stop:
            byte = data[at]
            width = 1
            if byte < 128:
                kind = int(ascii_kinds[byte])
            else:
                code, width = decode(data, at, stop)
                kind = int(kinds[kinds[code >> 8] + (code & 255)])
            now = kind & 768
            if now != before:
                if before != 512:
                    ends[n] = at
                    hashes[n] = mix(state)
                    flags[n] = met >> 20 | met >> 1 & 6
                    n += 1
                if now != 512:
                    starts[n] = at
                    state = np.uint64(0x9E3779B97F4A7C15)
                    met = 0
                before = now
            met |= kind
            state = (state ^ np.uint64(byte)) * np.uint64(0xD6E8FEB86659FD93)
            for k in range(1, width):
                state = (state ^ np.uint64(data[at + k])) * np.uint64(0xD6E8FEB86659FD93)
            at += width
        if before != 512:
            ends[n] = stop
            hashes[n] = mix(state)
            flags[n] = met >> 20 | met >> 1 & 6
            n += 1
        offsets[d + 1] = n
    return offsets
