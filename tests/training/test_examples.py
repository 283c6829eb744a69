"""Examples are drawn by their text alone, and nothing of a held-out text is trained on."""

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.training.examples import Draw, Drawn, fasttext_words, passages

TEXTS = [f"text number {i} of many words {i * i}" for i in range(400)]


def drawn(good: list[str], bad: list[str], most: int = 1000, passage_bytes: int = 0, **options: object) -> Drawn:
    """Draw from two labels, a few texts at a time."""
    draw = Draw(most, passage_bytes)
    for label, texts in (("good", good), ("bad", bad)):
        for i in range(0, len(texts), 7):
            draw.add(label, pa.array(texts[i : i + 7], pa.large_string()))
    return draw.drawn(**{"held_out_fraction": 0.2, "balance": False, **options})  # type: ignore[arg-type]


def test_the_draw_does_not_depend_on_the_order_of_texts() -> None:
    shuffled = random.Random(1).sample(TEXTS, len(TEXTS))
    assert drawn(TEXTS, ["other"], most=50) == drawn(shuffled, ["other"], most=50)


def test_no_more_than_asked_are_drawn_and_every_text_has_the_same_chance() -> None:
    found = drawn(TEXTS, ["other"], most=50)
    good = {e.text.decode() for e in found.train + found.held_out if e.label == "good"}
    assert len(good) == 50
    assert good != set(TEXTS[:50])
    other_seed = Draw(50, seed=1)
    other_seed.add("good", pa.array(TEXTS))
    assert {e.text.decode() for e in other_seed.drawn(0, False).train} != good


def test_copies_are_one_example() -> None:
    found = drawn(TEXTS + TEXTS, ["other"])
    assert len([e for e in found.train + found.held_out if e.label == "good"]) == len(TEXTS)
    assert found.texts["good"] == 2 * len(TEXTS)


def test_a_text_under_two_labels_is_left_out_and_counted() -> None:
    found = drawn(TEXTS[:100], TEXTS[90:200])
    assert found.contradictory == 10
    assert len(found.train) + len(found.held_out) == 190


def test_about_the_asked_share_is_held_out_and_never_in_training() -> None:
    found = drawn(TEXTS, ["other"])
    assert 50 < len(found.held_out) < 110
    assert not {e.text for e in found.train} & {e.text for e in found.held_out}


def test_all_passages_of_a_text_are_on_one_side() -> None:
    books = [" ".join(f"w{i}x{j}" for j in range(200)) for i in range(60)]
    found = drawn(books, ["other"], passage_bytes=100)
    sides = [{e.text.split(b"x")[0] for e in side if e.label == "good"} for side in (found.train, found.held_out)]
    assert all(sides)
    assert not sides[0] & sides[1]


def test_a_shared_passage_is_on_one_side_whichever_text_comes_first() -> None:
    shared = " ".join(f"shared{j}" for j in range(30))  # more than half a passage, so it stays whole in both
    books = [f"{shared} {' '.join(f'w{i}x{j}' for j in range(60))}" for i in range(20)]
    assert drawn(books, ["other"], passage_bytes=300) == drawn(books[::-1], ["other"], passage_bytes=300)


def test_balance_cuts_training_to_the_rarest_label() -> None:
    found = drawn(TEXTS, [f"bad {i}" for i in range(40)], balance=True)
    counts = [sum(e.label == label for e in found.train) for label in ("good", "bad")]
    assert counts[0] == counts[1] > 20


def test_a_label_of_which_few_were_drawn_is_spread_over_the_training_examples() -> None:
    labels = [e.label for e in drawn(TEXTS, [f"bad {i}" for i in range(20_000)], most=400).train]
    halves = labels[: len(labels) // 2], labels[len(labels) // 2 :]
    assert all(0.3 < half.count("bad") / len(half) < 0.7 for half in halves)


def test_null_and_empty_texts_are_no_examples() -> None:
    draw = Draw(10)
    draw.add("good", pa.array([None, "", " \n\t\0", "word"], pa.large_string()))
    assert [e.text for e in draw.drawn(0, False).train] == [b"word"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\r\n\0b", "a b"),
        ("a </s> b", "a"),
        ("a</s> </s>b", "a</s> </s>b"),
        ("__label__good a __label__bad", "a"),
        ("x__label__good", "x__label__good"),
        ("a\u2028b\u00a0c", "a\u2028b\u00a0c"),
    ],
)
def test_words_are_those_of_fasttext(text: str, words: str) -> None:
    assert fasttext_words(text.encode()).decode() == words


@given(st.text(max_size=200), st.integers(8, 60))
def test_passages_lose_no_word_and_cut_no_character(text: str, most_bytes: int) -> None:
    words = fasttext_words(text.encode("utf-8", "replace"))
    cut = list(passages(words, most_bytes))
    assert b"".join(cut).replace(b" ", b"") == words.replace(b" ", b"")
    assert all(0 < len(p) <= most_bytes for p in cut if words)
    assert all(p.decode() for p in cut if words)
    if all(len(word) <= most_bytes // 2 for word in words.split()):
        assert b" ".join(cut) == words
