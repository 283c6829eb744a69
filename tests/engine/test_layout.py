"""Parts: rows in any chunks give equal bytes; sizes are as promised."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.engine.layout import cut_parts, write_part
from corpusforge.engine.rows import BLOCK_ROWS, RowsFile, RowsWriter, value_bytes
from corpusforge.engine.units import PartUnit
from corpusforge.stages.write.parquet import Parquet
from corpusforge.testing import docs

TEXTS = [f"text {i} " * (i % 50) if i % 11 else None for i in range(3000)]
ROWS = docs(*TEXTS, language=["en" if i % 3 else None for i in range(3000)])


def rows_file(path: Path, cuts: list[int]) -> RowsFile:
    """Write ROWS in pieces cut at `cuts`."""
    writer = RowsWriter(path)
    edges = [0, *sorted(cuts), ROWS.num_rows]
    for a, b in pairwise(edges):
        writer.write(ROWS.slice(a, b - a))
    file = writer.close()
    assert file is not None
    return file


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=20))
def test_rows_in_any_chunks_give_equal_bytes(tmp_path_factory, cuts: list[int]) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("rows")
    expected, found = rows_file(folder / "a", []), rows_file(folder / "b", cuts)
    assert expected.blocks == found.blocks
    assert expected.checksum == found.checksum


def test_a_part_does_not_depend_on_how_its_blocks_lie_in_files(tmp_path: Path) -> None:
    whole = rows_file(tmp_path / "whole", [])
    writers = [RowsWriter(tmp_path / f"half{i}") for i in range(2)]
    writers[0].write(ROWS.slice(0, BLOCK_ROWS))
    writers[1].write(ROWS.slice(BLOCK_ROWS))
    halves = [w.close() for w in writers]
    writer = Parquet(path="unused", row_group_bytes=20_000)
    sums = []
    for name, files in (("x", [whole]), ("y", halves)):
        pieces = tuple((f, 0, len(f.blocks)) for f in files if f is not None)
        schema = ROWS.schema.serialize().to_pybytes()
        unit = PartUnit("f", "data/part-00000", str(tmp_path / name), pieces, (), False, 0, 0, schema, writer, None)
        sums.append(write_part(unit)["part"]["checksum"])
    assert sums[0] == sums[1]
    file = pq.ParquetFile(tmp_path / "x" / "data" / "part-00000.parquet")
    assert pa.Table.from_batches([ROWS]).equals(file.read())
    assert file.metadata.num_row_groups > 5
    column = file.metadata.row_group(0).column(file.schema_arrow.get_field_index("text"))
    assert column.statistics is None and column.compression == "ZSTD"


@given(st.lists(st.lists(st.integers(1, 40), max_size=8), max_size=6), st.integers(1, 100))
def test_every_part_but_the_last_is_within_one_block_of_its_size(sizes: list[list[int]], shard: int) -> None:
    files = [RowsFile(str(i), 0, "", tuple((1, s) for s in blocks), "") for i, blocks in enumerate(sizes)]
    parts = list(cut_parts(files, shard))
    flat = [(f.path, b) for part in parts for f, first, n in part for b in range(first, first + n)]
    assert flat == [(f.path, b) for f in files for b in range(len(f.blocks))]
    largest = max((s for blocks in sizes for s in blocks), default=0)
    for part in parts[:-1]:
        total = sum(f.blocks[b][1] for f, first, n in part for b in range(first, first + n))
        assert abs(total - shard) <= largest


def test_the_size_of_a_row_is_the_bytes_of_its_values() -> None:
    batch = pa.record_batch(
        {
            "a": pa.array(["xy", None, "é"]),
            "b": pa.array([1, 2, 3], pa.int32()),
            "c": pa.array([[1, 2], None, []], pa.list_(pa.uint16())),
            "d": pa.array([["ab"], [], ["c", "def"]], pa.list_(pa.string())),
        }
    )
    assert value_bytes(batch).tolist() == [2 + 4 + 4 + 2, 0 + 4 + 0 + 0, 2 + 4 + 0 + 4]
    assert value_bytes(batch.slice(1)).tolist() == value_bytes(batch)[1:].tolist()
    assert value_bytes(batch).dtype == np.int64
