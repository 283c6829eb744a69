"""The decision of `dedup.minhash`: which documents of a component go, by comparing texts in rank order.

A document goes if and only if it is similar enough to a better-ranked kept document that shares a band key with it.
What is held is bounded: a key lists at most `max_keepers` kept documents, and when the n-grams of listed documents
exceed `keeper_bytes`, documents that match none of them are set aside in a scratch file and decided afterwards in
the same way. Documents set aside rank below all that were listed, so the result is that of unbounded memory.

No two components share a key, so what is held may serve several of them; it is dropped where a component begins.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.stage import with_columns
from corpusforge.stages.dedup.keepers import ASIDE, GONE, Documents, Keepers
from corpusforge.stages.dedup.rank import binary_bytes, fixed_binary
from corpusforge.text import segment
from corpusforge.text.arrays import UInt64s
from corpusforge.text.shingles import Unit, shingles_of

FINDING = pa.schema(
    [
        ("split", pa.uint64()),
        ("row", pa.uint32()),
        ("cluster", pa.binary(16)),  # smallest doc_id of the component
        ("size", pa.int64()),  # documents in the component
        ("keeper", pa.binary(16)),  # doc_id of the text that stays; null: this one does
        ("similarity", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Rule:
    """What counts as a near-duplicate, and how much is held; the fields of `dedup.minhash`."""

    ngram: int
    unit: Unit
    verify: float
    containment: bool
    max_keepers: int
    keeper_bytes: int


def decide(batches: Iterator[pa.RecordBatch], rule: Rule) -> Iterator[pa.RecordBatch]:
    """Decide a stream of whole components, each a header row and its documents in rank order; see FINDING.

    Columns: component (16 bytes), place (0: header, with `size`; 1: document), rank, split, row, keys (the band keys it
    shares, 8 bytes each), text.
    """
    block = _Block(rule)
    size = np.uint64(0)  # of the component that is open
    for batch in batches:
        if not batch.num_rows:
            continue
        headers = np.flatnonzero(np.asarray(batch.column("place")) == 0)
        of_row = np.append(size, np.asarray(batch.column("size"))[headers])
        lengths = np.diff(np.concatenate([[0], headers, [batch.num_rows]]))
        batch = with_columns(batch, size=pa.array(np.repeat(of_row, lengths)))
        size = of_row[-1]
        assert bool((of_row[0 if lengths[0] else 1 :] > 0).all()), "a component without its header row"
        documents = np.delete(np.arange(batch.num_rows), headers)
        # Up to the last header all components end here; what they hold is dropped before the last one begins.
        ends = int(np.searchsorted(documents, headers[-1])) if len(headers) else 0
        if ends:
            yield block.take(batch.take(pa.array(documents[:ends])))
        if len(headers):
            yield from block.rest()
        if ends < len(documents):
            yield block.take(batch.take(pa.array(documents[ends:])))
    yield from block.rest()


class _Block:
    """Documents decided against what is held, and those that wait for room."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._keepers = Keepers(rule.verify, rule.containment, rule.max_keepers, rule.keeper_bytes)
        self._scratch: _Scratch | None = None

    def take(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Decide documents that follow in rank, or set them aside; return what was found."""
        grams = shingles_of(segment(batch.column("text")), self._rule.ngram, self._rule.unit)
        key_offsets, keys = _keys(batch.column("keys"))
        doc_ids = np.ascontiguousarray(binary_bytes(batch.column("rank"))[:, 10:])
        outcome = self._keepers.decide(Documents(grams.offsets, grams.hashes, key_offsets, keys, doc_ids))
        aside = outcome.decision == ASIDE
        if aside.any():
            self._scratch = self._scratch or _Scratch(batch.schema)
            self._scratch.write(batch.filter(pa.array(aside)))
        decided = np.flatnonzero(~aside)
        gone = pa.array(outcome.decision[decided] == GONE)
        taken = batch.select(["split", "row", "component", "size"]).take(pa.array(decided))
        columns = [
            *(taken.column(name) for name in ("split", "row", "component")),
            taken.column("size").cast(pa.int64()),
            pc.if_else(gone, fixed_binary(outcome.keeper[decided]), pa.scalar(None, pa.binary(16))),
            pc.if_else(gone, pa.array(outcome.similarity[decided]), pa.scalar(None, pa.float64())),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=FINDING)

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Decide what was set aside, block by block; each decides at least its first document. Then hold nothing."""
        while self._scratch is not None:
            scratch, self._scratch = self._scratch, None
            self._keepers.release()
            for batch in scratch.read():
                yield self.take(batch)
        self._keepers.clear()


class _Scratch:
    """Rows in a temporary file, in order; the file goes when they are read."""

    def __init__(self, schema: pa.Schema) -> None:
        self._file = tempfile.TemporaryFile(prefix="corpusforge-")  # noqa: SIM115 (closed by read)
        self._writer = pa.ipc.new_stream(self._file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def read(self) -> Iterator[pa.RecordBatch]:
        self._writer.close()
        self._file.seek(0)
        with self._file, pa.ipc.open_stream(self._file) as reader:
            yield from reader


def _keys(column: pa.BinaryArray) -> tuple[np.ndarray, UInt64s]:
    # where the keys of each row begin, and the keys
    bounds = np.frombuffer(column.buffers()[1], np.int32, len(column) + 1, column.offset * 4).astype(np.int64)
    count = int(bounds[-1] - bounds[0]) // 8
    keys = np.frombuffer(column.buffers()[2], np.uint64, count, int(bounds[0])) if count else np.empty(0, np.uint64)
    return (bounds - bounds[0]) // 8, keys.copy()
