"""Compressed inputs: told by their first bytes, never by their name, and decompressed as a stream.

Every decoder here gives all bytes that can be had before a stream breaks off, tells a cut stream from a complete
one, and bounds what one call returns, so a file of a few kB cannot fill the memory.
"""

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from corpusforge.errors import InputError

HEAD_BYTES = 16  # of a file, that decide its compression
IN_BYTES = 1 << 18
OUT_BYTES = 1 << 20


def compression_of(head: bytes) -> str | None:
    """Return "gzip", "zstd", "bzip2", "lz4", "xz" or None, from a file's first HEAD_BYTES bytes.

    >>> compression_of(b"BZh91AY&SY"), compression_of(b"BZhello")
    ('bzip2', None)
    """
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F):
        return "zstd"  # a frame, or a skippable frame before the first (pzstd)
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        return "bzip2"
    if head.startswith(b"\x04\x22\x4d\x18"):
        return "lz4"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    return None


def decompressed(file: BinaryIO, compression: str) -> Iterator[bytes]:
    """Yield the content of `file`, read from where it stands, in blocks of up to a few MB.

    Members or frames laid end to end are one stream; zero bytes between them are padding. InputError after the last
    good block when the stream breaks off or is corrupt.
    """
    data = b""
    while True:
        decoder = _decoder(compression)
        while not decoder.eof:
            if decoder.needs_input and not data:
                data = file.read(IN_BYTES)
                if not data:
                    raise InputError(f"the {compression} stream breaks off")
            try:
                block = decoder.decompress(data, OUT_BYTES)
            except (zlib.error, lzma.LZMAError, RuntimeError, EOFError, OSError) as error:
                raise InputError(f"corrupt {compression} data: {error}") from error
            data = b""
            if block:
                yield block
        data = (decoder.unused_data or b"").lstrip(b"\0")
        while not data:
            block = file.read(IN_BYTES)
            if not block:
                return
            data = block.lstrip(b"\0")


class _Decoder(Protocol):
    """The interface of bz2.BZ2Decompressor: one member or frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decoder(compression: str) -> _Decoder:
    if compression == "gzip":
        return _Gzip()
    if compression == "bzip2":
        return bz2.BZ2Decompressor()
    if compression == "xz":
        return lzma.LZMADecompressor()
    if compression == "lz4":
        import lz4.frame

        return lz4.frame.LZ4FrameDecompressor()  # type: ignore[no-any-return]
    return _Zstd()


class _Gzip:
    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(31)
        self._full = False  # the last block was cut at max_length: more may come without input

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._decoder.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        block = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self._full = len(block) == max_length
        return block


class _Zstd:
    # zstandard's stream_reader takes a cut stream for a complete one, and its decompressobj takes no max_length. One
    # zstd block of 4 bytes can hold 128 kB, so a piece of 8 kB is at most 256 MB; in text it is 30 kB. What swells from
    # the start, as bombs do, is taken in pieces of a few bytes.
    PIECE_BYTES = (1 << 6, 1 << 13)

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        # Public dumps are written with --long=31; the window is allocated only if a frame asks for it.
        self._decoder = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
        self._data = b""
        self._at = 0
        self._piece_bytes = self.PIECE_BYTES[0]

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return self._at >= len(self._data)

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data + self._data[self._at :]

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if data:
            assert self.needs_input
            self._data, self._at = data, 0
        piece = self._data[self._at : self._at + self._piece_bytes]
        self._at += len(piece)
        try:
            block = self._decoder.decompress(piece)
        except self._error as error:
            raise OSError(str(error)) from error
        least, most = self.PIECE_BYTES
        self._piece_bytes = least if len(block) > max_length else min(2 * self._piece_bytes, most)
        return block
