"""Read plain text: one document per file or per line."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import ByteSize

from corpusforge.errors import InputError
from corpusforge.source import Found, Reader, Record, Split, Unreadable
from corpusforge.stages.read.compression import HEAD_BYTES, compression_of, decompressed
from corpusforge.stages.read.lines import BLOCK_BYTES, BYTE_ORDER_MARK, invalid_utf8, lines
from corpusforge.stages.read.mapping import BATCH_BYTES, BATCH_ROWS, FOUND


class Text(Reader):
    """Read UTF-8 text files, plain or compressed (gzip, zstd, bzip2, lz4, xz, told by content).

    `per: file` makes each file a document (an empty file too), origin 0; `per: line` makes each line that is not
    blank a document, without its line end (LF or CRLF), its origin the byte offset in the decompressed stream. A byte
    order mark at the start is removed; nothing else is changed.

    Unreadable: a document that is not UTF-8 or is longer than `max_document_bytes`; the rest of a compressed file
    that breaks off (with `per: file` the whole of it).

    Cost: with `per: line` 0.01 CPU s per MB (measured, one core, mean line 117 bytes).

    Example:
        read.text: {paths: "notes/*.txt", per: line}
    """

    splits_by: ClassVar[Literal["file", "bytes", "row_groups"]] = "bytes"
    suffixes: ClassVar[tuple[str, ...]] = (".txt", *(f".txt.{packed}" for packed in ("gz", "zst", "bz2", "lz4", "xz")))

    per: Literal["file", "line"] = "file"
    max_document_bytes: ByteSize = ByteSize(64 << 20)  # while reading; see also run.max_document_bytes

    def read(self, split: Split) -> Iterator[Found]:
        """Stream the documents of `split`; with `per: file` the first split of a file owns all of it."""
        if self.per == "line":
            yield from self._read_lines(split)
        elif split.start == 0:
            yield self._read_file(split)

    def _read_file(self, split: Split) -> Found:
        data = b""
        held: list[bytes] = []
        held_bytes = 0
        try:
            for block in _blocks(split):
                held.append(block)
                held_bytes += len(block)
                if held_bytes > self.max_document_bytes:
                    return Unreadable("0", f"over max_document_bytes ({self.max_document_bytes})", split.size)
            data = b"".join(held)
            held.clear()
            return Record("0", data.removeprefix(BYTE_ORDER_MARK).decode("utf-8"))
        except UnicodeDecodeError:
            return Unreadable("0", f"not UTF-8 at byte {invalid_utf8(data)}", len(data))
        except InputError as error:
            return Unreadable("0", str(error), split.size)

    def _read_lines(self, split: Split) -> Iterator[Found]:
        origins: list[str] = []
        texts: list[bytes] = []
        pending_bytes = 0
        for found in lines(split, self.max_document_bytes):
            if isinstance(found, Unreadable):
                yield found
                continue
            offset, line = found
            if not line or line.isspace():
                continue
            origins.append(str(offset))
            texts.append(line.removesuffix(b"\r"))
            pending_bytes += len(line)
            if pending_bytes >= BATCH_BYTES or len(texts) >= BATCH_ROWS:
                yield from _batch(origins, texts)
                origins, texts, pending_bytes = [], [], 0
        yield from _batch(origins, texts)


def _blocks(split: Split) -> Iterator[bytes]:
    with split.open() as file:
        compression = compression_of(file.read(HEAD_BYTES))
        file.seek(0)
        if compression:
            yield from decompressed(file, compression)
        else:
            yield from iter(lambda: file.read(BLOCK_BYTES), b"")


def _batch(origins: list[str], texts: list[bytes]) -> Iterator[Found]:
    column = pa.array(texts, pa.large_binary())
    try:
        column = column.cast(pa.large_string())  # checks that it is UTF-8
    except pa.ArrowInvalid:
        wrong = [invalid_utf8(text) for text in texts]
        for origin, text, where in zip(origins, texts, wrong, strict=True):
            if where is not None:
                yield Unreadable(origin, f"not UTF-8 at byte {where} of the line", len(text))
        origins = [origin for origin, where in zip(origins, wrong, strict=True) if where is None]
        column = pa.array([t for t, w in zip(texts, wrong, strict=True) if w is None], pa.large_binary())
        column = column.cast(pa.large_string())
    if origins:
        known = {"text": column, "origin": pa.array(origins, pa.string())}
        arrays = [known.get(f.name, pa.nulls(len(origins), f.type)) for f in FOUND]
        yield pa.RecordBatch.from_arrays(arrays, schema=FOUND)
