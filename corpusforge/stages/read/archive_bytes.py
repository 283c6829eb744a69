"""The decompressed bytes of an archive file that is a chain of compressed members, with every position known.

WARC and ARC files are chains of gzip members or zstd frames, usually one per record. Reading them as one
decompressed stream would lose two things this class keeps: where each member begins in the stored file (a
record's address), and the way on after a damaged member (the next one).
"""

import re
import zlib
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

GZIP = b"\x1f\x8b\x08"
ZSTD = b"\x28\xb5\x2f\xfd"
LZ4 = b"\x04\x22\x4d\x18"
ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"
STORED_BYTES = 64 << 10  # read at a time
CHUNK_BYTES = 1 << 20  # decompressed at a time
DICTIONARY_BYTES = 16 << 20  # decompressed, at most


class _Decoder(Protocol):
    eof: bool
    unused_data: bytes  # after the end of the member
    unconsumed_tail: bytes  # input still to be decoded

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class ArchiveBytes:
    """Bytes of an archive in order: `peek`, `take`, `line`, `back`, and the `position` of the next byte.

    A damaged or cut member ends the bytes and sets `failure`; `recover` goes on behind it. Compression is
    known by content: gzip, zstd (with the dictionary of the WARC-zstd convention), lz4, or none.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.failure: str | None = None
        self._ended = False
        self._file = file
        self._input = file.read(STORED_BYTES)  # stored bytes read and not yet decoded
        self._stored = len(self._input)  # stored bytes read
        self._decoder: _Decoder | None = None
        self._dictionary: Any = None
        self._buffer = b""
        self._at = 0
        self._base = 0  # offset of _buffer[0] in the decompressed stream
        self._starts = [0]  # decompressed offsets at which members begin ...
        self._stored_starts = [0]  # ... and where these are in the stored file
        self.empty = not self._input
        self.compression = "none"
        if self._input.startswith(GZIP):
            self.compression = "gzip"
        elif self._input.startswith(ZSTD) or ZSTD_SKIPPABLE.match(self._input):
            self.compression = "zstd"
        elif self._input.startswith(LZ4):
            # No member positions: the position of a record is its offset in the decompressed stream.
            import pyarrow as pa

            self.compression = "lz4"
            file.seek(0)
            self._input = b""
            self._file = pa.CompressedInputStream(pa.PythonFile(file, "r"), "lz4")

    @property
    def offset(self) -> int:
        """Offset of the next byte in the decompressed stream."""
        return self._base + self._at

    @property
    def position(self) -> str:
        """Address of the next byte: the stored offset of its member, with `+` the offset inside it when not 0."""
        where = bisect_right(self._starts, self.offset) - 1
        del self._starts[:where], self._stored_starts[:where]
        inside = self.offset - self._starts[0]
        if self.compression in ("none", "lz4"):
            return str(self.offset)
        return f"{self._stored_starts[0]}+{inside}" if inside else str(self._stored_starts[0])

    def members_between(self, start: int, end: int) -> list[int]:
        """Return the decompressed offsets in (start, end) at which members begin; not before the last `position`."""
        return [s for s in self._starts if start < s < end]

    def peek(self, size: int) -> bytes:
        """Return up to `size` next bytes without moving."""
        while len(self._buffer) - self._at < size and self._fill():
            pass
        return self._buffer[self._at : self._at + size]

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end or before a failure."""
        parts = []
        while size > 0:
            if self._at == len(self._buffer) and not self._fill():
                break
            part = self._buffer[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def line(self, limit: int) -> bytes:
        """Return the next line with its end, cut at `limit` bytes."""
        end = self._buffer.find(b"\n", self._at, self._at + limit)
        while end < 0 and len(self._buffer) - self._at < limit and self._fill():
            end = self._buffer.find(b"\n", self._at, self._at + limit)
        return self.take(end + 1 - self._at if end >= 0 else limit)

    def back(self, data: bytes) -> None:
        """Un-read `data`, the bytes last taken."""
        self._base = self.offset - len(data)
        self._buffer = data + self._buffer[self._at :]
        self._at = 0

    def skip_to(self, pattern: re.Pattern[bytes], window: int = 256) -> int:
        """Move to the next match of `pattern` (shorter than `window`), or to the end; return the bytes passed."""
        passed = 0
        while True:
            data = self.peek(CHUNK_BYTES)
            found = pattern.search(data)
            last = len(data) < CHUNK_BYTES
            step = found.start() if found else len(data) if last else len(data) - window
            self._at += step
            passed += step
            if found or last:
                return passed

    def recover(self, is_record: Callable[[bytes], bool]) -> int:
        """Go on at the next member whose first bytes satisfy `is_record`; return the stored bytes given up.

        At the end of the file nothing is left to read, and the bytes given up reach to the end.
        """
        self.failure = None
        decoding = self._decoder is not None
        begin = self._stored_starts[-1] if decoding else self._stored - len(self._input)
        self._decoder, self._buffer, self._at, self._base = None, b"", 0, self._base + len(self._buffer)
        if self.compression not in ("gzip", "zstd"):
            self._ended = True  # no member can be told from another
            return 0
        magic = GZIP if self.compression == "gzip" else ZSTD
        self._seek(begin + 1)
        while self._more():
            found = self._input.find(magic)
            if found < 0:
                self._input = self._input[-len(magic) + 1 :]
                if not self._read():
                    break
                continue
            self._input = self._input[found:]
            while len(self._input) < 4096 and self._read():
                pass
            if is_record(self._probe(self._input[:4096])):
                return self._stored - len(self._input) - begin
            self._input = self._input[1:]
        self._input = b""
        return self._stored - begin

    def _probe(self, data: bytes) -> bytes:
        try:
            head: bytes = self._new_decoder().decompress(data, 256)
            return head
        except _damage():
            return b""

    def _seek(self, stored: int) -> None:
        self._file.seek(stored)
        self._stored, self._input = stored, b""

    def _read(self) -> bool:
        data = self._file.read(STORED_BYTES)
        self._stored += len(data)
        self._input += data
        return bool(data)

    def _more(self) -> bool:
        return bool(self._input) or self._read()

    def _fill(self) -> bool:
        if self.failure is not None or self._ended:
            return False
        chunk = self._plain() if self.compression in ("none", "lz4") else self._decoded()
        self._base += self._at
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)

    def _plain(self) -> bytes:
        if self._input:
            data, self._input = self._input, b""
            return data
        try:
            return self._file.read(STORED_BYTES)
        except OSError as error:  # only lz4 decodes here
            self.failure = f"damaged {self.compression} data: {error}"
            return b""

    def _decoded(self) -> bytes:
        while True:
            if self._decoder is None and not self._begin():
                return b""
            assert self._decoder is not None
            self._more()
            try:
                chunk = self._decoder.decompress(self._input, CHUNK_BYTES)
            except _damage() as error:
                self.failure = f"damaged {self.compression} data: {error}"
                return b""
            if self._decoder.eof:
                self._input, self._decoder = self._decoder.unused_data, None
            elif not self._input and not chunk:
                self.failure = f"the file breaks off inside a {self.compression} member"
                return b""
            else:
                self._input = self._decoder.unconsumed_tail
            if chunk:
                return chunk

    def _begin(self) -> bool:
        while self._more():
            while len(self._input) < 8 and self._read():
                pass
            if self.compression == "zstd" and ZSTD_SKIPPABLE.match(self._input):
                if not self._skippable():
                    return False
                continue
            if self._input.startswith(GZIP if self.compression == "gzip" else ZSTD):
                self._starts.append(self._base + len(self._buffer))
                self._stored_starts.append(self._stored - len(self._input))
                self._decoder = self._new_decoder()
                return True
            self._input = self._input.lstrip(b"\0")  # tapes and block devices pad with zeros
            if self._input:
                self.failure = f"bytes that are no {self.compression} member"
                return False
        return False

    def _skippable(self) -> bool:
        import zstandard

        size = int.from_bytes(self._input[4:8], "little")
        dictionary = self._input.startswith(ZSTD_DICTIONARY) and size <= DICTIONARY_BYTES
        begin = self._stored - len(self._input)
        while len(self._input) < 8 + size and dictionary and self._read():
            pass
        if dictionary:
            data = self._input[8 : 8 + size]
            try:
                if data.startswith(ZSTD):
                    data = zstandard.ZstdDecompressor().decompress(data, max_output_size=DICTIONARY_BYTES)
                self._dictionary = zstandard.ZstdCompressionDict(data)
            except zstandard.ZstdError as error:
                self.failure = f"damaged zstd dictionary: {error}"
                return False
        self._seek(begin + 8 + size)
        return True

    def _new_decoder(self) -> Any:
        return zlib.decompressobj(31) if self.compression == "gzip" else ZstdFrame(self._dictionary)


class ZstdFrame:
    """One zstd frame, decoded like a `zlib.decompressobj`: at most about `max_length` bytes at a time."""

    # A zstd block of 4 bytes can stand for 128 KiB, so 1 KiB of input gives at most 32 MiB of output.
    STEP_BYTES = 1 << 10

    def __init__(self, dictionary: Any = None) -> None:
        import zstandard

        self._frame = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=1 << 27).decompressobj()
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return the next bytes; stops taking input once `max_length` bytes are out."""
        parts, size, at = [], 0, 0
        while at < len(data) and size < max_length and not self.eof:
            part = self._frame.decompress(data[at : at + self.STEP_BYTES])
            at += self.STEP_BYTES
            size += len(part)
            parts.append(part)
            self.eof = self._frame.eof
        rest = data[at:]
        self.unused_data = self._frame.unused_data + rest if self.eof else b""
        self.unconsumed_tail = b"" if self.eof else rest
        return b"".join(parts)


def _damage() -> tuple[type[Exception], ...]:
    import zstandard

    return (zlib.error, zstandard.ZstdError, EOFError)
