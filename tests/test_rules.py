"""Rule packs: what is read from YAML, and what is refused with its place."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpusforge import rules
from corpusforge.errors import RecipeError

HEAD = "about: A pack for tests.\nrules:\n"


def pack(tmp_path: Path, body: str, head: str = HEAD) -> rules.Pack:
    path = tmp_path / "mine.yaml"
    path.write_text(head + body, encoding="utf-8")
    return rules.load(str(path))


def test_bounds_are_inclusive_and_the_first_rule_in_the_pack_decides(tmp_path: Path) -> None:
    mine = pack(tmp_path, "  - {signal: word_count, min: 2, max: 4}\n  - {signal: mean_word_length, max: 3.5}\n")
    counts, lengths = np.array([1.0, 2, 4, 5, 5, 3]), np.array([9.0, 3.5, 3.5, 3.5, 9, 9])
    verdict = mine.judge({"word_count": counts, "mean_word_length": lengths})
    first = [mine.reasons()[i] if hit else None for i, hit in zip(verdict.first, verdict.rejected, strict=True)]
    low, high, long = mine.reasons()
    assert (low, high, long) == ("word_count_below_min", "word_count_above_max", "mean_word_length_above_max")
    assert first == [low, None, None, high, high, long]
    assert mine.labels(verdict).to_pylist() == [
        [f"mine:{low}", f"mine:{long}"],
        [],
        [],
        [f"mine:{high}"],
        [f"mine:{high}", f"mine:{long}"],
        [f"mine:{long}"],
    ]
    assert verdict.values[4].tolist() == [5, 5, 9]


def test_no_documents_give_no_verdicts(tmp_path: Path) -> None:
    mine = pack(tmp_path, "  - {signal: word_count, min: 2}\n")
    verdict = mine.judge({"word_count": np.zeros(0)})
    assert mine.labels(verdict).to_pylist() == [] and verdict.rejected.tolist() == []


def test_a_rule_may_have_a_name_so_that_a_signal_is_bounded_twice(tmp_path: Path) -> None:
    mine = pack(tmp_path, "  - {signal: word_count, min: 2}\n  - {signal: word_count, max: 9, name: words}\n")
    assert mine.reasons() == ("word_count_below_min", "words_above_max")
    assert mine.signals() == ("word_count",)


def test_numbers_are_read_by_the_rules_of_yaml_1_2(tmp_path: Path) -> None:
    mine = pack(tmp_path, "  - {signal: word_count, min: 010, max: 1e3}\n")
    assert (mine.rules[0].min, mine.rules[0].max) == (10.0, 1000.0)


def test_bounds_can_be_changed_by_name() -> None:
    quality = rules.load("gopher_quality")
    changed = quality.changed({"word_count.min": 80, "stop_word_count.max": 7})
    assert (changed.rules[0].min, changed.rules[0].max) == (80, quality.rules[0].max)
    assert changed.reasons() == (*quality.reasons(), "stop_word_count_above_max")
    assert changed.changed({}) == changed and quality.rules[0].min == 50


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"word_cont.min": 1}, "has no bound 'word_cont.min'. Did you mean 'word_count.min'?"),
        ({"word_count": 1}, "has no bound 'word_count'."),
        ({"word_count.min": 200_000}, "min 200000 is above max 100000"),
    ],
)
def test_a_change_that_fits_no_rule_is_refused(bounds: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message.replace(".", r"\.").replace("?", r"\?")):
        rules.load("gopher_quality").changed(bounds)


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        ("  - {signal: word_cout, min: 1}\n", "3:14", "there is no signal 'word_cout'. Did you mean 'word_count'?"),
        ("  - {signal: word_count, mim: 1}\n", "3:26", "unknown key 'mim'. Did you mean 'min'?"),
        ("  - {signal: word_count}\n", "3:5", "needs `min`, `max` or both"),
        ("  - {min: 1}\n", "3:5", "`signal` is missing"),
        ("  - word_count\n", "3:5", "expected keys signal"),
        ("  - {signal: word_count, min: many}\n", "3:31", "`min` must be a number, not 'many'"),
        ("  - {signal: word_count, min: true}\n", "3:31", "`min` must be a number, not True"),
        ("  - {signal: word_count, max: .nan}\n", "3:31", "`max` must be a number"),
        ("  - {signal: word_count, min: 5, max: 4}\n", "3:31", "min 5 is above max 4"),
        ("  - {signal: word_count, min: 5, min: 6}\n", "3:34", "duplicate key"),
        ("  - {signal: word_count, min: 5}\n  - {signal: word_count, max: 6}\n", "4:5", "two rules are called"),
        ("  - {signal: word_count, min: 5\n", "4:1", "not valid YAML"),
        ("  []\n", "3:3", "at least one rule"),
        (
            "  - {signal: word_count, min: 5}\nexamples:\n  - {reject: word_count_abov_min, text: a}\n",
            "5:14",
            "Did you mean",
        ),
        (
            "  - {signal: word_count, min: 5}\nexamples:\n  - {reject: word_count_below_min}\n",
            "5:5",
            "`text` is missing",
        ),
        ("  - {signal: word_count, min: 5}\nexamples:\n  - {text: 5}\n", "5:12", "`text` must be text, not 5"),
        ("  - {signal: word_count, min: 5}\nsauce: x\n", "4:1", "unknown key 'sauce'. Did you mean 'source'?"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, body: str, place: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        pack(tmp_path, body)
    assert error.value.where == f"{tmp_path / 'mine.yaml'}:{place}"
    assert message in error.value.message


@pytest.mark.parametrize(("text", "place"), [("", "1:1"), ("- a\n", "1:1"), ("rules: 5\nabout: x\n", "1:8")])
def test_a_file_that_is_no_pack_is_refused(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(RecipeError) as error:
        pack(tmp_path, text, head="")
    assert error.value.where.endswith(place)


def test_an_unknown_pack_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'gopher_quality'"):
        rules.load("gopher_qualty")


def test_loading_a_pack_and_asking_a_stage_for_its_columns_imports_no_compiler() -> None:
    code = (
        "import sys; from corpusforge.stages.quality.rules import Rules; s = Rules(pack='gopher_repetition')\n"
        "s.columns_written(); s.rejection_reasons(); s.files()\n"
        "print([m for m in ('numba', 'spacy', 'ray', 'corpusforge.text') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


EDITS = "about: A pack for tests.\nlines:\n  steps:\n"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (EDITS + "    - {signal: word_cout, min: 1}\n", "4:16", "Did you mean 'word_count'?"),
        (EDITS + "    - {signal: word_count}\n", "4:7", "needs `min`, `max` or both"),
        (
            EDITS + "    - {signal: word_count, min: 1, than: drop}\n",
            "4:36",
            "unknown key 'than'. Did you mean 'then'?",
        ),
        (EDITS + "    - {signal: word_count, min: 1, then: rejct}\n", "4:42", "Did you mean 'reject'?"),
        (EDITS + "    - {signal: word_count, min: 1, then: reject}\n", "4:7", "needs a `name`"),
        (EDITS + "    - {pattern: a, with: b, then: reject}\n", "4:35", "must be one of keep, drop"),
        (EDITS + "    - {pattern: a}\n", "4:7", "`with` is missing"),
        (EDITS + "    - {pattern: '(?=a)', with: b}\n", "4:17", "RE2"),
        (EDITS + "    - {pattern: 'a', with: '\\1'}\n", "4:28", "RE2"),
        (
            EDITS + "    - {signal: word_count, min: 1, when: {signal: word_count}}\n",
            "4:42",
            "needs `min`, `max` or both",
        ),
        (EDITS + "    - {signal: words_removed_fraction, max: 1}\n", "4:16", "stands in `rules`"),
        (EDITS + "    []\n", "4:5", "at least one step"),
        (
            EDITS.replace("steps", "cut: newlines\n  steps") + "    - {signal: word_count, min: 1}\n",
            "3:8",
            "'newline'?",
        ),
        (EDITS.replace("steps", "strip: 1\n  steps") + "    - {signal: word_count, min: 1}\n", "3:10", "true or false"),
        (HEAD + "  - {signal: words_removed_fraction, max: 1}\n", "3:14", "below `edits` or `lines`"),
        (HEAD + "  - {signal: word_count, min: 1}\ntable: {fr: {word_count.min: 2}}\n", "4:8", "needs `by`"),
        (HEAD + "  - {signal: word_count, min: 1}\nby: language\n", "4:5", "needs a `table`"),
        (HEAD + "  - {signal: word_count, min: 1}\nby: language\ntable: {fr: {word_cont.min: 2}}\n", "5:14", "Did you"),
        (
            HEAD + "  - {signal: word_count, min: 1}\nby: language\ntable: {fr: {word_count.max: 0}}\n",
            "5:13",
            "nothing",
        ),
        (HEAD + "  - {signal: word_count, min: 1}\nby: language\ntable: {fr: {}}\nother: kep\n", "6:8", "'keep'?"),
        (HEAD + "  - {signal: word_count, min: 1}\nexamples:\n  - {text: a, edited: b}\n", "5:23", "neither `edits`"),
        ("about: Nothing.\n", "1:1", "at least one rule, edit or step of lines"),
    ],
)
def test_a_mistake_in_edits_lines_or_table_is_named_with_its_place(
    tmp_path: Path, text: str, place: str, message: str
) -> None:
    with pytest.raises(RecipeError) as error:
        pack(tmp_path, text, head="")
    assert error.value.where == f"{tmp_path / 'mine.yaml'}:{place}"
    assert message in error.value.message


def test_a_bound_that_only_a_table_sets_gives_a_reason(tmp_path: Path) -> None:
    table = "by: language\ntable: {fr: {word_count.max: 2}}\nother: keep\n"
    mine = pack(tmp_path, "  - {signal: word_count}\n" + table)
    assert mine.reasons() == ("word_count_above_max",)
    verdict = mine.judge({"word_count": np.array([3.0, 3.0])}, pa.array(["fr", "en"]))
    assert verdict.rejected.tolist() == [True, False]
