"""Every signal against a plain reference, written from the rules as published.

references/MODULE.py holds, in `REFERENCE`, one function of a text (two of a signal of change) for each signal of
corpusforge/signals/MODULE.py, unless test_MODULE.py beside this file holds them to something else.
"""

import importlib.util
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge import signals
from corpusforge.errors import RecipeError
from corpusforge.testing import HARD_TEXTS
from corpusforge.text import segment

MODULES = sorted(p.stem for p in Path(signals.__file__).parent.glob("[a-z]*.py"))

# Few words and marks, so that repetition is likely; words that are prefixes of others, so that joins coincide.
PIECES = [
    *("a", "aa", "ab", "b", "the", "to", "of", "that", "be", "don't", "Be", "ü", "12", "#", "...", "…", "-", "•", "!"),
    *("der", "Ernst", "EL", "cul", "javascript", "Java-Script", "lorem", "Ipsum.", "two girls one cup", "{", "}", "“"),
]
HARD = [  # each for a rule that only it breaks
    *("Σ", "ΑΣ", "ς", "ΑΣ.Β", "Α\u0301Σ\u0301", "İ", "ǅ", "ß", "ẞ", "K", "ﬁ", "Ⅷ", "ⓐ", "½", "٣", "四", "ª", "ʰ"),
    *("é", "e\u0301", "ế", "e\u0323\u0302", "q\u0301\u0323\u0307\u0323", "\u0344", "각", "\u1100\u1161", "Å", "ᾂ"),
    *(
        "ḿ",
        "ipsuḿ",
        "\u1fef",
        "\u037e",
        "\u2000",
        "日本語。",
        "？！",
        "「はい」",
        "ไทย ไทย",
        "ខ្មែរ។",
        "हिन्दी।",
        "\u200d",
    ),
    *(
        "👩\u200d👩",
        "🇩🇪",
        "שלום",
        "\u200f",
        "\x00",
        "\x1c",
        "\x85",
        "\xad",
        "\ufeff",
        "_",
        "__",
        "p.m.",
        "3.5",
        "U.S.A",
    ),
    *(".)", '."', "etc. and", "?) (Yes", "a.\u0308b", "\u2023 x", "– y", "”", "\U0001e900", "\u3000", "l\u0323orem"),
]
GAPS = [" ", " ", " ", "  ", "\n", "\n\n", "\n\n\n", "\r\n", "\u2028", "\u3000", ""]


def texts_of(pieces: list[str], most: int) -> st.SearchStrategy[str]:
    pairs = st.tuples(st.sampled_from(pieces), st.sampled_from(GAPS))
    return st.lists(pairs, max_size=most).map(lambda found: "".join(piece + gap for piece, gap in found))


def assigned(text: str) -> str:
    """Leave out what another version of Unicode may define otherwise."""
    return "".join(c for c in text if unicodedata.category(c) not in ("Cn", "Cs"))


ANY = st.text(max_size=30).map(assigned)


@cache
def loaded(module: str) -> ModuleType | None:
    path = Path(__file__).parent / "references" / f"{module}.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location(f"reference_{module}", path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def reference(module: str) -> dict[str, Callable[..., float]]:
    found: dict[str, Callable[..., float]] = getattr(loaded(module), "REFERENCE", {})
    return found


def fragments(module: str) -> list[str]:
    found: list[str] = getattr(loaded(module), "FRAGMENTS", [])
    return found


def names(module: str) -> list[str]:
    return [name for name in signals.names() if signals._modules()[name] == module]


@pytest.mark.parametrize("module", MODULES)
def test_every_signal_has_a_reference(module: str) -> None:
    if (Path(__file__).parent / f"test_{module}.py").exists():
        return  # a measure of our own: held to other programs (tokenize, html.parser) or to cases made by hand
    assert sorted(reference(module)) == names(module), f"write tests/signals/references/{module}.py"


@pytest.mark.parametrize("module", [m for m in MODULES if m != "change"])
@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), texts_of(PIECES, 60), texts_of(PIECES + HARD, 20), ANY), max_size=4))
def test_signals_are_those_of_the_reference(module: str, texts: list[str | None]) -> None:
    compare(module, texts)


@pytest.mark.parametrize("module", [m for m in MODULES if fragments(m)])
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_fragments_have_the_signals_of_the_reference(module: str, data: st.DataObject) -> None:
    own = texts_of(fragments(module) + ["a ", "b", "\n", "ü"], 20)
    compare(module, data.draw(st.lists(own, max_size=4)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts_of(PIECES + HARD, 20), texts_of(PIECES, 20)), max_size=4))
def test_signals_of_change_are_those_of_the_reference(pairs: list[tuple[str, str]]) -> None:
    before, after = segment([x for x, _ in pairs]), segment([y for _, y in pairs])
    for name, expected in reference("change").items():
        found = signals.find_change(name)(before, after)
        assert found.tolist() == [float(expected(x, y)) for x, y in pairs], name


@pytest.mark.parametrize("module", [m for m in MODULES if m != "change"])
def test_hard_texts_have_the_signals_of_the_reference(module: str) -> None:
    compare(module, [x for x in HARD_TEXTS if len(x or "") < 2_000])


@pytest.mark.parametrize("module", [m for m in MODULES if m != "change"])
def test_real_documents_have_the_signals_of_the_reference(module: str, shared: Callable[[str], Path]) -> None:
    column = pq.read_table(shared("bulk/bulk-dev-00000-of-00002.parquet"), columns=["text"])["text"]
    texts = [x for x in column.to_pylist()[::400] if len(x) < 3_000]
    assert len(texts) > 10
    compare(module, texts)


def compare(module: str, texts: Sequence[str | None]) -> None:
    t = segment(texts)
    for name, expected in reference(module).items():
        found = signals.find(name)(t)
        assert found.dtype == np.float64 and found.shape == (len(texts),)
        wanted = [float(expected(x or "")) for x in texts]
        assert found.tolist() == pytest.approx(wanted, rel=1e-12, abs=1e-12), (name, texts)


def test_an_xml_header_counts_within_a_hundred_characters_not_bytes() -> None:
    compare("code", ["ä" * 86 + "<?xml version=", "ä" * 87 + "<?xml version="])


def test_an_unknown_signal_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'stop_word_count'"):
        signals.find("stop_words_count")


def test_an_ngram_may_occur_more_often_than_65535_times() -> None:
    t = segment(["c d " + "a b " * 70_000, "a b a"])
    assert signals.find("top_2gram_char_fraction")(t).tolist() == [3 * 70_000 / 280_004, 3 / 5]
    assert signals.find("top_2gram_char_fraction_normalized")(t).tolist() == [2 * 70_000 / 140_002, 0]


def test_a_long_run_of_marks_is_put_in_canonical_order() -> None:
    text = "q" + "\u0301\u0323" * 500
    compare("normalized", [text, unicodedata.normalize("NFD", text), text + " " + unicodedata.normalize("NFD", text)])


def test_a_document_of_many_characters_is_counted_in_parts() -> None:
    words = [str(i * i % 997) for i in range(20_000)]
    compare("roots", [" ".join(words), "ab" * 10_000, "日本" + "語" * 9_000, "x" * 8_200])
