"""Packing: every token once and in order, boundaries right, equal sequences however the rows came."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from corpusforge.errors import RecipeError
from corpusforge.stages.write import packing
from corpusforge.stages.write.packing import Pack, Packed, packed_schema, sequences

LENGTHS = st.lists(st.one_of(st.integers(0, 12), st.integers(0, 60)), max_size=40)


def documents(lengths: Sequence[int], width: int = 16) -> pa.RecordBatch:
    """Return documents whose tokens are all different."""
    ends = np.cumsum(lengths, dtype=int)
    ids = [list(range(1 + end - size, 1 + end)) for size, end in zip(lengths, ends, strict=True)]
    kind = pa.list_(pa.uint16() if width == 16 else pa.uint32())
    return pa.record_batch(
        {"doc_id": pa.array([f"{i:032x}" for i in range(len(lengths))]), "input_ids": pa.array(ids, kind)}
    )


def pack(batch: pa.RecordBatch, options: Pack, cuts: Sequence[int] = ()) -> tuple[pa.Table, Packed]:
    """Pack a batch that arrives in pieces cut at `cuts`."""
    edges = [0, *sorted(c % (batch.num_rows + 1) for c in cuts), batch.num_rows]
    counts = Packed()
    found = list(sequences((batch.slice(a, b - a) for a, b in pairwise(edges)), options, counts))
    return pa.Table.from_batches(found, schema=packed_schema(batch.schema, options)), counts


def cut_plainly(batch: pa.RecordBatch, length: int) -> list[list[tuple[str, int, list[int]]]]:
    """Return the sequences of `cut` by ordinary Python: pieces of (doc_id, start, tokens)."""
    flat = [(r["doc_id"], at, token) for r in batch.to_pylist() for at, token in enumerate(r["input_ids"])]
    made: list[list[tuple[str, int, list[int]]]] = []
    for position, (name, at, token) in enumerate(flat):
        if position % length == 0:
            made.append([])
        if made[-1] and made[-1][-1][0] == name:
            made[-1][-1][2].append(token)
        else:
            made[-1].append((name, at, [token]))
    return made


def fit_plainly(batch: pa.RecordBatch, length: int) -> list[list[tuple[str, int, list[int]]]]:
    """Return the sequences of `best_fit` by ordinary Python: a search through all open sequences for each piece."""
    pieces = [
        (r["doc_id"], at, r["input_ids"][at : at + length])
        for r in batch.to_pylist()
        for at in range(0, len(r["input_ids"]), length)
    ]
    bins: list[list[int]] = []
    rooms: list[int] = []
    filled: list[int] = []  # when a sequence got its last piece: of equal rooms, the latest is taken
    for time, number in enumerate(sorted(range(len(pieces)), key=lambda i: -len(pieces[i][2]))):
        size = len(pieces[number][2])
        open_ = [b for b in range(len(bins)) if rooms[b] >= size]
        if not open_:
            bins.append([])
            rooms.append(length)
            filled.append(time)
            open_ = [len(bins) - 1]
        best = min(open_, key=lambda b: (rooms[b], -filled[b]))
        bins[best].append(number)
        rooms[best] -= size
        filled[best] = time
    return [[pieces[i] for i in chosen] for chosen in sorted(sorted(b) for b in bins)]


def pieces_of(table: pa.Table) -> list[list[tuple[str, int, list[int]]]]:
    """Return the pieces of each sequence, found by its lengths."""
    found = []
    for row in table.to_pylist():
        ends = np.cumsum(row["lengths"]).tolist()
        cuts = [row["input_ids"][e - n : e] for n, e in zip(row["lengths"], ends, strict=True)]
        found.append(list(zip(row["doc_ids"], row["doc_starts"], cuts, strict=True)))
    return found


@given(LENGTHS, st.integers(2, 20), st.lists(st.integers(0, 100), max_size=4), st.sampled_from([16, 32]))
def test_cut_is_the_documents_end_to_end_cut_every_so_many_tokens(
    lengths: list[int], length: int, cuts: list[int], width: int
) -> None:
    batch = documents(lengths, width)
    table, counts = pack(batch, Pack(length_tokens=length), cuts)
    assert pieces_of(table) == cut_plainly(batch, length)
    assert counts.tokens == sum(lengths)
    assert all(n == length for n in table["input_ids"].combine_chunks().value_lengths().to_pylist())
    assert counts.padding_tokens == counts.sequences * length - counts.tokens < length


@given(LENGTHS, st.integers(2, 20), st.lists(st.integers(0, 100), max_size=4))
def test_best_fit_is_the_slow_search_for_the_least_room(lengths: list[int], length: int, cuts: list[int]) -> None:
    batch = documents(lengths)
    table, counts = pack(batch, Pack(length_tokens=length, method="best_fit"), cuts)
    assert pieces_of(table) == fit_plainly(batch, length)
    assert counts.cut_documents == sum(n > length for n in lengths)


@given(LENGTHS, st.integers(2, 20), st.integers(1, 60), st.sampled_from(["cut", "best_fit"]))
def test_every_token_is_there_once_and_in_order_whatever_the_buffer(
    lengths: list[int], length: int, buffer: int, method: str
) -> None:
    batch = documents(lengths)
    table, counts = pack(
        batch, Pack.model_validate({"length_tokens": length, "method": method, "buffer_tokens": buffer})
    )
    found: dict[str, list[int]] = {}
    for name, start, tokens in sorted(piece for row in pieces_of(table) for piece in row):
        assert start == len(found.setdefault(name, []))
        found[name] += tokens
    assert found == {r["doc_id"]: r["input_ids"] for r in batch.to_pylist() if r["input_ids"]}
    whole = sum(n <= length for n in lengths)
    assert counts.cut_documents <= len(lengths) if method == "cut" else counts.cut_documents == len(lengths) - whole


@given(LENGTHS, st.integers(2, 20))
def test_what_is_not_full_is_padded_kept_or_dropped_and_counted(lengths: list[int], length: int) -> None:
    batch = documents(lengths)
    padded, counts = pack(batch, Pack(length_tokens=length, pad_id=7))
    kept, kept_counts = pack(batch, Pack(length_tokens=length, short="keep"))
    dropped, dropped_counts = pack(batch, Pack(length_tokens=length, short="drop"))
    rest = sum(lengths) % length
    if rest:
        assert padded["input_ids"][-1].as_py()[rest:] == [7] * (length - rest)
        assert kept["input_ids"][-1].as_py() == padded["input_ids"][-1].as_py()[:rest]
    assert dropped.equals(kept.slice(0, sum(lengths) // length))
    assert (kept_counts.padding_tokens, kept_counts.dropped_tokens) == (0, 0)
    assert (dropped_counts.dropped_tokens, dropped_counts.tokens) == (rest, sum(lengths) - rest)
    assert counts.tokens == kept_counts.tokens == sum(lengths)


def test_cut_does_not_depend_on_how_many_documents_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = documents([3, 50, 0, 1, 7, 7, 21, 4])
    whole, counts = pack(batch, Pack(length_tokens=10))
    monkeypatch.setattr(packing, "CUT_TOKENS", 1)
    assert pack(batch, Pack(length_tokens=10)) == (whole, counts)


def test_a_part_without_tokens_has_no_sequences() -> None:
    for method in ("cut", "best_fit"):
        options = Pack.model_validate({"length_tokens": 4, "method": method})
        for batch in (documents([]), documents([0, 0])):
            table, counts = pack(batch, options)
            assert (table.num_rows, counts) == (0, Packed())


def test_null_counts_as_a_document_without_tokens() -> None:
    batch = pa.record_batch({"doc_id": ["a", "b"], "input_ids": pa.array([None, [5, 6]], pa.list_(pa.uint16()))})
    table, _ = pack(batch, Pack(length_tokens=2))
    assert table.to_pylist() == [{"input_ids": [5, 6], "lengths": [2], "doc_ids": ["b"], "doc_starts": [0]}]


def test_ids_of_documents_may_be_left_out() -> None:
    table, _ = pack(documents([3, 2]), Pack(length_tokens=4, doc_ids=False))
    assert table.column_names == ["input_ids", "lengths"]


def test_what_cannot_be_packed_is_said_before_a_run() -> None:
    with pytest.raises(RecipeError, match=r"tokenize\.encode makes it"):
        packed_schema(pa.schema([("text", pa.string())]), Pack())
    with pytest.raises(RecipeError, match="pad_id 65536 is above 65535"):
        packed_schema(documents([1]).schema, Pack(pad_id=65536))
    with pytest.raises(ValidationError, match="write pad or keep"):
        Pack(method="best_fit", short="drop")
