"""Repeated passages, against a search of all runs of words."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.stages.dedup.substrings import Substrings
from corpusforge.stages.dedup.winnow import fingerprints, spans
from corpusforge.testing import docs, reasons, run_corpus_stage
from corpusforge.text import segment

WORDS = st.lists(st.sampled_from("abc"), max_size=14)


def words_left(texts: list[list[str]], ids: list[str], length: int) -> list[list[str]]:
    rank = sorted(range(len(texts)), key=lambda i: (-len(" ".join(texts[i])), ids[i]))
    seen: set[tuple[str, ...]] = set()
    left = [list(words) for words in texts]
    for i in rank:
        gone: set[int] = set()
        for at in range(len(texts[i]) - length + 1):
            run = tuple(texts[i][at : at + length])
            gone |= set(range(at, at + length)) if run in seen else set()
            seen.add(run)
        left[i] = [word for at, word in enumerate(texts[i]) if at not in gone]
    return left


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=5), st.integers(2, 7), st.integers(1, 3), st.integers(1, 4))
def test_exactly_the_repeated_runs_go(texts: list[list[str]], length: int, partitions: int, batch_rows: int) -> None:
    batch = docs(*(" ".join(words) for words in texts))
    found = run_corpus_stage(Substrings(min_words=length), [batch.slice(0, 2), batch.slice(2)], partitions, batch_rows)
    left = [text.split() for part in found for text in part["text"].to_pylist()]
    expected = words_left(texts, batch["doc_id"].to_pylist(), length)
    assert left == expected
    gone = [i for i, words in enumerate(texts) if words and not expected[i]]
    assert [i for i, r in enumerate(r for part in found for r in reasons(part)) if r == "no_text_left"] == gone


@given(st.lists(st.sampled_from("abcd"), min_size=20, max_size=60), st.integers(2, 20))
def test_texts_that_share_a_run_share_a_fingerprint(shared: list[str], length: int) -> None:
    texts = segment(["x y " + " ".join(shared[:length]) + " z", "q " + " ".join(shared[:length])]).words
    places, hashes, _ = fingerprints(texts.offsets, texts.hashes, length)
    first = places < texts.offsets[1]
    common = set(hashes[first].tolist()) & set(hashes[~first].tolist())
    assert common
    chosen = np.sort(places[np.isin(hashes, list(common))])
    at, digests = spans(texts.offsets, texts.hashes, length, chosen)
    assert set(map(tuple, digests[at < texts.offsets[1]].tolist())) & set(
        map(tuple, digests[at >= texts.offsets[1]].tolist())
    )


def test_few_words_are_fingerprints() -> None:
    words = segment([" ".join(map(str, np.random.default_rng(0).integers(0, 50_000, 20_000)))]).words
    places, _, k = fingerprints(words.offsets, words.hashes, 50)
    assert k == 25
    assert 0.065 < len(places) / len(words) < 0.085  # 2 / (26 + 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Start. {} End.", "Start. End."),
        ("Start.\n\n{}\nEnd.", "Start.\n\nEnd."),
        ("Start, {}!\n\nEnd.", "Start!\n\nEnd."),
        ("{}. End.", "End."),
        ("Start: {}.", "Start:"),
        ("   {}   ", ""),
        ("«Début» {} — fin…", "«Début» fin…"),
    ],
)
def test_a_hole_leaves_one_gap(text: str, expected: str) -> None:
    passage = "five boats went out again"
    keeper = f"The longest of all texts, in which {passage} and did not come back for a long, long while."
    found = run_corpus_stage(Substrings(min_words=5), [docs(keeper, text.format(passage))])[0]
    assert found["text"].to_pylist() == [keeper, expected]


def test_letters_of_scripts_without_spaces_are_cut_whole() -> None:
    passage = "今日は天気がとても良いです"
    found = run_corpus_stage(
        Substrings(min_words=10), [docs(f"長い長い文章の中に{passage}と書いた", f"序{passage}末")]
    )[0]
    assert found["text"].to_pylist()[1] == "序末"
    assert re.fullmatch(".*今日は.*", found["text"][0].as_py())


def test_a_text_that_lost_too_much_is_rejected_with_the_share() -> None:
    passage = " ".join(f"word{i}" for i in range(30))
    batch = docs(f"{passage} and a good deal more than that", f"one two {passage}", None, "")
    found = run_corpus_stage(Substrings(min_words=20, max_removed_fraction=0.5), [batch])[0]
    assert reasons(found) == [None, "removed_fraction_above_max", None, None]
    assert found["rejected_value"].to_pylist()[1] == pytest.approx(30 / 32)
    assert found["text"].to_pylist()[2:] == [None, ""]
