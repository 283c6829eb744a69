"""Find documents in what a run left: by doc_id, URL, origin or path without reading their texts, or by their texts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from corpusforge.engine.remote import RemotePath
from corpusforge.engine.storage import StoredPath, arrow_path
from corpusforge.errors import OutputError, RunError

KEYS = ("doc_id", "url", "origin", "path")
NEEDED = ("documents", "sources", "stages", "shards", "rejected", "quarantine", "signals", "recipe_parts", "run")
TEXTS_AT_A_TIME = 1024


@dataclass(frozen=True)
class Place:
    """A row of a file that a run left."""

    file: str  # relative to the output folder
    row: int  # in the file, from 0
    values: dict[str, Any]


def parquet(path: StoredPath) -> pq.ParquetFile:
    """Open a Parquet file."""
    return pq.ParquetFile(path.open() if isinstance(path, RemotePath) else path)


def read_manifest(output: StoredPath) -> dict[str, Any]:
    """Return the manifest of a finished run; OutputError when there is none."""
    path = output / "manifest.json"
    if not output.exists():
        raise OutputError(f"there is no folder {output}; give the output folder of a run")
    try:
        manifest: dict[str, Any] = orjson.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        unfinished = (output / ".work").is_dir()
        hint = f"; a run of it is unfinished, see corpusforge status {output}" if unfinished else ""
        raise OutputError(f"{output} holds no finished run: there is no manifest.json{hint}") from None
    except orjson.JSONDecodeError as error:
        raise OutputError(f"{path} is not valid JSON ({error}); see corpusforge verify {output}") from None
    if missing := [name for name in NEEDED if name not in manifest]:
        by = manifest.get("corpusforge", "unknown")
        raise OutputError(
            f"{path} was written by another version of corpusforge ({by}): it has no '{missing[0]}'. "
            "Use that version, or run the recipe again with --replace"
        )
    return manifest


def find_rows(
    output: StoredPath,
    parts: Sequence[dict[str, Any]],
    wanted: str,
    keys: tuple[str, ...] = KEYS,
    columns: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Iterator[Place]:
    """Yield the rows in which one of the columns `keys` is `wanted`, with `columns` (default: all) where they exist.

    `parts` is a list of the manifest; those of other formats than Parquet are passed over. `without`: columns to leave
    out. A row group whose statistics rule the value out is not read; of the others only
    the keys, and the rest where there is a hit. Raises RunError when a part is missing or no Parquet.
    """
    for part in _parquet(parts):
        with _readable(output, part):
            yield from _find_in(output, part, wanted, keys, columns, without)


def find_texts(
    output: StoredPath, parts: Sequence[dict[str, Any]], fragment: str, without: tuple[str, ...] = ()
) -> Iterator[Place]:
    """Yield the rows whose text holds `fragment`, to the letter; reads every text once, a batch at a time."""
    for part in _parquet(parts):
        with _readable(output, part):
            file = parquet(output / part)
            names = [name for name in file.schema_arrow.names if name not in without]
            if "text" not in file.schema_arrow.names:
                continue
            for group in range(file.metadata.num_row_groups):
                start = sum(file.metadata.row_group(before).num_rows for before in range(group))
                hits: list[int] = []
                for batch in file.iter_batches(TEXTS_AT_A_TIME, [group], ["text"]):
                    found = pc.fill_null(pc.match_substring(batch.column(0), fragment), False)
                    hits += (start + np.flatnonzero(found.to_numpy(zero_copy_only=False))).tolist()
                    start += batch.num_rows
                if hits:
                    first = start - file.metadata.row_group(group).num_rows
                    table = file.read_row_group(group, columns=names).take(pa.array([row - first for row in hits]))
                    for row, values in zip(hits, table.to_pylist(), strict=True):
                        yield Place(part, row, values)


def _parquet(parts: Sequence[dict[str, Any]]) -> Iterator[str]:
    return (part["path"] for part in parts if part["path"].endswith(".parquet"))


@contextmanager
def _readable(output: StoredPath, part: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        said = str(error).splitlines()[0]
        raise RunError(f"{output / part} cannot be read ({said}); see corpusforge verify {output}") from error


def _find_in(
    output: StoredPath,
    part: str,
    wanted: str,
    keys: tuple[str, ...],
    columns: tuple[str, ...],
    without: tuple[str, ...],
) -> Iterator[Place]:
    file = parquet(output / part)
    schema = file.schema_arrow
    present = [key for key in keys if key in schema.names]
    if not present:
        return
    condition = reduce(or_, [ds.field(key) == wanted for key in present])
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    fragment = ds.ParquetFileFormat().make_fragment(*arrow_path(output / part))
    for piece in fragment.split_by_row_group(condition, schema=schema):
        group = piece.row_groups[0].id
        hit = np.zeros(sizes[group], bool)
        for column in file.read_row_group(group, columns=present).columns:
            hit |= pc.fill_null(pc.equal(column, wanted), False).to_numpy()
        if hit.any():
            names = [name for name in columns or schema.names if name in schema.names and name not in without]
            rows = np.flatnonzero(hit)
            found = file.read_row_group(group, columns=names).take(pa.array(rows))
            for row, values in zip(rows.tolist(), found.to_pylist(), strict=True):
                yield Place(part, sum(sizes[:group]) + row, values)


def first_rows(output: StoredPath, parts: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Return the first `count` rows of the manifest's `parts`, with all columns."""
    rows: list[dict[str, Any]] = []
    for part in _parquet(parts):
        if len(rows) >= count:
            break
        with _readable(output, part):
            for batch in parquet(output / part).iter_batches(min(count, TEXTS_AT_A_TIME)):
                rows += batch.slice(0, count - len(rows)).to_pylist()
                if len(rows) >= count:
                    break
    return rows
