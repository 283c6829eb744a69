"""Words of UAX #29 and words without special characters, against plain rules."""

import importlib.util
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.testing import HARD_TEXTS
from corpusforge.text import segment, unicode_words
from corpusforge.text.spans import Spans, hash_spans
from corpusforge.text.words import hash_word


def reference(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / "signals" / "references" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"reference_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DCLM, ROOTS = reference("dclm"), reference("roots")

# Two characters of each class of Word_Break, letters of scripts without spaces, and pictographs.
ATOMS = [
    *("a", "ა", "א", "ש", "カ", "ｱ", "1", "٣", "_", "‿", "'", '"', ".", "’", ":", "·", ",", ";", "\u0301", "\u17d2"),
    *("\u200d", "\u00ad", "\u2060", "🇩", "🇪", " ", "\u3000", "\n", "\r", "\x85", "\u2028", "一", "あ", "ก", "ក", "§"),
    *("👩", "❤", "\ufe0f", "Ⓜ", "\u0600", "\uff0e", "½", "\u00a0"),
]
TEXTS = st.lists(st.sampled_from(ATOMS), max_size=14).map("".join)
ANY = st.text(max_size=20).map(lambda x: "".join(c for c in x if unicodedata.category(c) not in ("Cn", "Cs")))
BATCHES = st.lists(st.none() | TEXTS | ANY, max_size=4)


def pieces(spans: Spans) -> list[list[str]]:
    found = [spans.data[a:b].tobytes().decode() for a, b in zip(spans.starts, spans.ends, strict=True)]
    return [found[a:b] for a, b in zip(spans.offsets[:-1], spans.offsets[1:], strict=True)]


@settings(max_examples=600, deadline=None)
@given(BATCHES)
def test_unicode_words_are_cut_where_the_rules_of_uax_29_cut(texts: list[str | None]) -> None:
    words = segment(texts).unicode_words
    assert pieces(words) == [DCLM.words(text or "") for text in texts]
    assert words.lengths_chars.tolist() == [len(word) for found in pieces(words) for word in found]
    assert words.hashes.tolist() == hash_spans(words.data, words.starts, words.ends).tolist()


def test_unicode_words_of_hard_texts_are_those_of_the_rules() -> None:
    texts = [x for x in HARD_TEXTS if len(x or "") < 500]
    assert pieces(segment(texts).unicode_words) == [DCLM.words(text or "") for text in texts]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop: 3.14 or a_b, x.y!", ["Don't", "stop", "3.14", "or", "a_b", "x.y"]),
        ("カタカナとひらがな", ["カタカナ", "と", "ひ", "ら", "が", "な"]),
        ("กา สวัสดี", ["ก", "า", "ส", "วั", "ส", "ดี"]),
        ('צה"ל 1,000', ['צה"ל', "1,000"]),
        ("e\u0301te\u0301 co\u00adop", ["e\u0301te\u0301", "co\u00adop"]),
    ],
)
def test_words_of_known_texts(text: str, words: list[str]) -> None:
    # า is a letter by itself in Unicode's rules, not a mark.
    assert pieces(segment([text]).unicode_words) == [words]


def test_many_marks_before_a_letter_are_read_in_linear_time() -> None:
    text = "a." + ("\u0301." * 200_000) + "b"
    assert segment([text]).unicode_words.counts.tolist() == [2]


@settings(max_examples=200, deadline=None)
@given(BATCHES)
def test_stripped_words_have_no_special_character_around_them(texts: list[str | None]) -> None:
    words = segment(texts).stripped_words
    lowered = [["".join(c.lower()[0] for c in word) for word in found] for found in pieces(words)]
    assert lowered == [ROOTS.words(text or "") for text in texts]
    assert words.hashes.tolist() == [hash_word(word) for found in lowered for word in found]


@pytest.mark.parametrize("cut", ["unicode_words", "stripped_words"])
def test_a_text_has_the_same_words_alone_and_in_a_batch(cut: str) -> None:
    texts = ["Ein Wort.", None, "", "和 wa 'x'", "a\u200d"]
    together: Callable[[list[str | None]], list[list[str]]] = lambda x: pieces(getattr(segment(x), cut))  # noqa: E731
    assert together(texts) == [together([text])[0] for text in texts]


def test_the_stored_table_is_the_one_that_the_script_makes() -> None:
    if (unicodedata.unidata_version, regex.__version__) != ("14.0.0", "2026.11.15"):
        pytest.skip("made with Python 3.11 (Unicode 14.0) and regex 2026.11.15: others make another table")
    assert np.array_equal(unicode_words.build(), unicode_words.TABLE)
