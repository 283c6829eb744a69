"""Every output format is read back by what reads it in training, token for token.

Megatron's own reader and torch's DataLoader are tried where megatron-core and torch are installed.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.engine.verify import verify
from corpusforge.errors import RecipeError, RunError
from corpusforge.stages.write.megatron import Megatron
from corpusforge.stages.write.memmap import Memmap
from corpusforge.stages.write.packing import Pack, Packed, packed_schema, sequences
from corpusforge.stages.write.parquet import Parquet
from corpusforge.writer import Writer
from tests.engine.mixed import mixed, write_corpus, written

Ids = list[list[int]]
SHARD_BYTES = 15_000  # several parts; packing is within a part, so it decides the sequences too
DOCUMENTS = st.lists(st.lists(st.integers(0, 2**16 - 1), max_size=12), max_size=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("consumed"), {"web": 120, "books": 30})


@pytest.fixture(scope="module")
def due(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ids]:
    """What a run writes, as documents and as sequences."""
    found = {}
    for name, layout in LAYOUTS.items():
        writer = Parquet(path=str(tmp_path_factory.mktemp("due")), shard_bytes=SHARD_BYTES)
        table = written(mixed(folder, Path(writer.path), layout, writer).run().path)
        found[name] = table["input_ids"].to_pylist()
    assert len(found["documents"]) == 150 and len(found["packed"]) > 150
    return found


LAYOUTS: dict[str, dict[str, Any]] = {
    "documents": {"order": "shuffled"},
    "packed": {"order": "shuffled", "pack": {"length_tokens": 48, "method": "best_fit"}},
}


def parts(folder: Path, output: Path, layout: str, writer: Writer) -> list[list[Path]]:
    """Run with a writer, and return the files of each part."""
    outcome = mixed(folder, output, LAYOUTS[layout], writer).run()
    assert verify(outcome.path) == []
    shards = outcome.manifest["shards"]
    assert len(shards) > 1
    return [[outcome.path / f["path"] for f in (part, *part.get("index", ()))] for part in shards]


# ---- Parquet


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parquet_by_hugging_face_datasets(
    folder: Path, tmp_path: Path, due: dict[str, Ids], layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed: pip install datasets")
    parts(folder, tmp_path / "out", layout, Parquet(path=str(tmp_path / "out"), shard_bytes=SHARD_BYTES))
    files = str(tmp_path / "out" / "data" / "*.parquet")
    rows = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["input_ids"][:] == due[layout]
    assert rows.with_format("numpy")[3]["input_ids"].tolist() == due[layout][3]
    streamed = datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)
    assert [row["input_ids"] for row in streamed.take(5)] == due[layout][:5]


def test_parquet_by_pandas(folder: Path, tmp_path: Path, due: dict[str, Ids]) -> None:
    writer = Parquet(path=str(tmp_path / "out"), shard_bytes=SHARD_BYTES, columns=("input_ids",))
    parts(folder, tmp_path / "out", "documents", writer)
    frame = pd.read_parquet(tmp_path / "out" / "data")
    assert list(frame.columns) == ["doc_id", "input_ids"]
    assert [ids.tolist() for ids in frame["input_ids"]] == due["documents"]


# ---- Megatron


def read_megatron(bin_: Path, idx: Path) -> tuple[Ids, list[int]]:
    """Read a pair by the layout that Megatron-LM documents: header, sizes, pointers, document indices."""
    stored = idx.read_bytes()
    assert stored[:9] == b"MMIDIDX\x00\x00"
    version, code = struct.unpack("<QB", stored[9:18])
    count, documents = struct.unpack("<QQ", stored[18:34])
    kinds = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f8", 7: "<f4", 8: "<u2"}
    assert version == 1
    sizes = np.frombuffer(stored, "<i4", count, 34)
    pointers = np.frombuffer(stored, "<i8", count, 34 + 4 * count)
    ends = np.frombuffer(stored, "<i8", documents, 34 + 12 * count)
    assert len(stored) == 34 + 12 * count + 8 * documents
    tokens = bin_.read_bytes()
    found = [np.frombuffer(tokens, kinds[code], n, at).tolist() for n, at in zip(sizes, pointers, strict=True)]
    return found, ends.tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_megatron_by_its_documented_layout(folder: Path, tmp_path: Path, due: dict[str, Ids], layout: str) -> None:
    found: Ids = []
    writer = Megatron(path=str(tmp_path / "out"), shard_bytes=SHARD_BYTES)
    for bin_, idx in parts(folder, tmp_path / "out", layout, writer):
        ids, ends = read_megatron(bin_, idx)
        assert ends == list(range(len(ids) + 1))
        found += ids
    assert found == due[layout]


@pytest.mark.parametrize("dtype", ["auto", "uint16"])
def test_megatron_by_megatron(folder: Path, tmp_path: Path, due: dict[str, Ids], dtype: str) -> None:
    reason = "megatron-core is not installed: pip install megatron-core torch"
    indexed = pytest.importorskip("megatron.core.datasets.indexed_dataset", reason=reason)
    writer = Megatron.model_validate({"path": str(tmp_path / "out"), "shard_bytes": SHARD_BYTES, "dtype": dtype})
    found: Ids = []
    for bin_, _ in parts(folder, tmp_path / "out", "documents", writer):
        data = indexed.IndexedDataset(str(bin_.with_suffix("")))
        assert len(data) == len(data.document_indices) - 1
        found += [data[i].tolist() for i in range(len(data))]
    assert found == due["documents"]


# ---- memmap


def read_memmap(files: list[Path]) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Return description, ids and offsets of a part, as its page says to read them."""
    about = orjson.loads(files[-1].read_bytes())
    ids = np.memmap(files[0], dtype=about["dtype"], mode="r")
    return about, ids, np.load(files[1], mmap_mode="r")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memmap_by_numpy(folder: Path, tmp_path: Path, due: dict[str, Ids], layout: str) -> None:
    found: Ids = []
    for files in parts(folder, tmp_path / "out", layout, Memmap(path=str(tmp_path / "out"), shard_bytes=SHARD_BYTES)):
        about, ids, offsets = read_memmap(files)
        assert about["tokens"] == len(ids) and about["rows"] == len(offsets) - 1
        found += [ids[a:b].tolist() for a, b in pairwise(offsets)]
    assert found == due[layout]


@given(DOCUMENTS, st.integers(2, 9), st.sampled_from(["cut", "best_fit"]), st.booleans())
def test_pieces_of_a_memmap_are_the_documents(
    tmp_path_factory: pytest.TempPathFactory, lists: Ids, length: int, method: str, wide: bool
) -> None:
    kind = pa.list_(pa.uint32() if wide else pa.uint16())
    batch = pa.record_batch(
        {"doc_id": pa.array([f"{i:032x}" for i in range(len(lists))]), "input_ids": pa.array(lists, kind)}
    )
    pack = Pack.model_validate({"length_tokens": length, "method": method, "pad_id": 7})
    schema = packed_schema(batch.schema, pack)
    writer = Memmap(path="unused")
    folder = tmp_path_factory.mktemp("pieces")
    paths = [folder / f"part{suffix}" for suffix in writer.suffixes(schema)]
    writer.write(sequences(iter([batch]), pack, Packed()), schema, paths)
    _, ids, offsets = read_memmap(paths) if paths[0].stat().st_size else ({}, np.empty(0, int), np.load(paths[1]))
    pieces, names = np.load(paths[2]), np.load(paths[3])
    assert set(np.diff(offsets)) <= {length}
    documents: dict[int, list[int]] = {}
    inside = np.zeros(len(ids), bool)
    for (begin, end), name in zip(pieces.tolist(), names, strict=True):
        documents.setdefault(int(name.tobytes().hex(), 16), []).extend(ids[begin:end].tolist())
        inside[begin:end] = True
    assert sorted(map(len, documents.values())) == sorted(len(one) for one in lists if one)
    assert set(ids[~inside].tolist()) <= {7}
    if method == "cut":
        assert documents == {i: one for i, one in enumerate(lists) if one}


# ---- torch


def test_packed_memmap_by_a_torch_data_loader(folder: Path, tmp_path: Path, due: dict[str, Ids]) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")

    class Sequences(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
        def __init__(self, files: list[list[Path]]) -> None:
            self.parts = [read_memmap(one)[1].reshape(-1, 48) for one in files]

        def __len__(self) -> int:
            return sum(map(len, self.parts))

        def __getitem__(self, index: int) -> Any:
            for part in self.parts:
                if index < len(part):
                    return torch.from_numpy(part[index].astype("int64"))
                index -= len(part)
            raise IndexError

    files = parts(folder, tmp_path / "out", "packed", Memmap(path=str(tmp_path / "out"), shard_bytes=SHARD_BYTES))
    batches = torch.utils.data.DataLoader(Sequences(files), batch_size=8)
    assert [row for batch in batches for row in batch.tolist()] == due["packed"]


# ---- what cannot be


@pytest.mark.parametrize("writer", [Memmap(path="x", dtype="uint16"), Megatron(path="x", dtype="uint16")])
def test_an_id_that_does_not_fit_fails(tmp_path: Path, writer: Writer) -> None:
    batch = pa.record_batch({"doc_id": ["00" * 16], "input_ids": pa.array([[1, 70_000]], pa.list_(pa.uint32()))})
    paths = [tmp_path / f"part{suffix}" for suffix in writer.suffixes(batch.schema)]
    with pytest.raises(RunError, match="70000 does not fit into uint16"):
        writer.write(iter([batch]), batch.schema, paths)


@pytest.mark.parametrize("writer", [Memmap, Megatron])
def test_documents_without_ids_are_refused_before_a_run(writer: type[Writer]) -> None:
    with pytest.raises(RecipeError, match=r"tokenize\.encode makes it"):
        writer(path="x").check_schema(pa.schema([("text", pa.string())]))


def _damaged(part: list[Path]) -> Iterator[str]:
    for path in part:
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        yield path.name
        path.write_bytes(content)


@pytest.mark.parametrize("writer", [Memmap, Megatron])
def test_a_part_that_lost_a_byte_is_not_counted(folder: Path, tmp_path: Path, writer: type[Writer]) -> None:
    made = parts(folder, tmp_path / "out", "documents", writer(path=str(tmp_path / "out"), shard_bytes=SHARD_BYTES))
    assert writer.count(made[0]) > 0
    for name in _damaged(made[0]):
        if name.endswith(".doc_ids.npy"):
            continue
        with pytest.raises((OSError, ValueError)):
            writer.count(made[0])
