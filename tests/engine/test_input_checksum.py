"""What is read is hashed on the way, whatever the reader reads and in what order."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusforge.engine import input_checksum
from corpusforge.engine.input_checksum import hashed, stored_range
from corpusforge.engine.inputs import InputFile, cut
from corpusforge.engine.storage import checksum_range
from corpusforge.source import Split
from corpusforge.stages.read.parquet import Parquet

CONTENT = bytes(i * 7 % 251 for i in range(300_000))

Reads = list[tuple[int, int]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("in") / "a"
    made.write_bytes(CONTENT)
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 299_999), st.integers(0, 200_000)), max_size=5),
    st.integers(0, 299_999),
    st.integers(0, 300_000),
)
def test_any_reads_give_the_checksum_of_the_range(path: Path, reads: Reads, first: int, length: int) -> None:
    length = min(length, len(CONTENT) - first)
    split = hashed(Split("s", str(path), "a", 0, 1, len(CONTENT), 0), first, length)
    with split.open() as file:
        for at, count in reads:
            file.seek(at)
            assert file.read(count) == CONTENT[at : at + count]
    assert split.hashing.finish(split.path) == checksum_range(str(path), first, length)


def test_what_was_read_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = hashed(Split("s", str(path), "a", 0, 1, len(CONTENT), 0), 1000, 250_000)
    with split.open() as file:
        file.seek(999)
        while file.read(7000):
            pass
    monkeypatch.setattr(input_checksum, "open_input", lambda path: io.BytesIO())
    assert split.hashing.finish(split.path) == checksum_range(str(path), 1000, 250_000)


def test_a_trial_that_read_a_part_of_a_file_has_no_checksum_of_it(path: Path) -> None:
    split = hashed(Split("s", str(path), "a", 0, 1, len(CONTENT), 0), 0, len(CONTENT))
    with split.open() as file:
        file.read(10)
    assert split.hashing.finish(split.path, catch_up=False) == ""


def test_the_ranges_of_row_groups_make_up_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"text {n}" * 50 for n in range(1000)], "n": list(range(1000))})
    pq.write_table(table, path, row_group_size=90)
    size = path.stat().st_size
    reader = Parquet(paths=(str(path),))
    splits = cut(InputFile("s", str(path), "a.parquet", size, 0), reader, 4000)
    assert len(splits) > 2
    ranges = [stored_range(split, reader) for split in splits]
    assert [first for first, _ in ranges] == [0, *(first + length for first, length in ranges[:-1])]
    assert sum(length for _, length in ranges) == size
