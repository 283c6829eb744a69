"""The checksum of what is read of an input, taken while it is read, so that no input is read twice for it."""

import io
from dataclasses import dataclass, fields
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from corpusforge.engine.storage import CHUNK, READ_BYTES, checksum_range, open_input
from corpusforge.engine.units import ChecksumUnit, Report
from corpusforge.source import Reader, Split


class Hashing:
    """The checksum of the stored bytes [first, end) of a file, fed with what is read of it, in whatever pieces."""

    def __init__(self, first: int, end: int) -> None:
        self.first = self.at = first
        self.end = end
        self.digest = xxhash.xxh3_128()

    def see(self, position: int, data: memoryview) -> None:
        """Take in bytes that were read at `position`, unless something before them is still missing."""
        if position <= self.at < position + len(data) and self.at < self.end:
            mine = data[self.at - position : self.end - position]
            self.digest.update(mine)
            self.at += len(mine)

    def finish(self, path: str, catch_up: bool = True) -> str:
        """Return 32 hex digits, having read what no reader did; without `catch_up` "" if there is any such."""
        if self.at < self.end and catch_up:
            with open_input(path) as file:
                file.seek(self.at)
                while self.at < self.end and (chunk := file.read(min(CHUNK, self.end - self.at))):
                    self.see(self.at, memoryview(chunk))
        return self.digest.hexdigest() if self.at >= self.end else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class HashedSplit(Split):
    """A split of which `hashing` sees every byte that its reader reads."""

    hashing: Hashing

    def open(self) -> BinaryIO:
        """Open the stored bytes of the whole file for reading."""
        return cast(BinaryIO, io.BufferedReader(_Seen(Split.open(self), self.hashing), READ_BYTES))


def hashed(split: Split, first: int, length: int) -> HashedSplit:
    """Return the same split, of which the bytes [first, first + length) are hashed as they are read."""
    known = {f.name: getattr(split, f.name) for f in fields(split)}
    return HashedSplit(**known, hashing=Hashing(first, first + length))


def stored_range(split: Split, reader: Reader) -> tuple[int, int]:
    """Return first byte and number of the stored bytes that are this split's; those of a file's splits make it up.

    Of row groups: from where the first begins to where the next split's begins, with the footer in the last.
    """
    if reader.splits_by != "row_groups":
        return split.start, split.length
    try:
        with open_input(split.path) as file:
            footer = pq.ParquetFile(file).metadata
        last = split.start + split.length >= footer.num_row_groups
        first = _begin(footer, split.start) if split.start else 0
        end = split.size if last else _begin(footer, split.start + split.length)
    except (pa.ArrowException, OSError, ValueError):
        return 0, split.size  # no Parquet: the one split of the file, which the reader reports
    return (first, end - first) if 0 <= first <= end <= split.size else (0, split.size)


def _begin(footer: pq.FileMetaData, group: int) -> int:
    columns = (footer.row_group(group).column(c) for c in range(footer.num_columns))
    return min(int(min(c.data_page_offset, c.dictionary_page_offset or c.data_page_offset)) for c in columns)


def compare_inputs(unit: ChecksumUnit) -> Report:
    """Return the checksums of the stored ranges of each file."""
    sums = [
        [checksum_range(path, first, length) for first, length in ranges]
        for path, ranges in zip(unit.paths, unit.ranges, strict=True)
    ]
    return {"checksums": sums}


class _Seen(io.RawIOBase):
    def __init__(self, file: BinaryIO, hashing: Hashing) -> None:
        self._file = file
        self._hashing = hashing
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = self._file.seek(offset, whence)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count: int = self._file.readinto(view)  # type: ignore[attr-defined]
        self._hashing.see(self._at, view[:count])
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
