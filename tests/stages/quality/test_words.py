"""Word lists: edges, substrings, disguises, languages, chance."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusforge.stages.quality.words import Words, _counter
from corpusforge.testing import docs, judge, run_stage

ENTRIES = ["ass", "ass hat", "hat", "été", "s&m", "馬鹿"]
FRAGMENTS = st.sampled_from([*ENTRIES, "ASS", "Été", " ", "_", "-", "1", "a", "é", "́", "馬", ".", "\n", "İ"])


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
@example("ass hat")
@example("ass_hat ass")
@example("ÉTÉ")
def test_whole_words_are_those_a_regular_expression_finds(text: str) -> None:
    # As C4BadWords: flanked by what is no word character. Longest first, so that alternatives behave as ours do.
    listed = sorted(ENTRIES, key=len, reverse=True)
    found = re.findall(rf"(?<!\w)(?:{'|'.join(map(re.escape, listed))})(?!\w)", text.lower())
    assert _counter(ENTRIES, edges=True, leet=False)(text) == (len(found), found[0] if found else None)


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
@example("ass hat")
def test_substrings_are_those_a_regular_expression_finds(text: str) -> None:
    found = re.findall("|".join(map(re.escape, sorted(ENTRIES, key=len, reverse=True))), text.lower())
    assert _counter(ENTRIES, edges=False, leet=False)(text) == (len(found), found[0] if found else None)


@pytest.mark.parametrize("text", ["$h1tty", "5h1t happens", "$h!t", "a$$hol3", "sh!7!"])
def test_disguised_words_are_found_with_leet_alone(text: str) -> None:
    assert judge(Words(leet=True), text) == ["listed_words_above_max"]
    assert judge(Words(), text) == [None]


@pytest.mark.parametrize("text", ["455 items", "Call 5417 now", "as 5 is", "5+1", "C++ and 3!", "Version 4.55"])
def test_numbers_and_marks_are_no_disguise(text: str) -> None:
    assert judge(Words(leet=True), text) == [None]


def test_a_list_serves_its_language_and_an_unmarked_one_serves_all(tmp_path: Path) -> None:
    (tmp_path / "words.de.txt").write_text("mist\n", encoding="utf-8")
    (tmp_path / "all.txt").write_text("spam\n", encoding="utf-8")
    stage = Words(lists=(str(tmp_path / "words.de.txt"), str(tmp_path / "all.txt")))
    texts = ["Mist", "Mist", "spam", "spam"]
    assert judge(stage, *texts, language=["de", "en", "de", "fr"]) == [
        "listed_words_above_max",
        None,
        "listed_words_above_max",
        "listed_words_above_max",
    ]


def test_the_share_that_is_spared_is_drawn_from_the_doc_id(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("spam\n", encoding="utf-8")
    stage = Words(lists=(str(tmp_path / "words.txt"),), keep_fraction=0.25, seed=3)
    batch = docs(*["spam"] * 2000)
    spared = run_stage(stage, batch)["rejected"].is_null()
    assert 400 < spared.to_numpy(zero_copy_only=False).sum() < 600
    backwards = batch.take(pa.array(range(1999, -1, -1)))
    assert run_stage(stage, backwards)["rejected"].is_null().to_pylist() == spared.to_pylist()[::-1]


def test_the_shipped_lists_serve_their_languages() -> None:
    stage = Words(lists=("ldnoobw",))
    assert judge(stage, "What an asshole.", "Asshole", language=["en", "de"]) == ["listed_words_above_max", None]


def test_a_missing_and_an_empty_list_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no word list 'nowhere\.txt'"):
        Words(lists=("nowhere.txt",))
    (tmp_path / "empty.txt").write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(Exception, match="has no entry"):
        Words(lists=(str(tmp_path / "empty.txt"),)).open()
