"""Sorted runs and their merges equal one plain sort, whatever the spills, runs and batches."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.engine import exchange
from corpusforge.engine.batch_file import BatchWriter
from corpusforge.engine.exchange import RunFile, RunWriter, merge_files, partitions

SCHEMA = pa.schema([("key", pa.uint64()), ("rank", pa.binary(10)), ("row", pa.uint32())])

rows = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1 << 52, (1 << 52) - 1, 1 << 63, (1 << 64) - 1]), st.binary(min_size=10, max_size=10)
    ),
    max_size=60,
)


def batch(items: list[tuple[int, bytes]]) -> pa.RecordBatch:
    """Return rows in the test's schema."""
    numbers = range(len(items))
    return pa.RecordBatch.from_pydict(
        {"key": [k for k, _ in items], "rank": [r for _, r in items], "row": list(numbers)}, schema=SCHEMA
    )


def pairs(batches: list[pa.RecordBatch]) -> list[tuple[int, bytes]]:
    """Return (key, rank) of all rows in order."""
    return [(k, r) for b in batches for k, r in zip(b["key"].to_pylist(), b["rank"].to_pylist(), strict=True)]


def write(folder: Path, name: str, items: list[tuple[int, bytes]], buffer_bytes: int) -> RunFile | None:
    """Write one run, a few rows at a time."""
    writer = RunWriter(folder / name, "key", ("rank",), buffer_bytes=buffer_bytes)
    whole = batch(items)
    for start in range(0, whole.num_rows, 7):
        writer.write(whole.slice(start, 7))
    return writer.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=5), st.sampled_from([100, 1000, 1 << 20]))
def test_merged_runs_equal_one_sort(runs: list[list[tuple[int, bytes]]], buffer_bytes: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = [f for i, items in enumerate(runs) if (f := write(folder, f"r{i}", items, buffer_bytes))]
        expected = sorted(pair for items in runs for pair in items)
        merged = list(merge_files(files, 0, 4096, "key", ("rank",), folder / "scratch", False))
        assert pairs(merged) == expected
        by_range = [
            b
            for low, high in partitions(files, 200)
            for b in merge_files(files, low, high, "key", ("rank",), folder / "scratch", False)
        ]
        assert pairs(by_range) == expected


def test_many_small_batches_of_many_runs_merge_in_rounds(tmp_path: Path, monkeypatch: object) -> None:
    draw = np.random.default_rng(1)
    monkeypatch.setattr(exchange, "MAX_RUNS", 3)  # type: ignore[attr-defined]
    monkeypatch.setattr(exchange, "BATCH_BYTES", 100)  # type: ignore[attr-defined]
    runs = [[(int(k), bytes(draw.bytes(10))) for k in draw.integers(0, 1 << 63, 40)] for _ in range(11)]
    files = [f for i, items in enumerate(runs) if (f := write(tmp_path, f"r{i}", items, 1 << 20))]
    merged = list(merge_files(files, 0, 4096, "key", ("rank",), tmp_path / "scratch", False))
    assert pairs(merged) == sorted(p for items in runs for p in items)


def test_a_partition_is_never_larger_than_asked_unless_it_is_one_bucket(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    items = [(int(k) << 1, bytes(10)) for k in draw.integers(0, 1 << 63, 5000)]
    file = write(tmp_path, "r", items, 1 << 20)
    assert file is not None
    ranges = partitions([file], 5000)
    assert ranges[0][0] == 0 and ranges[-1][1] == 4096
    assert all(a[1] == b[0] for a, b in pairwise(ranges))
    width = file.value_bytes / file.rows
    sizes = [file.bucket_rows()[low:high].sum() * width for low, high in ranges]
    assert all(s <= 5000 or high - low == 1 for s, (low, high) in zip(sizes, ranges, strict=True))


def test_a_run_that_spills_makes_its_folder(tmp_path: Path) -> None:
    file = write(tmp_path / "deep" / "er", "run", [(n, b"%010d" % n) for n in range(50)], 100)
    assert file is not None and [k for k, _ in pairs(list(file.read()))] == list(range(50))


@given(
    rows,
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(1, 9),
)
def test_rows_between_two_values_are_found_without_reading_from_the_first(
    items: list[tuple[int, bytes]], start: int, stop: int, low: int, high: int, batch_rows: int
) -> None:
    with TemporaryDirectory() as name:
        ordered = sorted(items)
        start, stop = sorted((min(start, len(items)), min(stop, len(items))))
        low, high = sorted((low, high))
        path = Path(name) / "run"
        whole = batch(ordered)
        writer = BatchWriter(path, SCHEMA, None)
        for first in range(0, len(ordered), batch_rows):
            writer.write(whole.slice(first, batch_rows))
        stored = writer.close()
        file = RunFile(str(path), stored.size, stored.checksum, len(ordered), 0, batch_rows, "", stored.index)
        due = ordered[start:stop]
        assert pairs(list(file.read_rows(start, stop))) == due
        found = pairs(list(file.read_between(start, stop, "key", low, high)))
        assert found == [pair for pair in due if low <= pair[0] <= high]
