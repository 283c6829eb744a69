"""Read JSON Lines: one document per line."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import ByteSize

from corpusforge.source import Found, Split, Unreadable
from corpusforge.stages.read.arrow_json import take
from corpusforge.stages.read.lines import invalid_utf8, lines
from corpusforge.stages.read.mapping import BATCH_BYTES, BATCH_ROWS, FOUND, MAPPED, Mapped

MAX_DEPTH = 254  # that orjson writes; it reads 1,024


class Jsonl(Mapped):
    """Read JSON Lines, plain or compressed (gzip, zstd, bzip2, lz4, xz, told by content): one object per line.

    A column's value that is a number or boolean becomes its JSON spelling; an object or list stays in `metadata` and
    the column is null. Everything no column takes, the dump's own `id` too, goes into `metadata` as it was. Blank
    lines are no documents. The origin is the line's byte offset in the decompressed stream. Plain files are read in
    parallel by byte ranges.

    Unreadable: a line that is not UTF-8, not JSON (NaN is not), not an object, has no string as its text, is nested
    deeper than 254 levels, or is longer than `max_line_bytes` (never held in memory); the rest of a compressed file
    that breaks off.

    Cost: 0.005 CPU s per MB (0.007 from gzip, 0.05 from bzip2) (measured, one core, mean line 5 kB).

    Example:
        read.jsonl: {paths: "dump/*.jsonl.zst", text: content, url: meta.url}
    """

    splits_by: ClassVar[Literal["file", "bytes", "row_groups"]] = "bytes"
    suffixes: ClassVar[tuple[str, ...]] = tuple(
        f".{kind}{packed}"
        for kind in ("jsonl", "ndjson", "json")
        for packed in ("", ".gz", ".zst", ".bz2", ".lz4", ".xz")
    )
    depends: ClassVar[tuple[str, ...]] = ("orjson",)
    version: ClassVar[int] = 2

    max_line_bytes: ByteSize = ByteSize(256 << 20)

    def read(self, split: Split) -> Iterator[Found]:
        """Stream batches of the columns of mapping.FOUND, and what could not be read."""
        import orjson

        paths = {column: self.field_of(column) for column in MAPPED}
        others = [(c, name) for c, name in paths.items() if c != "text"]
        text_name = paths["text"]
        columns: dict[str, list[str | None]] = {name: [] for name in FOUND.names}
        origins, texts, metadata = columns["origin"], columns["text"], columns["metadata"]
        pending_bytes = 0
        for found in lines(split, self.max_line_bytes):
            if isinstance(found, Unreadable):
                yield found
                continue
            offset, line = found
            if not line or line.isspace():
                continue
            try:
                document = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                yield Unreadable(str(offset), _why_not_json(line, error), len(line))
                continue
            if not isinstance(document, dict):
                yield Unreadable(str(offset), f"{_kind(document)}, not an object", len(line))
                continue
            text = take(document, text_name)
            if not isinstance(text, str):
                yield Unreadable(str(offset), f"no string in field '{text_name}' but {_kind(text)}", len(line))
                continue
            values: list[str | None] = []
            for _, name in others:
                value = take(document, name)
                if value is None or isinstance(value, str):
                    values.append(value)
                elif isinstance(value, (dict, list)):
                    values.append(None)
                    document[name] = value
                else:
                    values.append(orjson.dumps(value).decode())
            try:
                rest = orjson.dumps(document).decode() if document else None
            except orjson.JSONEncodeError:
                yield Unreadable(str(offset), f"nested deeper than {MAX_DEPTH} levels", len(line))
                continue
            texts.append(text)
            origins.append(str(offset))
            metadata.append(rest)
            for (column, _), value in zip(others, values, strict=True):
                columns[column].append(value)
            pending_bytes += len(line)
            if pending_bytes >= BATCH_BYTES or len(texts) >= BATCH_ROWS:
                yield _batch(columns)
                pending_bytes = 0
        if texts:
            yield _batch(columns)


def _batch(columns: dict[str, list[str | None]]) -> pa.RecordBatch:
    batch = pa.RecordBatch.from_arrays([pa.array(columns[f.name], f.type) for f in FOUND], schema=FOUND)
    for values in columns.values():
        values.clear()
    return batch


def _why_not_json(line: bytes, error: ValueError) -> str:
    where = invalid_utf8(line)
    return f"not JSON: {error}" if where is None else f"not UTF-8 at byte {where} of the line"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
