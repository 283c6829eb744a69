"""The texts a model learns from: files of any readable format, or a source of a recipe through its stages.

Everything is read by the engine's own segment, split by split in this process, so that compression, formats, damaged
records and failing stages are dealt with as in a run. One split's texts are on disk at a time.
"""

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from corpusforge.checks import check
from corpusforge.engine.bundles import alone
from corpusforge.engine.guards import ERRORS_ALWAYS_ALLOWED
from corpusforge.engine.inputs import cut, find_inputs
from corpusforge.engine.plan import PlannedStep
from corpusforge.engine.segment import run_segment
from corpusforge.engine.storage import checksum_range, is_remote
from corpusforge.engine.units import SegmentUnit, WorkOptions, rows_file
from corpusforge.errors import RecipeError, TooManyErrors
from corpusforge.mistakes import or_list
from corpusforge.pipeline import Pipeline, RunOptions, Source, Step
from corpusforge.recipe import load
from corpusforge.registry import find
from corpusforge.source import Reader, Split
from corpusforge.stage import CorpusStage

_FORMATS = ("read.jsonl", "read.parquet", "read.text")


@dataclass(frozen=True)
class TextSource:
    """A source and the steps its documents pass before they are texts to learn from."""

    source: Source
    steps: tuple[Step, ...] = ()
    options: RunOptions = field(default_factory=RunOptions)


@dataclass
class Gathered:
    """What was read so far: documents, and the files they came from."""

    read: int = 0
    rejected: int = 0
    unreadable: int = 0
    first_error: str = ""
    inputs: list[dict[str, Any]] = field(default_factory=list)


def from_paths(name: str, paths: Sequence[str], text: str | None = None, per: str = "file") -> tuple[TextSource, ...]:
    """Return the sources of files, one for each format, told by the ends of the names.

    `paths` are files, glob patterns, folders or `@list`; `text` names the field of JSON Lines and Parquet that holds
    the text, `per` says whether a plain text file is one document or one a line. Raises RecipeError.
    """
    by_format: dict[str, list[str]] = {}
    for path in paths:
        for file in _files(path):
            by_format.setdefault(_format(file), []).append(file)
    sources = []
    for reader_name, files in sorted(by_format.items()):
        cls = find(reader_name)
        assert issubclass(cls, Reader)
        fields = {"per": per} if reader_name == "read.text" else {"text": text}
        sources.append(
            TextSource(Source(name, reader_name, cls.model_validate({"paths": files, **fields}), where=name))
        )
    return tuple(sources)


def from_recipe(recipe: str, name: str, set_: Sequence[str] = ()) -> TextSource:
    """Return the source `name` of a recipe with its stages.

    When the recipe has a `quality.classifier` among the shared stages, the shared stages before it act too: the model
    learns from the texts it will judge. Raises RecipeError, also for stages that need the whole corpus.
    """
    pipeline = load(recipe, set_)
    sources = {source.name: source for source in pipeline.sources}
    if name not in sources:
        raise RecipeError(f"there is no source '{name}'.{or_list(name, list(sources), 'Sources')}", recipe)
    source = sources[name]
    shared: list[Step] = []
    for step in pipeline.steps:
        if step.name == "quality.classifier":
            break
        shared.append(step)
    else:
        shared = []
    steps = (*source.steps, *(step for step in shared if step.acts_on(name)))
    for step in steps:
        if isinstance(step.stage, CorpusStage) or step.stage.artifact_name():
            raise RecipeError(
                f"{step.name} needs the whole corpus, and training reads one split at a time; run the recipe first "
                "and train on the Parquet files it leaves in data/",
                step.where,
            )
    source = replace(source, steps=())
    check(Pipeline((source,), steps, pipeline.writer))  # columns, packs and models
    return TextSource(source, steps, pipeline.options)


def read_texts(given: TextSource, gathered: Gathered) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a source that its steps keep, and count in `gathered`.

    Raises RecipeError when nothing matches its paths, TooManyErrors when more is unreadable than its options allow.
    """
    source = given.source
    splits = []
    for file in find_inputs(source):
        checksum = file.folder_checksum or checksum_range(file.path)
        gathered.inputs.append({"path": file.relative, "bytes": file.size, "checksum": checksum})
        splits += cut(file, source.reader, int(given.options.split_bytes))
    for split in splits:
        with tempfile.TemporaryDirectory(prefix="corpusforge-") as folder:
            report = run_segment(_unit(given, split, folder))
            counts = report["counts"]
            gathered.read += counts["read"]
            gathered.rejected += counts["rejected"]
            gathered.unreadable += counts["quarantined"]
            for name in ("unreadable", "quarantine"):
                lost = rows_file(report["files"][name])
                if lost is not None and not gathered.first_error:
                    row = next(lost.read()).slice(0, 1).to_pylist()[0]
                    gathered.first_error = f"{row['origin']}, {row['stage']}: {row['error']}"
            rows = rows_file(report["files"]["rows"])
            if rows is not None:
                yield from rows.read()
    most = max(given.options.max_error_fraction * gathered.read, ERRORS_ALWAYS_ALLOWED)
    if gathered.unreadable > most:
        raise TooManyErrors(
            f"{gathered.unreadable} of {gathered.read} documents of '{source.name}' could not be read or processed. "
            f"First: {gathered.first_error}. Mend the input; a recipe's run.max_error_fraction can allow more"
        )


def _unit(given: TextSource, split: Split, folder: str) -> SegmentUnit:
    most = int(given.options.max_document_bytes)
    options = WorkOptions(int(given.options.batch_bytes), "none", False, None, None, max_document_bytes=most)
    return SegmentUnit(
        fingerprint="",
        name=f"{split.source}/{split.relative}",
        folder=folder,
        bundle=alone(split),
        source_order=0,
        reader=given.source.reader,
        rows=None,
        resolve=None,
        findings=(),
        steps=tuple(PlannedStep(i, step, None) for i, step in enumerate(given.steps)),
        artifacts={},
        named={},
        emits=(),
        masking=(),
        options=options,
    )


def _files(path: str) -> list[str]:
    if path.startswith("@"):
        try:
            lines = Path(path[1:]).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise RecipeError(f"the list of paths '{path[1:]}' cannot be read: {error.strerror}") from error
        return [file for line in lines if line.strip() and not line.startswith("#") for file in _files(line.strip())]
    if is_remote(path):
        return [path]
    found = []
    for match in sorted(glob.glob(path, recursive=True)):
        if os.path.isdir(match):
            found += [os.path.join(folder, n) for folder, _, names in os.walk(match) for n in names]
        else:
            found.append(match)
    found = sorted(file for file in found if not os.path.basename(file).startswith("."))
    if not found:
        raise RecipeError(f"nothing matches '{path}'. Paths are relative to the current folder, {os.getcwd()}")
    return found


def _format(path: str) -> str:
    for name in _FORMATS:
        cls = find(name)
        assert issubclass(cls, Reader)
        if path.lower().endswith(cls.suffixes):
            return name
    raise RecipeError(
        f"the format of '{path}' is not known: names end in .jsonl, .ndjson, .json, .parquet or .txt, the text formats "
        "maybe in .gz, .zst, .bz2, .lz4 or .xz too. Read anything else through a source of a recipe (--recipe)"
    )
