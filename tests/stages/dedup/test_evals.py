"""Evaluation files are read item by item, or refused by name."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpusforge.errors import RecipeError
from corpusforge.stages.dedup import evals
from corpusforge.stages.dedup.evals import eval_names, find_evals, read_items

ROWS = [
    {"id": 1, "q": "Why?", "more": {"a": ["x", None, "y"], "n": 2.5}},
    {"q": None, "a.b": "dot", "more": {"a": "z"}},
]
LINES = b"\n" + b"\n\n".join(json.dumps(row).encode() for row in ROWS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.jsonl", LINES),
        ("e.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("e.ndjson.zst", zstandard.compress(LINES)),
        ("named-wrongly.jsonl", gzip.compress(LINES, mtime=0)),
    ],
)
def test_jsonl_gives_the_strings_of_each_line_compressed_or_not(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert list(read_items(str(path))) == [["Why?", "x", "y"], ["dot", "z"]]
    assert list(read_items(str(path), ("more.a", "q"))) == [["x", "y", "Why?"], ["z"]]
    assert list(read_items(str(path), ("a.b", "q.no"))) == [[], ["dot"]]


def test_parquet_gives_the_strings_of_each_row(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    pq.write_table(pa.table({"q": ["a", None], "choices": [["b", "c"], []], "n": [1, 2]}), path)
    assert list(read_items(str(path))) == [["a", "b", "c"], []]
    assert list(read_items(str(path), ("choices",))) == [["b", "c"], []]


def test_a_table_of_many_blocks_is_read_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evals, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(evals, "BATCH_ROWS", 7)
    path = tmp_path / "e.csv"
    path.write_text("id,q\n" + "".join(f'{i:03d},"line {i}\nand, another"\n' for i in range(2000)))
    assert list(read_items(str(path))) == [[f"{i:03d}", f"line {i}\nand, another"] for i in range(2000)]
    path.write_text("id,q\n1,2,3\n")
    with pytest.raises(RecipeError, match=r"e\.csv' cannot be read: .*Expected 2 columns, got 3"):
        list(read_items(str(path)))


def test_files_are_found_once_and_named_from_their_common_folder(tmp_path: Path) -> None:
    for name in ("a.jsonl", "sub/a.jsonl", "sub/b.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_evals([f"{tmp_path}/**/*.*", f"{tmp_path}/a.jsonl"])
    assert eval_names(found) == ["a.jsonl", "sub/a.jsonl", "sub/b.parquet"]
    assert eval_names(found[1:2]) == ["a.jsonl"]


def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nothing matches 'no/such\*\.jsonl'"):
        find_evals(["no/such*.jsonl"])
    (tmp_path / "e.xml").touch()
    with pytest.raises(RecipeError, match=r"e\.xml' is none of \.jsonl"):
        find_evals([f"{tmp_path}/*"])
    (tmp_path / "e.jsonl").write_bytes(b'{"q": "x"}\n{"q": \n')
    with pytest.raises(RecipeError, match=r"e\.jsonl' cannot be read: line 2 is no JSON"):
        list(read_items(str(tmp_path / "e.jsonl")))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(LINES)[:-9])
    with pytest.raises(RecipeError, match=r"cut\.jsonl\.gz' cannot be read"):
        list(read_items(str(tmp_path / "cut.jsonl.gz")))
    (tmp_path / "e.parquet").write_bytes(b"no parquet")
    with pytest.raises(RecipeError, match=r"e\.parquet' cannot be read"):
        list(read_items(str(tmp_path / "e.parquet")))
