"""Tokens: the words of rule sets that were tuned with spaCy's English tokenizer, as segmented arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.english_cut import ALPHABETIC, SYMBOLIC
from corpusforge.text.ngrams import (
    LONGEST,
    SHORTEST,
    TOPS,
    duplicate_characters,
    top_characters,
)
from corpusforge.text.spans import Spans, hash_spans

if TYPE_CHECKING:
    from corpusforge.text.english import EnglishTokens


class Tokens(Spans):
    """Tokens as `spacy.blank("en")` gives them, whitespace left out, case kept.

    `hashes` uint64, `lengths_chars` int32 as in `Spans`.
    """

    def __init__(self, chunks: Spans) -> None:
        found = english().tokenize(chunks.data, chunks.starts, chunks.ends, chunks.offsets)
        super().__init__(chunks.data, _offsets(chunks.offsets, found.counts), found.starts, found.ends)
        self.hashes, self.lengths_chars = found.hashes, found.lengths_chars
        self._kinds = found.kinds

    @cached_property
    def kinds(self) -> UInt8s:
        """What each token is, uint8[tokens]: a sum of the kinds of english_cut.py."""
        return self._kinds

    @cached_property
    def alphabetic(self) -> Bools:
        """Which tokens have at least one alphabetic character, bool[tokens]."""
        return np.asarray(self.kinds & ALPHABETIC != 0)

    @cached_property
    def symbol(self) -> Bools:
        """Which tokens are punctuation, control characters and sentence marks only, bool[tokens]."""
        return np.asarray(self.kinds & SYMBOLIC != 0)

    @cached_property
    def words(self) -> tuple[Int64s, Int64s, Int64s]:
        """Per document: tokens that are no symbol, the characters in them, and tokens with a letter."""
        found = np.zeros((3, len(self.counts)), np.int64)
        _count_words(self.offsets, self.lengths_chars, self.kinds, found[0], found[1], found[2])
        return found[0], found[1], found[2]

    @cached_property
    def _duplicates(self) -> Int64s:
        texts = np.concatenate([[0], np.cumsum(self.lengths_bytes)])[self.offsets]
        longest_bytes, slots = int(np.diff(texts).max(initial=0)), self.largest_table
        return duplicate_characters(
            self.data, self.offsets, self.starts, self.ends, self.lengths_chars, longest_bytes, slots
        )

    def duplicate_ngram_chars(self, n: int) -> Int64s:
        """Characters per document in repeated n-grams, n = 5 to 10, see `duplicate_characters`."""
        assert SHORTEST <= n <= LONGEST
        return np.asarray(self._duplicates[n - SHORTEST])

    @cached_property
    def _tops(self) -> Int64s:
        size = self.largest_table
        scratch = (np.empty(size, np.uint16), _uint64s(size), _int64s(size), _int64s(size), _int64s(size))
        return top_characters(self.offsets, self.hashes, self.lengths_chars, np.empty(size, np.uint8), scratch)

    def top_ngram_chars(self, n: int) -> Int64s:
        """Characters per document that the most frequent n-gram, n = 2 to 4, takes, see `top_characters`."""
        assert 2 <= n <= TOPS
        return np.asarray(self._tops[n - 2])

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


def _int64s(size: int) -> Int64s:
    return np.empty(size, np.int64)


def _uint64s(size: int) -> UInt64s:
    return np.empty(size, np.uint64)


def _offsets(chunk_offsets: Int64s, counts: np.ndarray) -> Int64s:
    before = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=before[1:])
    return before[chunk_offsets]


@njit(cache=True)
def _count_words(
    offsets: Int64s, lengths: Int32s, kinds: UInt8s, words: Int64s, characters: Int64s, alphabetic: Int64s
) -> None:
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            word = kinds[i] & SYMBOLIC == 0
            words[d] += word
            characters[d] += lengths[i] * word
            alphabetic[d] += kinds[i] & ALPHABETIC


@njit(cache=True)
def _distinct(offsets: Int64s, hashes: UInt64s, wanted: UInt64s) -> Int64s:
    found = np.zeros(len(offsets) - 1, np.int64)
    met = np.full(len(wanted), -1, np.int64)  # the last document that had it
    likely = np.zeros(256, np.bool_)  # by the last byte of the hash
    for w in range(len(wanted)):
        likely[wanted[w] & np.uint64(255)] = True
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            if not likely[hashes[i] & np.uint64(255)]:
                continue
            for w in range(len(wanted)):
                if hashes[i] == wanted[w] and met[w] != d:
                    met[w] = d
                    found[d] += 1
    return found
