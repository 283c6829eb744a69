"""English tokens exactly as spaCy's blank English tokenizer gives them, at compiled speed.

The word rules of Gopher as datatrove applies them count these tokens, and cut where the distribution is dense: a
plain split into words and punctuation agrees with them on 83 % of documents only. Nothing is remembered between
calls, and nothing is approximate: `english_cut.py` is the tokenizer, `english_rules.py` its data.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.text import english_rules
from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.english_cut import cut
from corpusforge.text.english_rules import LETTER, PUNCTUATION, SENTENCE_END, SYMBOL
from corpusforge.text.spans import mix
from corpusforge.text.utf8 import decode

ALPHABETIC = 1  # some character is a letter (str.isalpha)
SYMBOLIC = 2  # every character is punctuation or a control: no word to Gopher's rules
PUNCTUATING = 4  # every character is punctuation (category P)
ENDING = 8  # one character that ends a sentence to spaCy's sentencizer


class TokenArrays(NamedTuple):
    """The tokens of chunks, in text order; whitespace is no token."""

    counts: Int32s  # int32[chunks]: tokens of each chunk, at least one
    starts: Int64s  # int64[tokens]: byte positions in the data
    ends: Int64s
    lengths_chars: Int32s  # int32[tokens]: code points
    hashes: UInt64s  # uint64[tokens]: of the UTF-8 bytes, as spans.hash_spans gives it (case matters)
    kinds: UInt8s  # uint8[tokens]: a sum of the kinds below


class EnglishTokens:
    """spaCy's blank English tokenizer (3.8), over arrays."""

    def __init__(self) -> None:
        self.rules = english_rules.load()
        self._lengths = sorted({len(tokens) for tokens in self.rules.joined}, reverse=True)
        # Two neighbouring tokens inside a cut exception: only along such pairs can joins touch one another.
        self._pairs = frozenset(pair for tokens in self.rules.joined for pair in pairwise(tokens))

    def tokenize(self, data: UInt8s, chunk_starts: Int64s, chunk_ends: Int64s, offsets: Int64s) -> TokenArrays:
        """Return the tokens of whole documents.

        `data`: UTF-8 bytes. `chunk_starts`, `chunk_ends` int64[chunks]: the maximal runs of characters that are not
        whitespace (str.isspace), in order. `offsets` int64[documents + 1]: the first chunk of each document.

        >>> from corpusforge.text import segment
        >>> t = segment(["Don't panic, e.g. (now)."])
        >>> tokens = EnglishTokens().tokenize(t.data, t.chunks.starts, t.chunks.ends, t.chunks.offsets)
        >>> [bytes(t.data[a:b]).decode() for a, b in zip(tokens.starts, tokens.ends)]
        ['Do', "n't", 'panic', ',', 'e.g.', '(', 'now', ')', '.']
        """
        most = int((chunk_ends - chunk_starts).sum())  # pages never touched cost nothing
        starts, ends, suspects = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
        counts = np.empty(len(chunk_starts), np.int32)
        table, strings = self.rules.table, self.rules.strings
        n, found = cut(data, chunk_starts, chunk_ends, table, strings, starts, ends, counts, suspects)
        starts, ends = starts[:n], ends[:n]
        if found:
            counts, starts, ends = self._join(data, counts, starts, ends, suspects[:found], offsets)
        return TokenArrays(counts, starts, ends, *_describe(data, starts, ends, table))

    def _join(
        self, data: UInt8s, counts: Int32s, starts: Int64s, ends: Int64s, suspects: Int64s, offsets: Int64s
    ) -> tuple[Int32s, Int64s, Int64s]:
        """Join the exceptions that the patterns have cut, as spaCy's matcher does over the tokens of a document.

        It sees tokens, not the space between them: ") :" is taken for "):" and changes nothing, but the tokens are
        then used up for a match that would change something. Longest match first, then leftmost.
        """
        first_token = np.concatenate([[0], np.cumsum(counts)])  # of each chunk
        document_starts = first_token[offsets]
        removed: list[int] = []
        added: list[tuple[int, int, int]] = []  # (token before which it goes, start, end)
        last = -1
        for suspect in suspects.tolist():
            if suspect < last:
                continue
            document = int(np.searchsorted(document_starts, suspect, side="right"))
            begin, limit = int(document_starts[document - 1]), int(document_starts[document])
            low, high = suspect, suspect + 1
            while low > begin and self._linked(data, starts, ends, low - 1):
                low -= 1
            while high < limit and self._linked(data, starts, ends, high - 1):
                high += 1
            last = high
            tokens = [data[starts[i] : ends[i]].tobytes() for i in range(low, high)]
            for first, stop in self._matches(tokens):
                at = int(starts[low + first])
                pieces = self.rules.joined[tuple(tokens[first:stop])]
                if at + sum(map(len, pieces)) != ends[low + stop - 1]:
                    continue  # not one chunk
                removed += range(low + first, low + stop)
                for piece in pieces:
                    added.append((low + first, at, at + len(piece)))
                    at += len(piece)
        if not removed:
            return counts, starts, ends
        where = np.array([a[0] for a in added], np.int64)
        chunk_of = np.searchsorted(first_token, where, side="right") - 1
        gone = np.searchsorted(first_token, np.array(removed, np.int64), side="right") - 1
        counts = counts.copy()
        np.add.at(counts, chunk_of, 1)
        np.subtract.at(counts, gone, 1)
        where -= np.searchsorted(removed, where)
        starts = np.insert(np.delete(starts, removed), where, [a[1] for a in added])
        ends = np.insert(np.delete(ends, removed), where, [a[2] for a in added])
        return counts, starts, ends

    def _linked(self, data: UInt8s, starts: Int64s, ends: Int64s, i: int) -> bool:
        """Say whether a match can hold tokens i and i + 1: neighbours, or parted by one space only."""
        gap = int(starts[i + 1] - ends[i])
        if gap > 1 or (gap == 1 and data[ends[i]] != 32):
            return False
        return (data[starts[i] : ends[i]].tobytes(), data[starts[i + 1] : ends[i + 1]].tobytes()) in self._pairs

    def _matches(self, tokens: list[bytes]) -> list[tuple[int, int]]:
        """Return the matches that hold, in order: longest first, then leftmost, each on tokens no other had seen."""
        chosen: list[tuple[int, int]] = []
        used: set[int] = set()
        for length in self._lengths:
            for first in range(len(tokens) - length + 1):
                if tuple(tokens[first : first + length]) in self.rules.joined:
                    if first not in used and first + length - 1 not in used:
                        chosen.append((first, first + length))
                    used.update(range(first, first + length))
        return sorted(chosen)


@njit(cache=True)
def _describe(data: UInt8s, starts: Int64s, ends: Int64s, table: Flags) -> tuple[Int32s, UInt64s, UInt8s]:
    lengths = np.empty(len(starts), np.int32)
    hashes = np.empty(len(starts), np.uint64)
    kinds = np.empty(len(starts), np.uint8)
    ascii_flags = table[table[0] : table[0] + 128].copy()
    for i in range(len(starts)):
        state = np.uint64(0x9E3779B97F4A7C15)  # as hash_spans
        length = 0
        some = 0
        every = SYMBOL | PUNCTUATION | SENTENCE_END
        at = starts[i]
        while at < ends[i]:
            width = 1
            if data[at] < 128:
                flags = ascii_flags[data[at]]
            else:
                code, width = decode(data, at, ends[i])
                flags = table[table[code >> 8] + (code & 255)]
            some |= flags
            every &= flags
            length += 1
            for byte in range(at, at + width):
                state = (state ^ np.uint64(data[byte])) * np.uint64(0xD6E8FEB86659FD93)
            at += width
        lengths[i] = length
        hashes[i] = mix(state)
        kinds[i] = kind(some, every, length)
    return lengths, hashes, kinds


@njit(cache=True)
def kind(some: int, every: int, length: int) -> int:
    """Return the kinds of a token by the flags that some and every character has."""
    found = ALPHABETIC if some & LETTER else 0
    found |= SYMBOLIC if every & SYMBOL else 0
    found |= PUNCTUATING if every & PUNCTUATION else 0
    return found | (ENDING if every & SENTENCE_END and length == 1 else 0)
