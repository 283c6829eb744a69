"""THE protocol; read this first.

A **stage** is a small frozen description: its fields are its schema in a recipe. `open()` runs once in
each worker process and returns its **kernel**, a pure function RecordBatch -> RecordBatch with the same
rows in the same order. A kernel never drops a row: it writes a reason with `reject()`, and the engine
takes the row out. Rows that an earlier stage rejected may still be in the batch; a kernel may compute
on them, and `reject()` never overwrites their reason.

A **corpus stage** sees the whole corpus through passes (map, exchange by key, combine) and then opens into
a kernel that gets, with each batch, the findings its passes addressed to that batch's documents.
"""

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from corpusforge.schema import FIRED, REJECTION, SIGNAL_PREFIX

Kernel = Callable[[pa.RecordBatch], pa.RecordBatch]
CorpusKernel = Callable[[pa.RecordBatch, pa.RecordBatch], pa.RecordBatch]


class Example(NamedTuple):
    """One document that shows a stage at work: `reason` is its rejection, None when it is kept."""

    stage: "Stage"
    row: Mapping[str, Any]  # column -> value; columns left out are null
    reason: str | None
    expect: Mapping[str, Any] = {}  # column -> value after the stage


class Stage(BaseModel):
    """A frozen description of one step; subclasses add fields and `open`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reads: ClassVar[tuple[str, ...]] = ("text",)
    writes: ClassVar[Mapping[str, pa.DataType]] = {}  # columns added or replaced
    counted: ClassVar[tuple[str, ...]] = ()  # integer columns it writes whose sums the manifest shows
    drops: ClassVar[tuple[str, ...]] = ()  # columns removed, such as a raw payload
    reasons: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1  # raise it when the same input gives other output
    depends: ClassVar[tuple[str, ...]] = ()  # distributions whose version can change the output
    costly: ClassVar[bool] = False  # its output is kept on disk, so that later changes do not redo it
    memory_bytes: ClassVar[int] = 64 << 20  # per worker, on top of the batches
    resources: ClassVar[Mapping[str, float]] = {}  # of a node of a cluster, by Ray's names: {"GPU": 0.5}
    block: ClassVar[str] = ""  # neighbours of one non-empty block all see what reached the first; one that writes
    # the text stands alone

    def known_as(self) -> str:
        """What tells this stage from others of its name, such as its pack; "" when there is nothing."""
        return ""

    def open(self) -> Kernel:
        """Load what the stage needs, once per worker process, and return its kernel."""
        raise TypeError(f"{type(self).__name__} must define open()")

    def artifact_name(self) -> str | None:
        """Name of the corpus stage (its `name` field) whose artifact this stage opens with, or None."""
        return None

    def open_with(self, artifact: Path) -> Kernel:
        """Like `open`, with the artifact that `artifact_name` asked for."""
        raise TypeError(f"{type(self).__name__} takes no artifact")

    def columns_read(self) -> tuple[str, ...]:
        """Columns that must exist before this stage."""
        return self.reads

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """Columns that exist after this stage, with their types."""
        return self.writes

    def columns_counted(self) -> tuple[str, ...]:
        """Integer columns of this stage whose sums over the rows that stay become the manifest's `counts`."""
        return self.counted

    def rejection_reasons(self) -> tuple[str, ...]:
        """Every reason this stage can give."""
        return self.reasons

    def files(self) -> tuple[str, ...]:
        """Paths of the files whose content decides the output (packs, models, lists)."""
        return ()

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Documents that show every reason firing, and one that is kept; `folder` is for files they need."""
        return (Example(cls(), {"text": "An ordinary text."}, None),)


@dataclass(frozen=True)
class Pass:
    """One pass of a corpus stage: emit rows, exchange them by key, combine what meets.

    Rows are fixed-width or string columns. `key` names a uint64 column whose bits are well mixed (a hash):
    equal keys meet in one partition. `order` names columns (unsigned integers or fixed-size binary,
    compared as big-endian bytes) that sort the rows of a key totally.

    `emit` gets a batch and `joined`, a batch for each pass named in `join`. For `source="documents"` the batch has the
    document's columns plus its address, `split` (uint64) and `row` (uint32), and `source_order` (uint16,
    the recipe's order of sources); a row that carries `split` and `row` is addressed to that document.
    Documents that were rejected may be among them: what is emitted with their address is dropped, and a pass that emits
    rows without an address is asked again without them. The joined batches hold the addressed rows of exactly these
    documents, sorted by row. For another source the batch holds rows of that pass's output, any split of them.

    `combine` gets sorted batches of one partition, whole keys in order, a key possibly spread over batches,
    and yields output batches. `to`: "rows" for later passes, "findings" (rows with `split` and `row`, any number per
    document; in what order a document's come is not defined, and a kernel must not depend on it), or "artifact"
    (`combine` yields batches of one partition that holds everything; `artifact` writes them to one file).

    `until="stable"` with `again`: the output feeds the pass named `again` for another round, until a round
    leaves the number and checksum of its rows unchanged; more than 2 log2(rows) + 10 rounds is an error.
    """

    name: str
    emit: Callable[..., pa.RecordBatch | None]
    key: str
    order: tuple[str, ...]
    combine: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    source: str = "documents"
    join: tuple[str, ...] = ()
    until: Literal["once", "stable"] = "once"
    again: str = ""
    to: Literal["rows", "findings", "artifact"] = "rows"
    prune: Callable[[pa.Table], pa.Table] | None = None  # a sorted run of one task -> what of it can still matter
    artifact: Callable[[Iterator[pa.RecordBatch], Path], None] | None = None
    compress: bool = False  # rows that carry text are compressed; hashes gain nothing


class CorpusStage(Stage):
    """A stage that needs to see the whole corpus before it can judge a document."""

    def passes(self) -> tuple[Pass, ...]:
        """The passes, in the order in which they run."""
        raise TypeError(f"{type(self).__name__} must define passes()")

    def artifacts_kept(self) -> Mapping[str, str]:
        """Return pass -> path in the output, for artifacts that users are to have."""
        return {}

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Return the kernel: (batch, findings) -> batch.

        `batch` has the `row` column; `findings` holds the rows that the last "findings" pass addressed to
        these documents, sorted by `row`, in no defined order within one; see `attach`.
        """
        raise TypeError(f"{type(self).__name__} must define open_corpus()")


def with_columns(batch: pa.RecordBatch, **columns: pa.Array) -> pa.RecordBatch:
    """Return `batch` with columns added, or replaced in their place.

    With a new `text` the signals that were measured of the old one go, so that no stage takes them for its own.

    >>> with_columns(pa.record_batch({"a": [1]}), b=pa.array([2])).column_names
    ['a', 'b']
    """
    if "text" in columns and "text" in batch.schema.names:
        old = [n for n in batch.schema.names if n.startswith(SIGNAL_PREFIX) and n != FIRED]
        batch = batch.drop_columns(old) if old else batch
    arrays = list(batch.columns)
    fields = list(batch.schema)
    for name, values in columns.items():
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        where = batch.schema.get_field_index(name)
        if where < 0:
            arrays.append(values)
            fields.append(pa.field(name, values.type))
        else:
            arrays[where] = values
            fields[where] = pa.field(name, values.type)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def reject(
    batch: pa.RecordBatch,
    mask: Any,
    reason: str,
    value: Any = None,
    detail: Any = None,
) -> pa.RecordBatch:
    """Mark the documents of `mask` as rejected for `reason`; an earlier reason stays.

    `mask` is a boolean array (Arrow or NumPy; null counts as False) with one entry per row; `value` numbers and
    `detail` strings, one per row or one for all. Adds the REJECTION columns when they are missing.

    >>> batch = pa.record_batch({"text": ["a", "b"]})
    >>> reject(reject(batch, [True, False], "short"), [True, True], "odd")["rejected"].to_pylist()
    ['short', 'odd']
    """
    rows = batch.num_rows
    if "rejected" not in batch.schema.names:
        batch = with_columns(batch, **{f.name: pa.nulls(rows, f.type) for f in REJECTION})
    if isinstance(mask, (pa.Array, pa.ChunkedArray)):
        hit = np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False), dtype=bool)
    else:
        hit = np.asarray(mask, dtype=bool)
    assert hit.shape == (rows,), f"mask of {hit.shape} for {rows} rows"
    if not hit.any():
        return batch
    old = batch.column("rejected")
    new = pa.array(hit & old.is_null().to_numpy(zero_copy_only=False))
    return with_columns(
        batch,
        rejected=pc.if_else(new, pa.scalar(reason, pa.string()), old),
        rejected_value=pc.if_else(new, _per_row(value, rows, pa.float64()), batch.column("rejected_value")),
        rejected_detail=pc.if_else(new, _per_row(detail, rows, pa.string()), batch.column("rejected_detail")),
    )


def _per_row(value: Any, rows: int, kind: pa.DataType) -> Any:
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value.cast(kind)
    if isinstance(value, (np.ndarray, list, tuple)):
        assert len(value) == rows, f"{len(value)} values for {rows} rows"
        return pa.array(value).cast(kind)
    return pa.scalar(value, kind)


def kept(batch: pa.RecordBatch) -> np.ndarray:
    """Return a boolean array: the rows that nobody has rejected yet."""
    if "rejected" not in batch.schema.names:
        return np.ones(batch.num_rows, dtype=bool)
    alive: np.ndarray = batch.column("rejected").is_null().to_numpy(zero_copy_only=False)
    return alive


def attach(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
    """Return the findings aligned with the rows of `batch`: one row each, null where there is none.

    For findings of which a document has at most one.
    """
    where = pc.index_in(batch.column("row"), findings.column("row"))
    return findings.take(where)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those that work for it, for differences."""
    return time.process_time() + _elsewhere.seconds


def peak_bytes() -> int:
    """Return the peak memory of this process and of those that work for it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + _elsewhere.peak_bytes


def spent_elsewhere(seconds: float, peak: int) -> None:
    """Add CPU seconds that another process spent on this one's stages; `peak` is its peak memory in bytes."""
    _elsewhere.seconds += seconds
    _elsewhere.peak_bytes = max(_elsewhere.peak_bytes, peak)


@dataclass
class _Elsewhere:
    seconds: float = 0.0
    peak_bytes: int = 0


_elsewhere = _Elsewhere()
