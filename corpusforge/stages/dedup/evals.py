"""Evaluation sets: JSONL (plain or compressed), CSV, TSV and Parquet files, as the strings of each item."""

import glob
import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from corpusforge.errors import InputError, RecipeError
from corpusforge.stages.read.compression import HEAD_BYTES, compression_of, decompressed

FORMATS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst", ".parquet", ".csv", ".tsv")
BATCH_ROWS = 1024  # of a table as Python objects at a time
BLOCK_BYTES = 8 << 20  # of CSV parsed at a time; a row must fit


def find_evals(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the files the patterns match, sorted, each once.

    Raises RecipeError for a pattern that matches no file, and for a file of another format.
    """
    found = set()
    for pattern in patterns:
        files = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
        if not files:
            raise RecipeError(
                f"against: nothing matches '{pattern}'. Give evaluation files ({', '.join(FORMATS)}); paths are "
                f"relative to the current folder, {os.getcwd()}"
            )
        for path in files:
            if not path.lower().endswith(FORMATS):
                raise RecipeError(f"against: '{path}' is none of {', '.join(FORMATS)}")
        found.update(files)
    return tuple(sorted(found))


def eval_names(paths: Sequence[str]) -> list[str]:
    """Return the name of each file: its path relative to the folder all of them share.

    >>> eval_names(["evals/a.jsonl", "evals/b/a.jsonl"])
    ['a.jsonl', 'b/a.jsonl']
    """
    folder = os.path.commonpath([os.path.dirname(os.path.abspath(p)) for p in paths]) if paths else ""
    return [os.path.relpath(os.path.abspath(p), folder) for p in paths]


def read_items(path: str, fields: Sequence[str] = ()) -> Iterator[list[str]]:
    """Yield the strings of each item (JSONL: line that is not blank; Parquet, CSV, TSV: row), in its own order.

    `fields` names the fields that count, a dot leads into an object; without it all strings count, those inside lists
    and objects too. Raises RecipeError with file and line for what cannot be read.
    """
    try:
        with open(path, "rb") as file:
            for row in _rows(file, path):
                yield _strings([_field(row, name) for name in fields] if fields else row)
    except (InputError, OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise RecipeError(f"against: '{path}' cannot be read: {error}") from error


def _rows(file: BinaryIO, path: str) -> Iterator[Any]:
    name = path.lower()
    if name.endswith((".csv", ".tsv")):
        return _table_rows(file, path, "," if name.endswith(".csv") else "\t")
    return _parquet_rows(file) if name.endswith(".parquet") else _json_rows(file)


def _table_rows(file: BinaryIO, path: str, delimiter: str) -> Iterator[dict[str, Any]]:
    # Every column as text: "007" is a string of an item too, and a question may hold line breaks.
    import pyarrow.csv as csv

    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    read = csv.ReadOptions(block_size=BLOCK_BYTES)
    # Opened once more for its header: a reader reads ahead, so two of them must not share a file.
    with open(path, "rb") as again, csv.open_csv(again, read_options=read, parse_options=parse) as head:
        strings = {name: pa.string() for name in head.schema.names}
    convert = csv.ConvertOptions(column_types=strings, strings_can_be_null=False)
    with csv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert) as table:
        for batch in table:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield from batch.slice(start, BATCH_ROWS).to_pylist()


def _parquet_rows(file: BinaryIO) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(file).iter_batches(batch_size=BATCH_ROWS):
        yield from batch.to_pylist()


def _json_rows(file: BinaryIO) -> Iterator[Any]:
    compression = compression_of(file.read(HEAD_BYTES))
    file.seek(0)
    for number, line in enumerate(file if compression is None else _lines(decompressed(file, compression)), 1):
        if line.strip():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise InputError(f"line {number} is no JSON ({error})") from error


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    yield rest


def _field(row: Any, name: str) -> Any:
    if not isinstance(row, dict) or name in row:
        return row.get(name) if isinstance(row, dict) else None
    head, _, tail = name.partition(".")
    return _field(row.get(head), tail) if tail else None


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [string for part in value for string in _strings(part)] if isinstance(value, list) else []
