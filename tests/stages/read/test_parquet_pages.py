"""Giant values in Parquet pages: not held, their rows unreadable, and every other row as it is."""

import io
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.source import Split, Unreadable
from corpusforge.stages.read import parquet_pages
from corpusforge.stages.read.parquet import Parquet
from corpusforge.stages.read.parquet_pages import Patched, without_giants
from corpusforge.stages.read.thrift import read_struct, write_struct

LIMIT = 1 << 20
NOISE = random.Random(3).randbytes(600_000).hex()  # 1.2 MB that hardly pack
TEXTS = [f"before {i}" for i in range(300)] + [None, NOISE] + [f"after {i}" for i in range(700)] + [NOISE[:1_000_000]]
ROWS = {"text": TEXTS, "url": [f"http://a.example/{i}" for i in range(len(TEXTS))], "n": list(range(len(TEXTS)))}


def found(path: Path, **fields: Any) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the rows that are read, and origin and error of those that are not."""
    groups = pq.ParquetFile(path).metadata.num_row_groups
    split = Split("s", str(path), "t", 0, groups, path.stat().st_size, 1)
    items = list(Parquet.model_validate({"paths": "x", "max_value_bytes": LIMIT, **fields}).read(split))
    rows = [row for item in items if isinstance(item, pa.RecordBatch) for row in item.to_pylist()]
    return rows, [(i.origin, i.error) for i in items if isinstance(i, Unreadable)]


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "zstd", "gzip", "snappy", "brotli", "lz4"])
def test_a_giant_value_costs_its_row_and_no_other(
    compression: str, version: str, dictionary: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(ROWS), path, compression=compression, data_page_version=version, use_dictionary=dictionary)
    patches = []
    monkeypatch.setattr(
        "corpusforge.stages.read.parquet.without_giants", lambda *a: patches.append(without_giants(*a)) or patches[-1]
    )
    rows, lost = found(path)
    assert any(patches)
    assert lost == [("301", f"a value of {len(NOISE)} bytes is over max_value_bytes")]
    assert [row["text"] for row in rows] == TEXTS[:301] + TEXTS[302:]
    assert [row["url"] for row in rows] == ROWS["url"][:301] + ROWS["url"][302:]
    assert rows[301]["metadata"] == '{"n":302}'


def test_giants_of_other_columns_and_of_nested_ones_cost_their_rows_too(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "text": ["a", "b", "c", "d"],
        "url": ["u", NOISE, None, "v"],
        "tags": [["x"], ["y", "z"], ["x", NOISE, None], []],
    }
    pq.write_table(pa.table(columns), path)
    rows, lost = found(path)
    assert [row["text"] for row in rows] == ["a", "d"]
    assert [origin for origin, _ in lost] == ["1", "2"]


def test_a_giant_is_streamed_and_pages_are_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", "x" * 40_000_000, "b"]}), path, compression="zstd", use_dictionary=False)
    with open(path, "rb") as file:
        known = pq.ParquetFile(path)
        before = pa.total_allocated_bytes()
        patches = without_giants(file, known.metadata.row_group(0).column(0), known.schema.column(0), LIMIT)
        assert pa.total_allocated_bytes() - before < LIMIT
    assert sum(len(patch) for _, patch in patches) < 1000
    assert [row["text"] for row in found(path)[0]] == ["a", "b"]


def test_what_is_laid_over_a_page_is_as_long_as_the_page(tmp_path: Path) -> None:
    # Whatever room is left over must be filled to the byte, or the reader loses the next page.
    page = parquet_pages._Page(0, 30, {1: 0, 2: 9, 3: 4_000_000, 5: {1: 1, 2: 0, 3: 3, 4: 3}})
    for left in [*range(0, 700), (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (1 << 20) + (1 << 19) + 3]:
        stored = b"x" * 100
        size = len(write_struct({1: 0, 2: 104, 3: 100, 5: page.about})) + 100 + left
        patches = parquet_pages._laid_over(page._replace(header_bytes=0, header={**page.header, 3: size}), 104, stored)
        image = bytearray(size)
        for offset, patch in patches:
            image[offset : offset + len(patch)] = patch
        at = 0
        while at < size:
            fields, end = read_struct(bytes(image), at)
            assert fields[1] in (0, 1)
            at = end + fields[3]
        assert at == size


def test_a_file_with_patches_reads_like_the_patched_bytes() -> None:
    data, draw = bytearray(random.Random(1).randbytes(1000)), random.Random(2)
    patched = Patched(io.BytesIO(bytes(data)))
    patched.patches = [(10, b"abc"), (13, b"de"), (400, b"f" * 300), (990, b"0123456789")]
    for offset, patch in patched.patches:
        data[offset : offset + len(patch)] = patch
    for _ in range(300):
        at, size = draw.randrange(1100), draw.randrange(600)
        assert patched.seek(at) == at
        assert patched.read(size) == bytes(data[at : at + size])
        assert patched.tell() == min(at + size, max(at, 1000))
    assert patched.seek(-4, io.SEEK_END) == 996
    assert patched.read() == b"6789"


@pytest.mark.parametrize("checksums", [False, True])
def test_a_damaged_page_is_left_to_the_library(checksums: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table, options = pa.table({"text": ["a", NOISE, "b"]}), {"use_dictionary": False, "write_page_checksum": checksums}
    pq.write_table(table, path, compression="zstd", **options)
    data = bytearray(path.read_bytes())
    where = 200_000 if checksums else 50  # in the giant, where only a checksum tells; in the head of the page
    data[where : where + 30] = bytes(30)
    path.write_bytes(data)
    rows, lost = found(path)
    assert rows == []
    assert "rows 0 to 2: not readable as Parquet" in lost[0][1]
