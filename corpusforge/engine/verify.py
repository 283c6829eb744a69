"""Hold an output folder to its manifest: checksums, rows, conservation, files that do not belong."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pyarrow as pa

from corpusforge.engine.part_files import files_of
from corpusforge.engine.scratch import scratch
from corpusforge.engine.storage import StoredPath, below, checksum_range, files_below, stored_path
from corpusforge.errors import OutputError, RecipeError
from corpusforge.registry import find
from corpusforge.writer import Writer

KINDS = ("data", "validation", "rejected", "quarantine", "signals")
RECORDS = "write.parquet"  # writes everything but data/ and validation/


def verify(path: str | StoredPath, inputs: str | StoredPath | None = None) -> list[str]:
    """Return what is wrong with the run in `path`, one line each; an empty list means all is well.

    `inputs`: the folder the input paths of the manifest are relative to; every input is then read and compared.
    Raises OutputError when there is no finished run.
    """
    output = stored_path(path)
    try:
        manifest: dict[str, Any] = orjson.loads((output / "manifest.json").read_bytes())
    except FileNotFoundError:
        raise OutputError(f"{output} holds no finished run: there is no manifest.json") from None
    except orjson.JSONDecodeError as error:
        return [f"manifest.json is not valid JSON: {error}"]
    problems = list(_counts(manifest))
    named = {"data": manifest["shards"], **{kind: manifest.get(kind, []) for kind in KINDS[1:]}}
    for kind, parts in named.items():
        writer = manifest.get("writer", RECORDS) if kind in ("data", "validation") else RECORDS
        for part in parts:
            problems += _part(output, part, writer)
    due = {f["path"] for parts in named.values() for f in files_of(parts)}
    problems += [f"{below(p, output)}: is not named in the manifest" for p in unnamed_files(output, due)]
    problems += [problem for file in manifest.get("artifacts", []) for problem in _file(output, file)]
    if inputs is not None:
        problems += _inputs(stored_path(inputs), manifest)
    return problems


def unnamed_files(output: StoredPath, named: set[str]) -> Iterator[StoredPath]:
    """Yield files under data/, validation/, rejected/, quarantine/ and signals/ that are not in `named`."""
    for kind in KINDS:
        if (output / kind).is_dir():
            for path in files_below(output / kind):
                if below(path, output) not in named:
                    yield path


def _counts(manifest: dict[str, Any]) -> Iterator[str]:
    documents = manifest["documents"]
    if documents["read"] != documents["kept"] + documents["rejected"] + documents["quarantined"]:
        yield f"documents do not add up: {documents}"
    written = manifest["written"]
    if in_parts(manifest["shards"], written) != written["copies"]:
        yield f"the shards do not hold the {written['copies']} copies of documents that were written"
    held_out = written.get("validation", {"documents": 0})
    if in_parts(manifest.get("validation", []), held_out) != held_out["documents"]:
        yield "validation/ does not hold as many documents as were held out"
    if not accounted(documents["kept"], written):
        yield f"{documents['kept']} documents were kept, which is not what was written, held out and left out"
    if sum(p["documents"] for p in manifest["quarantine"]) != documents["quarantined"]:
        yield "quarantine/ does not hold as many rows as were quarantined"
    rejected = sum(p["documents"] for p in manifest["rejected"])
    if manifest["run"]["keep_rejected"] != "none" and rejected != documents["rejected"]:
        yield f"rejected/ holds {rejected} rows, {documents['rejected']} were rejected"
    for stage in manifest["stages"]:
        if stage["read"] != stage["kept"] + sum(stage["rejected"].values()) + stage["quarantined"]:
            yield f"stage {stage['name']} does not add up"
    for source in manifest["sources"]:
        due = None
        for stage in manifest["stages"]:
            counts = stage["sources"].get(source)
            if counts is None:
                continue
            if due is not None and counts["read"] != due:
                yield f"stage {stage['name']}: {counts['read']} documents of {source} read, {due} were kept before"
            due = counts["kept"]


def in_parts(parts: list[dict[str, Any]], written: dict[str, Any]) -> int:
    """Return the documents that the parts account for, with those that are in no sequence, having no tokens.

    A part of shuffled sequences counts the documents that begin in it.
    """
    counted: int = sum(p["documents"] for p in parts)
    return counted + int(written.get("documents_in_no_sequence", 0))


def accounted(kept: int, written: dict[str, Any]) -> bool:
    """Say whether every kept document was written for training, held out, or left out by the mix."""
    held_out: int = written.get("validation", {"documents": 0})["documents"]
    return bool(kept == written["documents"] + held_out + written.get("left_out", 0))


def _part(output: StoredPath, part: dict[str, Any], writer: str) -> list[str]:
    files = list(files_of([part]))
    with _at_hand(output, files) as folder:
        if problems := [problem for file in files for problem in _file(folder, file)]:
            return problems
        try:
            cls = find(writer)
            assert issubclass(cls, Writer), writer
            rows = cls.count([folder / file["path"] for file in files])
        except RecipeError as error:  # a writer of another package, which is not at hand
            return [f"{part['path']}: what it holds was not counted: {error.message}"]
        except (pa.ArrowException, OSError, ValueError) as error:
            return [f"{part['path']}: cannot be read by {writer}: {error}"]
    due, what = (part["sequences"], "sequences") if "sequences" in part else (part["documents"], "rows")
    return [] if rows == due else [f"{part['path']}: holds {rows} {what}, not {due}"]


@contextmanager
def _at_hand(output: StoredPath, files: list[dict[str, Any]]) -> Iterator[Path]:
    """Yield a local folder with these files of the output: writers count what is on a disk."""
    if isinstance(output, Path):
        yield output
        return
    with TemporaryDirectory(dir=scratch()) as name:
        for file in files:
            target = Path(name) / file["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # it will be missed
                (output / file["path"]).fetch(target)
        yield Path(name)


def _file(output: StoredPath, file: dict[str, Any]) -> Iterator[str]:
    path = output / file["path"]
    if not path.exists():
        yield f"{file['path']}: is missing"
    elif path.stat().st_size != file["size"]:
        yield f"{file['path']}: has {path.stat().st_size} bytes, not {file['size']}"
    elif checksum_range(str(path)) != file["checksum"]:
        yield f"{file['path']}: its checksum is not the one in the manifest"


def _inputs(folder: StoredPath, manifest: dict[str, Any]) -> Iterator[str]:
    for entry in manifest["inputs"]:
        path = folder / entry["path"]
        if not path.exists():
            yield f"input {entry['path']}: is missing"
            continue
        for split in entry["splits"]:
            if split["checksum"]:
                first, length = split.get("bytes", (split["start"], split["length"]))
                found = checksum_range(str(path), first, length)
                if found != split["checksum"] and checksum_range(str(path)) != split["checksum"]:
                    yield f"input {entry['path']}: differs from what was read"
