"""Every signal against a plain reference, written from the rules as published and spaCy's own tokens."""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge import signals
from corpusforge.errors import RecipeError
from corpusforge.testing import HARD_TEXTS
from corpusforge.text import segment

# Few words and marks, so that repetition is likely; words that are prefixes of others, so that joins coincide.
PIECES = [
    "a",
    "aa",
    "ab",
    "b",
    "the",
    "to",
    "of",
    "that",
    "be",
    "don't",
    "Be",
    "ü",
    "12",
    "#",
    "...",
    "…",
    "-",
    "•",
    "!",
]
GAPS = [" ", " ", " ", "  ", "\n", "\n\n", "\n\n\n", "\r\n", "\u2028", "\u3000", ""]
TEXTS = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(GAPS)), max_size=60).map(
    lambda pairs: "".join(piece + gap for piece, gap in pairs)
)
BATCHES = st.lists(st.one_of(st.none(), TEXTS, st.text(max_size=30)), max_size=4)
CONTROLS = "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160)]))


@cache
def tokenizer() -> Callable[[str], Sequence]:
    nlp = spacy.blank("en")
    nlp.max_length = 1 << 24
    return nlp.tokenizer


@cache
def words(text: str) -> list[str]:
    return [t.text.strip() for t in tokenizer()(text) if t.text.strip()]


def plain_words(text: str) -> list[str]:
    """Words with a character that is no symbol; only the ASCII marks and the ellipsis occur in these tests."""
    return [w for w in words(text) if any(c not in string.punctuation + "…" + CONTROLS for c in w)]


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def duplicates(pieces: list[str]) -> tuple[int, int]:
    seen: set[str] = set()
    extra = [p for p in pieces if p in seen or seen.add(p)]
    return len(extra), sum(map(len, extra))


def top_ngram(text: str, n: int) -> float:
    grams = Counter(" ".join(words(text)[i : i + n]) for i in range(len(words(text)) - n + 1))
    if not grams:
        return 0.0
    gram, count = grams.most_common(1)[0]
    return over(len(gram) * count, len(text))


def duplicate_ngrams(text: str, n: int) -> float:
    w, seen, repeated, i = words(text), set(), 0, 0
    while i < len(w) - n + 1:
        gram = "".join(w[i : i + n])
        if gram in seen:
            repeated += len(gram)
            i += n
        else:
            seen.add(gram)
            i += 1
    return over(repeated, len(text))


def lines_that(text: str, good: Callable[[str], bool]) -> float:
    lines = text.splitlines()
    return over(sum(map(good, lines)), len(lines))


REFERENCE: dict[str, Callable[[str], float]] = {
    "word_count": lambda x: len(plain_words(x)),
    "mean_word_length": lambda x: over(sum(map(len, plain_words(x))), len(plain_words(x))),
    "hash_to_word_ratio": lambda x: over(x.count("#"), len(words(x))),
    "ellipsis_to_word_ratio": lambda x: over(x.count("...") + x.count("…"), len(words(x))),
    "bullet_line_fraction": lambda x: lines_that(x, lambda y: y.lstrip().startswith(("•", "-"))),
    "ellipsis_line_fraction": lambda x: lines_that(x, lambda y: y.rstrip().endswith(("...", "…"))),
    "alphabetic_word_fraction": lambda x: over(sum(any(c.isalpha() for c in w) for w in words(x)), len(words(x))),
    "stop_word_count": lambda x: len({"the", "be", "to", "of", "and", "that", "have", "with"} & set(words(x))),
    "duplicate_paragraph_fraction": lambda x: over(duplicates(paras(x))[0], len(paras(x))),
    "duplicate_paragraph_char_fraction": lambda x: over(duplicates(paras(x))[1], len(x)),
    "duplicate_line_fraction": lambda x: over(duplicates(re.split("\n+", x))[0], len(re.split("\n+", x))),
    "duplicate_line_char_fraction": lambda x: over(duplicates(re.split("\n+", x))[1], len(x)),
    "longest_line_chars": lambda x: max(map(len, x.splitlines()), default=0),
    "mean_line_chars": lambda x: over(sum(map(len, x.splitlines())), len(x.splitlines())),
    "alphanumeric_fraction": lambda x: over(sum(c.isalnum() for c in x), len(x)),
    "xml_header": lambda x: "<?xml version=" in x[:100],
    **{f"top_{n}gram_char_fraction": lambda x, n=n: top_ngram(x, n) for n in (2, 3, 4)},
    **{f"duplicate_{n}gram_char_fraction": lambda x, n=n: duplicate_ngrams(x, n) for n in range(5, 11)},
}


def paras(text: str) -> list[str]:
    return re.split("\n{2,}", text.strip())


def test_every_signal_has_a_reference() -> None:
    assert signals.names() == sorted(REFERENCE)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), TEXTS), max_size=4))
def test_signals_are_those_of_the_reference_on_repetitive_texts(texts: list[str | None]) -> None:
    compare(texts)


@pytest.mark.parametrize("name", ["longest_line_chars", "alphanumeric_fraction", "bullet_line_fraction", "xml_header"])
@given(BATCHES)
def test_signals_without_words_are_those_of_the_reference_on_any_text(name: str, texts: list[str | None]) -> None:
    assigned = [x and "".join(c for c in x if c.isprintable() or c.isspace()) for x in texts]
    compare(assigned, [name])


def test_an_xml_header_counts_within_a_hundred_characters_not_bytes() -> None:
    compare(["ä" * 86 + "<?xml version=", "ä" * 87 + "<?xml version="], ["xml_header"])


def test_hard_texts_have_the_signals_of_the_reference() -> None:
    names = [
        n for n in REFERENCE if n not in ("word_count", "mean_word_length")
    ]  # other marks than this reference knows
    compare([x for x in HARD_TEXTS if len(x or "") < 100_000], names)


def test_real_documents_have_the_signals_of_the_reference(shared: Callable[[str], Path]) -> None:
    column = pq.read_table(shared("bulk/bulk-dev-00000-of-00002.parquet"), columns=["text"])["text"]
    texts = [x for x in column.to_pylist()[::400] if len(x) < 20_000]
    names = [n for n in REFERENCE if n not in ("word_count", "mean_word_length")]
    assert len(texts) > 10
    compare(texts, names)


def compare(texts: Sequence[str | None], names: Sequence[str] = tuple(REFERENCE)) -> None:
    t = segment(texts)
    for name in names:
        found = signals.find(name)(t)
        assert found.dtype == np.float64 and found.shape == (len(texts),)
        wanted = [float(REFERENCE[name](x or "")) for x in texts]
        assert found.tolist() == wanted, (name, texts)


def test_an_unknown_signal_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'stop_word_count'"):
        signals.find("stop_words_count")


def test_an_ngram_may_occur_more_often_than_65535_times() -> None:
    t = segment(["c d " + "a b " * 70_000, "a b a"])
    assert signals.find("top_2gram_char_fraction")(t).tolist() == [3 * 70_000 / 280_004, 3 / 5]
