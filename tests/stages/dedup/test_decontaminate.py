"""dedup.decontaminate finds the n-grams of evaluation items, and nothing else."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from corpusforge.errors import RecipeError
from corpusforge.stages.dedup.decontaminate import Decontaminate
from corpusforge.testing import check_stage, docs, judge, run_stage


def write(path: Path, items: Sequence[Sequence[str]]) -> str:
    path.write_text("".join(json.dumps({str(i): field for i, field in enumerate(item)}) + "\n" for item in items))
    return str(path)


def grams(words: list[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def item_grams(item: Sequence[str], stage: Decontaminate) -> set[tuple[str, ...]]:
    mine: set[tuple[str, ...]] = set()
    for text in (" ".join(item), *item):
        words = text.split()
        mine |= grams(words, stage.ngram)
        if stage.min_words <= len(words) < stage.ngram:
            mine.add(tuple(words))
    least = min(stage.min_distinct_words, stage.ngram, stage.min_words)
    return {gram for gram in mine if len({w for w in gram if w[0].isalpha() and (len(w) > 1 or w > "z")}) >= least}


def reference(files: Sequence[Sequence[Sequence[str]]], texts: Sequence[str], stage: Decontaminate) -> list[Any]:
    """The rule in sets: (hits, FILE#ITEM) or None for each text."""
    owners: dict[tuple[str, ...], str] = {}
    common = set()
    for number, items in enumerate(files):
        seen: Counter[tuple[str, ...]] = Counter()
        for i, item in enumerate(items):
            mine = item_grams(item, stage)
            seen.update(mine)
            for gram in mine:
                owners.setdefault(gram, f"{number}.jsonl#{i}")
        common |= {gram for gram, count in seen.items() if count > stage.max_items}
    order = [f"{number}.jsonl#{i}" for number, items in enumerate(files) for i in range(len(items))]
    judged: list[Any] = []
    for text in texts:
        words = text.split()
        have = {g for n in range(1, stage.ngram + 1) for g in grams(words, n)}
        hits = Counter(owners[g] for g in have if g in owners and g not in common)
        if sum(hits.values()) >= stage.min_hits:
            judged.append((sum(hits.values()), max(hits, key=lambda item: (hits[item], -order.index(item)))))
        else:
            judged.append(None)
    return judged


WORDS = st.lists(st.sampled_from(["ab", "cd", "e", "1", "語"]), max_size=8).map(" ".join)
FILES = st.lists(st.lists(st.lists(WORDS, max_size=3), min_size=1, max_size=4), min_size=1, max_size=2)
STAGES: st.SearchStrategy[dict[str, int]] = st.builds(
    dict,
    ngram=st.integers(1, 5),
    min_words=st.integers(1, 5),
    min_hits=st.integers(1, 3),
    max_items=st.sampled_from([1, 20]),
    min_distinct_words=st.integers(0, 4),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES, st.lists(WORDS, max_size=5), STAGES)
def test_the_result_is_that_of_the_rule(
    tmp_path: Path, files: list[list[list[str]]], texts: list[str], fields: dict[str, int]
) -> None:
    paths = tuple(write(tmp_path / f"{i}.jsonl", items) for i, items in enumerate(files))
    stage = Decontaminate(against=paths, **fields)
    if not any(item_grams(item, stage) for items in files for item in items):
        with pytest.raises(RecipeError, match=r"no item of|none of"):
            stage.open()
        return
    rows = run_stage(stage, docs(*texts)).to_pylist()
    found = [(r["rejected_value"], r["rejected_detail"]) if r.get("rejected") else None for r in rows]
    assert found == reference(files, texts, stage)


def item(number: int, words: int = 20) -> str:
    return " ".join(f"word{number}x{i}" for i in range(words))


def test_case_and_punctuation_do_not_hide_a_question(tmp_path: Path) -> None:
    stage = Decontaminate(against=write(tmp_path / "e.jsonl", [[item(1, 13)]]))
    hidden = "... ".join(item(1, 13).upper().split())
    assert judge(stage, f"before {hidden}, after", item(1, 12), None, "") == ["contaminated", None, None, None]


def test_a_short_item_counts_whole_and_a_shorter_one_not_at_all(tmp_path: Path) -> None:
    stage = Decontaminate(against=write(tmp_path / "e.jsonl", [[item(1, 7)], [item(2, 8)], [item(3, 12)]]))
    texts = (item(1, 7), item(2, 8), f"a {item(2, 8)} b", item(2, 7), item(3, 11), f"{item(3, 11)} {item(3, 12)}")
    assert judge(stage, *texts) == [None, "contaminated", "contaminated", None, None, "contaminated"]


def test_counting_and_rows_of_letters_are_no_quotation(tmp_path: Path) -> None:
    count, letters = " ".join(map(str, range(1, 21))), "a b c d e f g h i j k l m n o p"
    stage = Decontaminate(against=write(tmp_path / "e.jsonl", [[f"{count} {letters} {item(1)}"]]))
    assert judge(stage, count, letters, f"{letters} {count}", item(1)) == [None, None, None, "contaminated"]


def test_boilerplate_of_many_items_is_left_out_and_a_shared_passage_is_not(tmp_path: Path) -> None:
    items = [[f"{item(0)} {item(100 + i)}"] for i in range(21)] + [[f"{item(1)} {item(200 + i)}"] for i in range(20)]
    paths = (write(tmp_path / "e.jsonl", items), write(tmp_path / "again.jsonl", items[21:]))
    stage = Decontaminate(against=paths)  # two files of 20 items are not one of 40
    assert judge(stage, item(0), item(1), item(103)) == [None, "contaminated", "contaminated"]


def test_what_an_earlier_stage_cut_is_still_said_after_a_second_one(tmp_path: Path) -> None:
    first = Decontaminate(against=write(tmp_path / "a.jsonl", [[item(1)]]), action="cut")
    second = Decontaminate(against=write(tmp_path / "b.jsonl", [[item(2)]]))
    batch = run_stage(second, run_stage(first, docs(f"Well, {item(1)}", item(2), "Neither.")))
    assert batch["contamination"].to_pylist() == ["a.jsonl#0", "b.jsonl#0", None]
    assert batch["rejected"].to_pylist() == [None, "contaminated", None]


def test_every_hit_is_counted_however_many_there_are(tmp_path: Path) -> None:
    stage = Decontaminate(against=write(tmp_path / "e.jsonl", [[item(0, 3000)], [item(1, 6000)]]))
    batch = run_stage(stage, docs(f"{item(0, 3000)} {item(1, 6000)} {item(1, 6000)}", item(0, 30)))
    assert batch["rejected_value"].to_pylist() == [2988 + 5988, 18]
    assert batch["rejected_detail"].to_pylist() == ["e.jsonl#1", "e.jsonl#0"]


def test_only_the_named_fields_count(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", [[item(1), item(2)]])
    assert judge(Decontaminate(against=path, fields="1"), item(1), item(2)) == [None, "contaminated"]
    with pytest.raises(RecipeError, match="no item of 1 files has text in question"):
        Decontaminate(against=path, fields="question").open()


def test_a_pattern_must_not_be_blank_and_must_match() -> None:
    for wrong in ((), "", ("a", " ")):
        with pytest.raises(ValidationError):
            Decontaminate(against=wrong)
    with pytest.raises(RecipeError, match=r"nothing matches 'no/evals\.jsonl'"):
        Decontaminate(against="no/evals.jsonl").files()


def test_real_questions_are_found_in_pages_that_quote_them(shared: Callable[[str], Path]) -> None:
    stage = Decontaminate(against=str(shared("eval") / "*.parquet"))
    questions = pq.read_table(shared("eval/gsm8k_test.parquet"))["text"].to_pylist()[:200]
    pages = pq.read_table(shared("bulk/bulk-dev-00001-of-00002.parquet"))["text"].to_pylist()[:200]
    batch = run_stage(
        stage, docs(*pages, *[f"{p[:300]}\n{q}\n{p[300:600]}" for p, q in zip(pages, questions, strict=True)])
    )
    details = batch["rejected_detail"].to_pylist()
    assert details[:200] == [None] * 200
    assert details[200:] == [f"gsm8k_test.parquet#{i}" for i in range(200)]


def test_decontaminate_keeps_the_promises_of_a_stage() -> None:
    check_stage(Decontaminate)
