"""The cuts that signals need, against what Python cuts."""

import importlib.util
import re
import string
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.testing import HARD_TEXTS
from corpusforge.text import segment
from corpusforge.text.normalized import normalize
from corpusforge.text.spans import Spans
from corpusforge.text.unicode import SENTENCE_BREAKS
from corpusforge.text.words import hash_word

ATOMS = st.sampled_from(
    ["a", "Σ", "É", "1", "_", ".", "?", "。", ")", ",", " ", "\n", "\r", "\u2029", "\u0301", "\u00ad", "กา"]
)
TEXTS = st.lists(st.lists(ATOMS, max_size=25).map("".join) | st.none(), max_size=4)


def sentences(text: str) -> list[str]:
    path = Path(__file__).parents[1] / "signals" / "references" / "sentences.py"
    spec = importlib.util.spec_from_file_location("reference_sentences", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.sentences(text))


CUTS: dict[str, Callable[[str], list[str]]] = {
    "ended_lines": lambda text: re.findall(r"[^\n]*\n|[^\n]+", text),
    "word_punct": lambda text: re.findall(r"\w+|[^\w\s]+", text),
    "sentences": sentences,
}


def pieces(spans: Spans) -> list[list[str]]:
    found = [spans.data[a:b].tobytes().decode() for a, b in zip(spans.starts, spans.ends, strict=True)]
    return [found[a:b] for a, b in zip(spans.offsets[:-1], spans.offsets[1:], strict=True)]


@pytest.mark.parametrize("name", CUTS)
@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_pieces_are_those_of_the_reference(name: str, texts: list[str | None]) -> None:
    spans = getattr(segment(texts), name)
    assert pieces(spans) == [CUTS[name](text or "") for text in texts]
    assert spans.hashes.tolist() == Spans(spans.data, spans.offsets, spans.starts, spans.ends).hashes.tolist()


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_normalised_words_have_the_hashes_and_lengths_of_what_python_makes(texts: list[str | None]) -> None:
    words = segment(texts).normalized_words
    expected = [normalize(text or "").split() for text in texts]
    assert words.counts.tolist() == [len(document) for document in expected]
    assert words.hashes.tolist() == [hash_word(word) for document in expected for word in document]
    assert words.lengths_chars.tolist() == [len(word) for document in expected for word in document]
    assert words.chars.tolist() == [len(normalize(text or "")) for text in texts]


def test_every_character_that_changes_is_normalised_as_python_does() -> None:
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip("the stored tables are those of Unicode 14.0 (Python 3.11), this Python has another")
    planes = [*map(chr, range(0xD800)), *map(chr, range(0xE000, 0x20000)), *map(chr, range(0x2F800, 0x2FA20))]
    changed = [c for c in planes if unicodedata.normalize("NFD", c.lower()) != c or unicodedata.combining(c)]
    assert len(changed) > 15_000
    for pattern in ("{}", "a{}\u0323", "Α{}Σ"):
        texts = [pattern.format(c) for c in changed if not c.isspace()]
        words = segment(texts).normalized_words
        expected = [normalize(text) for text in texts]
        assert words.sum(words.lengths_chars).tolist() == list(map(len, expected))
        assert words.hashes.tolist() == [hash_word(word) for word in expected if word]


def test_lone_marks_of_ascii_are_no_words() -> None:
    assert segment([string.punctuation, " - ", "a-b"]).normalized_words.counts.tolist() == [0, 0, 1]


def test_hard_texts_are_cut_into_pieces_that_stay_inside_them() -> None:
    t = segment(HARD_TEXTS)
    for spans in (t.sentences, t.word_punct, t.normalized_words, t.ended_lines):
        owner = np.repeat(np.arange(t.documents), spans.counts)
        assert (spans.starts >= t.offsets[owner]).all() and (spans.ends <= t.offsets[owner + 1]).all()
        assert (spans.starts < spans.ends).all()
    assert pieces(t.ended_lines)[-1] == ["line\n"] * 100_000


def test_sentences_of_several_scripts() -> None:
    texts = [
        "He said “Go!” and left. Did he?",
        "今日は晴れ。「本当？」はい！",
        "यह एक वाक्य है। यह दूसरा।",
        "ภาษาไทยไม่มีเครื่องหมาย จบประโยค",
        "Version 3.5 of the U.S. etc. is out.\nA title\n\nText",
    ]
    assert [len(document) for document in pieces(segment(texts).sentences)] == [3, 3, 2, 1, 3]


def test_sentence_breaks_fit_their_bits() -> None:
    assert len(SENTENCE_BREAKS) <= 16
