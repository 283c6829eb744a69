"""Arrow IPC files of intermediates: any of their batches is read, and held to its checksum, by itself.

A task that needs a range of a file reads that range alone, from a disk or an object store, and nothing is ever used
that differs from what was written.
"""

import base64
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from corpusforge.engine.remote import Ranges, RemotePath, pool
from corpusforge.engine.storage import is_remote
from corpusforge.errors import CorruptFile

MAGIC = b"ARROW1\0\0"  # before the schema in an IPC file
AHEAD = 2  # ranges of an object that are under way while one is used


@dataclass(frozen=True)
class Stored:
    """A file that was written: its bytes, the XXH3-128 of them, and the index of its batches."""

    size: int
    checksum: str
    index: str  # base64 of uint64[2 n + 2]: the begins of n batches and the end; XXH3-64 of the head and of each batch


class BatchWriter:
    """Writes batches as an IPC file; checksums are taken as the bytes go by."""

    def __init__(self, path: Path, schema: pa.Schema, compression: str | None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        assert not any(pa.types.is_dictionary(field.type) for field in schema), "dictionaries"
        self._sink = _Sink(path)
        options = pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
        self._writer = pa.ipc.new_file(self._sink, schema, options=options)
        head = MAGIC + schema.serialize().to_pybytes()
        self._sink.skip = len(head)  # Arrow writes it with the first batch
        self._begins = [len(head)]
        self._checksums = [xxhash.xxh3_64_intdigest(head)]

    def write(self, batch: pa.RecordBatch) -> None:
        """Write one batch."""
        self._writer.write_batch(batch)
        self._begins.append(self._sink.written)
        self._checksums.append(self._sink.part.intdigest())
        self._sink.part.reset()

    def close(self) -> Stored:
        """Complete the file."""
        self._writer.close()
        self._sink.close()
        index = np.array([*self._begins, *self._checksums], "<u8").tobytes()
        return Stored(self._sink.written, self._sink.whole.hexdigest(), base64.b64encode(index).decode())


class _Sink:
    """A file with the checksum of all that was written, and that of what was written since it was reset."""

    closed = False

    def __init__(self, path: Path) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - open until `close`
        self.whole = xxhash.xxh3_128()
        self.part = xxhash.xxh3_64()
        self.written = 0
        self.skip = 0  # bytes at the beginning that are no part of a batch

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._file.write(view)
        self.whole.update(view)
        self.part.update(view[max(0, self.skip - self.written) :])
        self.written += len(view)
        return len(view)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        self.closed = True


@dataclass(frozen=True)
class BatchFile:
    """A file that `BatchWriter` wrote, as the ledger knows it."""

    path: str
    size: int
    index: str

    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        words = np.frombuffer(base64.b64decode(self.index), "<u8")
        half = len(words) // 2
        return words[:half].astype(np.int64), words[half:]

    def __len__(self) -> int:
        return len(base64.b64decode(self.index)) // 16 - 1

    def schema(self) -> pa.Schema:
        """Return the columns; of the file only the beginning is read."""
        begins, checksums = self._places()
        found = self._remote((), begins, 0) if is_remote(self.path) else self._local((), begins)
        return self._schema(next(found), int(checksums[0]))

    def _schema(self, head: Any, checksum: int) -> pa.Schema:
        if xxhash.xxh3_64_intdigest(head) != checksum:
            raise CorruptFile(self.path, "differs from the checksum in the ledger")
        return pa.ipc.read_schema(pa.py_buffer(memoryview(head)[len(MAGIC) :]))

    def read(
        self, numbers: Sequence[int] | range, columns: Sequence[str] | None = None, ahead_bytes: int = 0
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches of these numbers, ascending; of `columns` those the file has.

        From an object store neighbours are read together up to `ahead_bytes`. CorruptFile when one differs from its
        checksum, or the file is missing or has another size.
        """
        if not len(numbers):
            return
        begins, checksums = self._places()
        found = self._remote(numbers, begins, ahead_bytes) if is_remote(self.path) else self._local(numbers, begins)
        head = next(found)
        schema = self._schema(head, int(checksums[0]))
        fields = [i for i, name in enumerate(schema.names) if columns is None or name in columns]
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        for number, data in zip(numbers, found, strict=True):
            if xxhash.xxh3_64_intdigest(data) != int(checksums[number + 1]):
                raise CorruptFile(self.path, "differs from the checksum in the ledger")
            if columns is None:
                yield pa.ipc.read_record_batch(pa.ipc.read_message(pa.py_buffer(data)), schema)
            else:  # only a stream can leave columns out; copying 4 MB takes less than unpacking them
                stream = b"".join((memoryview(head)[len(MAGIC) :], memoryview(data)))
                yield pa.ipc.open_stream(pa.BufferReader(stream), options=options).read_next_batch()

    def _local(self, numbers: Sequence[int] | range, begins: np.ndarray) -> Iterator[Any]:
        try:
            with pa.memory_map(self.path) as file:
                if file.size() != self.size:
                    raise CorruptFile(self.path, "has another size than the ledger records")
                content = file.read_buffer(self.size)
        except FileNotFoundError as error:
            raise CorruptFile(self.path, "is missing") from error
        yield content.slice(0, int(begins[0]))
        for number in numbers:
            yield content.slice(int(begins[number]), int(begins[number + 1] - begins[number]))

    def _remote(self, numbers: Sequence[int] | range, begins: np.ndarray, ahead_bytes: int) -> Iterator[Any]:
        ranges = RemotePath(self.path).ranges()
        try:
            if ranges.size != self.size:
                raise CorruptFile(self.path, "has another size than the ledger records")
            yield ranges.read(0, int(begins[0]))
            for group, data in _ahead(ranges, list(_neighbours(numbers, begins, ahead_bytes)), begins):
                view = memoryview(data)
                for number in group:
                    yield view[int(begins[number] - begins[group[0]]) : int(begins[number + 1] - begins[group[0]])]
        except FileNotFoundError as error:
            raise CorruptFile(self.path, "is missing") from error


def _neighbours(numbers: Sequence[int] | range, begins: np.ndarray, most_bytes: int) -> Iterator[list[int]]:
    group: list[int] = []
    for number in numbers:
        if group and (number != group[-1] + 1 or begins[number + 1] - begins[group[0]] > most_bytes):
            yield group
            group = []
        group.append(number)
    yield group


def _ahead(ranges: Ranges, groups: list[list[int]], begins: np.ndarray) -> Iterator[tuple[list[int], bytes]]:
    under_way: deque[Future[bytes]] = deque()
    following = iter(groups)
    for group in groups:
        while len(under_way) <= AHEAD and (one := next(following, None)) is not None:
            start, end = int(begins[one[0]]), int(begins[one[-1] + 1])
            under_way.append(pool().submit(ranges.read, start, end - start))
        yield group, under_way.popleft().result()
