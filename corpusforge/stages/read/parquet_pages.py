"""Parquet pages with values too large to hold: the file is read as if each were a short mark in the value's place.

A Parquet library decodes a page whole, so that a string of 2 GB takes 8 GB. Here the headers of the pages of a large
column chunk are read first; of a page beyond the limit the values are streamed, and a page without its giants is
laid over the stored one. The bytes that are left over become pages of no kind, which readers pass.

Source: Apache Parquet format 2.11, parquet.thrift.
"""

import base64
import io
import os
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
from zstandard import ZstdError

from corpusforge.errors import InputError
from corpusforge.stages.read.archive_bytes import ZstdFrame
from corpusforge.stages.read.thrift import read_struct, write_struct

DATA, INDEX, DICTIONARY, DATA_V2 = 0, 1, 2, 3  # PageType
PLAIN, PLAIN_DICTIONARY, RLE = 0, 2, 3  # Encoding
HEADER_BYTES = (1 << 12, 16 << 20)  # of a page: read at first, and at most
STEP_BYTES = 1 << 20
STREAMED = ("UNCOMPRESSED", "ZSTD", "GZIP")
WHOLE = ("SNAPPY", "BROTLI", "LZ4")  # formats that are decompressed at once: a page of them is held, at most 2 GB
CODECS = {name: name.lower() for name in STREAMED + WHOLE} | {"LZ4": "lz4_raw"}

# Of this process, so that no text holds it by chance; short, since it must have room where a giant of few bytes stood.
TOKEN = base64.b64encode(os.urandom(9)).decode()
MARK = re.compile(re.escape(TOKEN) + r"(\d+);")


class Patched(io.RawIOBase):
    """A file with other bytes in some places."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.patches: list[tuple[int, bytes]] = []  # offset, bytes; in order and apart
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move."""
        self._at = self.file.seek(0, whence) + offset if whence == os.SEEK_END else offset + self._at * whence
        return self._at

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Return the next `size` bytes, fewer at the end."""
        self.file.seek(self._at)
        data = self.file.read(size)
        first = max(0, bisect_right(self.patches, (self._at, b"")) - 1)
        last = bisect_right(self.patches, (self._at + len(data), b""))
        for offset, patch in self.patches[first:last]:
            begin, end = max(offset, self._at), min(offset + len(patch), self._at + len(data))
            if begin < end:
                piece = patch[begin - offset : end - offset]
                data = data[: begin - self._at] + piece + data[end - self._at :]
        self._at += len(data)
        return data


def without_giants(file: BinaryIO, chunk: Any, column: Any, max_value_bytes: int) -> list[tuple[int, bytes]]:
    """Return the patches of a column chunk (its metadata, its schema) for which no value is over `max_value_bytes`.

    A value's place takes TOKEN with its size, see MARK. Chunks without a large page give no patch, and neither do those
    whose encoding or compression is not known here.
    """
    if chunk.physical_type != "BYTE_ARRAY" or chunk.total_uncompressed_size <= max_value_bytes:
        return []
    if chunk.compression not in STREAMED + WHOLE:
        return []
    patches: list[tuple[int, bytes]] = []
    try:
        for page in _pages(file, chunk):
            if page.raw_bytes > max_value_bytes and page.plain:
                patches += _patches(file, page, chunk.compression, column, max_value_bytes)
    except (InputError, zlib.error, ZstdError, pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return []  # the library meets the damage too, and says what is lost
    return patches


class _Page(NamedTuple):
    offset: int
    header_bytes: int
    header: dict[int, Any]

    @property
    def kind(self) -> int:
        return int(self.header[1])

    @property
    def raw_bytes(self) -> int:
        return int(self.header[2])

    @property
    def stored_bytes(self) -> int:
        return int(self.header[3])

    @property
    def about(self) -> dict[int, Any]:
        found: dict[int, Any] = self.header.get({DATA: 5, DICTIONARY: 7, DATA_V2: 8}.get(self.kind, 0), {})
        return found

    @property
    def plain(self) -> bool:
        if self.kind == DICTIONARY:
            return self.about.get(2) in (PLAIN, PLAIN_DICTIONARY)
        if self.kind == DATA:
            return self.about.get(2) == PLAIN and self.about.get(3) == RLE
        return self.kind == DATA_V2 and self.about.get(4) == PLAIN


def _pages(file: BinaryIO, chunk: Any) -> Iterator[_Page]:
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end, values = at + chunk.total_compressed_size, 0
    while at < end and values < chunk.num_values:
        page = _page(file, at)
        yield page
        at += page.header_bytes + page.stored_bytes
        values += int(page.about.get(1, 0)) if page.kind in (DATA, DATA_V2) else 0


def _page(file: BinaryIO, offset: int) -> _Page:
    size, most = HEADER_BYTES
    while True:
        file.seek(offset)
        data = file.read(size)
        try:
            header, length = read_struct(data, 0)
            if min(header[2], header[3]) < 0:
                raise InputError(f"a damaged page header at byte {offset}")
            return _Page(offset, length, header)
        except (IndexError, KeyError, TypeError, RecursionError) as error:
            if len(data) < size or size >= most:
                raise InputError(f"a damaged page header at byte {offset}") from error
            size *= 4


def _patches(file: BinaryIO, page: _Page, compression: str, column: Any, most: int) -> list[tuple[int, bytes]]:
    _check(file, page)
    file.seek(page.offset + page.header_bytes)
    about, levels = page.about, b""
    if page.kind == DATA_V2:
        levels = file.read(int(about.get(5, 0)) + int(about.get(6, 0)))
    packed = compression != "UNCOMPRESSED" and about.get(7, True) is not False
    sizes = page.stored_bytes - len(levels), page.raw_bytes - len(levels)
    stream = _Stream(_unpacked(file, *sizes, compression if packed else ""))
    kept = io.BytesIO()
    if page.kind == DATA:
        for deepest in (column.max_repetition_level, column.max_definition_level):
            if deepest:
                size = stream.take(4)
                kept.write(size + stream.take(int.from_bytes(size, "little")))
    giants = 0
    while len(size := stream.take(4)) == 4:
        length = int.from_bytes(size, "little")
        if length > most:
            giants += 1
            stream.skip(length)
            mark = f"{TOKEN}{length};".encode()
            kept.write(len(mark).to_bytes(4, "little") + mark)
        else:
            kept.write(size + stream.take(length))
    if not giants:
        return []
    raw = kept.getvalue()
    stored = levels + (pa.compress(raw, codec=CODECS[compression], asbytes=True) if packed else raw)
    return _laid_over(page, len(levels) + len(raw), stored)


def _check(file: BinaryIO, page: _Page) -> None:
    if 4 not in page.header:
        return
    file.seek(page.offset + page.header_bytes)
    found, left = 0, page.stored_bytes
    while left and (data := file.read(min(left, STEP_BYTES))):
        found = zlib.crc32(data, found)
        left -= len(data)
    if found != page.header[4] & 0xFFFFFFFF:
        raise InputError("a page differs from its checksum")


class _Stream:
    """Bytes in order, from blocks."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = memoryview(b"")

    def _pieces(self, size: int) -> Iterator[memoryview]:
        while size > 0:
            if not self._held:
                block = next(self._blocks, None)
                if block is None:
                    return
                self._held = memoryview(block)
            piece = self._held[:size]
            self._held = self._held[len(piece) :]
            size -= len(piece)
            yield piece

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; InputError when the page ends inside them."""
        data = b"".join(self._pieces(size))
        if data and len(data) < size:
            raise InputError("a damaged page: it ends inside a value")
        return data

    def skip(self, size: int) -> None:
        """Pass over `size` bytes."""
        for _ in self._pieces(size):
            pass


def _unpacked(file: BinaryIO, size: int, raw_bytes: int, compression: str) -> Iterator[bytes]:
    if compression in WHOLE:
        yield pa.decompress(file.read(size), decompressed_size=raw_bytes, codec=CODECS[compression], asbytes=True)
        return
    decoder = ZstdFrame() if compression == "ZSTD" else zlib.decompressobj(47) if compression == "GZIP" else None
    while size > 0 and (data := file.read(min(size, STEP_BYTES))):
        size -= len(data)
        if decoder is None:
            yield data
            continue
        while data or decoder.unconsumed_tail:
            block = decoder.decompress(data or decoder.unconsumed_tail, STEP_BYTES)
            data = decoder.unconsumed_tail
            if block:
                yield block
            elif not data:
                break


def _laid_over(page: _Page, raw_bytes: int, stored: bytes) -> list[tuple[int, bytes]]:
    room = page.header_bytes + page.stored_bytes
    about = {name: value for name, value in page.about.items() if not isinstance(value, dict)}  # without statistics
    fields = {1: page.kind, 2: raw_bytes, 3: len(stored), {DATA: 5, DICTIONARY: 7, DATA_V2: 8}[page.kind]: about}
    # A chunk that packs better as a whole than without its giant has no room for the new page: the old one stays.
    if (left := room - len(write_struct(fields)) - len(stored)) < 0:
        return []
    if left < 128:  # fields that no reader knows
        return [(page.offset, write_struct(fields, left) + stored)]
    found = [(page.offset, write_struct(fields) + stored)]
    at = page.offset + room - left
    while left:
        size = left if left <= STEP_BYTES else STEP_BYTES // 2  # what remains has room for a header
        found.append((at, _filler(size)))
        at += size
        left -= size
    return found


def _filler(size: int) -> bytes:
    # The header of an index page of `size` bytes with it: readers pass these, whatever is stored there.
    for pad in range(4):
        for header_bytes in range(7, 16):
            header = write_struct({1: INDEX, 2: 0, 3: size - header_bytes}, pad)
            if len(header) == header_bytes:
                return header
    raise AssertionError(f"no header for a page of {size} bytes")
