"""Quotations with small changes, against a plain longest common subsequence."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.errors import RecipeError
from corpusforge.stages.dedup.alignment import MOST_WORDS, align, needed_score, read_passages
from corpusforge.stages.dedup.decontaminate import Decontaminate
from corpusforge.testing import docs, judge, run_stage
from corpusforge.text import segment


def write(path: Path, *items: str) -> str:
    path.write_text("".join(json.dumps({"q": item}) + "\n" for item in items))
    return str(path)


def heaviest(passage: list[int], weights: list[float], text: list[int]) -> float:
    best = [[0.0] * (len(text) + 1) for _ in range(len(passage) + 1)]
    for i, word in enumerate(passage):
        for j, other in enumerate(text):
            same = best[i][j] + weights[i] if word == other else 0.0
            best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], same)
    return best[-1][-1]


EDITS = st.lists(st.tuples(st.sampled_from(["swap", "drop", "add", "keep"]), st.integers(0, 30)), max_size=6)


@given(EDITS, st.integers(0, 5))
def test_the_score_is_the_weight_of_the_longest_common_subsequence(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, int]], before: int
) -> None:
    folder = tmp_path_factory.mktemp("evals")
    said = [f"word{i % 17}" for i in range(30)]
    passages = read_passages(
        [write(folder / "e.jsonl", " ".join(said), "some other item of enough words")], (), 3, 3, 9
    )
    changed = list(said)
    for kind, at in edits:
        at = min(at, len(changed) - 1)
        changed[at : at + 1] = {"swap": ["x"], "drop": [], "add": [changed[at], "y"], "keep": [changed[at]]}[kind]
    text = segment([" ".join(["z"] * before + changed + ["z"] * 9)]).words
    found = align(passages, text)
    mine = found.passages == 0
    assert mine.any()
    weights = passages.weights[: passages.offsets[1]].tolist()
    whole = heaviest(passages.words[: passages.offsets[1]].tolist(), weights, text.hashes.tolist()) / sum(weights)
    # A window around the seeds sees what the whole text holds, but for seeds far off the rest of the quotation.
    assert found.scores[mine].max() <= whole + 1e-9
    if len(edits) <= 2:
        assert found.scores[mine].max() == pytest.approx(whole)
    best = int(np.flatnonzero(mine)[found.scores[mine].argmax()])
    begin, end = int(found.begins[best]), int(found.ends[best])
    assert heaviest(passages.words[: passages.offsets[1]].tolist(), weights, text.hashes[begin:end].tolist()) / sum(
        weights
    ) == pytest.approx(found.scores[best])


QUESTION = (
    "A baker sells forty loaves in the morning and twice as many in the afternoon, then gives nine to a school; "
    "how many loaves did the baker have at noon if thirty were left when the shop closed in the evening?"
)


@pytest.mark.parametrize(
    "quoted",
    [
        QUESTION,
        QUESTION.replace("baker", "farmer").replace("school", "church"),
        QUESTION.replace("in the morning ", "").replace("nine", "NINE (9)"),
        QUESTION.replace("; how many", ".\n\nNow tell me, my friend: how many"),
    ],
)
def test_small_edits_do_not_hide_a_question(tmp_path: Path, quoted: str) -> None:
    stage = Decontaminate(against=write(tmp_path / "e.jsonl", QUESTION), match="alignment")
    assert judge(stage, f"Puzzles. {quoted} Send us a card.", quoted[: len(quoted) // 2]) == ["contaminated", None]


def test_a_frame_that_many_questions_share_is_no_quotation(tmp_path: Path) -> None:
    frame = "Which of the following statements about the {} of the {} is true?"
    draw = random.Random(0)
    words = [f"{a}{b}" for a in "bcdfg" for b in ("alon", "erim", "isto", "ugat", "yvel")]
    items = [frame.format(draw.choice(words), draw.choice(words)) for _ in range(200)]
    stage = Decontaminate(against=write(tmp_path / "e.jsonl", *items), match="alignment", max_items=1000)
    assert judge(stage, frame.format("lighthouse", "harbour"), items[7]) == [None, "contaminated"]


@pytest.mark.parametrize("gap", [3, 6, 9, 14])
def test_a_list_that_repeats_a_phrase_of_a_question_is_no_quotation(tmp_path: Path, gap: int) -> None:
    draw = random.Random(0)
    words = [f"{a}{b}{c}" for a in "bcdfgklm" for b in "aeiou" for c in ("lam", "rin", "tus", "ve")]
    phrase = "in the old town of barrow"
    said = [" ".join(draw.choices(words, k=60)) for _ in range(30)]
    path = write(tmp_path / "e.jsonl", f"{said[0]} {phrase} {said[1]}", *said[2:])
    listed = " ".join(f"{phrase} {' '.join(draw.choices(words, k=gap))}" for _ in range(2000))
    assert judge(Decontaminate(against=path, match="alignment"), listed) == [None]


def test_a_passage_that_repeats_itself_is_found_and_each_of_its_seeds_kept_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", "the bee sat down here " * 20 + QUESTION)
    seeds = read_passages([path], (), 5, 8, 20).seeds
    assert np.unique(seeds, return_counts=True)[1].max() == 2
    stage = Decontaminate(against=path, match="alignment")
    assert judge(stage, "The bee sat down here. " * 20 + QUESTION, "The bee sat down here. " * 4) == [
        "contaminated",
        None,
    ]


def test_cutting_leaves_the_text_around_the_quotation(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", QUESTION)
    text = f"First the news.\n\n{QUESTION.replace('baker', 'farmer')}\n\nThen the weather."
    cut = Decontaminate(against=path, match="alignment", action="cut")
    batch = run_stage(cut, docs(text, "Nothing here.", None, QUESTION))
    assert batch["text"].to_pylist()[:3] == ["First the news.\n\nThen the weather.", "Nothing here.", None]
    assert batch["contamination"].to_pylist() == ["e.jsonl#0", None, None, "e.jsonl#0"]
    assert batch["rejected"].to_pylist() == [None, None, None, "no_text_left"]


def test_a_long_passage_is_found_by_any_of_its_pieces(tmp_path: Path) -> None:
    long = [f"w{i}" for i in range(3 * MOST_WORDS)]
    stage = Decontaminate(against=write(tmp_path / "e.jsonl", " ".join(long)), match="alignment")
    assert judge(stage, " ".join(long[MOST_WORDS : 2 * MOST_WORDS]), " ".join(long[:100])) == ["contaminated", None]


def test_short_passages_need_a_higher_score() -> None:
    assert needed_score(np.array([8, 20, 35, 50, 900]), 0.7) == pytest.approx([0.85, 0.85, 0.775, 0.7, 0.7])


def test_csv_and_tsv_items_are_rows_of_strings(tmp_path: Path) -> None:
    for name, delimiter in (("a.csv", ","), ("b.tsv", "\t")):
        with open(tmp_path / name, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerows(
                [["id", "question"], ["007", QUESTION], ["8", 'Another\n"one" of, as it were, eight words']]
            )
        stage = Decontaminate(against=str(tmp_path / name), fields="question", min_words=7)
        found = run_stage(stage, docs(QUESTION, "another one of as it were eight words", "8"))
        assert found["contamination"].to_pylist() == [f"{name}#0", f"{name}#1", None]


def test_items_without_a_passage_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no item of 1 files has 8 words"):
        Decontaminate(against=write(tmp_path / "e.jsonl", "too short"), match="alignment").open()


def test_real_items_with_one_word_in_twenty_changed_are_found(shared: Callable[[str], Path]) -> None:
    stage = Decontaminate(against=str(shared("eval") / "gsm8k_test.parquet"), match="alignment")
    questions = pq.read_table(shared("eval/gsm8k_test.parquet"))["text"].to_pylist()[:200]
    pages = pq.read_table(shared("bulk/bulk-dev-00001-of-00002.parquet"))["text"].to_pylist()[:200]
    draw = random.Random(1)
    edited = [" ".join(w if draw.random() > 0.05 else "changed" for w in q.split()) for q in questions]
    found = run_stage(stage, docs(*pages, *[f"{p[:300]} {q} {p[300:600]}" for p, q in zip(pages, edited, strict=True)]))
    details = found["contamination"].to_pylist()
    assert details[:200] == [None] * 200
    assert sum(d is not None for d in details[200:]) >= 190
