"""The exchange: rows sorted by (key, order) in runs on storage, merged by ranges of 4,096 fixed buckets.

A task writes one run: an Arrow IPC file sorted by (key, order) whose count of rows per bucket (the top 12 bits of the
key) is kept with it. The driver groups neighbouring buckets into partitions by their exact size, and a merge
reads only its range of each run. Everything is a stream: a bucket, or a key, may be larger than memory.
"""

import base64
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusforge.engine.batch_file import BatchFile, BatchWriter
from corpusforge.engine.rows import COMPRESSION, contiguous, value_bytes

BUCKETS = 4096
BUCKET_SHIFT = np.uint64(52)
BATCH_BYTES = 1 << 20  # of a run's record batches: what a merge holds of each run at a time
MAX_RUNS = 128  # merged at once

Prune = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class RunFile:
    """A committed sorted run: where it is, its checksum, and its rows per bucket."""

    path: str
    size: int
    checksum: str
    rows: int
    value_bytes: int
    batch_rows: int  # rows in every record batch but the last
    buckets: str  # base64 of zlib of uint32[4096]
    index: str  # of batch_file.Stored

    def bucket_rows(self) -> np.ndarray:
        """Rows in each bucket, int64[4096]."""
        return np.frombuffer(zlib.decompress(base64.b64decode(self.buckets)), np.uint32).astype(np.int64)

    def read(self, first_bucket: int = 0, last_bucket: int = BUCKETS) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the buckets [first_bucket, last_bucket), sorted."""
        ends = np.concatenate([[0], np.cumsum(self.bucket_rows())])
        return self.read_rows(int(ends[first_bucket]), int(ends[last_bucket]))

    def read_rows(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows [start, stop), in order."""
        if start == stop:
            return
        numbers = range(start // self.batch_rows, (stop - 1) // self.batch_rows + 1)
        for number, batch in zip(numbers, self._file.read(numbers), strict=True):
            yield self._within(batch, number, start, stop)

    def read_between(self, start: int, stop: int, column: str, low: int, high: int) -> Iterator[pa.RecordBatch]:
        """Yield those of the rows [start, stop), in which the uint64 `column` ascends, that have low to high in it."""
        if start == stop:
            return
        last = (stop - 1) // self.batch_rows
        first, beyond = start // self.batch_rows, last
        while first < beyond:  # the first batch that ends at low or later
            middle = (first + beyond) // 2
            values = self._within(next(self._file.read([middle])), middle, start, stop).column(column)
            if values[len(values) - 1].as_py() < low:
                first = middle + 1
            else:
                beyond = middle
        for number, batch in zip(range(first, last + 1), self._file.read(range(first, last + 1)), strict=True):
            batch = self._within(batch, number, start, stop)
            values = batch.column(column).to_numpy()
            begin = int(np.searchsorted(values, np.uint64(low)))
            end = int(np.searchsorted(values, np.uint64(high), "right"))
            if begin < end:
                yield batch.slice(begin, end - begin)
            if end < len(values):
                return

    @property
    def _file(self) -> BatchFile:
        return BatchFile(self.path, self.size, self.index)

    def _within(self, batch: pa.RecordBatch, number: int, start: int, stop: int) -> pa.RecordBatch:
        begin = number * self.batch_rows
        low, high = max(start - begin, 0), min(stop - begin, batch.num_rows)
        return batch.slice(low, high - low)


def order_words(column: pa.Array | pa.ChunkedArray) -> list[np.ndarray]:
    """Return a column as big-endian uint64 words, most significant first, whose order is the column's order.

    Unsigned integers are one word; fixed-size binary of w bytes is ceil(w / 8) words, zero-padded on the right.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_fixed_size_binary(column.type):
        width = column.type.byte_width
        raw = np.frombuffer(column.buffers()[1], np.uint8)[
            column.offset * width : (column.offset + len(column)) * width
        ]
        padded = np.zeros((len(column), -(-width // 8) * 8), np.uint8)
        padded[:, :width] = raw.reshape(len(column), width)
        words = padded.view(">u8").astype(np.uint64)
        return [np.ascontiguousarray(words[:, i]) for i in range(words.shape[1])]
    assert pa.types.is_unsigned_integer(column.type), f"order by {column.type}: only unsigned integers and fixed bytes"
    return [column.to_numpy(zero_copy_only=False).astype(np.uint64)]


def sort_table(table: pa.Table, key: str, order: Sequence[str]) -> pa.Table:
    """Return the rows sorted by key, then by the order columns; equal rows keep their places."""
    if table.num_rows < 2:
        return table
    keys = table.column(key).to_numpy()
    index = np.argsort(keys, kind="stable")
    ordered = keys[index]
    same = ordered[1:] == ordered[:-1]
    if order and same.any():
        # Keys are hashes and mostly differ: only rows that share one are sorted by the order columns.
        tied = np.flatnonzero(np.concatenate([same, [False]]) | np.concatenate([[False], same]))
        rows = index[tied]
        taken = pa.array(rows)
        words = [w for name in order for w in order_words(table.column(name).take(taken))]
        index[tied] = rows[np.lexsort([*reversed(words), keys[rows]])]
    return table.take(pa.array(index)).combine_chunks()


class RunWriter:
    """Collect rows in any order, write one sorted run. Rows beyond `buffer_bytes` are spilled as sorted runs."""

    def __init__(
        self,
        path: Path,
        key: str,
        order: Sequence[str],
        *,
        prune: Prune | None = None,
        compress: bool = False,
        buffer_bytes: int = 128 << 20,
    ) -> None:
        self.path = path
        self.key = key
        self.order = tuple(order)
        self.prune = prune
        self.compress = compress
        self.buffer_bytes = buffer_bytes
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._spilled: list[RunFile] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        if not batch.num_rows:
            return
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        if self._held_bytes >= self.buffer_bytes:
            if self.prune is not None:
                self._held = self._sorted().to_batches()
                self._held_bytes = sum(b.nbytes for b in self._held)
            if self._held_bytes >= self.buffer_bytes // 2:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                spill = self.path.with_name(f"{self.path.name}.spill{len(self._spilled)}")
                self._spilled.append(_write_run(spill, iter(self._sorted().to_batches()), self.key, self.compress, 0))
                self._held, self._held_bytes = [], 0

    def _sorted(self) -> pa.Table:
        table = sort_table(pa.Table.from_batches(self._held), self.key, self.order)
        return self.prune(table) if self.prune is not None else table

    def close(self) -> RunFile | None:
        """Write the run and return it; None when there were no rows."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._spilled:
            if not self._held:
                return None
            table = self._sorted()
            self._held = []
            return (
                _write_run(self.path, iter(table.to_batches()), self.key, self.compress, 0) if table.num_rows else None
            )
        streams = [run.read() for run in self._spilled]
        if self._held:
            streams.append(iter(self._sorted().to_batches()))
        rows = sum(run.rows for run in self._spilled) + sum(b.num_rows for b in self._held)
        width = (sum(run.value_bytes for run in self._spilled) + self._held_bytes) // max(rows, 1)
        self._held = []
        merged = merge(streams, self.key, self.order)
        if self.prune is not None:
            merged = _pruned(merged, self.prune)
        run = _write_run(self.path, merged, self.key, self.compress, max(1, BATCH_BYTES // max(width, 1)))
        for spilled in self._spilled:
            Path(spilled.path).unlink()
        return run


def _pruned(batches: Iterator[pa.RecordBatch], prune: Prune) -> Iterator[pa.RecordBatch]:
    # Pruned runs are small by their purpose (a bounded sample), so the whole is pruned at once.
    held = list(batches)
    if held:
        yield from prune(pa.Table.from_batches(held)).to_batches()


def _write_run(path: Path, batches: Iterator[pa.RecordBatch], key: str, compress: bool, batch_rows: int) -> RunFile:
    counts = np.zeros(BUCKETS, np.uint32)
    total = 0
    held: list[pa.RecordBatch] = []
    held_rows = 0
    writer: BatchWriter | None = None
    for batch in batches:
        if not batch_rows:
            batch_rows = max(1, min(1 << 16, BATCH_BYTES * batch.num_rows // max(int(value_bytes(batch).sum()), 1)))
        if writer is None:
            writer = BatchWriter(path, batch.schema, COMPRESSION if compress else None)
        keys = batch.column(key).to_numpy(zero_copy_only=False).astype(np.uint64)
        counts += np.bincount((keys >> BUCKET_SHIFT).astype(np.int64), minlength=BUCKETS).astype(np.uint32)
        total += int(value_bytes(batch).sum())
        held.append(batch)
        held_rows += batch.num_rows
        while held_rows >= batch_rows:
            table = pa.Table.from_batches(held)
            writer.write(contiguous(table.slice(0, batch_rows).to_batches()))
            rest = table.slice(batch_rows)
            held = rest.to_batches() if held_rows < 2 * batch_rows else rest.combine_chunks().to_batches()
            held_rows -= batch_rows
    if writer is None:
        raise AssertionError("a run without rows is not written")
    if held_rows:
        writer.write(contiguous(held))
    stored = writer.close()
    buckets = base64.b64encode(zlib.compress(counts.tobytes(), 1)).decode()
    return RunFile(str(path), stored.size, stored.checksum, int(counts.sum()), total, batch_rows, buckets, stored.index)


def merge(runs: Sequence[Iterator[pa.RecordBatch]], key: str, order: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Merge sorted runs into one sorted stream of batches, holding about one batch of each run.

    A round takes from every run the rows up to the smallest last row among the loaded batches: nothing that is still
    to be read can be smaller.
    """
    live: list[Iterator[pa.RecordBatch]] = []
    heads: list[pa.RecordBatch] = []
    for run in runs:
        head = next(run, None)
        if head is not None and head.num_rows:
            live.append(run)
            heads.append(head)
    while heads:
        following = [next(run, None) for run in live]
        while True:
            lasts = [_last(h, key, order) for h, n in zip(heads, following, strict=True) if n is not None]
            if not lasts:
                break
            bound = min(lasts)
            taken = []
            for i, head in enumerate(heads):
                upto = _count_up_to(head, bound, key, order)
                if upto:
                    taken.append(head.slice(0, upto))
                    heads[i] = head.slice(upto)
                if not heads[i].num_rows and following[i] is not None:
                    heads[i] = following[i]
                    following[i] = next(live[i], None)
            yield from _sorted_batches(taken, key, order)
        yield from _sorted_batches([h for h in heads if h.num_rows], key, order)
        return


def _sorted_batches(taken: list[pa.RecordBatch], key: str, order: Sequence[str]) -> Iterator[pa.RecordBatch]:
    if len(taken) == 1:
        yield taken[0]
    elif taken:
        yield from sort_table(pa.Table.from_batches(taken), key, order).to_batches()


def _last(batch: pa.RecordBatch, key: str, order: Sequence[str]) -> tuple[int, ...]:
    row = batch.slice(batch.num_rows - 1, 1)
    return tuple(int(w[0]) for name in (key, *order) for w in order_words(row.column(name)))


def _count_up_to(batch: pa.RecordBatch, bound: tuple[int, ...], key: str, order: Sequence[str]) -> int:
    if not batch.num_rows:
        return 0
    low, high = 0, batch.num_rows
    keys = batch.column(key).to_numpy(zero_copy_only=False)
    low = int(np.searchsorted(keys, np.uint64(bound[0]), "left"))
    high = int(np.searchsorted(keys, np.uint64(bound[0]), "right"))
    if low == high:
        return low
    piece = batch.slice(low, high - low)
    words = [w for name in order for w in order_words(piece.column(name))]
    smaller = np.zeros(high - low, bool)
    equal = np.ones(high - low, bool)
    for word, limit in zip(words, bound[1:], strict=True):
        smaller |= equal & (word < np.uint64(limit))
        equal &= word == np.uint64(limit)
    return low + int((smaller | equal).sum())


def merge_files(
    runs: Sequence[RunFile], first: int, last: int, key: str, order: Sequence[str], scratch: Path, compress: bool
) -> Iterator[pa.RecordBatch]:
    """Merge the buckets [first, last) of any number of runs, at most 128 at a time."""
    return merge_streams([run.read(first, last) for run in runs], key, order, scratch, compress)


def merge_streams(
    streams: Sequence[Iterator[pa.RecordBatch]], key: str, order: Sequence[str], scratch: Path, compress: bool
) -> Iterator[pa.RecordBatch]:
    """Merge any number of sorted streams, at most 128 at a time; `scratch` holds the results in between."""
    level = 0
    while len(streams) > MAX_RUNS:
        scratch.mkdir(parents=True, exist_ok=True)
        merged = []
        for i in range(0, len(streams), MAX_RUNS):
            batches = merge(streams[i : i + MAX_RUNS], key, order)
            path = scratch / f"merge-{level}-{i}.arrow"
            head = next(batches, None)
            if head is None:
                continue
            run = _write_run(path, _chain(head, batches), key, compress, 0)
            merged.append(run.read())
        streams = merged
        level += 1
    return merge(streams, key, order)


def _chain(head: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield head
    yield from rest


def partitions(runs: Sequence[RunFile], partition_bytes: int) -> list[tuple[int, int]]:
    """Group neighbouring buckets into ranges of at most `partition_bytes` of values (or one bucket)."""
    if not runs:
        return []
    sizes = np.zeros(BUCKETS, np.float64)
    for run in runs:
        sizes += run.bucket_rows() * (run.value_bytes / max(run.rows, 1))
    ranges: list[tuple[int, int]] = []
    start, total = 0, 0.0
    for bucket in range(BUCKETS):
        if total and total + sizes[bucket] > partition_bytes:
            ranges.append((start, bucket))
            start, total = bucket, 0.0
        total += float(sizes[bucket])
    ranges.append((start, BUCKETS))
    return ranges
