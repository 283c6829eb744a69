"""Traces of bad character recognition: cases made by hand, and what holds for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.signals import find, names
from corpusforge.text import segment

KINDS = ("mixed", "vowelless", "symbolic")
CLEAN = (
    "The 1st of May, 1821; well-known (by Mrs. O'Neill & Dr. McKay) as 'the A4 form': $5.00, 3.14 or 50%! "
    "See http://www.example.org/x, BBC rhythm, Über – naïve … [p. 4] A. B. Smith, vol. iv, 10th-century"
)


def share(name: str, text: str) -> float:
    return float(find(name)(segment([text]))[0])


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("wa1th", "mixed"),
        ("re4n", "mixed"),
        ("(wi1th,", "mixed"),
        ("thr", "vowelless"),
        ("bncl-hall", "vowelless"),
        ("Strngth", "vowelless"),
        ("th^e", "symbolic"),
        ("b|ack", "symbolic"),
        ("~", "symbolic"),
        ("\\", "symbolic"),
        ("t", "lone"),
    ],
)
def test_each_kind_of_garbled_word_is_told(word: str, kind: str) -> None:
    text = f"The {word} stood here"
    assert share("garbled_word_fraction", text) == 0.25
    assert [k for k in KINDS if share(f"{k}_word_fraction", text)] == [kind] * (kind in KINDS)


@pytest.mark.parametrize("word", CLEAN.split())
def test_words_of_clean_print_are_not_garbled(word: str) -> None:
    assert share("garbled_word_fraction", word) == 0


def test_scanned_figures_are_unreadable_and_prose_is_not() -> None:
    assert share("unreadable_char_fraction", CLEAN) < 0.1
    assert share("unreadable_char_fraction", "|; ~.^ _,. iI| }{ '|:. .;~ tT1") > 0.6


WORDS = st.lists(
    st.sampled_from(["the", "w1th", "thr", "b|ack", "~", "t", "A4", "x^y", "Ünicøde", "日本", "é", "...", "\x00"])
)


@given(st.lists(WORDS.map(" ".join), max_size=4))
def test_a_document_is_measured_alone_and_shares_are_shares(texts: list[str]) -> None:
    for name in [n for n in names() if n.endswith("_word_fraction") or n == "unreadable_char_fraction"]:
        if name.split("_")[0] not in ("garbled", "mixed", "vowelless", "symbolic", "unreadable"):
            continue
        found = find(name)(segment(texts)).tolist()
        assert found == [share(name, text) for text in texts]
        assert all(0 <= value <= 1 for value in found)


@given(WORDS)
def test_a_garbled_word_is_of_some_kind_and_counts_once(words: list[str]) -> None:
    text = " ".join(words)
    kinds = [share(f"{kind}_word_fraction", text) for kind in KINDS]
    assert max(kinds) <= share("garbled_word_fraction", text) + 1e-12
    lone = sum(word == "t" for word in words) / max(1, len(words))
    assert share("garbled_word_fraction", text) <= sum(kinds) + lone + 1e-12
