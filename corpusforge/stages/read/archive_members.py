"""The files inside a source tree: a tar or zip archive, streamed and never extracted, or a folder."""

import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from corpusforge.errors import InputError
from corpusforge.source import Skipped, Unreadable
from corpusforge.stages.read.bounded import FREE_BYTES, MAX_RATIO, BoundedBytes

MAX_HEADER_BYTES = 1 << 20  # of a tar header's extension: paths and attributes, read whole by tarfile
EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
VERSION_CONTROL = frozenset([".git", ".hg", ".svn", ".bzr", "CVS"])
LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
# What zipfile and tarfile raise on damaged files: NotImplementedError for a kind of compression that zipfile does not
# know, RuntimeError for an encrypted member.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file: its path as the archive spells it, and its bytes."""

    path: str
    data: bytes


Inside = Member | Skipped | Unreadable
Wanted = Callable[[str], bool]  # of a path: whether to give that file


def every(path: str) -> bool:
    """Want every file."""
    return True


def tar_members(stream: BoundedBytes, max_file_bytes: int, wanted: Wanted = every) -> Iterator[Inside]:
    """Stream a tar archive; where it breaks off or a header is damaged comes one Unreadable for the rest."""
    try:
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|", tarinfo=_Header, errorlevel=2) as archive:
            for header in archive:
                archive.members = []  # type: ignore[attr-defined]  # tarfile remembers all it has seen
                path = _unicode(header.name)
                kind = "directory" if header.isdir() else "link" if header.issym() or header.islnk() else "device"
                if not header.isreg():
                    yield Skipped(kind)
                elif (skipped := _skipped(path, header.size, max_file_bytes)) is not None:
                    yield skipped
                elif wanted(path):
                    content = archive.extractfile(header)
                    assert content is not None
                    yield Member(path, content.read(max_file_bytes + 1))
    except (tarfile.TarError, InputError, *DAMAGE) as error:
        yield Unreadable(str(stream.position), f"the tar archive breaks off: {error}")


class _Header(tarfile.TarInfo):
    """A tar header that reports damage: tarfile alone ends quietly at a bad one, and trusts sizes of extensions."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(archive)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise InputError(f"a damaged header at byte {archive.offset}: {error}") from None

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in EXTENSIONS and self.size > MAX_HEADER_BYTES:
            raise InputError(f"a header extension of {self.size} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]


def zip_members(
    file: BinaryIO, size: int, max_file_bytes: int, max_archive_bytes: int, wanted: Wanted = every
) -> Iterator[Inside]:
    """Stream a zip archive in the order of its directory; without one (a cut file), what its local headers give."""
    left = min(max_archive_bytes, max(FREE_BYTES, size * MAX_RATIO))
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGE as error:
        yield from (m for m in _local_members(file, max_file_bytes) if not isinstance(m, Member) or wanted(m.path))
        yield Unreadable("rest", f"the zip archive breaks off: {error}")
        return
    with archive:
        for info in archive.infolist():
            path = _unicode(info.filename)
            mode = info.external_attr >> 16
            if info.is_dir():
                yield Skipped("directory")
            elif stat.S_ISLNK(mode):
                yield Skipped("link")
            elif (skipped := _skipped(path, info.file_size, max_file_bytes)) is not None:
                yield skipped
            elif info.flag_bits & 1:
                yield Unreadable(path, "encrypted", info.compress_size)
            elif info.file_size > left:
                yield Unreadable("rest", f"the content is over {MAX_RATIO} times the archive's size, or too large")
                return
            elif wanted(path):
                left -= info.file_size
                try:
                    with archive.open(info) as content:
                        yield Member(path, content.read(max_file_bytes + 1))
                except DAMAGE as error:
                    yield Unreadable(path, f"damaged: {error}", info.compress_size)


def _local_members(file: BinaryIO, max_file_bytes: int) -> Iterator[Inside]:
    # Stored or deflated members with their sizes in the local header, from the start to the first that is not whole.
    file.seek(0)
    while len(head := file.read(LOCAL_HEADER.size)) == LOCAL_HEADER.size:
        magic, _, flags, method, _, _, checksum, packed, size, name_size, extra_size = LOCAL_HEADER.unpack(head)
        if magic != b"PK\3\4" or flags & 0b1001 or method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return
        name = file.read(name_size).decode("utf-8" if flags & 0x800 else "cp437", "replace")
        file.seek(extra_size, os.SEEK_CUR)
        skipped = Skipped("directory") if name.endswith("/") else _skipped(name, max(size, packed), max_file_bytes)
        if skipped is not None:
            yield skipped
            file.seek(packed, os.SEEK_CUR)
            continue
        data = file.read(packed)
        try:
            content = zlib.decompressobj(-15).decompress(data, size) if method else data
        except zlib.error:
            return
        if len(data) < packed or zlib.crc32(content) != checksum:
            return
        yield Member(name, content)


def folder_members(folder: str, max_file_bytes: int, wanted: Wanted = every) -> Iterator[Inside]:
    """Walk a folder in the order of its paths as bytes; links are not followed."""
    for path, entry in _walk(folder, ""):
        if entry is None:
            yield Unreadable(_unicode(path), "the folder cannot be listed")
        elif entry.is_symlink():
            yield Skipped("link")
        elif entry.is_dir(follow_symlinks=False):
            yield Skipped("version_control" if entry.name in VERSION_CONTROL else "directory")
        elif not entry.is_file(follow_symlinks=False):
            yield Skipped("device")
        else:
            try:
                skipped = _skipped(_unicode(path), entry.stat().st_size, max_file_bytes)
                if skipped is not None:
                    yield skipped
                elif wanted(path):
                    with open(entry.path, "rb") as file:
                        data = file.read(max_file_bytes + 1)
                    yield Member(_unicode(path), data)
            except OSError as error:
                yield Unreadable(_unicode(path), f"cannot be read: {error.strerror}")


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, "os.DirEntry[str] | None"]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda e: os.fsencode(e.name))
    except OSError:
        yield prefix, None
        return
    for entry in entries:
        yield prefix + entry.name, entry
        if entry.is_dir(follow_symlinks=False) and entry.name not in VERSION_CONTROL:
            yield from _walk(entry.path, f"{prefix}{entry.name}/")


def _skipped(path: str, size: int, max_file_bytes: int) -> Skipped | None:
    if not VERSION_CONTROL.isdisjoint(path.split("/")[:-1]):
        return Skipped("version_control")
    return Skipped("file_too_large") if size > max_file_bytes else None


def _unicode(name: str) -> str:
    # Names are bytes; what is not UTF-8 is written as \xNN, so that two names stay two.
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
