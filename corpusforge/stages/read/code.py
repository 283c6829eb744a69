"""Source code: archives and folders of files."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, ClassVar

import pyarrow as pa
import xxhash
from pydantic import ByteSize, Field

from corpusforge.errors import InputError
from corpusforge.source import Found, Reader, Record, Skipped, Split, Unreadable
from corpusforge.stages.read.archive_members import Inside, Member, folder_members, tar_members, zip_members
from corpusforge.stages.read.bounded import BoundedBytes
from corpusforge.stages.read.charset import BYTE_ORDER_MARKS, decode
from corpusforge.stages.read.licences import TEXT_BYTES, FolderLicences, is_licence_file, tagged
from corpusforge.stages.read.programming_language import programming_language

TAR_MAGIC_AT = 257
CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
MAX_CONTROL_FRACTION = 0.01  # of bytes that are no UTF-8: legacy texts have none, binary formats a tenth


class Code(Reader):
    """Read source code: tar and zip archives and folders; each file is a document.

    Tar archives may be compressed (gzip, bzip2, xz, zstd, lz4). Archives are streamed member by member and never
    extracted; a member's path is only a name. `path` and the origin are that path (a path that comes twice in an
    archive: `path@2`); folders are walked in the order of their paths' bytes. `license` is the SPDX tag of the file,
    else that of the nearest LICENSE or COPYING file at or above it; for that, tar archives are read twice. `extension`
    is that of the name, in small letters, and the name itself where it has none: packs pick bounds by it. `metadata`
    has `programming_language` (by name, first line, and content for C headers) and `encoding` when it is not UTF-8. A
    matched file that is no archive is one document.

    Skipped by type: directory, link, device, version_control (what is inside .git and the like), binary_file,
    file_too_large (over `max_file_bytes`; 1 MiB of text is data, not code). Vendored, generated and minified files are
    documents: rules judge them.

    Unreadable: the rest of an archive that breaks off (its good members come first), a damaged or encrypted member of
    a zip archive, the rest after `max_archive_bytes` or after 500 times the stored size, an input that is neither
    archive nor text.

    Cost: 0.03 CPU s per MB of text from tar.gz, 90 MB per worker process (measured, one core, mean file 8 kB).

    Example:
        read.code: {paths: ["dumps/*.tar.gz", "checkouts/*"]}

    Source: POSIX.1-2008 pax; APPNOTE 6.3 (zip); SPDX specification 2.3, annexes D and E.
    """

    takes_folders: ClassVar[bool] = True
    writes: ClassVar[Mapping[str, pa.DataType]] = {"extension": pa.string()}
    version: ClassVar[int] = 2
    depends: ClassVar[tuple[str, ...]] = ("identify", "license-expression", "resiliparse")

    max_file_bytes: ByteSize = Field(ByteSize(1 << 20), ge=1)
    max_archive_bytes: ByteSize = Field(ByteSize(64 << 30), ge=1)  # decompressed

    def read(self, split: Split) -> Iterator[Found]:
        """Stream the files of one archive or folder."""
        if os.path.isdir(split.path):
            yield from self._documents(
                folder_members(split.path, self.max_file_bytes),
                _licences(folder_members(split.path, TEXT_BYTES, is_licence_file)),
            )
            return
        with split.open() as file:
            head = file.read(4)
            file.seek(0)
            if head[:2] == b"PK" and head[2:] in (b"\3\4", b"\5\6"):
                total = self.max_archive_bytes
                licences = _licences(zip_members(file, split.size, TEXT_BYTES, total, is_licence_file))
                yield from self._documents(zip_members(file, split.size, self.max_file_bytes, total), licences)
                return
            try:
                start = self._content(file, split).read(512)
            except InputError as error:
                yield Unreadable("0", str(error), split.size)
                return
            if not _is_tar(start):
                yield self._single(split)
                return
            licences = _licences(tar_members(self._content(file, split), TEXT_BYTES, is_licence_file))
            yield from self._documents(tar_members(self._content(file, split), self.max_file_bytes), licences)

    def _content(self, file: BinaryIO, split: Split) -> BoundedBytes:
        file.seek(0)
        return BoundedBytes(file, split.size, self.max_archive_bytes)

    def _documents(self, members: Iterator[Inside], licences: FolderLicences) -> Iterator[Found]:
        seen: dict[int, int] = {}  # hash of a path -> how often it came
        for member in members:
            if not isinstance(member, Member):
                yield member
                continue
            found = self._document(member, licences)
            if isinstance(found, Record):
                key = xxhash.xxh3_64_intdigest(member.path.encode())
                seen[key] = seen.get(key, 0) + 1
                if seen[key] > 1:
                    found.origin += f"@{seen[key]}"
            yield found

    def _document(self, member: Member, licences: FolderLicences) -> Record | Skipped:
        decoded = _text(member.data)
        if decoded is None:
            return Skipped("binary_file")
        text, encoding = decoded
        found = Record(member.path, text, path=member.path, license=tagged(text) or licences.of(member.path))
        found.extra = {"extension": extension(member.path)}
        metadata = {"programming_language": programming_language(member.path, text)}
        if encoding != "utf-8":
            metadata["encoding"] = encoding
        found.metadata = {name: value for name, value in metadata.items() if value}
        return found

    def _single(self, split: Split) -> Found:
        with split.open() as file:
            try:
                data = self._content(file, split).read(self.max_file_bytes + 1)
            except InputError as error:
                return Unreadable("0", str(error), split.size)
        if len(data) > self.max_file_bytes and b"\0" not in data:
            return Skipped("file_too_large")
        name = os.path.basename(split.relative)
        found = self._document(Member(name, data), FolderLicences())
        if isinstance(found, Skipped):
            return Unreadable("0", "neither a tar or zip archive nor a text", split.size)
        found.origin, found.path = "0", split.relative
        return found


def extension(path: str) -> str:
    """Return what stands after the last dot of a file's name, in small letters; the name when it has no dot.

    >>> extension("src/a.b/Main.PY"), extension("src/a.b/Makefile"), extension(".gitignore")
    ('py', 'makefile', 'gitignore')
    """
    return path.rpartition("/")[2].rpartition(".")[2].lower()


def _is_tar(start: bytes) -> bool:
    if start[TAR_MAGIC_AT : TAR_MAGIC_AT + 5] == b"ustar":
        return True
    if len(start) < 512:
        return False
    if not any(start):
        return True  # an empty archive: only its end mark
    try:  # an archive of before 1988 has no magic, but its header a checksum
        return int(start[148:156].strip(b" \0"), 8) == sum(start[:148]) + sum(start[156:]) + 8 * 32
    except ValueError:
        return False


def _licences(members: Iterator[Inside]) -> FolderLicences:
    licences = FolderLicences()
    for member in members:
        if isinstance(member, Member):
            decoded = _text(member.data)
            if decoded is not None:
                licences.add(member.path, decoded[0])
    return licences


def _text(data: bytes) -> tuple[str, str] | None:
    """Return (text, encoding), None for binary data."""
    marked = any(data.startswith(mark) for mark, _ in BYTE_ORDER_MARKS)
    if b"\0" in data and not marked:
        return None
    text, encoding = decode(data)
    if encoding == "utf-8":
        return None if "\0" in text else (text, encoding)
    binary = "\0" in text or "\ufffd" in text or len(CONTROL.findall(data)) > MAX_CONTROL_FRACTION * len(data)
    return None if binary and not (marked and "\ufffd" not in text) else (text, encoding)
