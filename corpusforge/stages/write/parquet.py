"""Write shards as Parquet files that training readers like."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ByteSize

from corpusforge.engine.rows import contiguous, grouped
from corpusforge.errors import RecipeError
from corpusforge.mistakes import or_list
from corpusforge.schema import DICTIONARY_COLUMNS, WITHOUT_STATISTICS
from corpusforge.writer import Writer

DATA_PAGE_BYTES = 1 << 20


class Parquet(Writer):
    """Write the kept documents, or the sequences they are packed into, to OUTPUT/data as Parquet shards.

    A shard holds about `shard_bytes`, a row group about `row_group_bytes`, both measured before compression
    as the sum of value lengths over all columns (for a shard, all columns of the documents). `columns` chooses what is
    written, in this order; doc_id always is. Default: every column. Every option that decides bytes is written out
    below; the same rows give the same file.

    With `partition_by` each value of a column (text or whole numbers) has a folder of its own, data/VALUE/, with the
    parts it would have alone; values come in byte order, null first, as `+null`. The column stays in the files, so that
    readers need not know of folders. Characters of a value other than ASCII letters, digits and `-_.` are written as in
    URLs. However many values there are (at most 10,000), a worker has one file open. Readers that take a pattern want
    OUTPUT/data/*/*.parquet then.

    Read it back:

        datasets.load_dataset("parquet", data_files="OUTPUT/data/*.parquet", split="train").with_format("torch")
        pyarrow.dataset.dataset("OUTPUT/data").to_batches(columns=["input_ids"])
        pandas.read_parquet("OUTPUT/data", columns=["doc_id", "input_ids"])

    Cost: 0.013 CPU s per MB of text with its tokens; without text, 0.027 per million tokens (measured, one core).
    Errors: RecipeError when a column is not there.
    """

    depends: ClassVar[tuple[str, ...]] = ("pyarrow",)

    columns: tuple[str, ...] | None = None
    row_group_bytes: ByteSize = ByteSize(32 << 20)
    compression_level: int = 3  # zstd; level 3 writes 134 MB/s a core, level 1 240 (measured)

    def suffixes(self, schema: pa.Schema) -> tuple[str, ...]:
        """Return the one suffix."""
        return (".parquet",)

    def check_schema(self, schema: pa.Schema) -> None:
        """Hold `columns` to what there is."""
        for name in self.columns or ():
            if name not in schema.names:
                raise RecipeError(f"there is no column '{name}' to write.{or_list(name, schema.names, 'Columns')}")

    def chosen(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns that are written."""
        if self.columns is None:
            return schema
        names = dict.fromkeys(["doc_id", *self.columns] if "doc_id" in schema.names else self.columns)
        return pa.schema([schema.field(name) for name in names])

    def write(self, rows: Iterator[pa.RecordBatch], schema: pa.Schema, paths: Sequence[Path]) -> None:
        """Write the rows as one Parquet file, a row group at a time."""
        schema = self.chosen(schema)
        rows = (batch.select(schema.names) for batch in rows)
        with self._file(paths[0], schema) as file:
            for group in row_groups(rows, self.row_group_bytes):
                file.write_table(pa.Table.from_batches([group]), row_group_size=group.num_rows)

    def _file(self, path: Path, schema: pa.Schema) -> pq.ParquetWriter:
        # Every option is written out: a changed default of the library must not change our bytes unnoticed.
        return pq.ParquetWriter(
            str(path),
            schema,
            version="2.6",
            compression="zstd",
            compression_level=self.compression_level,
            use_dictionary=[n for n in DICTIONARY_COLUMNS if n in schema.names],
            write_statistics=[n for n in schema.names if n not in WITHOUT_STATISTICS],
            data_page_size=DATA_PAGE_BYTES,
            data_page_version="1.0",
            write_batch_size=1024,
            write_page_index=True,
            write_page_checksum=True,
            store_schema=True,
            use_deprecated_int96_timestamps=False,
        )

    def records(self) -> Writer:
        """Return a writer with the same options, all columns and no folders."""
        return self.model_copy(update={"columns": None, "partition_by": None})

    @classmethod
    def count(cls, paths: Sequence[Path]) -> int:
        """Return the rows of the file's metadata."""
        rows: int = pq.ParquetFile(paths[0]).metadata.num_rows
        return rows


def row_groups(rows: Iterator[pa.RecordBatch], row_group_bytes: int) -> Iterator[pa.RecordBatch]:
    """Yield row groups: each ends with the first row that reaches `row_group_bytes`, as one contiguous batch."""
    return (contiguous(pieces) for pieces in grouped(rows, row_group_bytes))
