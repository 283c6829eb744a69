"""Packs that edit: texts, lines, reasons and what is shared, against plain Python."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusforge.stage import reject, with_columns
from corpusforge.stages.quality.rules import Rules
from corpusforge.testing import docs, judge, reasons, run_stage
from corpusforge.text import TextBatch, segment

PIECES = [
    "Two words.",
    "a",
    "The end!",
    "read more",
    "[12]",
    "[edit]",
    "{",
    "lorem",
    "don't",
    "**Note:**",
    "vitamin-a.",
]
GAPS = [" ", "  ", "\n", "\n\n", "\r\n", "\u2028", "\t", "\n \n", ""]
TEXTS = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(GAPS)), max_size=12).map(
    lambda pairs: "".join(piece + gap for piece, gap in pairs)
)
PACK = """\
about: A pack for tests.
edits: [{pattern: 'o', with: '0'}]
lines:
  cut: CUT
  strip: STRIP
  steps:
    - {signal: word_count_whitespace, min: 2}
    - {pattern: '\\[\\d*\\]|\\[edit\\]', with: "", when: {signal: word_count_whitespace, min: 3}}
    - {pattern: 'read m0re', with: "", then: drop}
    - {signal: curly_bracket_count, max: 0, then: reject, name: bracket}
rules: [{signal: line_sentence_count, min: 1}]
"""


def pack(folder: Path, text: str) -> Rules:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return Rules(pack=str(path))


def plainly(text: str, cut: str, strip: bool) -> tuple[str | None, str]:
    """Return reason before the rules and edited text."""
    new = text.replace("o", "0")
    lines = {"newline": new.split("\n"), "unicode": new.splitlines(), "paragraph": re.split("\n{2,}", new.strip())}[cut]
    kept, reason = [], None
    for line in lines:
        line = line.strip() if strip else line
        if len(line.split()) < 2:
            continue
        if len(line.split()) >= 3:
            line = re.sub(r"\[\d*\]|\[edit\]", "", line)
        if "read m0re" in line:
            line = line.replace("read m0re", "")
            if not line.strip():
                continue
        if "{" in line and reason is None:
            reason = "bracket"
        kept.append(line)
    joined = ("\n\n" if cut == "paragraph" else "\n").join(kept)
    joined = joined.strip() if strip else joined
    if reason is None and text.strip() and not joined.strip():
        reason = "no_text_left"
    return reason, joined


@pytest.mark.parametrize("cut", ["newline", "unicode", "paragraph"])
@pytest.mark.parametrize("strip", [True, False])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, max_size=4))
def test_lines_are_judged_and_edited_as_plain_python_does(
    cut: str, strip: bool, tmp_path: Path, texts: list[str]
) -> None:
    stage = pack(tmp_path, PACK.replace("CUT", cut).replace("STRIP", str(strip).lower()))
    out = run_stage(stage, docs(*texts))
    wanted = [plainly(text, cut, strip) for text in texts]
    assert out["text"].to_pylist() == [text for _, text in wanted]
    found = [reason if reason != "line_sentence_count_below_min" else None for reason in reasons(out)]
    assert found == [reason for reason, _ in wanted]
    fresh = TextBatch(pa.array([text for _, text in wanted], pa.large_string()))
    if texts:  # what was taken from the texts before is what would be cut anew
        reused = segment(out["text"])
        assert reused.chunks.starts.tolist() == fresh.chunks.starts.tolist()
        assert reused.line_sentences.tolist() == fresh.line_sentences.tolist()
        assert out["signal.line_sentence_count"].to_pylist() == fresh.line_sentences.tolist()
        for name in ("offsets", "starts", "ends", "hashes", "lengths_chars", "kinds"):
            assert getattr(reused.tokens, name).tolist() == getattr(fresh.tokens, name).tolist(), name


def test_null_and_empty_texts_stay_as_they_are() -> None:
    out = run_stage(Rules(pack="c4"), docs(None, "", " \n"))
    assert out["text"].to_pylist() == [None, "", ""]
    assert reasons(out) == ["line_sentence_count_below_min"] * 3


def test_rows_already_rejected_keep_their_text() -> None:
    batch = reject(docs("Menu\nBoth lines go", "Menu\nBoth lines go", None), [True, False, True], "earlier")
    out = run_stage(Rules(pack="c4"), batch)
    assert out["text"].to_pylist() == ["Menu\nBoth lines go", "", None]
    assert reasons(out) == ["earlier", "no_text_left", "earlier"]


def test_the_reason_is_that_of_the_first_line_that_rejects() -> None:
    both = ["One line has a { in it.", "Another says lorem ipsum dolor."]
    assert judge(Rules(pack="c4"), "\n".join(both), "\n".join(reversed(both))) == ["curly_bracket", "lorem_ipsum"]


def test_a_line_that_was_dropped_rejects_nothing() -> None:
    assert judge(Rules(pack="c4"), "function() {\n" + "A sentence of five words. " * 5) == [None]


def test_signals_of_the_text_before_an_edit_are_not_taken_for_those_after_it() -> None:
    text = "Menu\nThis sentence stays here. " + "It continues to the very end of that sentence. " * 12
    batch = run_stage(Rules(pack="gopher_quality"), docs(text))
    before = batch["signal.word_count"][0].as_py()
    again = run_stage(Rules(pack="gopher_quality"), run_stage(Rules(pack="c4"), batch))
    assert again["signal.word_count"][0].as_py() == before - 1
    edited = with_columns(batch, text=pa.array(["Too short."], pa.large_string()))
    assert run_stage(Rules(pack="gopher_quality"), edited)["signal.word_count"][0].as_py() == 2


def test_bounds_of_steps_can_be_changed_by_name() -> None:
    texts = ["A line without an end\nand a second one without\n" * 3] * 2
    stage = Rules(pack="c4", set={"lines.ends_as_sentence.min": 0})
    assert judge(Rules(pack="c4"), *texts) == ["no_text_left"] * 2
    assert judge(stage, *texts) == [None] * 2


TABLE = """\
about: A pack for tests.
by: language
table: {fr: {word_count.min: 3}, de: {word_count.min: 0, word_count.max: 1}}
other: OTHER
rules: [{signal: word_count, min: 2}]
examples: [{text: a b c, language: fr}]
"""


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        ("defaults", ["word_count_below_min", None, "word_count_above_max", "word_count_below_min", None]),
        ("keep", ["word_count_below_min", None, "word_count_above_max", None, None]),
        ("reject", ["word_count_below_min", None, "word_count_above_max", *["language_not_in_table"] * 2]),
    ],
)
def test_a_column_picks_the_bounds(tmp_path: Path, other: str, wanted: list[str | None]) -> None:
    stage = pack(tmp_path, TABLE.replace("OTHER", other))
    texts: list[Any] = ["a b", "a b c", "a b c", "a", "a b"]
    languages = pa.array(["fr", "fr", "de", "en", None], pa.string())
    assert judge(stage, *texts, language=languages) == wanted
    assert set(wanted) - {None} <= set(stage.rejection_reasons())
    assert "language" in stage.columns_read()


def test_what_an_edit_took_is_measured(tmp_path: Path) -> None:
    body = "rules: [{signal: words_removed_fraction, max: 0.5}]\n"
    text = PACK.replace("CUT", "newline").replace("STRIP", "true").replace(PACK[PACK.index("rules:") :], body)
    out = run_stage(pack(tmp_path, text), docs("a b\nc\nd", "a b\nc"))
    assert reasons(out) == [None, None]
    assert out["signal.words_removed_fraction"].to_pylist() == pytest.approx([0.5, 1 / 3])
    assert np.array([out["signal.chars_before"], out["signal.chars_after"]]).tolist() == [[7, 5], [3, 3]]
