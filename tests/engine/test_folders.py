"""partition_by: each value's documents in a folder of their own, in the order of the whole, names safe and unlike."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.engine import folders
from corpusforge.engine.folders import LONGEST, Extent, folder_name
from corpusforge.engine.rows import BLOCK_BYTES, BLOCK_ROWS
from corpusforge.engine.verify import verify
from corpusforge.errors import RunError
from corpusforge.stages.write.parquet import Parquet
from tests.engine.mixed import mixed, write_corpus, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("folders"), {"web": 400, "books": 100})


def writer(output: Path, **fields: object) -> Parquet:
    return Parquet.model_validate(
        {"path": str(output), "shard_bytes": 20_000, "row_group_bytes": 8_000, "partition_by": "language", **fields}
    )


@pytest.mark.parametrize("order", ["reading", "shuffled"])
def test_each_value_has_the_rows_it_would_have_alone(folder: Path, tmp_path: Path, order: str) -> None:
    outcome = mixed(folder, tmp_path / "out", {"order": order}, writer(tmp_path / "out")).run()
    assert verify(outcome.path) == []
    whole = written(mixed(folder, tmp_path / "whole", {"order": order}).run().path).to_pylist()
    names = [part["path"].split("/")[1] for part in outcome.manifest["shards"]]
    assert list(dict.fromkeys(names)) == ["+null", "+empty", "de", "en", "zh%2FHant"]
    assert max(Counter(names).values()) > 1
    for value in (None, "", "de", "en", "zh/Hant"):
        parts = sorted((outcome.path / "data" / folder_name(value)).iterdir())
        rows = [row for part in parts for row in pq.ParquetFile(part).read().to_pylist()]
        assert rows == [row for row in whole if row["language"] == value]


def test_readers_of_a_folder_find_every_row_and_the_column(folder: Path, tmp_path: Path) -> None:
    outcome = mixed(folder, tmp_path / "out", {}, writer(tmp_path / "out")).run()
    table = pd.read_parquet(outcome.path / "data")
    assert len(table) == 500
    assert table["language"].isna().sum() > 0 and (table["language"] == "zh/Hant").sum() > 0


def test_an_output_that_was_partitioned_leaves_no_folders_behind(folder: Path, tmp_path: Path) -> None:
    mixed(folder, tmp_path / "out", {}, writer(tmp_path / "out")).run()
    outcome = mixed(folder, tmp_path / "out", {}, writer(tmp_path / "out", partition_by=None)).run(replace=True)
    assert [path.name for path in (outcome.path / "data").iterdir() if path.is_dir()] == []
    assert verify(outcome.path) == []


def test_too_many_values_stop_the_run_and_say_so(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from corpusforge.engine import arrangement

    monkeypatch.setattr(arrangement, "MOST_VALUES", 4)
    with pytest.raises(RunError, match="'language' has 5 values"):
        mixed(folder, tmp_path / "out", {}, writer(tmp_path / "out")).run()


VALUES = st.one_of(st.none(), st.text(max_size=12), st.text("aZ0-_./%+~ é", max_size=8), st.text(min_size=LONGEST))


@given(VALUES, VALUES)
def test_names_are_safe_and_unlike(one: str | None, other: str | None) -> None:
    name = folder_name(one)
    assert name and len(name) < 255 and name.isascii() and name[0] not in "._"
    assert not set(name) & set('/\\:*?"<>| ~=')
    assert (name == folder_name(other)) == (one == other)


@given(st.lists(st.lists(st.integers(0, BLOCK_BYTES), max_size=30), max_size=4))
def test_blocks_of_a_value_do_not_depend_on_batches(batches: list[list[int]]) -> None:
    import numpy as np

    cut, whole = Extent(), Extent()
    for sizes in batches:
        cut.add(np.array(sizes, np.int64))
    whole.add(np.array([size for sizes in batches for size in sizes], np.int64))
    assert cut == whole
    assert all(rows <= BLOCK_ROWS for rows, _ in whole.blocks)
    assert (whole.rows, whole.bytes) == tuple(map(sum, zip(*whole.blocks, strict=True))) if whole.blocks else True


def test_null_is_not_the_word_null() -> None:
    assert folder_name("null") != folder_name(None) == folders.NULL
