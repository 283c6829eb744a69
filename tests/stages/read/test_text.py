"""read.text."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpusforge.source import Record, Split, Unreadable
from corpusforge.stages.read.text import Text


def read(data: bytes, path: Path, length: int | None = None, **fields: Any) -> list[tuple[str, str | None]]:
    """Return (origin, text), or (origin, error) after a '!', of everything found in splits of `length`."""
    path.write_bytes(data)
    found: list[tuple[str, str | None]] = []
    for start in range(0, max(1, len(data)), length or max(1, len(data))):
        split = Split("s", str(path), path.name, start, length or len(data), len(data), 0)
        for one in Text(paths=("x",), **fields).read(split):
            if isinstance(one, pa.RecordBatch):
                found += zip(one["origin"].to_pylist(), one["text"].to_pylist(), strict=True)
            elif isinstance(one, Unreadable):
                found.append((one.origin, "! " + one.error))
            else:
                assert isinstance(one, Record)
                found.append((one.origin, one.text))
    return found


@pytest.mark.parametrize("length", [None, 1, 5])
def test_a_file_is_one_document_whatever_the_splits(tmp_path: Path, length: int | None) -> None:
    text = "Ä first\r\n\r\nand last line"
    assert read(text.encode(), tmp_path / "a.txt", length) == [("0", text)]


def test_an_empty_file_is_an_empty_document_and_a_byte_order_mark_is_removed(tmp_path: Path) -> None:
    assert read(b"", tmp_path / "a.txt") == [("0", "")]
    assert read(b"\xef\xbb\xbfa", tmp_path / "a.txt") == [("0", "a")]


def test_a_compressed_file_is_read_by_content_not_by_name(tmp_path: Path) -> None:
    assert read(gzip.compress(b"a\nb"), tmp_path / "a.txt") == [("0", "a\nb")]
    assert read(gzip.compress(b"a\nb"), tmp_path / "a.txt", per="line") == [("0", "a"), ("2", "b")]


def test_what_is_not_utf8_or_too_long_or_cut_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert read("naïve".encode("latin-1"), path) == [("0", "! not UTF-8 at byte 2")]
    assert read(b"x" * 11, path, max_document_bytes=10) == [("0", "! over max_document_bytes (10)")]
    assert read(gzip.compress(b"abc")[:-4], path) == [("0", "! the gzip stream breaks off")]


@pytest.mark.parametrize("length", [None, 1, 3])
def test_lines_are_documents_without_line_ends_and_blank_lines_are_not(tmp_path: Path, length: int | None) -> None:
    data = b"one\r\n\n  \ntwo\nthree \nfour"
    wanted = [("0", "one"), ("9", "two"), ("13", "three "), ("20", "four")]
    assert read(data, tmp_path / "a.txt", length, per="line") == wanted


def test_a_line_that_is_not_utf8_is_unreadable_and_its_neighbours_are_read(tmp_path: Path) -> None:
    found = read(b"one\nab\xff\nthree", tmp_path / "a.txt", per="line")
    assert found == [("4", "! not UTF-8 at byte 2 of the line"), ("0", "one"), ("8", "three")]
