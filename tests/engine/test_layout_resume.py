"""A run killed in any unit of the layout continues: the same bytes, and nothing that was committed is done again."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest

from corpusforge.engine import units, worker
from corpusforge.engine.verify import verify
from corpusforge.stages.write.memmap import Memmap
from corpusforge.stages.write.parquet import Parquet
from corpusforge.writer import Writer
from tests.engine.conftest import Killed
from tests.engine.mixed import mixed, write_corpus

MIX = {"sources": {"web": 0.7, "books": {"fraction": 0.3, "max_epochs": 3}}, "total": 9_000, "max_epochs": 2}
EVERYTHING = {"mix": MIX, "validation": {"documents": 30}, "pack": {"length_tokens": 64, "shuffle": True}}
HELD = {"validation": {"fraction": 0.2}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("resumed"), {"web": 150, "books": 40})


def writer(kind: str, output: Path) -> Writer:
    if kind == "memmap":
        return Memmap(path=str(output), shard_bytes=15_000)
    by = "language" if kind == "folders" else None
    return Parquet(path=str(output), shard_bytes=10_000, row_group_bytes=5_000, partition_by=by)


@pytest.mark.parametrize(
    ("kind", "layout", "killed"),
    [
        ("memmap", EVERYTHING, ("SizesUnit", "HistogramUnit", "ShuffleUnit", "SequencesUnit", "PartUnit")),
        ("parquet", HELD, ("HoldOutUnit", "PartUnit")),
        ("folders", HELD, ("FolderUnit", "PartUnit")),
    ],
)
def test_killed_in_every_kind_of_unit_it_ends_in_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, layout: Mapping[str, Any], killed: str
) -> None:
    whole = mixed(folder, tmp_path / "whole", layout, writer(kind, tmp_path / "whole")).run()
    pipeline = mixed(folder, tmp_path / "out", layout, writer(kind, tmp_path / "out"), keep_work=True)
    for name in killed:
        done = 0

        def work(unit: Any, name: str = name) -> units.Report:
            nonlocal done
            report = RUN[type(unit)](unit)
            done += 1
            if done == 2:  # one unit is committed, the second one's files are there and nobody knows of them
                raise Killed
            return report

        with monkeypatch.context() as patch:
            patch.setattr(worker, "RUN", MappingProxyType({**RUN, getattr(units, name): work}))
            with pytest.raises(Killed):
                pipeline.run()
        assert not (tmp_path / "out" / "manifest.json").exists()
    outcome = pipeline.run()
    assert verify(outcome.path) == []
    assert outcome.manifest["content_checksum"] == whole.manifest["content_checksum"]
    lines = (tmp_path / "out" / ".work" / "ledger.jsonl").read_bytes().splitlines()
    times = Counter(entry["unit"] for entry in map(orjson.loads, lines) if "unit" in entry)
    assert set(times.values()) == {1}, "a committed unit was done again"
    assert not list((tmp_path / "out").glob(".new*"))


RUN = worker.RUN


def test_another_mix_redoes_neither_the_tokens_nor_the_sizes(folder: Path, tmp_path: Path) -> None:
    mixed(folder, tmp_path / "out", {"mix": MIX}, keep_work=True).run()
    more = {**MIX, "total": 10_000}
    outcome = mixed(folder, tmp_path / "out", {"mix": more}, keep_work=True).run(replace=True)
    lines = (tmp_path / "out" / ".work" / "ledger.jsonl").read_bytes().splitlines()
    kinds = {entry["kind"] for entry in map(orjson.loads, lines) if entry.get("driver") == 2 and "unit" in entry}
    assert not kinds & {"SegmentUnit", "SizesUnit"}
    assert "ShuffleUnit" in kinds
    assert outcome.manifest["written"]["sources"]["web"]["asked"] == 7_000
