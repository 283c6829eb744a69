"""Signals of texts and lines as columns."""

import math
import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge import signals
from corpusforge.errors import RecipeError
from corpusforge.registry import shipped
from corpusforge.stage import with_columns
from corpusforge.stages.quality.signals import Signals
from corpusforge.testing import HARD_TEXTS, docs, run_stage
from corpusforge.text import segment

SETS = sorted(path.stem for path in (shipped("filters") / "signals").glob("*.yaml"))
CUTS = {
    "newline": lambda text: text.split("\n"),
    "unicode": str.splitlines,
    "ended": lambda text: re.findall(r"[^\n]*\n|[^\n]+", text),
}
TEXT = st.lists(st.sampled_from(["Aa", "1", "...", "• ", "\n", "\r\n", "\u2028", " ", "”", "Ärger"]), max_size=12).map(
    "".join
)


@pytest.mark.parametrize("cut", CUTS)
@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | TEXT, max_size=4))
def test_a_line_has_the_signals_of_a_text_that_is_this_line(cut: str, texts: list[str | None]) -> None:
    names = ("uppercase_char_fraction", "starts_with_bullet_mark", "word_count_normalized", "unigram_entropy")
    out = run_stage(Signals(line_signals=names, cut=cut), docs(*texts))
    for row, text in enumerate(texts):
        lines = CUTS[cut](text or "")
        for name in names:
            expected = signals.find(name)(segment(lines)).tolist() if lines else []
            assert out[f"line_signal.{name}"][row].as_py() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", SETS)
def test_a_set_measures_what_it_lists(name: str) -> None:
    stage = Signals(signals=name, line_signals=name)
    out = run_stage(stage, docs(*HARD_TEXTS))
    assert {n for n in out.schema.names if "signal." in n} == set(stage.columns_written())
    assert len(stage.columns_written()) > 20
    assert any(path.endswith(f"signals/{name}.yaml") for path in stage.files())


def test_all_signals_are_measured_but_those_of_change() -> None:
    out = run_stage(Signals(signals="all"), docs("One line.\nAnother."))
    measured = {n.removeprefix("signal.") for n in out.schema.names if n.startswith("signal.")}
    assert measured == {n for n in signals.names() if not signals.is_change(n)}


def test_sets_and_signals_mix_and_the_stage_decides_how_lines_are_cut(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("about: mine\ncut: unicode\nline_signals: [longest_line_chars, xml_header]\n", encoding="utf-8")
    stage = Signals(line_signals=[str(own), "xml_header"])
    assert list(stage.columns_written()) == ["line_signal.longest_line_chars", "line_signal.xml_header"]
    assert len(run_stage(stage, docs("a\u2028b"))["line_signal.xml_header"][0]) == 2
    chosen = Signals(line_signals=[str(own)], cut="newline")
    assert len(run_stage(chosen, docs("a\u2028b"))["line_signal.xml_header"][0]) == 1


def test_what_a_neighbour_measured_is_not_measured_again() -> None:
    measured = with_columns(docs("a b"), **{"signal.word_count_normalized": pa.array([7.0])})
    out = run_stage(Signals(signals=["word_count_normalized", "unigram_entropy"]), measured)
    assert out["signal.word_count_normalized"].to_pylist() == [7.0]
    assert out["signal.unigram_entropy"].to_pylist() == pytest.approx([math.log(2)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("signals: [word_cuont]", "Did you mean 'word_count'"),
        ("signal: [word_count]", "`signals`, `line_signals` or both"),
        ("signals: [word_count]\nlines: 1", "unknown key 'lines'"),
        ("signals: word_count", "must be a list"),
        ("signals: [chars_before]", "only packs can measure it"),
        ("signals: [word_count]\ncut: page", "`cut` is one of"),
        ("signals: [word_count", "not valid YAML"),
    ],
)
def test_a_broken_set_says_what_is_wrong_and_where(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RecipeError, match=re.escape(message)) as caught:
        Signals(signals=str(path)).columns_written()
    assert str(path) in str(caught.value)


def test_an_unknown_name_is_told_from_signals_and_sets() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'redpajama_v2'"):
        Signals(signals="redpajama").columns_written()
    with pytest.raises(ValueError, match="name `signals`"):
        Signals()
