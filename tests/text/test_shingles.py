"""Shingles are the n-grams of words or characters, and only those."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.text import segment
from corpusforge.text.shingles import character_shingles, shingles, shingles_of

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


@given(TEXTS, st.sampled_from([" ", ", ", "\n\n"]), st.integers(1, 5))
def test_characters_are_words_with_one_space_between(texts: list[list[str]], gap: str, n: int) -> None:
    found = character_shingles(segment([gap.join(words) for words in texts]), n)
    expected = [grams(list(" ".join(words).lower()), n) for words in texts]
    assert np.diff(found.offsets).tolist() == [len(g) for g in expected]
    flat = [g for document in expected for g in document]
    assert len(set(zip(flat, found.hashes.tolist(), strict=True))) == len(set(flat)) == len(set(found.hashes.tolist()))


def test_letters_of_a_script_without_spaces_touch() -> None:
    texts = segment(["猫は魚が好き、犬は肉が好き", "猫は魚が好き犬は肉が好き", "猫 は"])
    found = character_shingles(texts, 2)
    assert np.diff(found.offsets).tolist() == [12, 11, 2]  # the comma is a space, a space stays one


def test_a_unit_is_one_of_two() -> None:
    text = segment(["Four words of text"])
    assert len(shingles_of(text, 3, "words").hashes) == 2
    assert len(shingles_of(text, 3, "characters").hashes) == 16
