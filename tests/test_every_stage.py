"""Every stage keeps the promises of the protocol, and no stage or reader changes its output without a new version.

tests/golden/stage_digests.json holds, beside the version of each, a digest of what it makes of its examples and of
hard texts (of readers: of the files in examples/data). After a change that is meant:

    CORPUSFORGE_UPDATE=1 python -m pytest tests/test_every_stage.py
"""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
import xxhash

from corpusforge import registry
from corpusforge.engine.identity import version
from corpusforge.engine.inputs import cut, find_inputs
from corpusforge.pipeline import Source
from corpusforge.source import Reader, Split
from corpusforge.stage import CorpusStage, Stage
from corpusforge.testing import HARD_TEXTS, _example_batch, _rows, check_corpus_stage, check_stage, run_stage

GOLDEN = Path(__file__).parent / "golden" / "stage_digests.json"
DATA = Path(__file__).parents[1] / "examples" / "data"
STAGES = [name for name in registry.names() if not name.startswith(("read.", "write."))]
READ_FROM = {
    "read.books": "books/*",
    "read.code": "code/*.tar.gz",
    "read.jsonl": "evals/*.jsonl",
    "read.text": "books/*.txt",
    "read.warc": "web/*.warc.gz",
    "read.wikipedia": "wiki/*.xml.bz2",
}


def test_stages_are_found() -> None:
    assert {"quality.rules", "dedup.minhash", "extract.html"} <= set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_it_keeps_the_promises_of_the_protocol(name: str, tmp_path: Path) -> None:
    cls = registry.find(name)
    if issubclass(cls, CorpusStage):
        check_corpus_stage(cls, tmp_path)
    else:
        assert issubclass(cls, Stage)
        check_stage(cls, tmp_path)


@pytest.mark.parametrize("name", STAGES)
def test_its_page_names_reads_rejects_cost_and_source(name: str) -> None:
    page = registry.find(name).__doc__ or ""
    for section in ("Reads:", "Writes:", "Rejects:", "Cost:", "Source:"):
        assert section in page, f"{name}: no '{section}' in its docstring"
    assert "COST" not in page, f"{name}: the cost was not measured"


@pytest.mark.parametrize("name", [*STAGES, *READ_FROM])
def test_other_output_has_another_version(name: str, tmp_path: Path) -> None:
    cls = registry.find(name)
    given, made = _reader_digests(name, cls) if issubclass(cls, Reader) else _stage_digests(cls, tmp_path)
    now = {
        "version": cls.version,
        "depends": {d: version(d) for d in cls.depends},
        "given": given,
        "made": made,
    }
    golden = orjson.loads(GOLDEN.read_bytes()) if GOLDEN.exists() else {}
    before = golden.get(name, {})
    if before.get("depends", {}) != now["depends"] and before and not os.environ.get("CORPUSFORGE_UPDATE"):
        pytest.skip(f"made with {before['depends']}, here are {now['depends']}: its rows may differ")
    if before.get("given") == given and before.get("made") != made:
        assert before["version"] != cls.version or before["depends"] != now["depends"], (
            f"{name} makes other rows of the same texts: raise its `version`, which redoes finished work, then run "
            "CORPUSFORGE_UPDATE=1 python -m pytest tests/test_every_stage.py"
        )
    if os.environ.get("CORPUSFORGE_UPDATE"):
        golden[name] = now
        GOLDEN.write_bytes(orjson.dumps(golden, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    else:
        assert before == now, (
            f"{name}: its examples or version changed; if that is meant, run "
            "CORPUSFORGE_UPDATE=1 python -m pytest tests/test_every_stage.py"
        )


def _stage_digests(cls: type[Stage], folder: Path) -> tuple[str, str]:
    given, made = xxhash.xxh3_128(), xxhash.xxh3_128()
    examples = cls.examples(folder)
    for stage in dict.fromkeys(example.stage for example in examples):
        batch = _example_batch([e for e in examples if e.stage == stage], HARD_TEXTS)
        fields = repr(stage.model_dump(mode="json")).replace(str(folder), "FOLDER")
        given.update((fields + repr(_rows(batch))).encode())
        made.update(repr(_rows(run_stage(stage, batch))).encode())
    return given.hexdigest(), made.hexdigest()


def _reader_digests(name: str, cls: type[Reader]) -> tuple[str, str]:
    given, made = xxhash.xxh3_128(), xxhash.xxh3_128()
    mapping = {"text": "question"} if name == "read.jsonl" else {}
    reader = cls.model_validate({"paths": str(DATA / READ_FROM[name]), **mapping})
    for split in _splits(Source("s", name, reader)):
        given.update(Path(split.path).read_bytes())
        for found in reader.read(split):
            made.update(repr(found.to_pylist() if isinstance(found, pa.RecordBatch) else found).encode())
    return given.hexdigest(), made.hexdigest()


def _splits(source: Source) -> Iterator[Split]:
    for file in find_inputs(source):
        yield from cut(file, source.reader, 64 << 20)
