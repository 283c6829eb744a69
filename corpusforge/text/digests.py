"""Digests: 128 bits of what a document, or a piece of one, says; equal digests stand for equal texts."""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int64s, UInt8s, UInt64s
from corpusforge.text.spans import mix
from corpusforge.text.words import Words


def sequence_digests(words: Words) -> UInt8s:
    """Return 128 bits of every document's sequence of words, uint8[documents, 16]; big-endian halves.

    >>> from corpusforge.text import segment
    >>> digests = sequence_digests(segment(["A b, c", "a  b c", "a c b"]).words)
    >>> (digests == digests[0]).all(axis=1)
    array([ True,  True, False])
    """
    return _sequence_digests(words.offsets, words.hashes).astype(">u8").view(np.uint8).reshape(-1, 16)


@njit(cache=True)
def _sequence_digests(offsets: Int64s, words: UInt64s) -> UInt64s:
    found = np.empty((len(offsets) - 1, 2), np.uint64)
    for d in range(len(offsets) - 1):
        high = np.uint64(0x9E3779B97F4A7C15)
        low = np.uint64(0xC2B2AE3D27D4EB4F)
        for i in range(offsets[d], offsets[d + 1]):
            # Two chains that treat a word differently: equal halves of one say nothing about the other.
            high = mix(high ^ words[i])
            low = mix(low + words[i]) * np.uint64(0xD6E8FEB86659FD93)
        found[d, 0] = high
        found[d, 1] = mix(low)
    return found
