"""read.jsonl, and the lines and compressions it shares with read.text."""

import bz2
import gzip
import json
import lzma
import os
from pathlib import Path
from typing import Any

import lz4.frame
import orjson
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.errors import InputError
from corpusforge.source import Split, Unreadable
from corpusforge.stages.read.compression import compression_of
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.read.lines import BYTE_ORDER_MARK, cut_lines
from corpusforge.stages.read.mapping import FOUND

COMPRESS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "bzip2": bz2.compress,
    "lz4": lz4.frame.compress,
    "xz": lzma.compress,
}


def split_of(path: Path, start: int = 0, length: int | None = None) -> Split:
    size = os.path.getsize(path)
    return Split("s", str(path), path.name, start, size if length is None else length, size, 0)


def read(path: Path, **fields: Any) -> tuple[list[dict[str, Any]], list[Unreadable]]:
    rows: list[dict[str, Any]] = []
    bad = []
    for found in Jsonl(paths=("x",), **fields).read(split_of(path)):
        if isinstance(found, Unreadable):
            bad.append(found)
        else:
            assert isinstance(found, pa.RecordBatch) and found.schema == FOUND
            rows += found.to_pylist()
    return rows, bad


def write(folder: Path, *lines: bytes | dict[str, Any], end: bytes = b"\n") -> Path:
    path = folder / "dump.jsonl"
    path.write_bytes(b"\n".join(x if isinstance(x, bytes) else orjson.dumps(x) for x in lines) + end)
    return path


@given(st.lists(st.binary(max_size=6), max_size=12), st.integers(1, 9), st.integers(1, 7), st.integers(2, 6))
def test_every_line_has_one_owner_however_the_file_and_its_blocks_are_cut(
    lines: list[bytes], split_bytes: int, block_bytes: int, max_line_bytes: int
) -> None:
    data = b"\n".join(lines)
    wanted: list[tuple[int, bytes | int]] = []
    position = 0
    for line in data.split(b"\n"):
        if line or position + len(line) < len(data):  # nothing follows a last newline
            plain = line if position else line.removeprefix(BYTE_ORDER_MARK)
            wanted.append((position, plain if len(line) <= max_line_bytes else len(line)))
        position += len(line) + 1
    found: list[tuple[int, bytes | int]] = []
    for start in range(0, len(data), split_bytes):
        offset = max(0, start - 1)
        blocks = [data[i : i + block_bytes] for i in range(offset, len(data), block_bytes)]
        for one in cut_lines(blocks, offset, start + split_bytes, max_line_bytes, skip_first=start > 0):
            found.append((int(one.origin), one.bytes) if isinstance(one, Unreadable) else one)
    assert found == wanted


@pytest.mark.parametrize("length", [1, 7, 64, 10_000])
def test_splits_of_a_file_give_its_documents_once_with_the_same_origins(tmp_path: Path, length: int) -> None:
    path = write(tmp_path, *[{"text": "x" * n, "id": n} for n in range(40)], end=b"")
    whole, _ = read(path)
    size = os.path.getsize(path)
    pieces = []
    for start in range(0, size, length):
        for batch in Jsonl(paths=("x",)).read(split_of(path, start, min(length, size - start))):
            assert isinstance(batch, pa.RecordBatch)
            pieces += batch.to_pylist()
    assert pieces == whole
    assert [row["text"] for row in whole] == ["x" * n for n in range(40)]
    lines = path.read_bytes()
    assert all(lines[int(r["origin"]) :].startswith(b'{"text":"' + r["text"].encode()) for r in whole)


def test_columns_take_fields_by_name_or_dotted_path_and_metadata_keeps_the_rest(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"id": "a-1", "content": "Hä", "meta": {"url": "http://a.example/", "n": 1}, "language": "de", "text": "other"},
        {"content": "two", "meta": {"url": "http://b.example/"}, "date": None},
        {"content": "three", "meta": "flat", "meta.url": "http://c.example/"},
    )
    rows, bad = read(path, text="content", url="meta.url")
    assert not bad
    assert [row["text"] for row in rows] == ["Hä", "two", "three"]
    assert [row["url"] for row in rows] == ["http://a.example/", "http://b.example/", "http://c.example/"]
    assert rows[0]["language"] == "de" and rows[0]["title"] is None
    assert json.loads(rows[0]["metadata"]) == {"id": "a-1", "meta": {"n": 1}, "text": "other"}
    assert rows[1]["metadata"] is None and rows[1]["date"] is None
    assert json.loads(rows[2]["metadata"]) == {"meta": "flat"}


def test_numbers_become_strings_and_nested_values_stay_in_metadata(tmp_path: Path) -> None:
    path = write(tmp_path, {"text": "a", "date": 20240131, "title": True, "license": ["MIT", "X11"]})
    ((row,), _) = read(path)
    assert (row["date"], row["title"], row["license"]) == ("20240131", "true", None)
    assert json.loads(row["metadata"]) == {"license": ["MIT", "X11"]}


def test_a_bad_line_is_unreadable_with_its_place_and_the_others_are_read(tmp_path: Path) -> None:
    lines: list[bytes | dict[str, Any]] = [
        {"text": "first"},
        b'{"text": "cut',
        b'{"text": "caf\xe9"}',
        b'["a list"]',
        {"content": "secret words"},
        {"text": 5},
        {"text": None},
        b"",
        b"  \t\r",
        b'{"text": "\\ud800"}',
        {"text": ""},
        b'{"text": "windows"}\r',
    ]
    rows, bad = read(write(tmp_path, *lines))
    assert [row["text"] for row in rows] == ["first", "", "windows"]
    assert [one.error.split(":")[0] for one in bad] == [
        "not JSON",
        "not UTF-8 at byte 13 of the line",
        "an array, not an object",
        "no string in field 'text' but null",
        "no string in field 'text' but a number",
        "no string in field 'text' but null",
        "not JSON",
    ]
    assert [int(one.origin) for one in bad][:2] == [17, 31] and bad[0].bytes == 13
    assert not any("secret" in one.error for one in bad)


def test_a_line_too_long_is_unreadable_and_the_next_one_is_read(tmp_path: Path) -> None:
    long = b'{"text": "' + b"x" * 3_000_000 + b'"}'
    rows, bad = read(write(tmp_path, {"text": "a"}, long, {"text": "b"}, long, end=b""), max_line_bytes=1000)
    assert [row["text"] for row in rows] == ["a", "b"]
    assert [(one.origin, one.bytes) for one in bad] == [("13", len(long)), (str(13 + len(long) + 14), len(long))]
    assert "max_line_bytes (1000)" in bad[0].error


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    rows, bad = read(write(tmp_path, b'\xef\xbb\xbf{"text": "a"}', {"text": "b"}))
    assert [(row["origin"], row["text"]) for row in rows] == [("0", "a"), ("17", "b")] and not bad


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_compressed_file_reads_like_the_plain_one_in_any_number_of_members(tmp_path: Path, compression: str) -> None:
    plain = write(tmp_path, *[{"text": f"{n} " * n} for n in range(300)])
    data = plain.read_bytes()
    packed = tmp_path / "packed"
    packed.write_bytes(b"".join(COMPRESS[compression](data[i : i + 9999]) for i in range(0, len(data), 9999)))
    assert compression_of(packed.read_bytes()[:16]) == compression
    assert read(packed) == read(plain)


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_compressed_file_that_breaks_off_gives_its_good_lines_and_one_unreadable(
    tmp_path: Path, compression: str
) -> None:
    texts = [os.urandom(40).hex() for _ in range(5000)]
    data = b"".join(orjson.dumps({"text": text}) + b"\n" for text in texts)
    packed = tmp_path / "packed"
    packed.write_bytes(
        b"".join(COMPRESS[compression](data[i : i + 40_000]) for i in range(0, len(data), 40_000))[:-200]
    )
    rows, bad = read(packed)
    assert [row["text"] for row in rows] == texts[: len(rows)] and len(rows) > 4500
    assert len(bad) == 1 and "breaks off" in bad[0].error
    assert int(bad[0].origin) == data.index(orjson.dumps({"text": texts[len(rows)]}))


def test_a_truncated_gzip_member_gives_all_that_zlib_can_recover(tmp_path: Path) -> None:
    data = b"".join(b'{"text": "%d"}\n' % n for n in range(100_000))
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(data)[:-9])
    rows, bad = read(packed)
    assert len(rows) >= 99_990 and len(bad) == 1


@pytest.mark.parametrize(("compression", "error"), [("gzip", "corrupt gzip"), ("zstd", "corrupt zstd")])
def test_rubbish_after_a_compressed_stream_is_reported_and_zero_padding_is_not(
    tmp_path: Path, compression: str, error: str
) -> None:
    packed = tmp_path / "packed"
    good = COMPRESS[compression](b'{"text": "a"}\n')
    packed.write_bytes(good + b"rubbish" * 9)
    rows, bad = read(packed)
    assert len(rows) == 1 and bad[0].error.startswith(error)
    packed.write_bytes(good + bytes(1024) + good)
    rows, bad = read(packed)
    assert len(rows) == 2 and not bad


def test_a_skippable_zstd_frame_before_the_data_is_skipped(tmp_path: Path) -> None:
    packed = tmp_path / "packed.zst"
    packed.write_bytes(b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd" + COMPRESS["zstd"](b'{"text": "a"}\n'))
    assert [row["text"] for row in read(packed)[0]] == ["a"]


@pytest.mark.parametrize("compression", COMPRESS)
def test_blocks_are_bounded_when_a_small_file_holds_much(tmp_path: Path, compression: str) -> None:
    from corpusforge.stages.read.compression import decompressed

    packed = tmp_path / "packed"
    packed.write_bytes(COMPRESS[compression](bytes(64 << 20)))
    with open(packed, "rb") as file:
        blocks = [len(block) for block in decompressed(file, compression)]
    assert sum(blocks) == 64 << 20
    assert compression == "zstd" or max(blocks) <= 1 << 20


def test_batches_stay_small(tmp_path: Path) -> None:
    path = write(tmp_path, *[{"text": "x" * 100_000} for _ in range(100)])
    sizes = [batch.nbytes for batch in Jsonl(paths=("x",)).read(split_of(path)) if isinstance(batch, pa.RecordBatch)]
    assert len(sizes) == 3 and max(sizes) < 5 << 20


def test_a_mapping_that_names_no_field_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'meta\.' is not the name of a field"):
        Jsonl(paths=("x",), url="meta.")


def test_a_stream_that_breaks_off_inside_a_line_reports_where_the_line_starts() -> None:
    def blocks() -> Any:
        yield b"a\nbc"
        raise InputError("gone")

    assert list(cut_lines(blocks(), 0, 100, 100)) == [(0, b"a"), Unreadable("2", "gone", 2)]


def test_real_gold_files_are_read_whole(shared: Any) -> None:
    rows, bad = read(shared("web/readability-gold.jsonl.zst"), text="gold_text", title="meta.title")
    assert len(rows) == 129 and not bad
