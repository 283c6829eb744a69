"""Find the input files of a source, and cut them into splits.

A cut depends on the file and `run.split_bytes` alone, never on other files, workers or load.
"""

import glob
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import xxhash

from corpusforge.engine.storage import checksum_folder, is_remote, open_input
from corpusforge.errors import RecipeError
from corpusforge.pipeline import Source
from corpusforge.source import Reader, Split
from corpusforge.stages.read.compression import HEAD_BYTES, compression_of


@dataclass(frozen=True)
class InputFile:
    """One input of a source: where it is, and what tells it from an earlier state of itself."""

    source: str
    path: str
    relative: str
    size: int
    modified_ns: int
    folder_checksum: str = ""  # for a folder that is one input: over its listing


def find_inputs(source: Source) -> list[InputFile]:
    """Return the files of a source, sorted by relative path as UTF-8 bytes.

    Raises RecipeError for a pattern that matches nothing, or two files with one relative path.
    """
    patterns = [p for path in source.reader.paths for p in _listed(path, source.where)]
    base = os.path.commonpath([_fixed_folder(p) for p in patterns]) if patterns else ""
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        matched = _matches(pattern, source.reader)
        if not matched:
            raise RecipeError(
                f"source '{source.name}': nothing matches '{pattern}'. Paths are relative to the current folder, "
                f"{os.getcwd()}",
                source.where,
            )
        for path in matched:
            if path not in found:
                found[path] = _describe(source.name, path, base)
    by_name: dict[str, InputFile] = {}
    for file in found.values():
        if file.relative in by_name:
            raise RecipeError(
                f"source '{source.name}': '{file.path}' and '{by_name[file.relative].path}' have one relative path",
                source.where,
            )
        by_name[file.relative] = file
    return sorted(by_name.values(), key=lambda f: f.relative.encode("utf-8", "surrogateescape"))


def cut(file: InputFile, reader: Reader, split_bytes: int) -> list[Split]:
    """Cut one file into splits: by bytes, by whole row groups, or not at all."""
    if reader.splits_by == "bytes" and not file.folder_checksum and not _is_compressed(file.path):
        starts = range(0, max(file.size, 1), split_bytes)
        return [_split(file, start, min(split_bytes, file.size - start)) for start in starts]
    if reader.splits_by == "row_groups":
        return [_split(file, start, count) for start, count in _row_groups(file.path, split_bytes)]
    return [_split(file, 0, file.size)]


def _split(file: InputFile, start: int, length: int) -> Split:
    name = f"{file.source}\0{file.relative}\0{start}\0{length}".encode("utf-8", "surrogateescape")
    return Split(file.source, file.path, file.relative, start, length, file.size, xxhash.xxh3_64_intdigest(name))


def _row_groups(path: str, split_bytes: int) -> list[tuple[int, int]]:
    try:
        with open_input(path) as file:
            metadata = pq.ParquetFile(file).metadata
            sizes = [
                sum(metadata.row_group(g).column(c).total_compressed_size for c in range(metadata.num_columns))
                for g in range(metadata.num_row_groups)
            ]
    except (pa.ArrowException, OSError):
        return [(0, 1)]  # the reader meets the same error and reports the file as unreadable
    cuts: list[tuple[int, int]] = []
    start, total = 0, 0
    for group, size in enumerate(sizes):
        total += size
        if total >= split_bytes or group == len(sizes) - 1:
            cuts.append((start, group + 1 - start))
            start, total = group + 1, 0
    return cuts


def _is_compressed(path: str) -> bool:
    # A compressed file cannot be entered in the middle, so it is one split.
    with open_input(path) as file:
        return compression_of(file.read(HEAD_BYTES)) is not None


def _listed(path: str, where: str) -> list[str]:
    if not path.startswith("@"):
        return [path]
    try:
        lines = Path(path[1:]).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RecipeError(f"the list of paths '{path[1:]}' cannot be read: {error.strerror}", where) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _fixed_folder(pattern: str) -> str:
    # The folder part before the first wildcard; of a plain file, its folder.
    if is_remote(pattern):
        pattern = "/" + pattern.split("://", 1)[1]
    parts = PurePosixPath(os.path.abspath(pattern)).parts
    fixed: list[str] = []
    for part in parts:
        if glob.has_magic(part):
            return str(PurePosixPath(*fixed))
        fixed.append(part)
    return str(PurePosixPath(*parts[:-1]))


def _matches(pattern: str, reader: Reader) -> list[str]:
    if is_remote(pattern):
        return _remote_matches(pattern)
    found = []
    for path in sorted(glob.glob(os.path.abspath(pattern), recursive=True)):
        if not os.path.isdir(path) or reader.takes_folders:
            found.append(path)
        elif not glob.has_magic(pattern):  # a folder named outright: its files, recursively
            for folder, _, names in os.walk(path):
                found += [os.path.join(folder, n) for n in sorted(names) if n.endswith(reader.suffixes or "")]
    return [path for path in found if os.path.basename(path) and not os.path.basename(path).startswith(".")]


def _remote_matches(pattern: str) -> list[str]:
    import fnmatch

    filesystem, inner = pa.fs.FileSystem.from_uri(pattern)
    scheme = pattern.split("://", 1)[0]
    if not glob.has_magic(inner):
        return [pattern]
    folder = str(PurePosixPath(*[p for p in PurePosixPath(inner).parts if not glob.has_magic(p)]))
    listing = filesystem.get_file_info(pa.fs.FileSelector(folder, recursive=True))
    return [f"{scheme}://{f.path}" for f in listing if f.is_file and fnmatch.fnmatch(f.path, inner)]


def _describe(source: str, path: str, base: str) -> InputFile:
    if is_remote(path):
        filesystem, inner = pa.fs.FileSystem.from_uri(path)
        info = filesystem.get_file_info(inner)
        relative = os.path.relpath("/" + path.split("://", 1)[1], base)
        return InputFile(source, path, relative, info.size, info.mtime_ns or 0)
    relative = os.path.relpath(path, base)
    if os.path.isdir(path):
        checksum, size = checksum_folder(path)
        return InputFile(source, path, relative, size, 0, checksum)
    stat = os.stat(path)
    return InputFile(source, path, relative, stat.st_size, stat.st_mtime_ns)
