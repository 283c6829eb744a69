"""Ranks sort documents best first."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.errors import RecipeError
from corpusforge.stage import with_columns
from corpusforge.stages.dedup.rank import doc_id_bytes, doc_id_strings, ranks
from corpusforge.testing import docs


def batch_of(column: pa.Array, **more: pa.Array) -> pa.RecordBatch:
    rows = len(column)
    more.setdefault("source_order", pa.array(np.zeros(rows, np.uint16)))
    return with_columns(docs(*["x"] * rows), score=column, **more)


def best_first(batch: pa.RecordBatch, keep: str, priority: tuple[str, ...] = ()) -> list[int]:
    found = ranks(batch, keep, priority)
    assert found.type == pa.binary(26)
    return sorted(range(batch.num_rows), key=lambda i: found[i].as_py())


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=8))
def test_the_largest_float_is_best_and_null_and_nan_are_last(values: list[float | None]) -> None:
    batch = batch_of(pa.array(values, pa.float64()))
    ids = batch.column("doc_id").to_pylist()

    def rule(i: int) -> tuple[bool, float, str]:
        value = values[i]
        absent = value is None or value != value
        return absent, 0.0 if absent or value is None else -value, ids[i]

    assert best_first(batch, "score") == sorted(range(len(values)), key=rule)


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.int8(), pa.bool_(), pa.date32(), pa.timestamp("us")])
def test_every_ordered_type_puts_its_largest_value_first_and_null_last(kind: pa.DataType) -> None:
    day, later = datetime.date(1969, 5, 1), datetime.date(2024, 2, 29)
    samples = {
        pa.int64(): [-(2**63) + 1, -1, 0, 2**63 - 1],
        pa.uint64(): [1, 2**63, 2**64 - 1],
        pa.int8(): [-128, -1, 0, 127],
        pa.bool_(): [False, True],
        pa.date32(): [day, later],
        pa.timestamp("us"): [datetime.datetime(1969, 5, 1), datetime.datetime(2024, 2, 29, 1)],
    }[kind]
    order = best_first(batch_of(pa.array([None, *samples], kind)), "score")
    assert order == [*range(len(samples), 0, -1), 0]


def test_the_longest_text_is_best_and_a_null_text_comes_after_the_empty_one() -> None:
    batch = with_columns(docs(None, "", "aaa", "a", "ä€"), source_order=pa.array([0] * 5, pa.uint16()))
    assert best_first(batch, "longest") == [2, 4, 3, 1, 0]


def test_newest_reads_every_iso_form_and_puts_other_dates_last() -> None:
    dates = ["2023", "2024-02", "20240203", "2024-02-03T10:00:01Z", "2024-02-03 10:00", "3 Feb 2025", "", None, "20241"]
    batch = with_columns(docs(*["x"] * 9, date=dates), source_order=pa.array([0] * 9, pa.uint16()))
    assert best_first(batch, "newest")[:5] == [3, 4, 2, 1, 0]


def test_a_listed_source_comes_before_the_recipes_order_of_the_others() -> None:
    sources = ["web", "books", "code", "wiki"]
    order = pa.array([0, 1, 2, 3], pa.uint16())
    batch = with_columns(docs("long text", "b", "c", "d", source=sources), source_order=order)
    assert best_first(batch, "longest") == [0, 1, 2, 3]
    assert best_first(batch, "longest", ("wiki", "code")) == [3, 2, 0, 1]


def test_the_doc_id_breaks_ties() -> None:
    batch = batch_of(pa.array([1] * 20))
    assert best_first(batch, "score") == sorted(range(20), key=lambda i: batch["doc_id"][i].as_py())


def test_a_column_without_an_order_is_refused_by_name() -> None:
    with pytest.raises(RecipeError, match="'score' is string"):
        ranks(batch_of(pa.array(["a"])), "score")


def test_a_sliced_batch_gives_the_slice_of_the_ranks() -> None:
    batch = batch_of(pa.array([3, None, 1, 7, 5]))
    assert ranks(batch.slice(1, 3), "score").to_pylist() == ranks(batch, "score").to_pylist()[1:4]


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=5), st.integers(0, 5))
def test_doc_ids_survive_the_way_to_bytes_and_back(ids: list[bytes], start: int) -> None:
    column = pa.array([i.hex() for i in ids], pa.string()).slice(start)
    assert [bytes(i) for i in doc_id_bytes(column)] == ids[start:]
    assert doc_id_strings(doc_id_bytes(column)).equals(column)
