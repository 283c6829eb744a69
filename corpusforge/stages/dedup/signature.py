"""MinHash signatures and band keys of sets of shingles.

Source: Broder 1997; permutations as in datasketch 2.0, scheme "affine32": a * fmix32(h) + b in 32 bits, a odd; bands
for a threshold as in datasketch.MinHashLSH.
"""

from functools import cache

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int64s, UInt32s, UInt64s
from corpusforge.text.shingles import Shingles


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


@cache
def optimal_bands(threshold: float, permutations: int) -> tuple[int, int]:
    """Return the (bands, rows), bands * rows <= permutations, that err least about a threshold of similarity.

    The error is the chance to be a candidate, 1 - (1 - s**rows)**bands, summed over similarities s below the threshold,
    plus the chance not to be one, over those above; both weigh the same. Of equals the fewest bands, then rows, win.

    >>> optimal_bands(0.8, 128)
    (9, 13)
    """
    # Polynomials of s of degree bands * rows: so many nodes integrate them exactly.
    nodes, weights = np.polynomial.legendre.leggauss(permutations // 2 + 1)
    below, above = threshold * (nodes + 1) / 2, threshold + (1 - threshold) * (nodes + 1) / 2
    best = (np.inf, 0, 0)
    for bands in range(1, permutations + 1):
        for rows in range(1, permutations // bands + 1):
            false_positives = (1 - (1 - below**rows) ** bands) @ weights * threshold / 2
            false_negatives = (1 - above**rows) ** bands @ weights * (1 - threshold) / 2
            best = min(best, (float(false_positives + false_negatives), bands, rows))
    return best[1:]


def _mixed(values: UInt64s) -> UInt64s:
    values = (values ^ values >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ values >> np.uint64(33)) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ values >> np.uint64(33)


@njit(cache=True)
def _hashed(hash: np.uint64) -> np.uint32:
    h = np.uint32(hash)
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@njit(cache=True)
def _minima(offsets: Int64s, hashes: UInt64s, factors: UInt32s, summands: UInt32s) -> UInt32s:
    count = len(factors)
    found = np.full((len(offsets) - 1, count), np.uint32(0xFFFFFFFF), np.uint32)
    for d in range(len(offsets) - 1):
        minima = found[d]
        i = offsets[d]
        while i + 4 <= offsets[d + 1]:  # four at a time: each minimum is loaded and stored once for them
            h0, h1, h2, h3 = _hashed(hashes[i]), _hashed(hashes[i + 1]), _hashed(hashes[i + 2]), _hashed(hashes[i + 3])
            for k in range(count):
                factor, summand = factors[k], summands[k]
                one = min(np.uint32(h0 * factor + summand), np.uint32(h1 * factor + summand))
                two = min(np.uint32(h2 * factor + summand), np.uint32(h3 * factor + summand))
                minima[k] = min(minima[k], min(one, two))
            i += 4
        while i < offsets[d + 1]:
            h0 = _hashed(hashes[i])
            for k in range(count):
                minima[k] = min(minima[k], np.uint32(h0 * factors[k] + summands[k]))
            i += 1
    return found
