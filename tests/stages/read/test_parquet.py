"""read.parquet."""

import datetime
import decimal
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.errors import InputError
from corpusforge.source import Split, Unreadable
from corpusforge.stages.read.mapping import FOUND
from corpusforge.stages.read.parquet import Parquet


def read(
    path: Path, start: int = 0, groups: int | None = None, **fields: Any
) -> tuple[list[dict[str, Any]], list[Unreadable]]:
    size = os.path.getsize(path)
    if groups is None:
        try:
            groups = pq.ParquetFile(path).num_row_groups
        except pa.ArrowInvalid:
            groups = 1
    reader = Parquet(paths=("x",), **fields)
    schema = pa.schema([*FOUND, *reader.columns_written().items()])
    rows: list[dict[str, Any]] = []
    bad = []
    for found in reader.read(Split("s", str(path), path.name, start, groups, size, 0)):
        if isinstance(found, Unreadable):
            bad.append(found)
        else:
            assert isinstance(found, pa.RecordBatch) and found.schema == schema
            found.validate(full=True)
            rows += found.to_pylist()
    return rows, bad


def write(folder: Path, table: pa.Table | dict[str, Any], **options: Any) -> Path:
    path = folder / "dump.parquet"
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path, **options)
    return path


def test_row_groups_read_apart_give_the_rows_of_the_whole_and_the_origin_is_the_row_number(tmp_path: Path) -> None:
    path = write(tmp_path, {"text": [f"text {i}" for i in range(100)]}, row_group_size=7)
    whole, bad = read(path)
    assert [row["origin"] for row in whole] == [str(i) for i in range(100)] and not bad
    pieces = [row for start in range(0, 15, 4) for row in read(path, start, min(4, 15 - start))[0]]
    assert pieces == whole and whole[99]["text"] == "text 99"


def test_columns_take_fields_by_name_or_dotted_path_and_metadata_keeps_the_rest(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "content": ["a", "b"],
            "meta": [{"url": "http://a.example/", "n": 1}, None],
            "id": ["i-1", None],
            "date": [datetime.datetime(2024, 1, 31, 12, 30), None],
            "language": pa.array(["de", None]).dictionary_encode(),
            "license": [["MIT"], []],
            "title": [7, None],
        },
    )
    rows, bad = read(path, text="content", url="meta.url")
    assert not bad
    first = {k: v for k, v in rows[0].items() if k not in ("metadata", "path")}
    assert first == {
        "text": "a",
        "origin": "0",
        "url": "http://a.example/",
        "title": "7",
        "date": "2024-01-31T12:30:00.000000",
        "language": "de",
        "license": None,
    }
    assert json.loads(rows[0]["metadata"]) == {"meta": {"n": 1}, "id": "i-1", "license": ["MIT"]}
    assert rows[1]["url"] is None and rows[1]["metadata"] == '{"license":[]}'
    bare, _ = read(path, text="content", url="meta.url", metadata=False)
    assert [{**row, "metadata": None} for row in rows] == bare


def test_metadata_holds_every_kind_of_value(tmp_path: Path) -> None:
    nanoseconds = pa.array([1_700_000_000_000_000_001], pa.timestamp("ns"))
    path = write(
        tmp_path,
        {
            "text": ["a"],
            "when": nanoseconds,
            "price": [decimal.Decimal("1.50")],
            "raw": [b"\xff\x00"],
            "score": [float("nan")],
            "took": [datetime.timedelta(seconds=2)],
            "tags": pa.array([[("k", [1, 2])]], pa.map_(pa.string(), pa.list_(pa.int8()))),
            "days": [[datetime.date(2024, 1, 31)]],
        },
    )
    ((row,), bad) = read(path)
    assert not bad
    assert json.loads(row["metadata"]) == {
        "when": "2023-11-14 22:13:20.000000001",
        "price": "1.50",
        "raw": "/wA=",
        "score": None,
        "took": 2_000_000,
        "tags": [["k", [1, 2]]],
        "days": ["2024-01-31"],
    }


def test_a_null_text_is_a_document_without_text(tmp_path: Path) -> None:
    rows, bad = read(write(tmp_path, {"text": ["a", None, ""]}))
    assert [row["text"] for row in rows] == ["a", None, ""] and not bad


def test_kept_columns_pass_typed_and_a_value_the_type_cannot_hold_is_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path, {"text": ["a", "b", "c"], "score": ["0.5", "high", None], "n": [1, 2, 3]})
    rows, bad = read(path, keep={"score": "float32"})
    assert [(row["origin"], row["score"], row["metadata"]) for row in rows] == [
        ("0", 0.5, '{"n":1}'),
        ("2", None, '{"n":3}'),
    ]
    assert [one.origin for one in bad] == ["1"] and "high" not in bad[0].error
    with pytest.raises(ValueError, match="core column"):
        Parquet(paths=("x",), keep={"url": "string"})
    with pytest.raises(ValueError, match="flot"):
        Parquet(paths=("x",), keep={"score": "flot"})


def test_the_description_survives_yaml_and_is_hashable() -> None:
    reader = Parquet(paths=("x",), keep={"score": "float32"}, text="content")
    assert Parquet.model_validate(reader.model_dump(mode="json")) == reader
    hash(reader)


@pytest.mark.parametrize("kind", [pa.string(), pa.binary()])
def test_a_string_that_is_not_utf8_costs_its_row_only(tmp_path: Path, kind: pa.DataType) -> None:
    values = [b"row %d" % i for i in range(50)]
    values[17] = b"caf\xe9"
    values[18] = b"\xff"
    offsets = pa.array(values, pa.binary())
    column = pa.Array.from_buffers(kind, 50, offsets.buffers())
    rows, bad = read(write(tmp_path, pa.table({"text": column, "n": range(50)}), use_dictionary=False))
    assert [one.origin for one in bad] == ["17", "18"]
    assert bad[0].error == "column 'text' is not UTF-8 at byte 3"
    assert [row["origin"] for row in rows] == [str(i) for i in range(50) if i not in (17, 18)]
    assert rows[17]["text"] == "row 19" and rows[17]["metadata"] == '{"n":19}'


def test_a_column_of_the_recipe_that_is_missing_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, {"content": ["a"], "link": ["b"]})
    with pytest.raises(InputError, match=r"no column 'text' for text; the file has content, link"):
        read(path)
    with pytest.raises(InputError, match=r"no column 'lnk' for url.*Did you mean 'link'"):
        read(path, text="content", url="lnk")
    with pytest.raises(InputError, match=r"no column 'score' for keep"):
        read(path, text="content", keep={"score": "int64"})
    with pytest.raises(InputError, match=r"column 'text' is int64, not a string"):
        read(write(tmp_path, {"text": [1]}))


def test_what_is_no_parquet_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "dump.parquet"
    path.write_bytes(b"PAR1 no footer here")
    rows, (bad,) = read(path)
    assert not rows and bad.bytes == 19 and "not readable as Parquet" in bad.error


def test_a_corrupt_row_group_costs_the_rest_of_itself_only(tmp_path: Path) -> None:
    path = write(tmp_path, {"text": [os.urandom(20).hex() for _ in range(30)]}, row_group_size=10, compression="zstd")
    whole, _ = read(path)
    page = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    begin = page.dictionary_page_offset or page.data_page_offset
    data[begin : begin + page.total_compressed_size] = b"\x55" * page.total_compressed_size
    path.write_bytes(data)
    rows, bad = read(path)
    assert rows == whole[:10] + whole[20:]
    assert [one.origin for one in bad] == ["10"] and bad[0].error.startswith("rows 10 to 19")


def test_batches_stay_small(tmp_path: Path) -> None:
    path = write(tmp_path, {"text": [os.urandom(50_000).hex() for _ in range(200)]})
    split = Split("s", str(path), "x", 0, 1, 1, 0)
    sizes = [b.nbytes for b in Parquet(paths=("x",)).read(split) if isinstance(b, pa.RecordBatch)]
    assert len(sizes) > 3 and max(sizes) < 8 << 20


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    assert read(write(tmp_path, pa.table({"text": pa.array([], pa.string())}))) == ([], [])


def test_real_bulk_files_keep_their_text(shared: Any) -> None:
    path = shared("bulk/bulk-dev-00000-of-00002.parquet")
    rows, bad = read(path, 0, 1)
    wanted = pq.ParquetFile(path).read_row_group(0).to_pylist()
    assert [row["text"] for row in rows] == [row["text"] for row in wanted] and not bad
    assert json.loads(rows[0]["metadata"]) == {"id": wanted[0]["id"], "source": wanted[0]["source"]}
