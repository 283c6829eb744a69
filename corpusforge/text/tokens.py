"""Tokens: the words of rule sets that were tuned with spaCy's English tokenizer, as segmented arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Int64s, UInt64s
from corpusforge.text.ngrams import concatenations, duplicate_characters, top_characters
from corpusforge.text.spans import Spans, hash_spans

if TYPE_CHECKING:
    from corpusforge.text.english import EnglishTokens


class Tokens(Spans):
    """Tokens as `spacy.blank("en")` gives them, whitespace left out, case kept.

    `alphabetic` bool[tokens]: has at least one alphabetic character. `symbol` bool[tokens]: every character is
    punctuation, a control character or a sentence mark. `hashes` uint64, `lengths_chars` int32 as in `Spans`.
    """

    def __init__(self, chunks: Spans) -> None:
        found = english().tokenize(chunks.data, chunks.starts, chunks.ends, chunks.offsets)
        super().__init__(chunks.data, _offsets(chunks.offsets, found.counts), found.starts, found.ends)
        self.hashes, self.lengths_chars = found.hashes, found.lengths_chars
        self.alphabetic: Bools = found.alphabetic.astype(np.bool_, copy=False)
        self.symbol: Bools = found.symbol.astype(np.bool_, copy=False)

    @cached_property
    def _concatenations(self) -> tuple[UInt64s, UInt64s]:
        return concatenations(self.data, self.starts, self.ends)

    def duplicate_ngram_chars(self, n: int) -> Int64s:
        """Characters per document in repeated n-grams, see `duplicate_characters`."""
        return duplicate_characters(self.offsets, *self._concatenations, self.lengths_chars, n)

    def top_ngram_chars(self, n: int) -> Int64s:
        """Characters per document that the most frequent n-gram takes, see `top_characters`."""
        return top_characters(self.offsets, self.hashes, self.lengths_chars, n)

    def distinct(self, words: Sequence[str]) -> Int64s:
        """How many of `words` each document holds as tokens at least once, int64[documents]; case counts."""
        return _distinct(self.offsets, self.hashes, np.array([hash_token(word) for word in words], np.uint64))


@cache
def english() -> EnglishTokens:
    """Return the process's tokenizer, its rules loaded once."""
    from corpusforge.text.english import EnglishTokens

    return EnglishTokens()


def hash_token(token: str) -> int:
    """Return the hash that `Tokens` gives to `token`.

    >>> from corpusforge.text import segment
    >>> segment(["The end"]).tokens.hashes.tolist() == [hash_token("The"), hash_token("end")]
    True
    """
    data = token.encode()
    return int(hash_spans(np.frombuffer(data, np.uint8), np.zeros(1, np.int64), np.array([len(data)]))[0])


def _offsets(chunk_offsets: Int64s, counts: np.ndarray) -> Int64s:
    before = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=before[1:])
    return before[chunk_offsets]


@njit(cache=True)
def _distinct(offsets: Int64s, hashes: UInt64s, wanted: UInt64s) -> Int64s:
    found = np.zeros(len(offsets) - 1, np.int64)
    met = np.full(len(wanted), -1, np.int64)  # the last document that had it
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            for w in range(len(wanted)):
                if hashes[i] == wanted[w] and met[w] != d:
                    met[w] = d
                    found[d] += 1
    return found
