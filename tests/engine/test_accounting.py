"""Every document is accounted for: one bad document costs one document, and a kernel that loses rows stops the run."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.engine.verify import verify
from corpusforge.errors import AccountingError, RunError, TooManyErrors
from corpusforge.pipeline import Pipeline, Step
from corpusforge.stage import Kernel, Stage, reject
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.privacy.pii import Pii

Make = Callable[..., Pipeline]


class Chokes(Stage):
    """Fails on documents whose text holds a word."""

    word: str

    def open(self) -> Kernel:
        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            if any(self.word in (t or "") for t in batch["text"].to_pylist()):
                raise ValueError("cannot swallow this")
            return batch

        return kernel


class Lacks(Stage):
    """Needs a package that is not installed."""

    def open(self) -> Kernel:
        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            raise ModuleNotFoundError("No module named 'unheard_of'")

        return kernel


class Loses(Stage):
    """Drops the last row, which no kernel may."""

    def open(self) -> Kernel:
        return lambda batch: batch.slice(0, batch.num_rows - 1)


class Odd(Stage):
    """Rejects every second document of a batch of one row: all of those whose url ends in an odd digit."""

    reasons: ClassVar[tuple[str, ...]] = ("odd",)
    reads: ClassVar[tuple[str, ...]] = ("url",)

    def open(self) -> Kernel:
        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            odd = np.array([int(u[-1]) % 2 == 1 for u in batch["url"].to_pylist()])
            return reject(batch, odd, "odd", value=1.0)

        return kernel


def test_only_the_documents_a_kernel_fails_on_are_quarantined(make: Make, corpus: Path) -> None:
    word = "balam"
    due = sum(word in line for f in sorted(corpus.glob("*.jsonl")) for line in f.read_text().splitlines())
    outcome = make(Odd(), Chokes(word=word)).run()
    documents = outcome.manifest["documents"]
    assert documents["read"] == 400
    assert documents["rejected"] == 200
    assert 0 < documents["quarantined"] < due
    assert verify(outcome.path) == []
    table = pa.concat_tables(pq.read_table(f) for f in sorted(outcome.path.glob("quarantine/*.parquet")))
    assert set(table["error"].to_pylist()) == {"ValueError: cannot swallow this"}
    kept = pa.concat_tables(pq.read_table(f) for f in sorted(outcome.path.glob("data/*.parquet")))
    assert not any(word in t for t in kept["text"].to_pylist())


def test_quarantine_and_rejections_do_not_depend_on_batches(make: Make) -> None:
    sums = {
        make(Odd(), Chokes(word="balam"), Exact(), output=s, batch_bytes=s).run().manifest["content_checksum"]
        for s in ("1B", "64MB")
    }
    assert len(sums) == 1


def test_a_missing_package_stops_the_run_and_quarantines_nothing(make: Make) -> None:
    with pytest.raises(RunError, match="No module named 'unheard_of'"):
        make(Lacks(), max_error_fraction=1.0).run()


def test_a_kernel_that_drops_a_row_stops_the_run(make: Make) -> None:
    with pytest.raises(AccountingError, match=r"\d+ rows went in, \d+ came out"):
        make(Loses()).run()


def test_more_errors_than_allowed_stop_the_run(make: Make) -> None:
    with pytest.raises(
        TooManyErrors, match=r"of 400 documents could not be .* allows 0.01. First: .*cannot swallow this"
    ):
        make(Chokes(word="balam"), max_error_fraction=0.01).run()


def test_lines_that_are_no_json_are_quarantined_and_the_others_kept(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b'{"text": "good one"}\nnot json\n{"text": 5}\n{"text": "good two"}\n')
    manifest = make(Exact(), paths=str(path)).run().manifest
    assert manifest["documents"] == {"read": 4, "kept": 2, "rejected": 0, "quarantined": 2}


def test_limit_reads_the_first_documents_of_a_source(make: Make) -> None:
    outcome = make(Exact(), limit=130).run()
    assert outcome.manifest["documents"]["read"] == 130


def test_sample_takes_the_same_documents_whatever_the_splits(make: Make) -> None:
    counts = {
        make(Odd(), output=f"o{s}", sample=0.3, split_bytes=s).run().manifest["documents"]["read"]
        for s in (3_000, 90_000)
    }
    assert len(counts) == 1
    assert 80 < counts.pop() < 160


def test_verify_finds_a_changed_byte_a_missing_and_a_foreign_file(make: Make) -> None:
    outcome = make(Exact()).run()
    parts = sorted(outcome.path.glob("data/*.parquet"))
    content = bytearray(parts[0].read_bytes())
    content[100] ^= 1
    parts[0].write_bytes(content)
    parts[1].unlink()
    (outcome.path / "data" / "stray.parquet").write_bytes(b"")
    problems = "\n".join(verify(outcome.path))
    assert "part-00000.parquet: its checksum" in problems
    assert "part-00001.parquet: is missing" in problems
    assert "stray.parquet: is not named" in problems


def test_rejected_texts_are_masked_by_the_recipes_own_pii_stage(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "mail.jsonl"
    path.write_bytes(b'{"text": "write to jane@web.org", "url": "1"}\n{"text": "or to joe@web.org", "url": "2"}\n')
    pipeline = make(Odd(), paths=str(path), keep_rejected="text")
    steps = (*pipeline.steps, Step("privacy.pii", Pii(mask=("email",))))
    outcome = dataclasses.replace(pipeline, steps=steps).run()
    rejected = pq.read_table(next(outcome.path.glob("rejected/*.parquet")))
    assert rejected["text"].to_pylist() == ["write to <EMAIL>"]


@pytest.mark.parametrize("batch_bytes", [300, 1 << 20])
def test_the_manifest_adds_up_the_counts_of_the_rows_that_stay(make: Make, tmp_path: Path, batch_bytes: int) -> None:
    path = tmp_path / "mail.jsonl"
    texts = ["a@web.org b@web.org", "nothing", "c@web.org and 93.184.216.34", "d@web.org " * 5]
    path.write_bytes(b"\n".join(orjson.dumps({"text": t, "url": str(i)}) for i, t in enumerate(texts * 20)))
    stages = (Pii(mask=("email", "ip"), max_hits=4), Odd())
    outcome = make(*stages, paths=str(path), batch_bytes=batch_bytes).run()
    pii, odd = outcome.manifest["stages"][1:]
    assert pii["counts"] == {"pii_email": 60, "pii_ip": 20} and pii["kept"] == 60
    assert odd["counts"] == {} and outcome.manifest["stages"][0]["counts"] == {}
    shards = pa.concat_tables([pq.read_table(p) for p in outcome.path.glob("data/*.parquet")])
    assert sum(shards["pii_email"].to_pylist()) <= 60


def test_a_document_lost_to_a_time_limit_makes_a_run_say_that_it_may_differ(make: Make) -> None:
    assert make(Late(), output="late").run().manifest["deterministic"] is False
    assert make(Odd(), output="odd").run().manifest["deterministic"] is True


class Late(Stage):
    """Give up on one document after a while."""

    def open(self) -> Kernel:
        """Return the kernel."""

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            if "https://example.org/7" in batch.column("url").to_pylist():
                raise TimeoutError("over a second")
            return batch

        return kernel
