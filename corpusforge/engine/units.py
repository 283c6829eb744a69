"""Units of work: what a worker is told, and what it reports. Small, picklable, no data inside."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from corpusforge.engine.exchange import RunFile
from corpusforge.engine.plan import PlannedStep
from corpusforge.engine.rows import RowsFile
from corpusforge.source import Reader, Split
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


@dataclass(frozen=True)
class SegmentUnit:
    """One split through one segment."""

    fingerprint: str
    name: str
    folder: str  # of this attempt
    split: Split
    source_order: int
    reader: Reader | None  # the first segment reads its split; later ones read `rows`
    rows: RowsFile | None
    resolve: PlannedStep | None  # the corpus stage whose findings arrive with this segment
    findings: tuple[RunFile, ...]
    steps: tuple[PlannedStep, ...]
    artifacts: Mapping[int, Mapping[str, str]]  # step index -> pass name -> path
    named: Mapping[str, str]  # a corpus stage's `name` -> path of its artifact
    emits: tuple[tuple[PlannedStep, str], ...]  # (corpus stage, pass) fused into this segment
    masking: PlannedStep | None  # the recipe's privacy.pii, for keep_rejected: text
    options: WorkOptions


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


@dataclass(frozen=True)
class PartUnit:
    """One output part: blocks of rows files in order, or a key range of shuffled runs."""

    fingerprint: str
    name: str  # without a suffix, such as data/part-00007
    folder: str  # where the part appears
    pieces: tuple[tuple[RowsFile, int, int], ...]  # file, first block, number of blocks
    runs: tuple[RunFile, ...]  # shuffled: sorted by key
    part: int
    parts: int
    schema: bytes  # Arrow IPC of the schema of the documents
    writer: Writer
    pack: Pack | None


@dataclass(frozen=True)
class ShuffleUnit:
    """The rows of one split as a run sorted by the shuffle key."""

    fingerprint: str
    name: str
    folder: str
    rows: RowsFile
    seed: int


Unit = SegmentUnit | EmitUnit | CombineUnit | PartUnit | ShuffleUnit


def file_entry(file: RowsFile | RunFile | None) -> dict[str, Any] | None:
    """Return a file as it stands in the ledger."""
    return None if file is None else asdict(file)


def rows_file(entry: Mapping[str, Any] | None) -> RowsFile | None:
    """Return the rows file of a ledger entry."""
    if entry is None:
        return None
    return RowsFile(entry["path"], entry["size"], entry["checksum"], tuple((r, b) for r, b in entry["blocks"]))


def run_file(entry: Mapping[str, Any] | None) -> RunFile | None:
    """Return the run file of a ledger entry."""
    return None if entry is None else RunFile(**entry)
