"""Where each bundle of a run stands: held for every one, so in as few bytes as later steps need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

from corpusforge.engine.bundles import Bundle
from corpusforge.engine.inputs import InputFile
from corpusforge.engine.packed import packed, unpacked
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.units import Report, rows_file

NOTHING = packed([])
RECORDS = ("rejected", "samples", "unreadable", "quarantine")


class Stored(NamedTuple):
    """Stored bytes of a file, and their checksum; "" when they were not all read."""

    first: int
    length: int
    checksum: str


class Left(NamedTuple):
    """Rows that left a bundle in a segment: those of RECORDS, or signals."""

    block: int
    segment: int
    kind: str  # of RECORDS, or signals and the number of the first step of their block
    entry: bytes

    @property
    def file(self) -> RowsFile:
        """The file of the rows."""
        return _unpacked(self.entry)


@dataclass(slots=True)
class BundleState:
    """One bundle: its rows so far, what left it, and what was read of its files."""

    bundle: Bundle
    files: tuple[InputFile, ...]  # of its splits
    documents: int = 0  # still in the run
    left: tuple[Left, ...] = ()
    _read: bytes = NOTHING  # Stored of each split that was read
    _rows: bytes | None = None

    @property
    def rows(self) -> RowsFile | None:
        """The documents that are still in the run; None when there are none, or nothing was read yet."""
        return None if self._rows is None else _unpacked(self._rows)

    @property
    def entry(self) -> bytes | None:
        """The file of rows as PackedFiles holds it."""
        return self._rows

    @property
    def rows_bytes(self) -> int:
        """Size of the file of rows."""
        return 0 if self._rows is None else int(unpacked(self._rows)["size"])

    @property
    def has_rows(self) -> bool:
        """Whether documents are still in the run."""
        return self._rows is not None

    def take(self, block: int, segment: int, report: Report) -> None:
        """Remember what later steps need of what a segment reported."""
        files = report["files"]
        self._rows = None if files["rows"] is None else packed(files["rows"])
        self.documents = report["counts"]["kept"]
        found = [(kind, files[kind]) for kind in RECORDS] + [(f"signals {n}", e) for n, e in report["signals"].items()]
        self.left += tuple(Left(block, segment, kind, packed(entry)) for kind, entry in found if entry)
        if "inputs" in report:
            self._read = packed([entry[2:] for entry in report["inputs"]])

    def read(self) -> list[Stored]:
        """Return what was read of each split, as far as any was."""
        return [Stored(*entry) for entry in unpacked(self._read)]

    def files_of(self, kind: str) -> Iterator[RowsFile]:
        """Yield the files of one of RECORDS, of all segments in order."""
        return (left.file for left in self.left if left.kind == kind)


class PackedFiles(Sequence[RowsFile]):
    """Files of rows in order; what is looked up is made anew."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self._entries = entries

    @overload
    def __getitem__(self, place: int) -> RowsFile: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RowsFile]: ...
    def __getitem__(self, place: int | slice) -> RowsFile | Sequence[RowsFile]:
        if isinstance(place, slice):
            return PackedFiles(self._entries[place])
        return _unpacked(self._entries[place])

    def __len__(self) -> int:
        return len(self._entries)


def _unpacked(entry: bytes) -> RowsFile:
    file = rows_file(unpacked(entry))
    assert file is not None
    return file
