"""Lines, sentences and repeats inside a document, against a plain reference."""

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusforge.stages.dedup.inside import Inside
from corpusforge.stages.dedup.lines import Lines
from corpusforge.stages.dedup.repeats import combine_repeats, cut, piece_digests, remove
from corpusforge.stages.dedup.sentences import Sentences
from corpusforge.testing import docs, reasons, run_corpus_stage, run_stage
from corpusforge.text import segment

LINES = st.sampled_from(
    ["Menu", "menu!", "A-B 12", "a b 34", "", "  ", "ab", "Über uns", "über, uns", "...", "\u00a0x"]
)
TEXTS = st.lists(st.one_of(st.none(), st.lists(LINES, max_size=6).map("\n".join)), max_size=6)


def form(line: str) -> str:
    """A line's normal form: what dedup.lines compares."""
    return " ".join(re.findall(r"\w+", re.sub("[0-9]", "0", line.lower())))


def best_first(batch: pa.RecordBatch) -> list[int]:
    texts, ids = batch["text"].to_pylist(), batch["doc_id"].to_pylist()
    return sorted(range(batch.num_rows), key=lambda i: (-len(texts[i]) if texts[i] is not None else 1, ids[i]))


def tidy(lines: list[str]) -> str:
    return "\n".join(lines).rstrip().lstrip("\n")


def without_repeats(batch: pa.RecordBatch, min_chars: int, min_count: int, first: bool) -> list[str | None]:
    texts = batch["text"].to_pylist()
    counts = Counter(form(line) for text in texts if text is not None for line in text.split("\n"))
    seen: set[str] = set()
    left: list[str | None] = [None] * len(texts)
    for i in best_first(batch):
        if texts[i] is None:
            continue
        stay = []
        for line in texts[i].split("\n"):
            known = form(line)
            often = len(known) >= min_chars and counts[known] >= min_count
            if not often or (first and known not in seen):
                stay.append(line)
            seen.add(known)
        left[i] = texts[i] if len(stay) == texts[i].count("\n") + 1 else tidy(stay)
    return left


@settings(max_examples=150)
@given(TEXTS, st.integers(1, 4), st.integers(2, 3), st.booleans(), st.integers(1, 3), st.integers(1, 5))
@example(["Menu\nMenu", "Menu"], 1, 3, True, 1, 1)
def test_lines_go_as_a_plain_count_says(
    texts: list[str | None], min_chars: int, min_count: int, first: bool, partitions: int, batch_rows: int
) -> None:
    batch = docs(*texts)
    stage = Lines(min_chars=min_chars, min_count=min_count, copies="first" if first else "none")
    found = run_corpus_stage(stage, [batch.slice(0, 2), batch.slice(2)], partitions, batch_rows)
    left = [text for part in found for text in part["text"].to_pylist()]
    assert left == without_repeats(batch, min_chars, min_count, first)


def test_a_line_that_fills_more_than_a_batch_keeps_one_copy() -> None:
    rows = 1000
    batch = pa.record_batch(
        {
            "hash": pa.array(np.full(rows, 7, np.uint64)),
            "rest": pa.array(np.full(rows, 9, np.uint64)),
            "piece": pa.array(np.zeros(rows, np.uint32)),
            "split": pa.array(np.ones(rows, np.uint64)),
            "row": pa.array(np.arange(rows, dtype=np.uint32)),
        }
    )
    for need, first, gone in ((2, True, 999), (2, False, 1000), (1000, True, 999), (1001, True, 0), (500, False, 1000)):
        for size in (1, 7, 499, 500, 1000):
            pieces = [batch.slice(at, size) for at in range(0, rows, size)]
            found = list(combine_repeats(need, first)(iter(pieces)))
            assert sum(part.num_rows for part in found) == gone, (need, first, size)


SENTENCES = st.sampled_from(["One ran.", "Two sat!", "Three?", "ONE, ran.", "Four 4.", "Four 5."])


@settings(max_examples=150)
@given(st.lists(st.lists(SENTENCES, max_size=7).map(" ".join), max_size=5), st.integers(1, 3), st.integers(1, 3))
def test_runs_of_sentences_go_with_all_their_sentences(texts: list[str], span: int, partitions: int) -> None:
    batch = docs(*texts)
    seen: set[tuple[str, ...]] = set()
    left = list(texts)
    for i in best_first(batch):
        said = texts[i].replace(". ", ".|").replace("! ", "!|").replace("? ", "?|").split("|") if texts[i] else []
        gone: set[int] = set()
        for at in range(len(said) - span + 1):
            run = tuple(form(s) for s in said[at : at + span])
            gone |= set(range(at, at + span)) if run in seen else set()
            seen.add(run)
        left[i] = " ".join(s for at, s in enumerate(said) if at not in gone)
    stage = Sentences(span=span, min_words=0, min_sentences=0)
    found = run_corpus_stage(stage, [batch], partitions, 2)[0]
    assert found["text"].to_pylist() == left
    assert [r is None for r in reasons(found)] == [bool(a) or not b for a, b in zip(left, texts, strict=True)]


@given(st.lists(LINES, max_size=8), st.integers(1, 4))
def test_inside_a_document_the_first_of_equal_lines_stays(lines: list[str], min_chars: int) -> None:
    seen: set[str] = set()
    stay = []
    for line in lines or [""]:
        if len(form(line)) < min_chars or form(line) not in seen:
            stay.append(line)
        seen.add(form(line))
    text = "\n".join(lines)
    expected = text if len(stay) == len(lines or [""]) else tidy(stay)
    found = run_stage(Inside(min_chars=min_chars), docs(text, text, None))
    assert found["text"].to_pylist() == [expected, expected, None]


@given(st.lists(st.text(alphabet="aA1-é. \n", max_size=12), min_size=1, max_size=8))
def test_digests_are_equal_where_the_normal_forms_are(texts: list[str]) -> None:
    pieces = cut(segment(texts), "line")
    digests, lengths = piece_digests(pieces, "words")
    forms = [form(line) for text in texts for line in text.split("\n")]
    assert lengths.tolist() == [len(f) for f in forms]
    for i, mine in enumerate(forms):
        for j, other in enumerate(forms):
            assert (mine == other) == bool((digests[i] == digests[j]).all())


@pytest.mark.parametrize("unit", ["line", "paragraph", "sentence"])
def test_without_anything_to_remove_every_byte_stays(unit: str) -> None:
    column = pa.array(["  a. b\n\n\n c \n", "", None, "\n", "x"], pa.large_string())
    pieces = cut(segment(column), unit)  # type: ignore[arg-type]
    assert remove(column, pieces, np.zeros(len(pieces), bool)).to_pylist() == column.to_pylist()


def test_ccnets_variant_leaves_no_copy_and_rejects_what_is_left_empty() -> None:
    batch = docs("Read our cookie policy.", "News.\n\nRead our cookie policy!", "Other news of the day.")
    found = run_corpus_stage(Lines(unit="paragraph", copies="none", min_chars=1), [batch])[0]
    assert found["text"].to_pylist() == ["", "News.", "Other news of the day."]
    assert reasons(found) == ["no_text_left", None, None]
