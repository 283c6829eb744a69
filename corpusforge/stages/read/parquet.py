"""Read Parquet files: one document per row."""

import difflib
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds
from pydantic import ByteSize, Field, field_validator

from corpusforge.errors import InputError
from corpusforge.schema import CORE
from corpusforge.source import Found, Split, Unreadable
from corpusforge.stages.read.arrow_json import json_rows
from corpusforge.stages.read.lines import invalid_utf8
from corpusforge.stages.read.mapping import BATCH_BYTES, BATCH_ROWS, FOUND, MAPPED, Mapped
from corpusforge.stages.read.parquet_pages import MARK, TOKEN, Patched, without_giants

_STRINGS = (
    *(pa.string(), pa.large_string(), pa.string_view()),
    *(pa.binary(), pa.large_binary(), pa.binary_view(), pa.null()),  # older writers leave UTF-8 unmarked
)


class Parquet(Mapped):
    """Read Parquet: one document per row, only the columns that are needed, a few MB at a time.

    A null text is a document without text. For the other core columns, numbers, booleans and times become strings
    (times ISO 8601); a struct or list stays in `metadata` and the column is null. `keep: {score: float32}` passes
    further columns on as they are, cast to the Arrow type given. Everything else goes into `metadata` (see
    arrow_json.py) unless `metadata: false`. The origin is the row's number in the file. Files are read in parallel by
    row groups.

    Unreadable: a row with a string that is not UTF-8 or is over `max_value_bytes` (streamed, not held, where pages are
    uncompressed, zstd or gzip; of other kinds the page, at most 2 GB by the format, is), or with a kept value that its
    type cannot hold; the rest of a row group that is corrupt; a file that is no Parquet, has no text column, or lacks a
    column that the recipe names.

    Cost: 0.0025 CPU s per MB of text (measured, one core).

    Example:
        read.parquet: {paths: "dump/*.parquet", text: content, keep: {quality_score: float32}}
    """

    splits_by: ClassVar[Literal["file", "bytes", "row_groups"]] = "row_groups"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)
    depends: ClassVar[tuple[str, ...]] = ("pyarrow", "orjson")

    metadata: bool = True
    max_value_bytes: ByteSize = Field(ByteSize(64 << 20), ge=1 << 20)
    keep: tuple[tuple[str, str], ...] = ()  # (column, Arrow type), in a recipe a map

    @field_validator("keep", mode="before")
    @classmethod
    def _from_map(cls, value: Any) -> Any:
        return tuple(value.items()) if isinstance(value, dict) else value

    @field_validator("keep")
    @classmethod
    def _typed(cls, value: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for name, kind in value:
            if name in CORE.names:
                raise ValueError(f"'{name}' is a core column and is read anyway")
            pa.type_for_alias(kind)  # ValueError for an unknown type
        return value

    def columns_written(self) -> dict[str, pa.DataType]:
        """Return the kept columns with their types."""
        return {name: pa.type_for_alias(kind) for name, kind in self.keep}

    def read(self, split: Split) -> Iterator[Found]:
        """Stream batches of the columns of mapping.FOUND and the kept ones, and what could not be read."""
        import pyarrow.parquet as pq

        with split.open() as stored:
            patched = Patched(stored)
            try:
                # Without pre_buffer a column is read in pieces of buffer_size, not a whole row group at once.
                file = pq.ParquetFile(patched, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True)
            except (pa.ArrowException, OSError) as error:
                yield Unreadable("0", _corrupt(error), split.size)
                return
            rows = [file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups)]
            table = _Columns(self, file.schema_arrow)
            for group in range(split.start, split.start + split.length):
                row = sum(rows[:group])
                end = row + rows[group]
                size = file.metadata.row_group(group).total_byte_size
                batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES * rows[group] // max(1, size)))
                patched.patches = self._patches(stored, file, group, table.needed)
                batches = file.iter_batches(batch_rows, [group], table.needed, use_threads=False)
                try:
                    for batch in batches:
                        found = table.found(batch, row)
                        yield from self._without_marked(found) if patched.patches else found
                        row += batch.num_rows
                except (pa.ArrowException, OSError) as error:
                    lost_bytes = size * (end - row) // rows[group]
                    yield Unreadable(str(row), f"rows {row} to {end - 1}: {_corrupt(error)}", lost_bytes)

    def _patches(self, stored: BinaryIO, file: Any, group: int, needed: list[str]) -> list[tuple[int, bytes]]:
        chunks = file.metadata.row_group(group)
        tops = {name.split(".")[0] for name in needed}
        patches: list[tuple[int, bytes]] = []
        for index in range(chunks.num_columns):
            chunk = chunks.column(index)
            if chunk.path_in_schema.split(".")[0] in tops or chunk.path_in_schema in needed:
                patches += without_giants(stored, chunk, file.schema.column(index), int(self.max_value_bytes))
        return sorted(patches)

    def _without_marked(self, found: Iterator[Found]) -> Iterator[Found]:
        for item in found:
            if not isinstance(item, pa.RecordBatch):
                yield item
                continue
            strings = [column for column in item.columns if _is_string(column.type)]
            marked = np.zeros(item.num_rows, bool)
            for column in strings:
                marked |= pc.fill_null(pc.match_substring(column, TOKEN), False).to_numpy(zero_copy_only=False)
            yield item.filter(pa.array(~marked))
            for row in item.filter(pa.array(marked)).to_pylist():
                size = max(int(n) for value in row.values() if isinstance(value, str) for n in MARK.findall(value))
                yield Unreadable(row["origin"], f"a value of {size} bytes is over max_value_bytes", size)


class _Columns:
    """How the columns of one file become those of a document."""

    def __init__(self, reader: Parquet, schema: pa.Schema) -> None:
        self.fields = {column: reader.field_of(column) for column in MAPPED}  # core column -> column, maybe dotted
        for column, name in list(self.fields.items()):
            kind = _type_at(schema, name)
            if kind is None and (column == "text" or getattr(reader, column) is not None):
                raise InputError(_no_column(name, column, schema))
            if column == "text" and not _is_string(kind):
                raise InputError(f"column '{name}' is {kind}, not a string; write text: COLUMN to take another")
            if kind is None or kinds.is_nested(kind):
                del self.fields[column]
        self.kept = reader.columns_written()
        for name in self.kept:
            if name not in schema.names:
                raise InputError(_no_column(name, f"keep: {{{name}: ...}}", schema))
        used = set(self.fields.values()) | set(self.kept)
        self.others = [name for name in schema.names if name not in used] if reader.metadata else []
        self.needed = [n for n in schema.names if n in used or n in self.others]
        self.needed += [n for n in self.fields.values() if n not in schema.names and n.split(".")[0] not in self.others]
        self.dotted = [n for n in self.fields.values() if n not in schema.names]

    def found(self, batch: pa.RecordBatch, row: int) -> Iterator[Found]:
        """Yield the documents of `batch`, of which the first is row `row` of the file, and its unreadable rows."""
        try:
            yield self._documents(batch, row)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            if batch.num_rows == 1:
                yield Unreadable(str(row), _why(batch), batch.nbytes)
                return
            half = batch.num_rows // 2
            yield from self.found(batch.slice(0, half), row)
            yield from self.found(batch.slice(half), row + half)

    def _documents(self, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        batch.validate(full=True)  # Parquet does not check that strings are UTF-8
        columns: dict[str, pa.Array] = {
            "origin": pa.array(range(row, row + batch.num_rows), pa.int64()).cast(pa.string()),
        }
        for column, name in self.fields.items():
            columns[column] = _string(_at(batch, name), FOUND.field(column).type)
        if self.others:
            columns["metadata"] = json_rows(batch.select(self.others), self.dotted)
        for field in FOUND:
            columns.setdefault(field.name, pa.nulls(batch.num_rows, field.type))
        columns.update({name: batch.column(name).cast(kind) for name, kind in self.kept.items()})
        names = [*FOUND.names, *self.kept]
        return pa.RecordBatch.from_arrays([columns[name] for name in names], names=names)


def _type_at(schema: pa.Schema, name: str) -> pa.DataType | None:
    if name in schema.names:
        return schema.field(name).type
    head, *steps = name.split(".")
    kind = schema.field(head).type if head in schema.names else None
    for step in steps:
        if kind is None or not kinds.is_struct(kind) or kind.get_field_index(step) < 0:
            return None
        kind = kind.field(step).type
    return kind


def _at(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name in batch.schema.names:
        return batch.column(name)
    head, *steps = name.split(".")
    return pc.struct_field(batch.column(head), steps)


def _is_string(kind: pa.DataType | None) -> bool:
    if kind is not None and kinds.is_dictionary(kind):
        kind = kind.value_type
    return kind in _STRINGS


def _string(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    temporal = kinds.is_timestamp(column.type)
    column = column.cast(kind)
    return pc.replace_substring(column, " ", "T", max_replacements=1) if temporal else column


def _no_column(name: str, column: str, schema: pa.Schema) -> str:
    close = difflib.get_close_matches(name, schema.names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"no column '{name}' for {column}; the file has {', '.join(schema.names)}.{hint}"


def _why(batch: pa.RecordBatch) -> str:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if _is_string(column.type) and not kinds.is_dictionary(column.type):
            value = column.cast(pa.large_binary())[0].as_py()
            where = None if value is None else invalid_utf8(value)
            if where is not None:
                return f"column '{name}' is not UTF-8 at byte {where}"
    return "a value is not valid for its column's type"


def _corrupt(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        raise error  # the storage failed, not the file
    return f"not readable as Parquet: {error}"
