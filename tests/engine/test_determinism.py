"""Same input and recipe, same bytes: whatever the workers, batches, partitions and order of work."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from corpusforge.engine import scheduler as schedulers
from corpusforge.engine.local import LocalRunner
from corpusforge.engine.verify import verify
from corpusforge.pipeline import Pipeline
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.privacy.pii import Pii
from corpusforge.stages.quality.rules import Rules

Make = Callable[..., Pipeline]


def checksum(pipeline: Pipeline) -> str:
    """Run, verify, and return the content checksum."""
    outcome = pipeline.run()
    assert verify(outcome.path) == []
    return str(outcome.manifest["content_checksum"])


def test_the_corpus_makes_every_stage_work(make: Make) -> None:
    manifest = make().run().manifest
    rejected = {s["name"]: sum(s["rejected"].values()) for s in manifest["stages"]}
    assert rejected["exact"] > 30
    assert rejected["minhash"] > 10
    assert len(manifest["shards"]) > 2


@pytest.mark.parametrize("order", ["reading", "shuffled"])
def test_batch_size_changes_nothing(make: Make, order: str) -> None:
    sums = {
        checksum(make(output=f"out{size}", batch_bytes=size, order=order))
        for size in ("1B", "40kB", "64MB")
    }  # fmt: skip
    assert len(sums) == 1


def test_partitions_change_nothing(make: Make) -> None:
    assert checksum(make(output="a")) == checksum(make(output="b", partition_bytes=2_000))


def test_signals_and_rejected_text_do_not_depend_on_batches(make: Make) -> None:
    stages = (Rules(pack="gopher_repetition"), Rules(pack="gopher_quality"), Exact(), Minhash())
    options = {"keep_rejected": "raw_text"}
    sums = {
        checksum(make(*stages, output=f"out{size}", batch_bytes=size, **options)) for size in ("1B", "20kB", "64MB")
    }
    assert len(sums) == 1


def test_two_ray_workers_write_what_one_local_worker_writes(make: Make, ray_session: None) -> None:
    assert checksum(make(output="local")) == checksum(make(output="ray", workers=2))


def test_substitutes_depend_neither_on_batches_nor_on_splits(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "mail.jsonl"
    texts = [f"Write to u{i % 7}@web.org, u{i % 7}@web.org or (212) 664-{7000 + i}." for i in range(60)]
    path.write_bytes(b"\n".join(orjson.dumps({"text": text}) for text in texts))
    made = set()
    for i, fields in enumerate(({"batch_bytes": 300}, {"batch_bytes": 1 << 20}, {"split_bytes": 700})):
        outcome = make(Pii(replace=("rest",)), paths=str(path), output=f"o{i}", **fields).run()
        rows = [r for p in sorted(outcome.path.glob("data/*.parquet")) for r in pq.read_table(p)["text"].to_pylist()]
        made.add(tuple(rows))
    assert len(made) == 1
    texts = list(made.pop())
    assert not any("web.org" in text for text in texts)
    assert all(text.split()[2].strip(",") == text.split()[3] for text in texts)
    assert len({text.split()[3] for text in texts}) > 50  # another substitute in every document


def test_the_order_in_which_splits_are_done_changes_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = checksum(make(output="forward"))
    forward = schedulers.Scheduler.run_units

    def backward(self: schedulers.Scheduler, units: object, *rest: object) -> None:
        forward(self, list(reversed(list(units))), *rest)  # type: ignore[arg-type,call-overload]

    monkeypatch.setattr(schedulers.Scheduler, "run_units", backward)
    monkeypatch.setattr(schedulers, "BUNDLE_UNITS", 1)
    assert checksum(make(output="backward")) == expected


def test_shuffled_and_reading_order_hold_the_same_documents(make: Make) -> None:
    reading, shuffled = make(output="a").run(), make(output="b", order="shuffled").run()
    assert reading.manifest["documents"] == shuffled.manifest["documents"]
    assert _ids(reading.path) != _ids(shuffled.path)
    assert sorted(_ids(reading.path)) == sorted(_ids(shuffled.path))


def _ids(path: object) -> list[str]:
    import pyarrow.parquet as pq

    return [i for f in sorted(path.glob("data/*")) for i in pq.read_table(f)["doc_id"].to_pylist()]  # type: ignore[attr-defined]


def test_local_runs_do_not_import_ray(make: Make, tmp_path: object) -> None:
    import subprocess
    import sys

    code = (
        "import sys; import corpusforge.checks; from corpusforge.recipe import load; load('quickstart'); "
        "bad = {'ray', 'numba', 'spacy', 'lxml', 'fasttext'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert LocalRunner.workers == 1
