"""Packing: documents become sequences of a fixed number of tokens, and what is of which document is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from corpusforge.errors import RecipeError

if TYPE_CHECKING:
    from corpusforge.stages.write.fitting import Plan

BEGUN = "_begun"  # how many documents begin in a sequence; only while sequences are shuffled
CUT_TOKENS = 1 << 20  # documents are taken in groups of about this many tokens; it decides nothing


class Pack(BaseModel):
    """Pack the documents of each part, in their final order, into sequences of `length_tokens`.

    `cut` lays documents end to end and cuts every `length_tokens`: only the last sequence of a part is shorter.
    `best_fit` cuts no document that fits into a sequence: longer ones give full sequences and a rest, and whatever is
    shorter is put, longest first, where it leaves the least room, among `buffer_tokens` of documents at a time. Its
    sequences come in the order of their first documents. Measured on 12,157 documents (13 million tokens), shuffled, in
    sequences of 2,048: `cut` cuts 27 % of the documents although they would fit, `best_fit` none; 99.99 and 99.97 % of
    the room is used.

    A sequence that is not full is filled with `pad_id` (`short: pad`), written as it is (`keep`), or left out (`drop`,
    with `cut` only). Padding and what was dropped are counted in the manifest, `written`. End-of-text tokens between
    documents are those that `tokenize.encode` puts there (`eos`); packing adds none.

    Sequences stand in the order of their documents, so those of one book follow one another even in a shuffled corpus.
    `shuffle` writes all sequences of the corpus in the order of XXH3-128 over the layout's seed, the name of the part
    they were packed in and their number there. It costs one more exchange, 0.011 CPU s per MB of sequences (measured).

    Columns of a sequence: `input_ids`; `lengths` (int32), the tokens of each piece in order, so that attention can stop
    at documents and a loss at padding (what is beyond their sum); with `doc_ids`, also `doc_ids` and `doc_starts`, the
    document of each piece and the number of its tokens before the piece.

    Cost: 1.6 CPU s per 1e9 tokens by `cut`, 1.5 by `best_fit` (measured, one core).
    Source: Ding et al. 2024, "Fewer Truncations Improve Language Modeling", arXiv:2404.10830, section 3 (here within a
    buffer, and sequences are not ordered by fullness).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    length_tokens: int = Field(2048, ge=2)
    method: Literal["cut", "best_fit"] = "cut"
    short: Literal["pad", "keep", "drop"] = "pad"
    pad_id: int = Field(0, ge=0)
    doc_ids: bool = True
    shuffle: bool = False  # the sequences of all parts, by seed
    buffer_tokens: int = Field(1 << 24, ge=1)  # of best_fit; 8 to 12 bytes of memory each

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.short == "drop" and self.method == "best_fit":
            raise ValueError("short: drop would lose most documents with best_fit; write pad or keep")
        return self

    def line(self) -> str:
        """Say for people how it packs."""
        return f"{self.length_tokens:,} tokens by {self.method}" + (", sequences shuffled" if self.shuffle else "")


@dataclass
class Packed:
    """What packing counted so far."""

    sequences: int = 0
    tokens: int = 0  # of documents, in the sequences
    padding_tokens: int = 0
    dropped_tokens: int = 0
    cut_documents: int = 0  # those of which no sequence holds the whole


def packed_schema(schema: pa.Schema, options: Pack) -> pa.Schema:
    """Return the columns of the sequences made of documents with `schema`; RecipeError when they cannot be packed."""
    kind = schema.field("input_ids").type if "input_ids" in schema.names else pa.null()
    if not pa.types.is_list(kind) or not pa.types.is_integer(kind.value_type) or kind.value_type.bit_width < 16:
        raise RecipeError(f"layout: pack needs 'input_ids', a list of integers, not {kind}; tokenize.encode makes it")
    largest = np.iinfo(kind.value_type.to_pandas_dtype()).max
    if options.pad_id > largest:
        raise RecipeError(f"layout: pack: pad_id {options.pad_id} is above {largest}, the largest {kind.value_type}")
    fields = [pa.field("input_ids", pa.list_(kind.value_type)), pa.field("lengths", pa.list_(pa.int32()))]
    if options.doc_ids:
        fields += [pa.field("doc_ids", pa.list_(pa.string())), pa.field("doc_starts", pa.list_(pa.int64()))]
    return pa.schema(fields)


def sequences(rows: Iterator[pa.RecordBatch], options: Pack, counts: Packed) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of `rows` (documents in their final order, cut anywhere) and add to `counts`.

    To be shuffled, they also have the column BEGUN.

    >>> batch = pa.record_batch({
    ...     "doc_id": ["a", "b", "c"], "input_ids": pa.array([[1, 2, 3], [4, 5], [6]], pa.list_(pa.uint16()))
    ... })
    >>> for method in ("cut", "best_fit"):
    ...     found = pa.Table.from_batches(sequences(iter([batch]), Pack(length_tokens=4, method=method), Packed()))
    ...     print(found["input_ids"].to_pylist(), found["lengths"].to_pylist(), found["doc_ids"].to_pylist())
    [[1, 2, 3, 4], [5, 6, 0, 0]] [[3, 1], [1, 1]] [['a', 'b'], ['b', 'c']]
    [[1, 2, 3, 6], [4, 5, 0, 0]] [[3, 1], [2]] [['a', 'c'], ['b']]
    """
    from corpusforge.stages.write import fitting

    if options.method == "best_fit":
        for held in _groups(rows, max(options.buffer_tokens, options.length_tokens)):
            plan = fitting.best_fit(held.offsets, options.length_tokens)
            if len(plan[3]) > 1:
                yield _written(held, plan, options, counts)
        return
    left: Documents | None = None
    for held in _groups(rows, max(CUT_TOKENS, options.length_tokens)):
        held = held if left is None else _joined([left, held])
        plan = fitting.cut(held.offsets, options.length_tokens)
        full, left = _split(held, plan, options.length_tokens)
        if len(full[3]) > 1:
            yield _written(held, full, options, counts)
    if left is not None and left.offsets[-1]:
        if options.short == "drop":
            counts.dropped_tokens += int(left.offsets[-1])
        else:
            yield _written(left, fitting.cut(left.offsets, options.length_tokens), options, counts)


class Documents(NamedTuple):
    """Documents end to end: their tokens, offsets, and ids; `begins`, the tokens of each that came before."""

    tokens: np.ndarray
    offsets: np.ndarray
    begins: np.ndarray
    ids: pa.Array


def _groups(rows: Iterator[pa.RecordBatch], group_tokens: int) -> Iterator[Documents]:
    """Yield documents in groups; one ends with the first document that reaches `group_tokens`."""
    held: list[Documents] = []
    held_tokens = 0
    for batch in rows:
        offsets = np.concatenate([[0], np.cumsum(_lengths(batch))])
        start = 0
        while start < batch.num_rows:
            end = int(np.searchsorted(offsets, offsets[start] + group_tokens - held_tokens))
            end = min(max(end, start + 1), batch.num_rows)
            held.append(_documents(batch.slice(start, end - start)))
            held_tokens += int(offsets[end] - offsets[start])
            if held_tokens >= group_tokens:
                yield _joined(held)
                held, held_tokens = [], 0
            start = end
    if held:
        yield _joined(held)


def _lengths(batch: pa.RecordBatch) -> np.ndarray:
    lengths = pc.fill_null(pc.list_value_length(batch.column("input_ids")), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)


def _documents(batch: pa.RecordBatch) -> Documents:
    tokens = batch.column("input_ids").flatten().to_numpy()
    offsets = np.concatenate([[0], np.cumsum(_lengths(batch))])
    return Documents(tokens, offsets, np.zeros(batch.num_rows, np.int64), batch.column("doc_id"))


def _joined(held: list[Documents]) -> Documents:
    if len(held) == 1:
        return held[0]
    lengths = np.concatenate([np.diff(one.offsets) for one in held])
    return Documents(
        np.concatenate([one.tokens for one in held]),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate([one.begins for one in held]),
        pa.concat_arrays([one.ids for one in held]),
    )


def _split(held: Documents, plan: "Plan", length: int) -> tuple["Plan", Documents | None]:
    """Return the full sequences of a plan, and the documents of which tokens are left."""
    document, start, tokens, first = plan
    full = int(held.offsets[-1]) // length
    if full == len(first) - 1:
        return plan, None
    piece = int(first[full])
    at = int(document[piece])
    offsets = held.offsets[at:].copy()
    offsets[0] += start[piece]
    begins = held.begins[at:].copy()
    begins[0] += start[piece]
    left = Documents(held.tokens[offsets[0] :], offsets - offsets[0], begins, held.ids[at:])
    return (document[:piece], start[:piece], tokens[:piece], first[: full + 1]), left


def _written(held: Documents, plan: "Plan", options: Pack, counts: Packed) -> pa.RecordBatch:
    """Return the sequences of a plan as a batch and count them."""
    from corpusforge.stages.write import fitting

    document, start, tokens, first = plan
    rooms = np.add.reduceat(tokens, first[:-1])
    counts.sequences += len(rooms)
    counts.tokens += int(tokens.sum())
    begun = held.begins[document] + start == 0
    counts.cut_documents += int((begun & (tokens < np.diff(held.offsets)[document])).sum())
    if options.short == "pad":
        counts.padding_tokens += len(rooms) * options.length_tokens - int(tokens.sum())
        rooms[:] = options.length_tokens
    begins = np.concatenate([[0], np.cumsum(rooms)])
    values = np.full(begins[-1], options.pad_id, held.tokens.dtype)
    fitting.gather(_unsigned(held.tokens), held.offsets, plan, begins, _unsigned(values))
    lists = {"input_ids": _lists(begins, pa.array(values)), "lengths": _lists(first, pa.array(tokens, pa.int32()))}
    if options.doc_ids:
        lists["doc_ids"] = _lists(first, held.ids.take(pa.array(document)))
        lists["doc_starts"] = _lists(first, pa.array(held.begins[document] + start))
    if options.shuffle:
        lists[BEGUN] = pa.array(np.add.reduceat(begun.astype(np.int64), first[:-1]))
    return pa.record_batch(lists)


def _unsigned(tokens: np.ndarray) -> np.ndarray:
    # One compiled form for each width.
    return np.ascontiguousarray(tokens).view(f"u{tokens.itemsize}")


def _lists(offsets: np.ndarray, values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
