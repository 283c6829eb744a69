"""segment() against what Python's str and re say about the same texts."""

import re

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.testing import HARD_TEXTS
from corpusforge.text import TextBatch, segment
from corpusforge.text.spans import Spans
from corpusforge.text.words import hash_word

NASTY = "a b.\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\u00a0\u3000_Ä9İß中々あーンท่าក្រက한\u0301\u200d👩ﬁ𝒳\x00"
TEXTS = st.text(st.one_of(st.sampled_from(NASTY), st.characters(codec="utf-8")), max_size=60)
BATCHES = st.lists(st.one_of(st.none(), TEXTS), max_size=6)

ALONE = r"[\p{Han}\p{Hiragana}\p{Katakana}ー\uff70\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
WORDS = regex.compile(
    rf"[{ALONE}&&[\p{{L}}[\p{{Han}}&&\p{{N}}]]]\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}_]--[{ALONE}&&[\p{{L}}[\p{{Han}}&&\p{{N}}]]]]+",
    regex.V1,
)
CUTS = {
    "words": WORDS.findall,
    "lines": lambda text: text.split("\n"),
    "full_lines": lambda text: re.split("\n+", text),
    "unicode_lines": str.splitlines,
    "paragraphs": lambda text: re.split("\n{2,}", text.strip()),
    "chunks": str.split,
}


def pieces(spans: Spans) -> list[list[str]]:
    """The pieces of each document, as strings."""
    found = [bytes(spans.data[a:b]).decode() for a, b in zip(spans.starts, spans.ends, strict=True)]
    return [found[a:b] for a, b in zip(spans.offsets[:-1], spans.offsets[1:], strict=True)]


@pytest.mark.parametrize("name", CUTS)
@settings(max_examples=300, deadline=None)
@given(BATCHES)
def test_pieces_are_those_that_python_cuts(name: str, texts: list[str | None]) -> None:
    spans = getattr(segment(texts), name)
    assert pieces(spans) == [CUTS[name](text or "") for text in texts]
    assert spans.lengths_chars.tolist() == [len(piece) for document in pieces(spans) for piece in document]
    assert (spans.starts.dtype, spans.offsets.dtype, spans.hashes.dtype) == (np.int64, np.int64, np.uint64)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*NASTY, *("a b\n\x1c" * 9)]), max_size=200).map("".join), max_size=4))
def test_chunks_of_long_texts_are_cut_in_blocks_like_any_other(texts: list[str]) -> None:
    texts = [*texts, "the last bytes of a batch are cut one by one, and these stand behind all others"]
    assert pieces(segment(texts).chunks) == [text.split() for text in texts]


@pytest.mark.parametrize("name", CUTS)
def test_hard_texts_are_cut_like_any_other(name: str) -> None:
    spans = getattr(segment(HARD_TEXTS), name)
    assert pieces(spans) == [CUTS[name](text or "") for text in HARD_TEXTS]


@given(BATCHES)
def test_documents_have_their_code_points_and_bytes(texts: list[str | None]) -> None:
    t = segment(texts)
    assert t.documents == len(texts)
    assert t.chars.tolist() == [len(x or "") for x in texts]
    assert t.lengths_bytes.tolist() == [len((x or "").encode()) for x in texts]


@given(TEXTS)
def test_a_words_hash_is_that_of_its_lower_case(text: str) -> None:
    words = segment([text]).words
    lowered = ["".join(c.lower()[0] for c in word) for word in pieces(words)[0]]
    assert words.hashes.tolist() == [hash_word(word) for word in lowered]


def test_equal_words_have_equal_hashes_and_others_differ() -> None:
    words = segment([" ".join(f"word{i} Word{i} {i:b}x" for i in range(20_000))]).words
    hashes = words.hashes.reshape(-1, 3)
    assert (hashes[:, 0] == hashes[:, 1]).all()
    assert len(np.unique(hashes[:, [0, 2]])) == 40_000
    top = np.bincount((hashes[:, 0] >> np.uint64(56)).astype(np.int64), minlength=256)
    assert top.min() > 30 and top.max() < 130, "the top byte of 20,000 hashes is not spread: 78 expected per value"


@given(BATCHES, st.data())
def test_a_slice_of_a_column_gives_the_same_as_its_rows_alone(texts: list[str | None], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(texts)))
    length = data.draw(st.integers(0, len(texts) - start))
    sliced = segment(pa.array(texts, pa.large_string()).slice(start, length))
    alone = segment(texts[start : start + length])
    for name in CUTS:
        assert pieces(getattr(sliced, name)) == pieces(getattr(alone, name))
        assert getattr(sliced, name).hashes.tolist() == getattr(alone, name).hashes.tolist()


def test_a_null_that_stands_on_bytes_is_empty() -> None:
    offsets, data = pa.py_buffer(np.array([0, 3, 6], np.int64)), pa.py_buffer(b"abcdef")
    column = pa.Array.from_buffers(pa.large_string(), 2, [pa.py_buffer(b"\x02"), offsets, data])
    assert pieces(segment(column).words) == [[], ["def"]]


def test_bytes_that_are_no_utf8_are_read_within_their_document() -> None:
    offsets, data = pa.py_buffer(np.array([0, 3, 5, 9], np.int64)), pa.py_buffer(b"a\xf0\x9fbc\xffd\xe4\xb8")
    t = segment(pa.Array.from_buffers(pa.large_string(), 3, [None, offsets, data]))
    assert t.words.counts.tolist() == [1, 1, 1]
    assert (t.words.ends <= t.offsets[1:]).all()


def test_the_last_column_is_remembered_and_only_it() -> None:
    column = pa.array(["one", "two", "three"], pa.large_string())
    first = segment(column)
    assert segment(column) is first
    assert segment(pa.record_batch({"text": column})["text"]) is first
    assert segment(column.slice(0, 2)) is not first
    assert segment(pa.array(["one", "two", "three"], pa.large_string())) is not segment(column)


def test_string_and_chunked_columns_are_taken_too() -> None:
    assert pieces(segment(pa.array(["a b"])).words) == [["a", "b"]]
    assert pieces(segment(pa.chunked_array([["a"], ["b c"]], pa.large_string())).words) == [["a"], ["b", "c"]]
    assert segment(pa.chunked_array([], pa.large_string())).documents == 0


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=6))
def test_sum_mean_and_max_are_taken_per_document(values: list[list[int]]) -> None:
    offsets = np.cumsum([0, *map(len, values)])
    flat = np.array([v for vs in values for v in vs], np.int64)
    spans = Spans(np.zeros(0, np.uint8), offsets, flat, flat)
    assert spans.sum(flat).tolist() == [sum(v) for v in values]
    assert spans.mean(flat).tolist() == [sum(v) / len(v) if v else 0 for v in values]
    assert spans.max(flat).tolist() == [max(v, default=0) for v in values]


@given(st.lists(st.lists(st.sampled_from(["", "a", "ä", "bb"]), min_size=1, max_size=9), min_size=1, max_size=4))
def test_duplicates_are_the_pieces_seen_before(lines: list[list[str]]) -> None:
    t = TextBatch(pa.array(["\n".join(document) for document in lines], pa.large_string()))
    repeats = [[x for i, x in enumerate(document) if x in document[:i]] for document in lines]
    assert t.lines.duplicates[0].tolist() == [len(r) for r in repeats]
    assert t.lines.duplicates[1].tolist() == [sum(map(len, r)) for r in repeats]
