"""Places in object stores: the part of pathlib that a run needs, over pyarrow.fs, with failures told apart.

An object appears whole or not at all, and cannot be renamed: `replace` copies it inside the store and deletes the old
one. Credentials and endpoints come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, an instance's role, ...)
and are taken out of every message.
"""

import io
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import cache, lru_cache, total_ordering
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.fs

from corpusforge.errors import RecipeError, RunError, StorageError

ATTEMPTS = 5  # of one operation, besides those of the store's own client
BACKOFF_SECONDS = 0.2  # doubled with every failure, plus up to as much again by chance
FIRST_READ_BYTES = 256 << 10  # of an object; doubled while it is read in order
MOST_READ_BYTES = 8 << 20
THREADS = 16  # that wait for the store, of one process
# What another attempt will meet again, by the names Arrow gives the errors of stores.
REFUSED = re.compile(
    r"AWS Error (NO_SUCH_BUCKET|ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN_ID"
    r"|UNRECOGNIZED_CLIENT|MISSING_AUTHENTICATION_TOKEN|INVALID_SIGNATURE|OPT_IN_REQUIRED|VALIDATION|EXPIRED_TOKEN)"
    r"|HTTP status 4(?!08|29)\d\d"
)
SECRETS = re.compile(r"ACCESS_KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL|SAS", re.IGNORECASE)

T = TypeVar("T")


class Stat(NamedTuple):
    """What pathlib's stat says of a file, as far as stores know it."""

    st_size: int
    st_mtime: float
    st_mtime_ns: int


@total_ordering
class RemotePath:
    """An object, or a folder of objects, such as s3://bucket/folder/file."""

    __slots__ = ("inner", "scheme")

    def __init__(self, uri: str) -> None:
        self.scheme, _, rest = uri.partition("://")
        host, _, key = rest.partition("/")
        if "@" in host and self.scheme not in ("abfs", "abfss"):
            raise RecipeError(
                f"{self.scheme}://***@{host.split('@')[-1]}/...: credentials do not belong into a path, which is "
                "logged; give them by the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        parts = [part for part in key.split("/") if part not in ("", ".")]
        if not host or ".." in parts:
            raise RecipeError(f"{uri}: not a place in a store; write {self.scheme}://bucket/folder")
        self.inner = "/".join([host, *parts])

    # ---- names

    def __str__(self) -> str:
        return f"{self.scheme}://{self.inner}"

    def __repr__(self) -> str:
        return f"RemotePath('{self}')"

    def __hash__(self) -> int:
        return hash((self.scheme, self.inner))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __lt__(self, other: "RemotePath") -> bool:
        return str(self) < str(other)

    def __truediv__(self, name: str | PurePosixPath) -> "RemotePath":
        return RemotePath(f"{self}/{name}")

    @property
    def name(self) -> str:
        """The last part."""
        return self.inner.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "RemotePath":
        """The folder it is in; the bucket's is the bucket."""
        return RemotePath(f"{self.scheme}://{self.inner.rpartition('/')[0] or self.inner}")

    def with_name(self, name: str) -> "RemotePath":
        """Return the neighbour of that name."""
        return self.parent / name

    def relative_to(self, folder: "RemotePath") -> PurePosixPath:
        """Return the path below `folder`; ValueError when it is elsewhere."""
        return PurePosixPath(self.inner).relative_to(folder.inner)

    def absolute(self) -> "RemotePath":
        """Return itself: a URI is absolute."""
        return self

    def as_posix(self) -> str:
        """Return the URI."""
        return str(self)

    @property
    def filesystem(self) -> pa.fs.FileSystem:
        """The store, in which `inner` is the object's path."""
        return _filesystem(self.scheme, self.inner.partition("/")[0])

    # ---- looking

    def _info(self) -> pa.fs.FileInfo:
        return tried(str(self), lambda: self.filesystem.get_file_info(self.inner))

    def exists(self) -> bool:
        """Say whether there is an object, or anything in a folder of that name."""
        return bool(self._info().type != pa.fs.FileType.NotFound)

    def is_file(self) -> bool:
        """Say whether it is an object."""
        return bool(self._info().is_file)

    def is_dir(self) -> bool:
        """Say whether anything is in a folder of that name."""
        return bool(self._info().type == pa.fs.FileType.Directory)

    def is_symlink(self) -> bool:
        """Stores have no links."""
        return False

    def stat(self) -> Stat:
        """Return size and time; FileNotFoundError when there is no object."""
        info = self._info()
        if info.type == pa.fs.FileType.NotFound:
            raise FileNotFoundError(str(self))
        return Stat(info.size or 0, info.mtime.timestamp() if info.mtime else 0.0, info.mtime_ns or 0)

    def iterdir(self) -> Iterator["RemotePath"]:
        """Yield what is in the folder, in order of names."""
        return (path for path, _ in self._listed(recursive=False))

    def glob(self, pattern: str) -> Iterator["RemotePath"]:
        """Yield what is in the folder and has a name that matches."""
        return (path for path in self.iterdir() if fnmatchcase(path.name, pattern))

    def files(self) -> Iterator[tuple["RemotePath", Stat]]:
        """Yield every object below with its size and time: one request for 1,000 of them."""
        for path, info in self._listed(recursive=True):
            if info.is_file:
                yield path, Stat(info.size or 0, info.mtime.timestamp() if info.mtime else 0.0, info.mtime_ns or 0)

    def _listed(self, recursive: bool) -> Iterator[tuple["RemotePath", pa.fs.FileInfo]]:
        selector = pa.fs.FileSelector(self.inner, allow_not_found=True, recursive=recursive)
        found = tried(str(self), lambda: self.filesystem.get_file_info(selector))
        for info in sorted(found, key=lambda info: str(info.path)):
            yield RemotePath(f"{self.scheme}://{info.path}"), info

    # ---- reading

    def open(self, mode: str = "rb") -> "io.BufferedReader":
        """Open the object for reading bytes, seekable."""
        assert mode == "rb", mode
        return io.BufferedReader(_Object(self), FIRST_READ_BYTES)

    def read_bytes(self) -> bytes:
        """Return the whole object."""
        return tried(str(self), lambda: bytes(self._native().readall()))

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the whole object as text."""
        return self.read_bytes().decode(encoding)

    def ranges(self) -> "Ranges":
        """Return what reads ranges of the object."""
        return Ranges(self)

    def fetch(self, to: Path) -> None:
        """Copy the object into a local file."""

        def copy() -> None:
            with self._native() as source, open(to, "wb") as target:
                while chunk := source.read(MOST_READ_BYTES):
                    target.write(chunk)

        tried(str(self), copy)

    def _native(self) -> pa.NativeFile:
        return self.filesystem.open_input_file(self.inner)

    # ---- writing

    def write_bytes(self, content: bytes) -> None:
        """Make the object, or put it in the place of another."""

        def write() -> None:
            stream = self.filesystem.open_output_stream(self.inner, compression=None)
            stream.write(content)
            stream.close()  # not in a `with`: after a failure, closing would complete a part of the content

        tried(str(self), write)

    def send(self, file: Path) -> None:
        """Make the object from a local file, in one upload that appears when it is complete."""

        def copy() -> None:
            stream = self.filesystem.open_output_stream(self.inner, compression=None)
            with open(file, "rb") as source:
                while chunk := source.read(MOST_READ_BYTES):
                    stream.write(chunk)
            stream.close()

        tried(str(self), copy)

    def replace(self, target: "RemotePath") -> None:
        """Put the object in the place of `target`: copied by the store, which allows it up to 5 GB, then deleted."""
        filesystem = self.filesystem
        tried(str(target), lambda: filesystem.copy_file(self.inner, target.inner))
        self.unlink(missing_ok=True)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object."""
        try:
            tried(str(self), lambda: self.filesystem.delete_file(self.inner))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def delete_tree(self) -> None:
        """Delete everything below, if there is anything."""
        try:
            tried(str(self), lambda: self.filesystem.delete_dir(self.inner))
        except FileNotFoundError:
            return

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Stores need no folders."""

    def rmdir(self) -> None:
        """Stores have no empty folders."""


class Ranges:
    """Reads ranges of an object, by several threads if need be; opened once, and again after a failure."""

    def __init__(self, path: RemotePath) -> None:
        self.path = path
        self._file: pa.NativeFile | None = None

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on, fewer where the object ends."""

        def read() -> bytes:
            file, self._file = self._file or self.path._native(), None
            found = bytes(file.read_at(length, offset))
            self._file = file
            return found

        return tried(str(self.path), read)

    @property
    def size(self) -> int:
        """The bytes of the object."""

        def size() -> int:
            self._file = self._file or self.path._native()
            return int(self._file.size())

        return tried(str(self.path), size)


class _Object(io.RawIOBase):
    """An object as a file: reads grow while they are in order, and the next is then under way already."""

    def __init__(self, path: RemotePath) -> None:
        self.path = path
        self.name = str(path)
        self._ranges = path.ranges()
        self._size = self._ranges.size
        self._at = 0
        self._start, self._held = 0, b""
        self._bytes = FIRST_READ_BYTES
        self._ahead: tuple[int, Future[bytes]] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not len(view):
            return 0
        end = self._start + len(self._held)
        if not self._start <= self._at < end:
            in_order = bool(self._held) and self._at == end
            self._bytes = min(2 * self._bytes, MOST_READ_BYTES) if in_order else FIRST_READ_BYTES
            if self._ahead is not None and self._ahead[0] == self._at:
                self._held = self._ahead[1].result()
            else:
                self._held = self._ranges.read(self._at, max(self._bytes, min(len(view), MOST_READ_BYTES)))
            if not self._held:
                raise StorageError(f"{self.path}: has fewer than the {self._size} bytes it had when it was opened")
            self._start, self._ahead = self._at, None
            end = self._start + len(self._held)
            if in_order and end < self._size:
                self._ahead = end, pool().submit(self._ranges.read, end, self._bytes)
        count = min(len(view), end - self._at)
        begin = self._at - self._start
        view[:count] = self._held[begin : begin + count]
        self._at += count
        return count


@cache
def pool() -> ThreadPoolExecutor:
    """Return the threads of this process that wait for stores."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="store")


def tried(path: str, operation: Callable[[], T]) -> T:
    """Return what `operation` returns, tried again while the store fails in a way that passes.

    Raises FileNotFoundError, RunError when the store refuses, StorageError when it still fails after ATTEMPTS.
    """
    for attempt in range(ATTEMPTS):
        try:
            return operation()
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{path}: there is no such object") from error
        except (OSError, pa.ArrowException) as error:
            said = without_secrets(str(error))
            if REFUSED.search(said):
                raise RunError(
                    f"{path}: the store refuses: {said}. Bucket and credentials are those of the environment "
                    "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION, or a role)"
                ) from None
            if attempt == ATTEMPTS - 1:
                raise StorageError(f"{path}: the store failed {ATTEMPTS} times: {said}") from None
            time.sleep(BACKOFF_SECONDS * 2**attempt * (1 + random.random()))
    raise AssertionError("unreachable")


def without_secrets(message: str) -> str:
    """Return `message` with every value of an environment variable that holds credentials masked."""
    for name, value in os.environ.items():
        if len(value) >= 4 and SECRETS.search(name) and value in message:
            message = message.replace(value, f"<{name}>")
    return message


@lru_cache(maxsize=64)
def _filesystem(scheme: str, host: str) -> pa.fs.FileSystem:
    if scheme == "s3":  # opened without a request before the first byte; small objects go in one
        return pa.fs.FileSystem.from_uri(f"s3://{host}?allow_delayed_open=true")[0]
    try:
        return pa.fs.FileSystem.from_uri(f"{scheme}://{host}")[0]
    except pa.ArrowInvalid as known:
        try:
            import fsspec

            return pa.fs.PyFileSystem(pa.fs.FSSpecHandler(fsspec.filesystem(scheme)))
        except (ImportError, ValueError) as error:
            raise RecipeError(
                f"{scheme}://{host}: neither Arrow ({known}) nor fsspec ({error}) opens such paths here; "
                "s3://, gs:// and abfs:// need nothing more, for others install fsspec and the package of the scheme"
            ) from None
