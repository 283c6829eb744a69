"""Shingles are the n-grams of words, and only those."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.text import segment
from corpusforge.text.shingles import distinct, shingles

TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "ab", "C", "猫", "x1"]), max_size=9), max_size=6)


def grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    if not words:
        return []
    return [tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))]


@given(TEXTS, st.integers(1, 5))
def test_hashes_are_equal_exactly_where_the_ngrams_are(texts: list[list[str]], n: int) -> None:
    found = shingles(segment([" ".join(words) for words in texts]).words, n)
    expected = [[tuple(w.lower() for w in g) for g in grams(words, n)] for words in texts]
    assert np.diff(found.offsets).tolist() == [len(g) for g in expected]
    flat = [g for document in expected for g in document]
    pairs = set(zip(flat, found.hashes.tolist(), strict=True))
    assert len(pairs) == len(set(flat)) == len(set(found.hashes.tolist()))


def test_words_that_change_places_give_another_hash() -> None:
    words = [f"w{i}" for i in range(64)]
    texts = [" ".join(words)]
    for i in range(64):
        for j in range(i):
            swapped = list(words)
            swapped[i], swapped[j] = swapped[j], swapped[i]
            texts.append(" ".join(swapped))
    found = shingles(segment(texts).words, 64)
    assert len(set(found.hashes.tolist())) == len(texts)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_distinct_is_the_sorted_set(values: list[int]) -> None:
    hashes = np.array(values * 2, np.uint64)
    assert distinct(hashes).tolist() == sorted(set(values))
    assert not np.shares_memory(distinct(hashes), hashes)
