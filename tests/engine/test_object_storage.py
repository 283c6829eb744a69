"""A run whose inputs, intermediates, ledger and output are in an S3-compatible store."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pytest

from corpusforge.engine import ledger_lines, lock, remote
from corpusforge.engine.batch_file import BatchFile, BatchWriter
from corpusforge.engine.inputs import find_inputs
from corpusforge.engine.ledger import Known, Ledger, last_note
from corpusforge.engine.lock import Lock, owner
from corpusforge.engine.remote import RemotePath
from corpusforge.engine.storage import stored_path
from corpusforge.engine.verify import verify
from corpusforge.errors import CorruptFile, OutputError, RecipeError, RunError, StorageError
from corpusforge.pipeline import Pipeline, Source
from corpusforge.report.lookup import read_manifest
from corpusforge.report.status import status
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.write.parquet import Parquet
from tests.engine.conftest import Killed, Killer
from tests.engine.object_store import BUCKET, SECRET, objects, served


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """Return the URI of a bucket on a server of this module's own."""
    with pytest.MonkeyPatch.context() as monkeypatch, served(monkeypatch) as uri:
        monkeypatch.setattr(lock, "SETTLE_SECONDS", 0.05)
        remote._filesystem.cache_clear()
        yield uri
    remote._filesystem.cache_clear()


@pytest.fixture
def there(store: str, request: pytest.FixtureRequest) -> str:
    """Return a folder of the bucket for one test."""
    return f"{store}/{request.node.name}"


@pytest.fixture
def remotely(make: Callable[..., Pipeline], there: str) -> Callable[..., Pipeline]:
    """Return what makes the pipeline of `make` with its output in the store."""

    def pipeline(*stages: Any, output: str = "out", **options: Any) -> Pipeline:
        local = make(*stages, **options)
        writer = local.writer.model_copy(update={"path": f"{there}/{output}"})
        return Pipeline(local.sources, local.steps, writer, local.layout, local.options)

    return pipeline


def put(local: Path, uri: str) -> None:
    """Copy a folder into the store."""
    filesystem, inner = pyarrow.fs.FileSystem.from_uri(uri)
    pyarrow.fs.copy_files(str(local), inner, destination_filesystem=filesystem)


def scratch_left() -> list[Path]:
    """Return what this process has in its scratch folder besides fetched artifacts."""
    mine = Path(tempfile.gettempdir()) / f"corpusforge-{os.getuid()}"
    return [path for path in mine.glob(f"{os.getpid()}-*/*") if path.name != "fetched"]


def test_a_run_in_a_store_leaves_the_bytes_of_a_local_one(
    make: Callable[..., Pipeline], remotely: Callable[..., Pipeline], there: str, corpus: Path
) -> None:
    local = make(order="shuffled").run().manifest
    put(corpus, f"{there}/in")
    outcome = remotely(order="shuffled", paths=f"{there}/in/*.jsonl").run()
    assert outcome.manifest["content_checksum"] == local["content_checksum"]
    assert outcome.manifest["shards"] == local["shards"]
    assert verify(outcome.path) == []
    assert verify(outcome.path, f"{there}/in") == []
    named = [file["path"] for kind in ("shards", "rejected") for file in outcome.manifest[kind]]
    assert set(objects(f"{there}/out")) == {
        *named,
        "manifest.json",
        "recipe.yaml",
        "report.json",
        ".work/ledger.done.jsonl",
    }
    assert scratch_left() == []
    assert status(f"{there}/out")["state"] == "finished"


def test_workers_of_ray_write_into_the_store(there: str, corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"""
corpusforge: 1
sources:
  words:
    read.jsonl: {{paths: "{corpus}/*.jsonl"}}
stages: [dedup.exact, dedup.minhash]
layout: {{order: shuffled}}
write.parquet: {{path: "{tmp_path}/out", shard_bytes: 40kB}}
run: {{split_bytes: 20kB}}
"""
    )
    for output, workers in ((f"{tmp_path}/out", 1), (f"{there}/out", 2)):
        command = [sys.executable, "-c", "from corpusforge.cli import main; main()", "run", str(recipe)]
        done = subprocess.run(
            [*command, "--set", f"output={output}", "--workers", str(workers)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    local, there_too = (read_manifest(stored_path(path)) for path in (f"{tmp_path}/out", f"{there}/out"))
    assert local["content_checksum"] == there_too["content_checksum"]
    assert there_too["run"]["workers"] == 2


def test_a_killed_run_goes_on_where_the_ledger_ends(
    make: Callable[..., Pipeline], remotely: Callable[..., Pipeline], killer: Killer, there: str
) -> None:
    expected = make().run().manifest["content_checksum"]
    killer.target, killer.part = (1, "decide"), "combine"
    with pytest.raises(Killed):
        remotely().run()
    assert status(f"{there}/out")["state"] == "stopped"
    killer.target = None
    outcome = remotely().run()
    assert outcome.manifest["content_checksum"] == expected
    assert 0 < outcome.manifest["run"]["units_run"] < outcome.manifest["run"]["units"]
    assert verify(outcome.path) == []


def test_another_recipe_needs_replace_and_leaves_nothing_of_the_first(
    remotely: Callable[..., Pipeline], there: str
) -> None:
    remotely(Exact()).run()
    with pytest.raises(OutputError, match="--replace"):
        remotely(Exact(), Minhash()).run()
    outcome = remotely(Exact(), Minhash()).run(replace=True)
    assert verify(outcome.path) == []
    assert not [name for name in objects(f"{there}/out") if name.startswith((".new", ".work/units"))]


def test_a_damaged_intermediate_is_found_and_made_again(
    make: Callable[..., Pipeline], remotely: Callable[..., Pipeline], killer: Killer, there: str
) -> None:
    expected = make().run().manifest["content_checksum"]
    killer.target = (1, "link")
    with pytest.raises(Killed):
        remotely().run()
    killer.target = None
    for name in objects(f"{there}/out/.work/units"):
        path = RemotePath(f"{there}/out/.work/units/{name}")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
        break
    assert remotely().run().manifest["content_checksum"] == expected


def test_credentials_are_in_no_file_of_a_run_and_in_no_message(
    remotely: Callable[..., Pipeline], there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remotely(Exact()).run()
    for name in objects(f"{there}/out"):
        assert SECRET.encode() not in RemotePath(f"{there}/out/{name}").read_bytes(), name
    source = Source("x", "read.jsonl", Jsonl(paths=(f"s3://me:{SECRET}@{BUCKET}/x.jsonl",)))
    with pytest.raises(RecipeError) as refused:
        find_inputs(source)
    assert SECRET not in str(refused.value)

    def refuse() -> None:
        raise OSError(f"AWS Error UNKNOWN (HTTP status 403): the key {SECRET} is not known")

    with pytest.raises(RunError) as told:
        remote.tried("s3://x/y", refuse)
    assert SECRET not in str(told.value)
    assert "<AWS_SECRET_ACCESS_KEY>" in str(told.value)


def test_a_bucket_that_is_not_there_is_said_at_once(make: Callable[..., Pipeline], store: str) -> None:
    pipeline = make()
    writer = Parquet(path="s3://no-such-bucket/out")
    with pytest.raises(RunError, match=r"no-such-bucket.*NO_SUCH_BUCKET"):
        Pipeline(pipeline.sources, pipeline.steps, writer, pipeline.layout, pipeline.options).run()


def test_a_failure_that_passes_is_tried_again_and_one_that_stays_is_a_storage_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote, "BACKOFF_SECONDS", 0.001)
    failures = iter([OSError("AWS Error SLOW_DOWN"), OSError("AWS Error NETWORK_CONNECTION"), None])

    def now_and_then() -> str:
        if (failure := next(failures)) is not None:
            raise failure
        return "done"

    assert remote.tried("s3://x/y", now_and_then) == "done"

    def always() -> None:
        raise OSError("AWS Error SERVICE_UNAVAILABLE")

    with pytest.raises(StorageError, match="failed 5 times"):
        remote.tried("s3://x/y", always)


def test_objects_are_read_as_files_whatever_the_order(there: str) -> None:
    content = os.urandom(3_000_000)
    path = RemotePath(f"{there}/a")
    path.write_bytes(content)
    with path.open() as file:
        assert file.read(10) == content[:10]
        assert file.seek(-5, os.SEEK_END) == len(content) - 5
        assert file.read() == content[-5:]
        file.seek(1_234_567)
        assert file.read(1_000_000) == content[1_234_567:2_234_567]
        file.seek(0)
        assert b"".join(iter(lambda: file.read(70_001), b"")) == content
        assert file.read(1) == b""


def test_names_of_objects_are_taken_to_the_letter(there: str) -> None:
    for name in ("a b+c%20d.txt", "ü/ß.txt", "x#y?z.txt"):
        path = RemotePath(there) / name
        path.write_bytes(name.encode())
        assert path.read_bytes() == name.encode()
        assert path in [found for found, _ in RemotePath(there).files()]


def test_patterns_mean_what_they_mean_on_a_disk(there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a.gz", "b.txt", "x[1].gz", "d/a.gz", "d/e/a.gz", "d/e/f/b.gz", ".hidden/a.gz", "d/.a.gz", "d/e.gz/g.gz")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    put(tmp_path, there)
    monkeypatch.chdir(tmp_path)

    def found(pattern: str) -> set[str]:
        source = Source("x", "read.jsonl", Jsonl(paths=(pattern,)))
        try:
            files = find_inputs(source)
        except RecipeError:
            return set()
        return {file.path.removeprefix(f"{tmp_path}/").removeprefix(f"{there}/") for file in files}

    for pattern in (
        "*.gz",
        "**/*.gz",
        "d/**/*.gz",
        "?.gz",
        "[!b]*",
        "x[[]1].gz",
        "d/*/a.gz",
        "**",
        "d/e/**",
        "d/e/a.gz",
    ):
        assert found(f"{there}/{pattern}") == found(pattern), pattern
    assert found(f"{there}/**/*.gz") == {"a.gz", "x[1].gz", "d/a.gz", "d/e/a.gz", "d/e/f/b.gz", "d/e.gz/g.gz"}


def test_objects_are_listed_and_not_asked_for_one_by_one(there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RemotePath(there)
    list(remote.pool().map(lambda n: (folder / f"{n:05d}.jsonl").write_bytes(b"{}\n"), range(1001)))
    monkeypatch.setattr(RemotePath, "_info", lambda path: pytest.fail(f"{path} was asked for"))
    files = find_inputs(Source("x", "read.jsonl", Jsonl(paths=(f"{there}/*.jsonl",))))
    assert [file.relative for file in files] == [f"{n:05d}.jsonl" for n in range(1001)]
    assert all(file.size == 3 and file.modified_ns for file in files)


def test_any_batch_of_an_intermediate_file_is_read_alone_and_held_to_its_checksum(there: str, tmp_path: Path) -> None:
    schema = pa.schema([("n", pa.int64()), ("text", pa.large_string())])
    batches = [pa.record_batch({"n": [i] * 50, "text": [f"text {i}"] * 50}, schema=schema) for i in range(20)]
    writer = BatchWriter(tmp_path / "file", schema, "lz4")
    for batch in batches:
        writer.write(batch)
    stored = writer.close()
    far = RemotePath(f"{there}/file")
    far.send(tmp_path / "file")
    for path in (str(tmp_path / "file"), str(far)):
        file = BatchFile(path, stored.size, stored.index)
        assert file.schema() == schema
        for numbers in ([7], range(3, 9), [0, 5, 6, 19], range(0)):
            for ahead in (0, 1 << 20):
                assert list(file.read(numbers, ahead_bytes=ahead)) == [batches[i] for i in numbers]
        assert [b.schema.names for b in file.read([1, 2], columns=["text", "other"])] == [["text"], ["text"]]
    content = bytearray((tmp_path / "file").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "file").write_bytes(content)
    far.write_bytes(bytes(content))
    for path in (str(tmp_path / "file"), str(far)):
        file = BatchFile(path, stored.size, stored.index)
        assert list(file.read([0])) == batches[:1]
        with pytest.raises(CorruptFile):
            list(file.read(range(20)))
    far.unlink()
    with pytest.raises(CorruptFile, match="missing"):
        list(BatchFile(str(far), stored.size, stored.index).read([0]))


def test_a_ledger_of_objects_keeps_what_was_stored_and_one_of_many_objects_becomes_one(
    there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RemotePath(there)
    monkeypatch.setattr(ledger_lines, "OBJECT_LINES", 2)
    ledger = Ledger(folder)
    for number in range(11):
        ledger.commit([{"unit": f"u{number}"}])
    ledger.drop("u3")
    ledger.note({"progress": 5})
    ledger.close()
    monkeypatch.setattr(ledger_lines, "MOST_OBJECTS", 3)
    assert len(objects(f"{there}/ledger")) > 3
    again = Ledger(folder)
    again.close()
    assert len(objects(f"{there}/ledger")) == 2
    assert set(Known(folder).units) == {f"u{number}" for number in range(11) if number != 3}
    assert last_note(folder, "progress") == {"progress": 5}


def test_commits_reach_the_store_within_seconds(there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_lines, "OBJECT_SECONDS", 0.2)
    ledger = Ledger(RemotePath(there))
    ledger.commit([{"unit": "early"}])
    for _ in range(100):
        if "early" in Known(RemotePath(there)).units:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the unit was still not stored after 5 seconds")
    ledger.close()


def test_one_driver_at_a_time(there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RemotePath(there)
    with Lock(folder) as mine:
        assert owner(folder) is not None
        with pytest.raises(OutputError, match="another run works here"), Lock(folder):
            pass
        mine.check()
        other = {"host": "elsewhere", "pid": 1, "started": 0.0, "id": "other"}
        (folder / "lock").write_bytes(json.dumps(other).encode())
        with pytest.raises(RunError, match="another run took over"):
            mine.check()
        ledger = Ledger(folder, guard=mine.check)
        ledger.commit([{"unit": "late"}])
        with pytest.raises(RunError, match="another run took over"):
            ledger.close()
    assert (folder / "lock").exists(), "the lock of the other is left alone"
    assert "late" not in Known(folder).units
    monkeypatch.setattr(lock, "EXPIRES_SECONDS", 0.0)
    time.sleep(1.1)  # stores date objects to the second
    with Lock(folder) as taken:
        taken.check()


def test_two_that_begin_at_once_are_told_apart(there: str) -> None:
    folder = RemotePath(there)
    begin, results = threading.Barrier(2), []

    def one() -> None:
        begin.wait()
        try:
            with Lock(folder):
                results.append("works")
                time.sleep(0.5)
        except OutputError:
            results.append("refused")

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused", "works"]


def test_a_finished_run_of_a_store_is_read_by_the_commands(remotely: Callable[..., Pipeline], there: str) -> None:
    from corpusforge.report.compare import compare
    from corpusforge.report.explain import explain
    from corpusforge.report.page import write

    manifest = remotely(Exact()).run().manifest
    output = RemotePath(f"{there}/out")
    assert read_manifest(output)["content_checksum"] == manifest["content_checksum"]
    assert "</html>" in write(output).read_text()
    assert explain(f"{there}/out", "https://example.org/7")
    assert compare(output, output, 1)["same"] == manifest["documents"]["read"]
