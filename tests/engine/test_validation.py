"""Held out documents: whole clusters, as many as were asked, written once, and never in the data."""

from collections import Counter
from pathlib import Path

import numpy as np
import orjson
import pyarrow.compute as pc
import pytest

from corpusforge.engine.verify import verify
from corpusforge.errors import RunError
from corpusforge.pipeline import Layout, Pipeline, RunOptions, Source, Step
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.write.parquet import Parquet
from tests.engine.conftest import sentences
from tests.engine.mixed import mixed, write_corpus, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("held"), {"web": 600, "books": 150})


@pytest.mark.parametrize("order", ["reading", "shuffled"])
def test_no_cluster_is_on_both_sides_and_every_document_on_one(folder: Path, tmp_path: Path, order: str) -> None:
    outcome = mixed(folder, tmp_path / "out", {"order": order, "validation": {"fraction": 0.2}}).run()
    assert verify(outcome.path) == []
    train, held = (written(outcome.path, kind) for kind in ("data", "validation"))
    clusters = [set(table["cluster_id"].drop_null().to_pylist()) for table in (train, held)]
    assert clusters[0] and clusters[1] and not clusters[0] & clusters[1]
    ids = Counter(train["doc_id"].to_pylist() + held["doc_id"].to_pylist())
    assert len(ids) == 750 and set(ids.values()) == {1}
    assert 0.1 < held.num_rows / 750 < 0.3
    assert outcome.manifest["written"]["validation"]["documents"] == held.num_rows


def test_a_number_of_documents_is_met_within_one_cluster(folder: Path, tmp_path: Path) -> None:
    outcome = mixed(folder, tmp_path / "out", {"validation": {"documents": 50}}).run()
    assert 50 <= written(outcome.path, "validation").num_rows < 53


def test_a_fraction_holds_out_the_same_clusters_of_a_larger_corpus(folder: Path, tmp_path: Path) -> None:
    larger = write_corpus(tmp_path / "larger", {"web": 700, "books": 150})
    layout = {"validation": {"fraction": 0.2}}
    held = []
    for number, one in enumerate((folder, larger)):
        outcome = mixed(one, tmp_path / f"out{number}", layout).run()
        held.append(set(written(outcome.path, "validation")["cluster_id"].drop_null().to_pylist()))
    assert held[0] and held[0] <= held[1]


def test_more_than_there_is_cannot_be_held_out(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"asks for 750 documents, and 750 were kept"):
        mixed(folder, tmp_path / "out", {"validation": {"documents": 750}}).run()


def test_held_out_documents_are_neither_mixed_nor_repeated(folder: Path, tmp_path: Path) -> None:
    layout = {"mix": {"sources": {"web": {"epochs": 3}, "books": {"epochs": 3}}}, "validation": {"documents": 40}}
    outcome = mixed(folder, tmp_path / "out", layout).run()
    train, held = (written(outcome.path, kind) for kind in ("data", "validation"))
    assert set(Counter(held["doc_id"].to_pylist()).values()) == {1}
    assert not set(held["doc_id"].to_pylist()) & set(train["doc_id"].to_pylist())
    assert set(Counter(train["doc_id"].to_pylist()).values()) == {3}


def test_planted_near_duplicates_do_not_leak(tmp_path: Path) -> None:
    # 150 families of three texts of 300 words, 1, 2 and 6 of them changed; dedup.minhash keeps several of some.
    rows = []
    draw = np.random.default_rng(1)
    for family in range(150):
        words = sentences(family, 300).split()
        for copy, edits in enumerate((1, 2, 6)):
            edited = list(words)
            for place in draw.choice(len(words), edits, replace=False):
                edited[place] = f"changed{family}x{copy}"
            rows.append({"text": " ".join(edited), "id": f"{family}"})
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    pipeline = Pipeline(
        sources=(Source("words", "read.jsonl", Jsonl(paths=(f"{tmp_path}/in.jsonl",))),),
        steps=(Step("dedup.minhash", Minhash(verify=0.9)),),
        writer=Parquet(path=str(tmp_path / "out")),
        layout=Layout.model_validate({"validation": {"fraction": 0.3}}),
        options=RunOptions(workers=1),
    )
    outcome = pipeline.run()
    families = [
        {orjson.loads(m)["id"] for m in written(outcome.path, kind)["metadata"].to_pylist()}
        for kind in ("data", "validation")
    ]
    kept = outcome.manifest["documents"]["kept"]
    assert 150 < kept < 450, "some are removed, some stay"
    assert len(families[1]) > 20
    shared = families[0] & families[1]
    assert not shared
    assert pc.count(written(outcome.path, "validation")["cluster_id"]).as_py() > 20
