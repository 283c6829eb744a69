"""Words for general use (near-duplicates, overlap): lower-cased, hashed, in one pass over the bytes."""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.spans import Spans, mix
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode


class Words(Spans):
    """Maximal runs of letters, marks, numbers and '_', lower-cased.

    A letter of a script that writes no spaces between words (Han, kana, Thai, Lao, Khmer, Burmese) is a word of
    its own, with the marks that follow it. `hashes` uint64[words]: of the lower-cased code points (simple mapping),
    mixed in every bit; `lengths_chars` int32[words]: code points. 180 MB/s on English, one core.
    """

    def __init__(self, data: UInt8s, text_offsets: Int64s) -> None:
        most = int((text_offsets[-1] - text_offsets[0]) // 2 + len(text_offsets))  # "a b": two bytes a word at least
        starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
        hashes, lengths = np.empty(most, np.uint64), np.empty(most, np.int32)  # pages never touched cost nothing
        offsets = _words(data, text_offsets, TABLE, starts, ends, hashes, lengths)
        n = int(offsets[-1])
        super().__init__(data, offsets, starts[:n], ends[:n])
        self.hashes, self.lengths_chars = hashes[:n], lengths[:n]


def hash_word(word: str) -> int:
    """Return the hash that `Words` gives a word that is lower-case already.

    >>> from corpusforge.text import segment
    >>> segment(["STRAßE"]).words.hashes.tolist() == [hash_word("straße")]
    True
    """
    state = 0x9E3779B97F4A7C15
    for character in word:
        state = (state ^ ord(character)) * 0xD6E8FEB86659FD93 & (1 << 64) - 1
    return int(mix(np.uint64(state)))


@njit(cache=True)
def _words(
    data: UInt8s, texts: Int64s, table: Flags, starts: Int64s, ends: Int64s, hashes: UInt64s, lengths: Int32s
) -> Int64s:
    offsets = np.zeros(len(texts), np.int64)
    ascii_entries = table[table[0] : table[0] + 128]
    prime = np.uint64(0xD6E8FEB86659FD93)
    n = 0
    for d in range(len(texts) - 1):
        at = texts[d]
        stop = texts[d + 1]
        length = 0  # of the word that is open; 0: none is
        start = at
        alone = False
        state = np.uint64(0)
        while at < stop:
            byte = data[at]
            if byte < 128:
                entry = int(ascii_entries[byte])
                code = int(byte)
                width = 1
            else:
                code, width = decode(data, at, stop)
                entry = int(table[table[code >> 8] + (code & 255)])
            inside = entry & 1 != 0
            if length > 0 and (not inside or entry & 2 or (alone and not entry & 4)):
                starts[n] = start
                ends[n] = at
                hashes[n] = mix(state)
                lengths[n] = length
                n += 1
                length = 0
            if inside:
                if length == 0:
                    start = at
                    alone = entry & 2 != 0
                    state = np.uint64(0x9E3779B97F4A7C15)
                state = (state ^ np.uint64(code + (entry >> 8))) * prime
                length += 1
            at += width
        if length > 0:
            starts[n] = start
            ends[n] = stop
            hashes[n] = mix(state)
            lengths[n] = length
            n += 1
        offsets[d + 1] = n
    return offsets
