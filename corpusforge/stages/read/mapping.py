"""Which field of a record fills which core column: the part that read.jsonl and read.parquet share."""

import pyarrow as pa
from pydantic import field_validator

from corpusforge.schema import CORE
from corpusforge.source import Reader

MAPPED = ("text", "url", "title", "date", "language", "license", "path")
FOUND = pa.schema([f for f in CORE if f.name not in ("doc_id", "source")])  # origin is the position only
BATCH_BYTES = 4 << 20
BATCH_ROWS = 1 << 15


class Mapped(Reader):
    """A reader of records with named fields.

    Each core column takes the field of its own name unless the recipe names another; a dotted name goes into
    nested objects (`url: meta.url`), a field whose own name has the dot comes first. What no column takes goes into
    `metadata`.
    """

    text: str | None = None
    url: str | None = None
    title: str | None = None
    date: str | None = None
    language: str | None = None
    license: str | None = None
    path: str | None = None

    @field_validator(*MAPPED)
    @classmethod
    def _names_a_field(cls, value: str | None) -> str | None:
        if value is not None and not all(value.split(".")):
            raise ValueError(f"'{value}' is not the name of a field; write a name, or a dotted path such as meta.url")
        return value

    def field_of(self, column: str) -> str:
        """Return the name, maybe dotted, of the field that fills `column`."""
        return getattr(self, column) or column
