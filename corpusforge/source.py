"""What readers make of inputs: the protocol of everything under stages/read/.

A reader is a frozen description like a stage. It lists no folders and opens no connection by itself: the
engine finds the files, cuts them into splits and hands each split to `read`, which streams records.

DOCUMENT ORIGIN. `origin` is the split's relative path + `#` + position: the byte offset in the decompressed
stream (text, JSONL), the offset of the record (WARC), the row number (Parquet), the member name (archives).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, Literal, TypeAlias

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, field_validator


@dataclass(frozen=True, slots=True)
class Split:
    """A piece of one input file that one worker reads alone."""

    source: str
    path: str  # absolute path or URI
    relative: str  # to the longest common folder of the source's patterns
    start: int  # first byte, or first row group
    length: int  # bytes, or row groups
    size: int  # stored bytes of the whole file
    id: int  # XXH3-64 of (source, relative, start, length)
    stored_bytes: int = 0  # of the file that are read for it, as far as the plan knows; 0 for an empty file

    def open(self) -> BinaryIO:
        """Open the stored bytes of the whole file for reading."""
        from corpusforge.engine.storage import open_input

        return open_input(self.path)


@dataclass(slots=True)
class Record:
    """One document as a reader found it; None stays null."""

    origin: str  # position only, the engine puts the relative path and '#' before it
    text: str | None = None
    url: str | None = None
    title: str | None = None
    date: str | None = None
    language: str | None = None
    license: str | None = None
    path: str | None = None
    metadata: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)  # the columns of Reader.writes


@dataclass(frozen=True)
class Unreadable:
    """A record known to be a document that could not be decoded, or the rest of a file that broke off."""

    origin: str  # position, as in Record
    error: str  # never content
    bytes: int = 0


@dataclass(frozen=True)
class Skipped:
    """Records that are no documents by their type (WARC request, directory)."""

    type: str
    count: int = 1


Found: TypeAlias = Record | Unreadable | Skipped | pa.RecordBatch


class Reader(BaseModel):
    """A frozen description of how one source is read; subclasses define `read`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    splits_by: ClassVar[Literal["file", "bytes", "row_groups"]] = "file"
    takes_folders: ClassVar[bool] = False  # a matched folder is one input (a source tree)
    suffixes: ClassVar[tuple[str, ...]] = ()  # files of a matched folder that count, when folders are not inputs
    writes: ClassVar[Mapping[str, pa.DataType]] = {}  # columns beyond the core ones
    version: ClassVar[int] = 1
    depends: ClassVar[tuple[str, ...]] = ()
    memory_bytes: ClassVar[int] = 64 << 20
    resources: ClassVar[Mapping[str, float]] = {}  # of a node of a cluster, by Ray's names

    paths: tuple[str, ...]  # glob patterns, folders, or "@list of paths"

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def read(self, split: Split) -> Iterator[Found]:
        """Stream what is in `split`: Records, or Arrow batches with the core columns and `origin` as position.

        A file that breaks off gives its good records, then one Unreadable. Raising InputError anywhere
        counts as Unreadable for the rest of the split.
        """
        raise TypeError(f"{type(self).__name__} must define read()")

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """Columns beyond the core ones."""
        return self.writes
