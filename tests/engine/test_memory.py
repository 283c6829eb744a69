"""Bounds of memory: documents over the limit, batches that fit a worker, and the warning when they do not."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.engine import memory
from corpusforge.engine.inputs import cut, find_inputs
from corpusforge.engine.memory import LEAST_BATCH_BYTES, expected_bytes, fitted, shortage
from corpusforge.engine.plan import plan
from corpusforge.engine.reading import ReadCounts, _sampled
from corpusforge.errors import RecipeError
from corpusforge.pipeline import Pipeline, Source
from corpusforge.schema import doc_ids
from corpusforge.source import Reader
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.read.lines import cut_lines
from corpusforge.stages.read.parquet import Parquet
from corpusforge.stages.read.text import Text

Make = Callable[..., Pipeline]
GB = 10**9


@pytest.fixture
def giants(tmp_path: Path) -> Path:
    """Good documents around one with a large text and one with much metadata."""
    path = tmp_path / "giants.jsonl"
    rows = [{"text": "first"}, {"text": "x" * 5000}, {"text": "middle"}, {"text": "a", "more": "y" * 5000}]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in [*rows, {"text": "last"}]))
    return path


def left_by(pipeline: Pipeline) -> tuple[list[str], list[tuple[str, str, int]], str]:
    """Run; return the texts, the quarantine, and the content checksum."""
    outcome = pipeline.run()
    texts = [t for p in sorted(outcome.path.glob("data/*")) for t in pq.read_table(p)["text"].to_pylist()]
    lost = [r for p in sorted(outcome.path.glob("quarantine/*")) for r in pq.read_table(p).to_pylist()]
    documents = outcome.manifest["documents"]
    assert documents["quarantined"] == len(lost)
    assert documents["read"] == documents["rejected"] + len(texts) + len(lost)
    return texts, [(r["origin"], r["error"], r["bytes"]) for r in lost], outcome.manifest["content_checksum"]


def test_a_document_over_the_limit_is_quarantined_and_its_neighbours_stay(make: Make, giants: Path) -> None:
    found = [
        left_by(make(Exact(), paths=str(giants), output=size, batch_bytes=size, max_document_bytes="1kB"))
        for size in ("1B", "3kB", "64MB")
    ]
    texts, lost, _ = found[0]
    assert texts == ["first", "middle", "last"]
    assert [origin.partition("#")[2] for origin, _, _ in lost] == ["17", "5047"]
    assert all(error.endswith("bytes is over run.max_document_bytes (1000)") for _, error, _ in lost)
    assert all(size > 5000 for _, _, size in lost)
    assert found[1:] == found[:1] * 2


def test_the_limit_holds_for_records_as_for_batches_and_a_changed_one_reads_again(make: Make, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("good")
    (tmp_path / "b.txt").write_text("x" * 2000)
    reader = Text(paths=(f"{tmp_path}/*.txt",))

    def run(limit: str) -> list[str]:
        made = make(Exact(), max_document_bytes=limit, keep_work=True)
        source = Source("words", "read.text", reader)
        return left_by(replace(made, sources=(source,), options=made.options.model_copy(update={"workers": 1})))[0]

    assert run("1kB") == ["good"]
    with pytest.raises(Exception, match="--replace"):
        run("3kB")


@pytest.mark.parametrize("share", [1e-9, 0.25, 0.5, 0.999999, 1.0])
def test_a_sample_goes_by_the_number_that_the_second_half_of_an_id_is(share: float) -> None:
    ids = doc_ids("words", [str(n) for n in range(500)])
    counts = ReadCounts()
    taken = _sampled(pa.record_batch({"doc_id": ids}), share, counts).column("doc_id").to_pylist()
    wanted = [one for one in ids.to_pylist() if int(one[16:], 16) < int(share * 2**64)]
    assert taken == wanted
    assert counts.skipped.get("not sampled", 0) == 500 - len(wanted)


def test_batches_become_smaller_to_fit_a_worker_and_change_nothing(make: Make) -> None:
    stages = (Exact(),)
    loose = make(*stages, output="loose")
    least = expected_bytes(fitted(plan(make(*stages, batch_bytes=1)), None))
    tight = make(*stages, output="tight", worker_memory=least + memory.TIMES * LEAST_BATCH_BYTES)
    assert fitted(plan(tight), 1).pipeline.options.batch_bytes <= LEAST_BATCH_BYTES + 1
    assert fitted(plan(make(*stages, worker_memory="64GB")), 1).pipeline.options.batch_bytes == 4 << 20
    assert left_by(tight) == left_by(loose)


def test_stages_that_do_not_fit_a_worker_are_refused_before_anything_runs(make: Make, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"run.worker_memory is 0.5 GB, .* needs 1.4 GB, most of it for minhash"):
        make(Minhash(), worker_memory="500MB").run()
    assert not (tmp_path / "out").exists()


def test_too_many_workers_for_the_machine_are_warned_of(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "machine_bytes", lambda: 8 * GB)
    planned = plan(make())
    assert shortage(planned, 4) is None
    assert "run.workers: 4 would fit" in str(shortage(planned, 20))
    assert "run.workers: 2 would fit" in str(shortage(plan(make(worker_memory="3GB")), 3))
    assert fitted(planned, 2).pipeline.options.batch_bytes == 4 << 20
    assert fitted(planned, 20).pipeline.options.batch_bytes == LEAST_BATCH_BYTES
    monkeypatch.setattr(memory, "machine_bytes", lambda: None)
    assert shortage(planned, 1000) is None


def test_one_large_row_group_is_read_in_small_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"{i} " + "x" * 4000 for i in range(10_000)]}), path, compression="zstd")
    reader: Reader = Parquet(paths=(str(path),))
    (split,) = cut(find_inputs(Source("s", "read.parquet", reader))[0], reader, 1 << 20)
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for batch in reader.read(split):
        assert isinstance(batch, pa.RecordBatch)
        rows += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 10_000
    assert most < 24 << 20


def test_a_file_of_50_gb_is_cut_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.jsonl"
    with open(path, "wb") as file:
        file.truncate(50 * GB)
    source = Source("s", "read.jsonl", Jsonl(paths=(str(path),)))
    splits = cut(find_inputs(source)[0], source.reader, 64 << 20)
    assert [split.start for split in splits] == list(range(0, 50 * GB, 64 << 20))
    assert sum(split.length for split in splits) == 50 * GB


def test_a_split_inside_a_giant_line_reads_no_further_than_its_own_end() -> None:
    given = 0

    def blocks() -> Iterator[bytes]:
        nonlocal given
        for _ in range(1000):
            given += 1
            yield b"x" * 100

    assert list(cut_lines(blocks(), 5000, 5700, 50, skip_first=True)) == []
    assert given == 7
