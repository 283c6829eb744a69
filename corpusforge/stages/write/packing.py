"""Packing: documents become sequences of a fixed number of tokens, with the boundaries of documents kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field


class Pack(BaseModel):
    """Sequences of `length_tokens` made from the documents of a part, in their final order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length_tokens: int = Field(2048, ge=2)
    method: Literal["cut", "best_fit"] = "cut"


@dataclass
class Packed:
    """What packing counted so far."""

    sequences: int = 0
    tokens: int = 0  # written, without padding
    padding_tokens: int = 0
    dropped_tokens: int = 0
    cut_documents: int = 0


def packed_schema(schema: pa.Schema, options: Pack) -> pa.Schema:
    """Return the columns of the sequences that documents with `schema` are packed into."""
    raise NotImplementedError


def sequences(rows: Iterator[pa.RecordBatch], options: Pack, counts: Packed) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of `rows` (documents in final order, cut anywhere) and add to `counts`."""
    raise NotImplementedError
