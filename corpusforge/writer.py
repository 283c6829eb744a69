"""What becomes of the rows: the protocol of everything under stages/write/.

A writer is a frozen description like a stage. The layout decides which rows a part holds and their order, and packs
them; the writer gets them as a stream and puts them into the part's files. Temporary names, checksums and counts are
the engine's (engine/part_files.py), so a part exists only when all its files do.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
from pydantic import BaseModel, ByteSize, ConfigDict


class Writer(BaseModel):
    """A frozen description of an output format; subclasses add fields, `suffixes`, `write` and `count`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: ClassVar[int] = 1  # raise it when the same rows give other bytes
    depends: ClassVar[tuple[str, ...]] = ()  # distributions whose version can change the bytes

    path: str
    shard_bytes: ByteSize = ByteSize(256 << 20)  # sum of value lengths over all columns of the documents
    partition_by: str | None = None  # a column: data/VALUE/part-00000..., values in byte order; see Parquet

    def columns_read(self) -> tuple[str, ...]:
        """Columns that must exist at the end of the recipe."""
        return ()

    def check_schema(self, schema: pa.Schema) -> None:
        """Raise RecipeError when these columns cannot be written, before anything runs."""

    def suffixes(self, schema: pa.Schema) -> tuple[str, ...]:
        """Suffixes of a part's files, such as (".bin", ".idx"): the data first."""
        raise TypeError(f"{type(self).__name__} must define suffixes()")

    def write(self, rows: Iterator[pa.RecordBatch], schema: pa.Schema, paths: Sequence[Path]) -> None:
        """Write one part: `rows` in their final order, cut anywhere, into `paths`, a new file for each suffix.

        The same rows give the same bytes however they were cut, and memory does not grow with their number (but for
        an index of some bytes a row).
        """
        raise TypeError(f"{type(self).__name__} must define write()")

    @classmethod
    def count(cls, paths: Sequence[Path]) -> int:
        """Return the rows (documents, or sequences of a packed part) that a part's files hold.

        Raises OSError, ValueError or an Arrow exception when they cannot be read.
        """
        raise TypeError(f"{cls.__name__} must define count()")

    def records(self) -> "Writer":
        """Return the writer of rejected/, quarantine/ and signals/, which are Parquet whatever the format of data/."""
        from corpusforge.stages.write.parquet import Parquet

        return Parquet(path=self.path, shard_bytes=self.shard_bytes)
