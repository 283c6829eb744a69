"""Special characters of ROOTS: what its rules count as no text and strip from words.

ASCII punctuation, ASCII digits, whitespace, a list of signs that was gathered from web pages, and the emoji of one
character. The list has a few letters (士, 上, ン, Г, ø, ı, π, five vowel signs of Devanagari and Bengali): they are
kept, since the published bounds were tuned with them. Of whitespace the original has some characters; here it is all
that str.isspace() says.
"""

import string
from functools import cache

import numpy as np
import numpy.typing as npt
from numba import njit

from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.repeats import Repeats
from corpusforge.text.spans import Spans, mix
from corpusforge.text.unicode import TABLE
from corpusforge.text.utf8 import decode

_SIGNS = (
    "\ufffc’“”–ー一▬…✦\ufffd£•€«»°·═×士＾˘⇓↓↑←→（）§″′´¿−±∈¢ø‚„½¼¾¹²³―⁃，ˌ¸‹›ʺˈʻ¦‐\u2800‰‑≤≥‖◆●■►▼▲▴∆▻¡★☆✱ːº。¯˜¥ɪ≈†上ン"
    "：∼⁄・♡✓⊕․．⋅÷１‟；،、¨\u093e\u09be\u0940\u094d\u0947◦˚゜ʼ≖¤ッツシ℃√！【】‿∞➤～πه۩☛₨➩☻๑٪♥ıॽ《‘©﴿٬？▷Г♫∟™ª₪®「—❖」﴾》"
)
# Emoji=Yes of Unicode 17.0 but for regional indicators, as first and last code points.
_EMOJI = (
    "a9 ae 203c 2049 2122 2139 2194-2199 21a9-21aa 231a-231b 2328 23cf 23e9-23f3 23f8-23fa 24c2 25aa-25ab 25b6 "
    "25c0 25fb-25fe 2600-2604 260e 2611 2614-2615 2618 261d 2620 2622-2623 2626 262a 262e-262f 2638-263a 2640 "
    "2642 2648-2653 265f-2660 2663 2665-2666 2668 267b 267e-267f 2692-2697 2699 269b-269c 26a0-26a1 26a7 "
    "26aa-26ab 26b0-26b1 26bd-26be 26c4-26c5 26c8 26ce-26cf 26d1 26d3-26d4 26e9-26ea 26f0-26f5 26f7-26fa 26fd "
    "2702 2705 2708-270d 270f 2712 2714 2716 271d 2721 2728 2733-2734 2744 2747 274c 274e 2753-2755 2757 "
    "2763-2764 2795-2797 27a1 27b0 27bf 2934-2935 2b05-2b07 2b1b-2b1c 2b50 2b55 3030 303d 3297 3299 1f004 1f0cf "
    "1f170-1f171 1f17e-1f17f 1f18e 1f191-1f19a 1f201-1f202 1f21a 1f22f 1f232-1f23a 1f250-1f251 1f300-1f321 "
    "1f324-1f393 1f396-1f397 1f399-1f39b 1f39e-1f3f0 1f3f3-1f3f5 1f3f7-1f4fd 1f4ff-1f53d 1f549-1f54e 1f550-1f567 "
    "1f56f-1f570 1f573-1f57a 1f587 1f58a-1f58d 1f590 1f595-1f596 1f5a4-1f5a5 1f5a8 1f5b1-1f5b2 1f5bc 1f5c2-1f5c4 "
    "1f5d1-1f5d3 1f5dc-1f5de 1f5e1 1f5e3 1f5e8 1f5ef 1f5f3 1f5fa-1f64f 1f680-1f6c5 1f6cb-1f6d2 1f6d5-1f6d9 "
    "1f6dc-1f6e5 1f6e9 1f6eb-1f6ec 1f6f0 1f6f3-1f6fc 1f7e0-1f7eb 1f7f0 1f90c-1f93a 1f93c-1f945 1f947-1f9ff "
    "1fa70-1fa7c 1fa80-1fac6 1fac8 1facc-1fadd 1fadf-1faeb 1faef-1fafa "
)


class StrippedWords(Spans):
    """Chunks between whitespace without the special characters around them, lower-cased; empty ones left out.

    `hashes` uint64: of the lower-cased code points (simple mapping); `lengths_chars` int32: code points.
    """

    def __init__(self, chunks: Spans) -> None:
        starts, ends = np.empty(len(chunks), np.int64), np.empty(len(chunks), np.int64)
        hashes, lengths = np.empty(len(chunks), np.uint64), np.empty(len(chunks), np.int32)
        cut = (chunks.data, chunks.offsets, chunks.starts, chunks.ends)
        offsets = _strip(cut, special_table(), TABLE, starts, ends, hashes, lengths)
        n = int(offsets[-1])
        super().__init__(chunks.data, offsets, starts[:n], ends[:n])
        self.hashes, self.lengths_chars = hashes[:n], lengths[:n]
        self.repeats = Repeats(self)


@cache
def special_table() -> npt.NDArray[np.int32]:
    """Return a two-stage table like that of `unicode.py`: 1 for a special character, else 0."""
    from corpusforge.text.unicode import SPACE, two_stage

    codes = np.arange(0x110000)
    entries = (TABLE[TABLE[codes >> 8] + (codes & 255)] & SPACE != 0).astype(np.int32)
    entries[list(map(ord, string.punctuation + string.digits + _SIGNS))] = 1
    for run in _EMOJI.split():
        first, _, last = run.partition("-")
        entries[int(first, 16) : int(last or first, 16) + 1] = 1
    return two_stage(entries)


@njit(cache=True)
def _strip(
    cut: tuple[UInt8s, Int64s, Int64s, Int64s],
    special: Flags,
    table: Flags,
    starts: Int64s,
    ends: Int64s,
    hashes: UInt64s,
    lengths: Int32s,
) -> Int64s:
    data, chunk_offsets, chunk_starts, chunk_ends = cut
    offsets = np.zeros(len(chunk_offsets), np.int64)
    n = 0
    for d in range(len(chunk_offsets) - 1):
        for i in range(chunk_offsets[d], chunk_offsets[d + 1]):
            at = chunk_starts[i]
            stop = chunk_ends[i]
            state = np.uint64(0x9E3779B97F4A7C15)
            length = 0
            while at < stop:
                code, width = decode(data, at, stop)
                inside = special[special[code >> 8] + (code & 255)] == 0
                if length == 0 and inside:
                    starts[n] = at
                if length > 0 or inside:
                    length += 1
                    lowered = code + (table[table[code >> 8] + (code & 255)] >> 8)
                    state = (state ^ np.uint64(lowered)) * np.uint64(0xD6E8FEB86659FD93)
                if inside:  # the word ends here or later
                    ends[n] = at + width
                    hashes[n] = mix(state)
                    lengths[n] = length
                at += width
            n += length > 0
        offsets[d + 1] = n
    return offsets
