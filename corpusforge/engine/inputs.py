"""Find the input files of a source, and cut them into splits.

A cut depends on the file and `run.split_bytes` alone, never on other files, workers or load.
"""

import glob
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from corpusforge.engine.remote_inputs import matches
from corpusforge.engine.storage import checksum_folder, is_remote, open_input
from corpusforge.errors import RecipeError
from corpusforge.pipeline import Source
from corpusforge.source import Reader, Split
from corpusforge.stages.read.compression import HEAD_BYTES, compression_of

AT_ONCE = 32  # files that are looked into; an object store answers in 30 ms, so about 1,000 a second
LOOKED_AHEAD = 4096
FEWEST_AT_ONCE = 16  # below, threads cost more than they save


class Listed(NamedTuple):
    """What the listing of an object store says of an object."""

    size: int
    modified_ns: int


Status = os.stat_result | OSError | Listed


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input of a source: where it is, and what tells it from an earlier state of itself."""

    source: str
    path: str
    relative: str
    size: int
    modified_ns: int
    folder_checksum: str = ""  # for a folder that is one input: over its listing

    @property
    def stamp(self) -> list[int | str]:
        """What tells the file from an earlier state of itself without reading it."""
        return [self.size, self.modified_ns, self.folder_checksum]

    @property
    def identity(self) -> str:
        """What fingerprints name the file by, unless its content shows that only its time has changed."""
        return self.folder_checksum or f"{self.size} {self.modified_ns}"


def find_inputs(source: Source) -> list[InputFile]:
    """Return the files of a source, sorted by relative path as UTF-8 bytes.

    Raises RecipeError for a pattern that matches nothing, two files with one relative path, and for what cannot be
    read as a file: pipes and devices, links that lead nowhere, files without permission.
    """
    patterns = [p for path in source.reader.paths for p in _listed(path, source.where)]
    base = os.path.commonpath([_fixed_folder(p) for p in patterns]) if patterns else ""
    found: dict[str, Status] = {}
    for pattern in patterns:
        matched = _matches(pattern, source.reader)
        if not matched:
            raise RecipeError(
                f"source '{source.name}': nothing matches '{pattern}'. Paths are relative to the current folder, "
                f"{os.getcwd()}",
                source.where,
            )
        found |= matched
    _check_readable(source, found)
    by_name: dict[str, InputFile] = {}
    for path, status in found.items():
        file = _describe(source.name, path, base, status)
        if file.relative in by_name:
            raise RecipeError(
                f"source '{source.name}': '{file.path}' and '{by_name[file.relative].path}' have one relative path",
                source.where,
            )
        by_name[file.relative] = file
    return sorted(by_name.values(), key=lambda f: f.relative.encode("utf-8", "surrogateescape"))


def cut_all(files: Sequence[InputFile], reader: Reader, split_bytes: int) -> Iterator[list[Split]]:
    """Yield the splits of each file, in order. Files that must be looked into are, a few dozen at a time."""
    if len(files) < FEWEST_AT_ONCE or not any(_looked_into(file, reader, split_bytes) for file in files):
        yield from (cut(file, reader, split_bytes) for file in files)
        return
    # Threads, since the time goes into waiting for the storage; bounded, so that neither it nor memory is flooded.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for first in range(0, len(files), LOOKED_AHEAD):
            yield from pool.map(lambda file: cut(file, reader, split_bytes), files[first : first + LOOKED_AHEAD])


def cut(file: InputFile, reader: Reader, split_bytes: int) -> list[Split]:
    """Cut one file into splits: by bytes, by whole row groups, or not at all."""
    if not _looked_into(file, reader, split_bytes):
        return [_split(file, 0, file.size, file.size)]
    if reader.splits_by == "row_groups":
        return [_split(file, start, count, size) for start, count, size in _row_groups(file, split_bytes)]
    if _is_compressed(file.path):
        return [_split(file, 0, file.size, file.size)]
    starts = range(0, file.size, split_bytes)
    lengths = (min(split_bytes, file.size - start) for start in starts)
    return [_split(file, start, length, length) for start, length in zip(starts, lengths, strict=True)]


def _looked_into(file: InputFile, reader: Reader, split_bytes: int) -> bool:
    # What is no larger than a split is one, whether it is compressed or not.
    by_size = reader.splits_by == "bytes" and not file.folder_checksum and file.size > split_bytes
    return by_size or reader.splits_by == "row_groups"


def _split(file: InputFile, start: int, length: int, stored: int) -> Split:
    name = f"{file.source}\0{file.relative}\0{start}\0{length}".encode("utf-8", "surrogateescape")
    return Split(
        file.source, file.path, file.relative, start, length, file.size, xxhash.xxh3_64_intdigest(name), stored
    )


def _row_groups(file: InputFile, split_bytes: int) -> list[tuple[int, int, int]]:
    """Return first row group, number of row groups and stored bytes of each split."""
    try:
        with open_input(file.path) as stored:
            metadata = pq.ParquetFile(stored).metadata
            groups = metadata.num_row_groups
            if file.size <= split_bytes:
                return [(0, groups, file.size)] if groups else []
            sizes = [
                sum(metadata.row_group(g).column(c).total_compressed_size for c in range(metadata.num_columns))
                for g in range(groups)
            ]
    except (pa.ArrowException, OSError):
        return [(0, 1, file.size)]  # the reader meets the same error and reports the file as unreadable
    cuts: list[tuple[int, int, int]] = []
    start, total = 0, 0
    for group, size in enumerate(sizes):
        total += size
        if total >= split_bytes or group == len(sizes) - 1:
            cuts.append((start, group + 1 - start, total))
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


def _matches(pattern: str, reader: Reader) -> dict[str, Status]:
    if is_remote(pattern):
        return {path: Listed(*known) for path, known in matches(pattern, reader.suffixes).items()}
    found: dict[str, Status] = {}
    for path in sorted(_expanded(os.path.abspath(pattern))):
        status = _status(path)
        if not _is_folder(status) or reader.takes_folders:
            found[path] = status
        elif not glob.has_magic(pattern):  # a folder named outright: its files, recursively
            for folder, _, names in os.walk(path, onerror=_unlisted):
                wanted = (os.path.join(folder, n) for n in sorted(names) if n.endswith(reader.suffixes or ""))
                found |= {name: _status(name) for name in wanted}
    shown = (path for path in found if not os.path.basename(path).startswith("."))
    return {path: found[path] for path in shown if os.path.basename(path)}


def _status(path: str) -> Status:
    # Asked for once: of 100,000 files on a network disk each question more is a minute.
    try:
        return os.stat(path)
    except OSError as error:
        return error


def _is_folder(status: Status) -> bool:
    return isinstance(status, os.stat_result) and stat.S_ISDIR(status.st_mode)


def _expanded(pattern: str) -> set[str]:
    """Return what a local pattern matches; `**` goes into linked folders too, but into none that it is in already."""
    if pattern.endswith("/**"):
        pattern += "/*"
    head, recursive, tail = pattern.partition("/**/")
    if not recursive:
        return set(glob.glob(pattern))
    tops = [top for top in glob.glob(head or "/") if os.path.isdir(top)]
    folders = (folder for top in tops for folder in _folders(top, frozenset()))
    return {path for folder in folders for path in _expanded(f"{glob.escape(folder)}/{tail}")}


def _folders(folder: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
    # glob itself follows a link to a folder above 40 times, two of them 2 ** 40 times.
    try:
        found = os.stat(folder)
        names = sorted(os.listdir(folder))
    except OSError as error:
        _unlisted(error)
    me = (found.st_dev, found.st_ino)
    if me in above:
        return
    yield folder
    for name in names:
        path = os.path.join(folder, name)
        if not name.startswith(".") and os.path.isdir(path):
            yield from _folders(path, above | {me})


def _unlisted(error: OSError) -> NoReturn:
    raise RecipeError(
        f"the folder '{error.filename}' cannot be listed: {error.strerror}. Mend it, or write a pattern without it"
    ) from error


def _check_readable(source: Source, found: Mapping[str, Status]) -> None:
    # A link whose disk is not mounted, taken for one bad file, would lose its documents without a word: nothing is
    # run before the user has decided. A pipe would be read once and be empty for every retry.
    problems = [f"'{path}' {said}" for path, status in found.items() if (said := _problem(path, status))]
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise RecipeError(
            f"source '{source.name}': {'; '.join(problems[:5])}{more}. Mend or move them, or write a pattern that does "
            "not match them",
            source.where,
        )


def _problem(path: str, status: Status) -> str | None:
    if isinstance(status, Listed):
        return None
    if isinstance(status, OSError):
        link = "is a link that leads nowhere" if os.path.islink(path) else "cannot be looked at"
        return f"{link} ({status.strerror})"
    mode = status.st_mode
    for is_kind, kind in (
        (stat.S_ISFIFO, "pipe"),
        (stat.S_ISCHR, "device"),
        (stat.S_ISBLK, "device"),
        (stat.S_ISSOCK, "socket"),
    ):
        if is_kind(mode):
            return f"is a {kind}, not a file"
    return None if os.access(path, os.R_OK) else "cannot be read: permission denied"


def _describe(source: str, path: str, base: str, status: Status) -> InputFile:
    if isinstance(status, Listed):
        relative = os.path.relpath("/" + path.split("://", 1)[1], base)
        return InputFile(source, path, relative, *status)
    assert isinstance(status, os.stat_result), status
    # Both are absolute and normal, so this is os.path.relpath, which takes as long as everything else together.
    relative = path[len(base) :].lstrip("/") if path.startswith(base.rstrip("/") + "/") else os.path.relpath(path, base)
    # Names are bytes; what is not UTF-8 is written as \\xNN, so that an origin is a string and two names stay two.
    relative = os.fsencode(relative).decode("utf-8", "backslashreplace")
    if _is_folder(status):
        checksum, size = checksum_folder(path)
        return InputFile(source, path, relative, size, 0, checksum)
    return InputFile(source, path, relative, status.st_size, status.st_mtime_ns)
