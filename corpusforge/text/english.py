"""English tokens exactly as spaCy's blank English tokenizer gives them, at compiled speed.

The word rules of Gopher as datatrove applies them count these tokens, and cut where the distribution is dense: a
plain split into words and punctuation agrees with them on 83 % of documents only. Nothing is approximate:
`english_cut.py` is the tokenizer, `english_rules.py` its data; what is remembered of chunks makes it faster only.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from corpusforge.text import english_rules
from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.english_cut import cut, memory
from corpusforge.text.english_join import find_windows, pair_key, replace_tokens
from corpusforge.text.spans import hash_spans


class TokenArrays(NamedTuple):
    """The tokens of chunks, in text order; whitespace is no token."""

    counts: Int32s  # int32[chunks]: tokens of each chunk, at least one
    starts: Int64s  # int64[tokens]: byte positions in the data
    ends: Int64s
    lengths_chars: Int32s  # int32[tokens]: code points
    hashes: UInt64s  # uint64[tokens]: of the UTF-8 bytes, as spans.hash_spans gives it (case matters)
    kinds: UInt8s  # uint8[tokens]: a sum of the kinds of english_cut.py


class EnglishTokens:
    """spaCy's blank English tokenizer (3.8), over arrays."""

    def __init__(self) -> None:
        self.rules = english_rules.load()
        self._lengths = sorted({len(tokens) for tokens in self.rules.joined}, reverse=True)
        # Two neighbouring tokens inside a cut exception: only along such pairs can joins touch one another.
        self._pairs = np.array(
            sorted({_pair(a, b) for tokens in self.rules.joined for a, b in pairwise(tokens)}), np.uint64
        )
        self._chunks = memory(1 << 14)  # 0.5 MB, and 2 MB of which little is used
        self._known: dict[bytes, list[tuple[int, int, tuple[bytes, ...]]]] = {}  # by the hashes of a window's tokens

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
        chunks, rules = (chunk_starts, chunk_ends), self.rules
        counts = np.empty(len(chunk_starts), np.int32)
        room = len(chunk_starts) + len(chunk_starts) // 3 + 64  # English has 1.2 tokens per chunk
        kinds = (np.int64, np.int64, np.int32, np.uint64, np.uint8, np.int64)  # the last: suspects
        arrays: tuple[Any, ...] = tuple(np.empty(room, kind) for kind in kinds)
        done = 0, 0, 0
        while True:
            done = cut(data, chunks, rules.table, rules.strings, done, arrays[:5], counts, arrays[5], self._chunks)
            cut_chunks, n, found = done
            if cut_chunks == len(counts):
                break
            more = room + int(chunk_ends[cut_chunks] - chunk_starts[cut_chunks])
            arrays = tuple(np.concatenate([array, np.empty(more, array.dtype)]) for array in arrays)
            room += more
        tokens = TokenArrays(counts, *(array[:n] for array in arrays[:5]))
        return self._join(data, tokens, arrays[5][:found], offsets) if found else tokens

    def _join(self, data: UInt8s, tokens: TokenArrays, suspects: Int64s, offsets: Int64s) -> TokenArrays:
        """Join the exceptions that the patterns have cut, as spaCy's matcher does over the tokens of a document.

        It sees tokens, not the space between them: ") :" is taken for "):" and changes nothing, but the tokens are
        then used up for a match that would change something. Longest match first, then leftmost.
        """
        starts, ends = tokens.starts, tokens.ends
        first_token = np.concatenate([[0], np.cumsum(tokens.counts)])  # of each chunk
        document_starts = first_token[offsets]
        removed: list[int] = []
        added: list[tuple[int, int, int]] = []  # (token before which it goes, start, end)
        grown = 0  # tokens more than were cut, over all joins that make more
        windows = find_windows(data, starts, ends, tokens.hashes, suspects, document_starts, self._pairs)
        for low, high in windows.tolist():
            for first, stop, pieces in self._matches(data, tokens, low, high):
                at = int(starts[low + first])
                if at + sum(map(len, pieces)) != ends[low + stop - 1]:
                    continue  # not one chunk
                removed += range(low + first, low + stop)
                grown += max(0, len(pieces) - (stop - first))
                for piece in pieces:
                    added.append((low + first, at, at + len(piece)))
                    at += len(piece)
        if not removed:
            return tokens
        where = np.array([a[0] for a in added], np.int64)
        counts = tokens.counts.copy()
        np.add.at(counts, np.searchsorted(first_token, where, side="right") - 1, 1)
        np.subtract.at(counts, np.searchsorted(first_token, np.array(removed), side="right") - 1, 1)
        new_starts, new_ends = np.array([a[1] for a in added]), np.array([a[2] for a in added])
        old = (starts, ends, tokens.lengths_chars, tokens.hashes, tokens.kinds)
        new = old  # in place, unless an exception has more tokens than the patterns make of it, as "°C." may
        if grown:
            new = tuple(np.concatenate([a, np.zeros(grown, a.dtype)]) for a in old)  # type: ignore[assignment]
        n = replace_tokens(data, self.rules.table, np.array(removed), where, new_starts, new_ends, old, new)
        return TokenArrays(counts, new[0][:n], new[1][:n], new[2][:n], new[3][:n], new[4][:n])

    def _matches(
        self, data: UInt8s, tokens: TokenArrays, low: int, high: int
    ) -> list[tuple[int, int, tuple[bytes, ...]]]:
        """Return the matches that hold in a window, as (first, stop, pieces).

        Longest first, then leftmost, each on tokens no other had seen.
        """
        key = tokens.hashes[low:high].tobytes()
        if key not in self._known:
            if len(self._known) >= 1 << 12:
                self._known.clear()
            window = [data[tokens.starts[i] : tokens.ends[i]].tobytes() for i in range(low, high)]
            chosen: list[tuple[int, int]] = []
            used: set[int] = set()
            for length in self._lengths:
                for first in range(len(window) - length + 1):
                    if tuple(window[first : first + length]) in self.rules.joined:
                        if first not in used and first + length - 1 not in used:
                            chosen.append((first, first + length))
                        used.update(range(first, first + length))
            self._known[key] = [(a, b, self.rules.joined[tuple(window[a:b])]) for a, b in sorted(chosen)]
        return self._known[key]


def _pair(first: bytes, second: bytes) -> int:
    data = np.frombuffer(first + second, np.uint8)
    middle, end = len(first), len(data)
    a, b = hash_spans(data, np.array([0, middle]), np.array([middle, end])).tolist()
    return int(pair_key(np.uint64(a), np.uint64(b)))
