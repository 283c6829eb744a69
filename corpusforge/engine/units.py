"""Units of work: what a worker is told, and what it reports. Small, picklable, no data inside."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

from corpusforge.engine.bundles import Bundle
from corpusforge.engine.exchange import RunFile
from corpusforge.engine.mixture import Draw, Measure, Upsample
from corpusforge.engine.plan import PlannedStep
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.trace import NOTHING_KNOWN, Suspects
from corpusforge.engine.validation import HeldOut
from corpusforge.source import Reader
from corpusforge.stages.write.packing import Pack
from corpusforge.writer import Writer

Report = dict[str, Any]  # becomes a line of the ledger


@dataclass(frozen=True)
class WorkOptions:
    """Run options a worker needs."""

    batch_bytes: int
    keep_rejected: Literal["none", "ids", "text", "raw_text"]
    signals: float  # share of documents whose signals are stored, 0..1
    limit: int | None
    sample: float | None
    samples: int = 0  # rejected documents kept for the report, of each stage and reason
    max_batch_seconds: float = 1800
    max_document_bytes: int = 64 << 20


class PlannedInput(NamedTuple):
    """The state of an input file when the run was planned."""

    size: int
    modified_ns: int
    identity: str  # what the fingerprints of its splits name it by


class StoredRange(NamedTuple):
    """Stored bytes of a file."""

    first: int
    length: int


@dataclass(frozen=True)
class ChecksumUnit:
    """The checksums of stored ranges of input files, of which only the time of the last change is another."""

    fingerprint: str
    name: str
    folder: str
    paths: tuple[str, ...]
    ranges: tuple[tuple[StoredRange, ...], ...]  # of each file


@dataclass(frozen=True)
class SegmentUnit:
    """One bundle of splits through one segment."""

    fingerprint: str
    name: str
    folder: str  # of this attempt
    bundle: Bundle
    source_order: int
    reader: Reader | None  # the first segment reads its splits; later ones read `rows`
    rows: RowsFile | None
    resolve: PlannedStep | None  # the corpus stage whose findings arrive with this segment
    findings: tuple[RunFile, ...]
    steps: tuple[PlannedStep, ...]
    artifacts: Mapping[int, Mapping[str, str]]  # step index -> pass name -> path
    named: Mapping[str, str]  # a corpus stage's `name` -> path of its artifact
    emits: tuple[tuple[PlannedStep, str], ...]  # (corpus stage, pass) fused into this segment
    masking: tuple[PlannedStep, ...]  # the recipe's privacy.pii, one or several, for keep_rejected: text
    options: WorkOptions
    planned: tuple[PlannedInput | None, ...] = ()  # with a `reader`: its files as they were; None: a folder
    opened: tuple[tuple[str, str, int], ...] = ()  # path, checksum, bytes of every artifact that is opened
    suspects: Suspects = NOTHING_KNOWN  # what earlier attempts died of
    traced: str = ""  # where in an object store to say at what it is; after a death, since each word is a request


@dataclass(frozen=True)
class EmitUnit:
    """The rows of one split, or of one file of an earlier pass, through one pass's emit."""

    fingerprint: str
    name: str
    folder: str
    step: PlannedStep
    pass_name: str
    rows: RowsFile
    split_id: int | None  # None: rows of an earlier pass
    source_order: int
    joined: Mapping[str, tuple[RunFile, ...]]
    batch_bytes: int


@dataclass(frozen=True)
class CombineUnit:
    """One partition of an exchange through one pass's combine."""

    fingerprint: str
    name: str
    folder: str
    step: PlannedStep
    pass_name: str
    runs: tuple[RunFile, ...]
    first_bucket: int
    last_bucket: int
    addressed: bool  # also leave the rows sorted by address
    state: bool  # also report count and checksum of the rows


class RowRange(NamedTuple):
    """The rows [start, start + rows) of a run."""

    run: RunFile
    start: int
    rows: int


@dataclass(frozen=True)
class PartUnit:
    """One output part: blocks of rows files or stretches of runs in order, or a key range of shuffled runs."""

    fingerprint: str
    name: str  # without a suffix, such as data/part-00007
    folder: str  # where the part appears
    pieces: tuple[tuple[RowsFile, int, int], ...]  # file, first block, number of blocks
    runs: tuple[RowRange, ...]
    shuffled: bool  # `runs` are sorted by order key, and the part is the range `part` of `parts` of it
    part: int
    parts: int
    schema: bytes  # Arrow IPC of the schema of the rows
    writer: Writer
    pack: Pack | None
    held: HeldOut | None = None  # documents of `pieces` that are left out, since they are in validation/
    packed: bool = False  # the rows are sequences already


@dataclass(frozen=True)
class SequencesUnit:
    """The sequences that the documents of one part are packed into, as a run sorted by order key."""

    fingerprint: str
    name: str
    folder: str
    part: PartUnit
    seed: int


@dataclass(frozen=True)
class FolderUnit:
    """The documents of one split as a run sorted by the value of a column; what is held out as another."""

    fingerprint: str
    name: str
    folder: str
    rows: RowsFile
    column: str
    held: HeldOut | None


@dataclass(frozen=True)
class SizesUnit:
    """Id, size and copies of every document of one split; with `cluster` also the key of its cluster."""

    fingerprint: str
    name: str
    folder: str
    rows: RowsFile
    measure: Measure
    upsample: Upsample | None
    cluster: str
    cluster_seed: int


@dataclass(frozen=True)
class HistogramUnit:
    """Copies and sizes of an epoch of the documents of some splits, by the next bits of their keys."""

    fingerprint: str
    name: str
    folder: str
    sizes: tuple[RowsFile, ...]
    by: Literal["draw", "cluster"]
    seed: int
    epoch: int
    level: int
    prefix: int
    held_last_key: int  # documents whose cluster has a key up to this are not counted; -1: all are


@dataclass(frozen=True)
class ShuffleUnit:
    """The copies of one split that are drawn, as a run sorted by order key; what is held out as another."""

    fingerprint: str
    name: str
    folder: str
    rows: RowsFile
    seed: int
    draw: Draw
    measure: Measure
    upsample: Upsample | None
    held: HeldOut | None
    copy_column: bool
    partition_by: str | None  # sort by the value of this column before the order key


@dataclass(frozen=True)
class HoldOutUnit:
    """The documents of one split that are held out, in reading order."""

    fingerprint: str
    name: str
    folder: str
    rows: RowsFile
    held: HeldOut


Unit = (
    ChecksumUnit
    | SegmentUnit
    | EmitUnit
    | CombineUnit
    | SizesUnit
    | HistogramUnit
    | HoldOutUnit
    | ShuffleUnit
    | FolderUnit
    | SequencesUnit
    | PartUnit
)


def row_range(run: RunFile, start: int, rows: int) -> RowRange:
    """Return rows of a run, without its count of buckets: a part names every run, and needs none of these."""
    return RowRange(replace(run, buckets=""), start, rows)


def file_entry(file: RowsFile | RunFile | None) -> dict[str, Any] | None:
    """Return a file as it stands in the ledger."""
    return None if file is None else asdict(file)


def rows_file(entry: Mapping[str, Any] | None) -> RowsFile | None:
    """Return the rows file of a ledger entry."""
    if entry is None:
        return None
    blocks = tuple((rows, size) for rows, size in entry["blocks"])
    path, size, checksum = entry["path"], entry["size"], entry["checksum"]
    return RowsFile(path, size, checksum, blocks, entry["index"], entry["schema_id"])


def run_file(entry: Mapping[str, Any] | None) -> RunFile | None:
    """Return the run file of a ledger entry."""
    return None if entry is None else RunFile(**entry)
