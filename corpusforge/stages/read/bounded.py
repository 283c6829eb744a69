"""A stored file, compressed or not, as one stream of plain bytes that cannot grow without bound."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from corpusforge.errors import InputError
from corpusforge.stages.read.compression import HEAD_BYTES, compression_of, decompressed

BLOCK_BYTES = 1 << 20
# Source trees and prose compress 3 to 10 times, the most repetitive real dumps some 100 times; bombs 1000 and more.
MAX_RATIO = 500
FREE_BYTES = 256 << 20  # decompressed, before the ratio is looked at


class BoundedBytes(io.RawIOBase):
    """The decompressed content of `file`, forward only.

    Raises InputError where the stored stream breaks off or is corrupt (after the last good byte), after more than
    `max_bytes`, and when the content is over MAX_RATIO times the stored `size`.
    """

    def __init__(self, file: BinaryIO, size: int, max_bytes: int) -> None:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        self.compression = compression_of(head)
        self._blocks: Iterator[bytes] = (
            decompressed(file, self.compression) if self.compression else iter(lambda: file.read(BLOCK_BYTES), b"")
        )
        self._limit = min(max_bytes, max(FREE_BYTES, size * MAX_RATIO))
        self._block = memoryview(b"")
        self.position = 0  # bytes given so far

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return the next `size` bytes, fewer only at the end; all that is left when `size` is negative."""
        pieces: list[memoryview] = []
        left = size if size >= 0 else self._limit + 1
        while left > 0:
            if not self._block:
                block = next(self._blocks, None)
                if block is None:
                    break
                if self.position + sum(map(len, pieces)) + len(block) > self._limit:
                    raise InputError(f"the content is over {self._limit} bytes")
                self._block = memoryview(block)
            pieces.append(self._block[:left])
            self._block = self._block[len(pieces[-1]) :]
            left -= len(pieces[-1])
        data = b"".join(pieces)
        self.position += len(data)
        return data
