"""Phrases against a plain reference over lists of words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.text import segment
from corpusforge.text.phrases import Phrases

LETTERS = st.sampled_from("abc")
WORDS = st.lists(LETTERS, min_size=1, max_size=3)


def reference(phrases: set[tuple[str, ...]], words: list[str]) -> tuple[int, int]:
    hits = covered = at = 0
    while at < len(words):
        length = max((len(p) for p in phrases if tuple(words[at : at + len(p)]) == p), default=0)
        hits += length > 0
        covered += length
        at += max(1, length)
    return hits, covered


@given(
    st.lists(st.lists(WORDS, max_size=6), min_size=1, max_size=3),
    st.lists(st.tuples(st.lists(LETTERS, max_size=12), st.integers(-1, 2)), max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_the_longest_phrase_at_the_leftmost_word_is_counted(lists, texts):
    phrases = Phrases({str(i): [" ".join(p) for p in one] for i, one in enumerate(lists)})
    which = [w if w < len(lists) else -1 for _, w in texts]
    words = segment([" ".join(t) for t, _ in texts]).words
    hits, covered = phrases.count(words, np.array(which, np.int32))
    expected = [
        reference({tuple(p) for p in lists[w]}, t) if w >= 0 else (0, 0) for (t, _), w in zip(texts, which, strict=True)
    ]
    assert list(zip(hits.tolist(), covered.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("entry", "text", "hits"),
    [
        ("Blow Job", "a blow-job, BLOW\njob", 2),
        ("ass", "assess the class", 0),
        ("クソ野郎", "このクソ野郎め", 1),
        ("傻逼", "你他妈的傻逼", 1),
        ("ควย", "ไอ้ควยเอ๊ย", 1),
        ("straße", "STRASSE STRAßE", 1),
        ("...", "... a ...", 0),
    ],
)
def test_entries_match_whole_words_in_any_case_and_letters_where_no_spaces_are_written(entry, text, hits):
    found, _ = Phrases({"x": [entry]}).count(segment([text]).words, np.zeros(1, np.int32))
    assert found.tolist() == [hits]
