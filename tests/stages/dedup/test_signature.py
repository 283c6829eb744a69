"""Signatures are those of datasketch, bit by bit."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.stages.dedup.signature import band_keys, optimal_bands, permutations, signatures
from corpusforge.text import segment
from corpusforge.text.shingles import Shingles, shingles

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from datasketch import MinHash
    from datasketch.lsh import _optimal_param


def reference(hashes: list[int], count: int, seed: int) -> list[int]:
    sketch = MinHash(count, seed, scheme="affine32", hashfunc=lambda h: h & 0xFFFFFFFF)
    sketch.update_batch(hashes)
    return [int(v) for v in sketch.hashvalues]


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_permutations_are_those_of_datasketch(seed: int) -> None:
    factors, summands = permutations(112, seed)
    expected = MinHash(112, seed, scheme="affine32").permutations
    assert np.array_equal(expected, [factors, summands])


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=12), max_size=5),
    st.sampled_from([1, 7, 112]),
    st.integers(0, 9),
)
def test_signatures_are_those_of_datasketch(documents: list[list[int]], count: int, seed: int) -> None:
    offsets = np.cumsum([0, *(len(d) for d in documents)]).astype(np.int64)
    grams = Shingles(offsets, np.array([h for d in documents for h in d], np.uint64))
    found = signatures(grams, *permutations(count, seed))
    assert found.tolist() == [reference(d, count, seed) for d in documents]


def test_the_signature_of_a_real_text_is_that_of_datasketch() -> None:
    text = " ".join(f"word{i % 37} and {i}" for i in range(500))
    grams = shingles(segment([text]).words, 5)
    assert signatures(grams, *permutations(128, 3))[0].tolist() == reference(grams.hashes.tolist(), 128, 3)


def test_a_band_key_is_equal_exactly_when_band_and_values_are() -> None:
    signature = np.array([[1, 2, 1, 2], [1, 2, 3, 4], [2, 1, 1, 2]], np.uint32)
    keys = band_keys(signature, 2, 2)
    assert keys[0, 0] == keys[1, 0] and keys[0, 1] == keys[2, 1]
    assert len(set(keys.reshape(-1).tolist())) == 4  # the same values in another band are another key


@pytest.mark.parametrize("permutation_count", [2, 16, 100, 112, 128])
def test_bands_for_a_threshold_are_those_of_datasketch(permutation_count: int) -> None:
    for percent in range(5, 100, 5):
        expected = _optimal_param(percent / 100, permutation_count, 0.5, 0.5)
        assert optimal_bands(percent / 100, permutation_count) == expected, percent
