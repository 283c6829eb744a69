"""Lines of a split, streamed: which lines a split owns, and lines too long to hold.

A split of a plain file owns the lines that start in [start, start + length), so each line of a file has one owner
however the file is cut. A compressed file is one split.
"""

import math
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from corpusforge.errors import InputError
from corpusforge.source import Split, Unreadable
from corpusforge.stages.read.compression import HEAD_BYTES, compression_of, decompressed

BLOCK_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Line = tuple[int, bytes]  # byte offset in the decompressed stream; the line without its newline


def lines(split: Split, max_line_bytes: int) -> Iterator[Line | Unreadable]:
    """Stream the lines that `split` owns; a line over `max_line_bytes` is Unreadable and never held.

    A compressed stream that breaks off gives its complete lines, then one Unreadable for the rest.
    """
    with split.open() as file:
        compression = compression_of(file.read(HEAD_BYTES)) if split.start == 0 else None
        if compression:
            file.seek(0)
            yield from cut_lines(decompressed(file, compression), 0, math.inf, max_line_bytes)
        else:
            # From the byte before the first own one: if it is a newline, the line after it is ours.
            offset = max(0, split.start - 1)
            stop = split.start + split.length
            file.seek(offset)
            yield from cut_lines(_plain(file, offset, stop), offset, stop, max_line_bytes, skip_first=split.start > 0)


def _plain(file: BinaryIO, offset: int, stop: int) -> Iterator[bytes]:
    while block := file.read(min(BLOCK_BYTES, max(stop - offset, 1 << 16))):
        yield block
        offset += len(block)


def cut_lines(
    blocks: Iterable[bytes], offset: int, stop: float, max_line_bytes: int, skip_first: bool = False
) -> Iterator[Line | Unreadable]:
    """Cut `blocks`, of which the first begins at `offset`, into the lines that start before `stop`.

    >>> list(cut_lines([b"a\\nb", b"c\\n", b"d"], 0, 4, 100))
    [(0, b'a'), (2, b'bc')]
    """
    held: list[bytes] = []  # pieces of the line that starts at `offset`, dropped when it is too long
    held_bytes = 0
    skip = skip_first
    try:
        for block in blocks:
            whole = block.split(b"\n")
            rest = whole.pop()
            for line in whole:
                if offset >= stop:
                    return
                length = held_bytes + len(line)
                if skip:
                    skip = False
                elif length > max_line_bytes:
                    yield _too_long(offset, length, max_line_bytes)
                else:
                    line = b"".join([*held, line]) if held else line
                    yield offset, line if offset else line.removeprefix(BYTE_ORDER_MARK)
                offset += length + 1
                if held_bytes:
                    held.clear()
                    held_bytes = 0
            if offset >= stop:
                return
            held.append(rest)
            held_bytes += len(rest)
            if skip and offset + held_bytes >= stop:
                return  # inside a line of an earlier split: without this each split of a line of 50 GB reads all of it
            if skip or held_bytes > max_line_bytes:
                held.clear()
    except InputError as error:
        yield Unreadable(str(offset), str(error), held_bytes)
        return
    if held_bytes > max_line_bytes and not skip:
        yield _too_long(offset, held_bytes, max_line_bytes)
    elif held_bytes and not skip:
        line = b"".join(held)
        yield offset, line if offset else line.removeprefix(BYTE_ORDER_MARK)


def _too_long(offset: int, length: int, max_line_bytes: int) -> Unreadable:
    return Unreadable(str(offset), f"a line of {length} bytes is over max_line_bytes ({max_line_bytes})", length)


def invalid_utf8(data: bytes) -> int | None:
    """Return the position of the first byte that is not UTF-8, None when all of `data` is.

    >>> invalid_utf8(b"caf\\xe9 au lait")
    3
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return None
