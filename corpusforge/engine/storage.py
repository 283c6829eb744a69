"""Where bytes are: opening inputs, checksums, writing files so that they appear whole or not at all."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import pyarrow as pa
import pyarrow.fs
import xxhash

from corpusforge.engine.remote import RemotePath
from corpusforge.engine.scratch import scratch
from corpusforge.errors import CorruptFile, StorageError

CHUNK = 4 << 20
READ_BYTES = 128 << 10

StoredPath: TypeAlias = Path | RemotePath


def is_remote(path: str) -> bool:
    """Say whether `path` is a URI such as s3://bucket/key."""
    return "://" in path


def stored_path(path: str | StoredPath) -> StoredPath:
    """Return what stands for a path or a URI."""
    if isinstance(path, RemotePath):
        return path
    path = str(path).removeprefix("file://")
    return RemotePath(path) if is_remote(path) else Path(path)


class _Stored(io.FileIO):
    """A local file whose failing reads are StorageErrors: libraries raise OSError for damaged content too."""

    def readinto(self, buffer: Any) -> Any:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise StorageError(f"{self.name}: {error.strerror or error}") from error

    def readall(self) -> bytes:
        try:
            return super().readall() or b""
        except OSError as error:
            raise StorageError(f"{self.name}: {error.strerror or error}") from error


def arrow_path(path: StoredPath) -> tuple[str, pa.fs.FileSystem]:
    """Return what Arrow opens: a path, and the file system that it is a path of."""
    return (path.inner, path.filesystem) if isinstance(path, RemotePath) else (str(path), pa.fs.LocalFileSystem())


def below(path: StoredPath, folder: StoredPath) -> str:
    """Return the path below a folder of the same storage, with slashes."""
    return path.relative_to(folder).as_posix()  # type: ignore[arg-type]


def open_input(path: str) -> BinaryIO:
    """Open a local path or a URI for reading bytes, seekable."""
    if is_remote(path):
        return RemotePath(path).open()
    return io.BufferedReader(_Stored(path), READ_BYTES)


def size_and_time(path: str) -> tuple[int, int]:
    """Return the bytes of a stored file and when it was last changed (ns since 1970; 0 where the storage has none)."""
    found = RemotePath(path).stat() if is_remote(path) else os.stat(path)
    return found.st_size, found.st_mtime_ns


def checksum_range(path: str, start: int = 0, length: int | None = None) -> str:
    """Return the XXH3-128 of a range of stored bytes, as 32 hex digits."""
    digest = xxhash.xxh3_128()
    with open_input(path) as file:
        file.seek(start)
        left = length
        while left is None or left > 0:
            chunk = file.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                break
            digest.update(chunk)
            left = None if left is None else left - len(chunk)
    return digest.hexdigest()


def checksum_folder(path: str) -> tuple[str, int]:
    """Return (XXH3-128 over the names, sizes and times of every file below, total bytes)."""
    digest = xxhash.xxh3_128()
    total = 0
    for name, size, modified in sorted(_walk(path)):
        digest.update(f"{name}\0{size}\0{modified}\n".encode("utf-8", "surrogateescape"))
        total += size
    return digest.hexdigest(), total


def _walk(path: str) -> Iterator[tuple[str, int, int]]:
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            if os.path.isfile(full):
                stat = os.stat(full)
                yield os.path.relpath(full, path), stat.st_size, stat.st_mtime_ns


@contextmanager
def whole_files(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Yield temporary names beside `paths`; on success all are synced, then each takes its name in one step, in order.

    A kill in between leaves the later ones missing: put the file that makes sense only with the others last.
    """
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = tuple(path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in paths)
    try:
        yield temporary
        for one in temporary:
            with open(one, "rb+") as file:
                os.fsync(file.fileno())
        for one, path in zip(temporary, paths, strict=True):
            os.replace(one, path)
    finally:
        for one in temporary:
            one.unlink(missing_ok=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; on success the file is synced and takes its name in one step."""
    with whole_files(path) as (temporary,):
        yield temporary


def write_whole(path: StoredPath, content: bytes) -> None:
    """Write a small file so that it appears whole or not at all."""
    if isinstance(path, RemotePath):
        path.write_bytes(content)
        return
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


_verified: set[tuple[str, str]] = set()


def verified(path: str, checksum: str, size: int) -> str:
    """Return a local path of a file that was compared with its recorded checksum, once per process.

    A remote one is fetched, once per process. Raises CorruptFile when it is missing or differs.
    """
    local = scratch() / "fetched" / checksum if is_remote(path) else Path(path)
    if (path, checksum) not in _verified or not local.exists():
        try:
            if is_remote(path):
                local.parent.mkdir(exist_ok=True)
                RemotePath(path).fetch(local)
            if local.stat().st_size != size:
                raise CorruptFile(path, "has another size than the ledger records")
        except FileNotFoundError:
            raise CorruptFile(path, "is missing") from None
        if checksum_range(str(local)) != checksum:
            raise CorruptFile(path, "differs from the checksum in the ledger")
        if len(_verified) > 100_000:
            _verified.clear()
        _verified.add((path, checksum))
    return str(local)


def files_below(folder: StoredPath) -> list[StoredPath]:
    """Return every file below a folder, in order of their paths; none when there is no folder."""
    if isinstance(folder, RemotePath):
        return [path for path, _ in folder.files()]
    return sorted(path for path in folder.rglob("*") if path.is_file())


def remove_tree(folder: StoredPath) -> None:
    """Remove a folder and all in it, if it is there."""
    if isinstance(folder, RemotePath):
        folder.delete_tree()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def canonical(value: Any) -> bytes:
    """Return `value` as JSON with sorted keys and no spaces: equal values, equal bytes."""
    import orjson

    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest(*parts: Any) -> str:
    """Return the XXH3-128 of the canonical JSON of `parts`, as 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(canonical(parts))
