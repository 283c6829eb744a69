"""MinHash signatures and band keys of sets of shingles.

Source: Broder 1997; permutations as in datasketch 2.0, scheme "affine32": a * fmix32(h) + b in 32 bits, a odd.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpusforge.text.arrays import Int64s, UInt64s
from corpusforge.text.shingles import Shingles

UInt32s = NDArray[np.uint32]


def permutations(count: int, seed: int) -> tuple[UInt32s, UInt32s]:
    """Return the factors (odd) and summands of `count` permutations of 32-bit numbers, uint32[count] each.

    The stream of RandomState is frozen by NumPy, so these are the same in every version.
    """
    random = np.random.RandomState(seed)
    factors = random.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, random.randint(0, 1 << 32, count, dtype=np.uint32)


def signatures(grams: Shingles, factors: UInt32s, summands: UInt32s) -> UInt32s:
    """Return the signature of each document, uint32[documents, permutations].

    The low 32 bits of a shingle's hash are what datasketch calls the hash value. Without shingles all are 2**32 - 1.
    """
    return _minima(grams.offsets, grams.hashes, factors, summands)


def band_keys(signature: UInt32s, bands: int, rows: int) -> UInt64s:
    """Return a well-mixed 64-bit key for each band of each signature, uint64[documents, bands].

    Equal keys mean an equal band number and equal values of its `rows` permutations (but for a chance of 2**-64).
    """
    values = signature.reshape(len(signature), bands, rows).astype(np.uint64)
    state = np.broadcast_to(_mixed(np.arange(1, bands + 1, dtype=np.uint64)), (len(signature), bands))
    for row in range(rows):
        state = _mixed(state ^ values[:, :, row])
    return np.ascontiguousarray(state)


def _mixed(values: UInt64s) -> UInt64s:
    values = (values ^ values >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ values >> np.uint64(33)) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ values >> np.uint64(33)


@njit(cache=True)
def _minima(offsets: Int64s, hashes: UInt64s, factors: UInt32s, summands: UInt32s) -> UInt32s:
    count = len(factors)
    found = np.full((len(offsets) - 1, count), np.uint32(0xFFFFFFFF), np.uint32)
    for d in range(len(offsets) - 1):
        minima = found[d]
        for i in range(offsets[d], offsets[d + 1]):
            h = np.uint32(hashes[i])
            h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))
            h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
            h = np.uint32(h ^ (h >> np.uint32(16)))
            for k in range(count):
                minima[k] = min(minima[k], np.uint32(h * factors[k] + summands[k]))
    return found
