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

    max_line_bytes: ByteSize = ByteSize(128 << 20)  # a text of run.max_document_bytes, half of it escapes

    def read(self, split: Split) -> Iterator[Found]:
        """Stream batches of the columns of mapping.FOUND, and what could not be read."""
        import orjson

        held = _Documents()
        text_name = self.field_of("text")
        others = [(name := self.field_of(c), "." in name, held.columns[c]) for c in MAPPED if c != "text"]
        metadata = held.columns["metadata"]
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
            row = len(held.texts)
            for name, dotted, column in others:
                if name in document:
                    value = document.pop(name)
                elif dotted:
                    value = take(document, name)
                else:
                    continue
                if isinstance(value, (dict, list)):
                    document[name] = value
                elif value is not None:
                    if len(column) < row:
                        column += [None] * (row - len(column))
                    column.append(value if isinstance(value, str) else orjson.dumps(value).decode())
            if document:
                try:
                    rest = orjson.dumps(document).decode()
                except orjson.JSONEncodeError:
                    held.drop_last()
                    yield Unreadable(str(offset), f"nested deeper than {MAX_DEPTH} levels", len(line))
                    continue
                if len(metadata) < row:
                    metadata += [None] * (row - len(metadata))
                metadata.append(rest)
            held.offsets.append(offset)
            held.texts.append(text)
            pending_bytes += len(line)
            if pending_bytes >= BATCH_BYTES or row + 1 >= BATCH_ROWS:
                yield held.batch()
                pending_bytes = 0
        if held.texts:
            yield held.batch()


class _Documents:
    """Documents that are to become a batch; a column is as long as its last value, so that one without has no cost."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.texts: list[str] = []
        self.columns: dict[str, list[str | None]] = {n: [] for n in FOUND.names if n not in ("text", "origin")}

    def drop_last(self) -> None:
        """Forget the values of a document whose text was not added."""
        for values in self.columns.values():
            del values[len(self.texts) :]

    def batch(self) -> pa.RecordBatch:
        """Return them with the columns of FOUND, and forget them."""
        rows = len(self.texts)
        made = {
            "text": pa.array(self.texts, pa.large_string()),
            "origin": pa.array(self.offsets, pa.int64()).cast(pa.string()),
        }
        for name, values in self.columns.items():
            kind = FOUND.field(name).type
            made[name] = pa.array(values + [None] * (rows - len(values)), kind) if values else pa.nulls(rows, kind)
            values.clear()
        self.offsets.clear()
        self.texts.clear()
        return pa.RecordBatch.from_arrays([made[f.name] for f in FOUND], schema=FOUND)


def _why_not_json(line: bytes, error: ValueError) -> str:
    where = invalid_utf8(line)
    return f"not JSON: {error}" if where is None else f"not UTF-8 at byte {where} of the line"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
