"""The decision of `dedup.minhash`: which documents of a component go, by comparing texts in rank order.

A document goes if and only if it is similar enough to a better-ranked kept document that shares a band key with it.
What is held is bounded: a key lists at most `max_keepers` kept documents, and when the n-grams of listed documents
exceed `keeper_bytes`, documents that match none of them are set aside in a scratch file and decided afterwards in
the same way. Documents set aside rank below all that were listed, so the result is that of unbounded memory.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np
import pyarrow as pa
from numba import njit

from corpusforge.stages.dedup.rank import binary_bytes
from corpusforge.text import segment
from corpusforge.text.arrays import UInt64s
from corpusforge.text.shingles import distinct, shingles

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
    verify: float
    containment: bool
    max_keepers: int
    keeper_bytes: int

    def similarity(self, shared: int, mine: int, others: int) -> float:
        """Similarity of a document of `mine` n-grams to one of `others`, `shared` of them in both."""
        return shared / (mine if self.containment else mine + others - shared)

    def needed(self, mine: int, others: int) -> int:
        """Return the least number of shared n-grams that makes the similarity `verify`."""
        bound = self.verify * mine if self.containment else self.verify * (mine + others) / (1 + self.verify)
        need = max(0, ceil(bound) - 1)  # rounding may have gone either way
        while need <= min(mine, others) and self.similarity(need, mine, others) < self.verify:
            need += 1
        return need


def decide(batches: Iterator[pa.RecordBatch], rule: Rule) -> Iterator[pa.RecordBatch]:
    """Decide a stream of whole components, each a header row and its documents in rank order; see FINDING.

    Columns: component (16 bytes), place (0: header, with `size`; 1: document), rank, split, row, keys (the band keys it
    shares, 8 bytes each), text.
    """
    component: _Component | None = None
    for batch in batches:
        view = _View(batch, rule.ngram)
        found = _Findings(batch)
        for start, stop in view.components():
            if component is None or component.id != view.component(start):
                if component is not None:
                    component.set_aside(batch)
                    yield from component.rest()
                component = _Component(view.component(start), view.size(start), rule)
                start += 1
            component.take(view, start, stop, found)
        if component is not None:
            component.set_aside(batch)
        yield found.batch()
    if component is not None:
        yield from component.rest()


class _View:
    """The columns of a batch, as what the decision needs of each document."""

    def __init__(self, batch: pa.RecordBatch, ngram: int) -> None:
        self._grams = shingles(segment(batch.column("text")).words, ngram)
        self._keys = batch.column("keys").to_pylist()
        self._components = binary_bytes(batch.column("component"))
        self._size = batch.column("size")
        self._ranks = binary_bytes(batch.column("rank"))

    def components(self) -> Iterator[tuple[int, int]]:
        ids = self._components
        cuts = np.flatnonzero((ids[1:] != ids[:-1]).any(axis=1)) + 1
        ends = [0, *cuts.tolist(), len(ids)]
        return pairwise(ends) if len(ids) else iter(())

    def component(self, i: int) -> bytes:
        return bytes(self._components[i])

    def size(self, i: int) -> int:
        size = int(self._size[i].as_py())
        assert size, "a component without its header row"
        return size

    def doc_id(self, i: int) -> bytes:
        return bytes(self._ranks[i, 10:])

    def keys(self, i: int) -> list[int]:
        keys: list[int] = np.frombuffer(self._keys[i], np.uint64).tolist()
        return keys

    def hashes(self, i: int) -> UInt64s:
        return distinct(self._grams.hashes[self._grams.offsets[i] : self._grams.offsets[i + 1]])


class _Findings:
    """Decisions about documents of one batch."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self._rows: list[int] = []
        self._sizes: list[int] = []
        self._keepers: list[bytes | None] = []
        self._similarities: list[float | None] = []

    def add(self, row: int, size: int, keeper: bytes | None = None, similarity: float | None = None) -> None:
        self._rows.append(row)
        self._sizes.append(size)
        self._keepers.append(keeper)
        self._similarities.append(similarity)

    def batch(self) -> pa.RecordBatch:
        rows = pa.array(self._rows, pa.int64())
        taken = [self._batch.column(name).take(rows) for name in ("split", "row", "component")]
        found = (self._sizes, self._keepers, self._similarities)
        decided = [pa.array(v, FINDING.field(3 + i).type) for i, v in enumerate(found)]
        return pa.RecordBatch.from_arrays([*taken, *decided], schema=FINDING)


class _Block:
    """Kept documents by the band keys that list them, as many as `keeper_bytes` allows."""

    def __init__(self, rule: Rule, earlier: dict[int, int]) -> None:
        self._rule = rule
        self._earlier = earlier  # documents each key listed in the blocks before
        self._listed: dict[int, list[int]] = {}
        self._hashes: list[UInt64s] = []
        self._doc_ids: list[bytes] = []
        self._bytes = 0

    @property
    def full(self) -> bool:
        return self._bytes > self._rule.keeper_bytes

    def match(self, keys: list[int], hashes: UInt64s) -> tuple[bytes, float] | None:
        """Return the best-ranked candidate that is similar enough, and the similarity."""
        candidates = {c for key in keys for c in self._listed.get(key, ())}
        for candidate in sorted(candidates):  # numbered in rank order
            other = self._hashes[candidate]
            need = self._rule.needed(len(hashes), len(other))
            if need > min(len(hashes), len(other)):
                continue
            shared = shared_count(hashes, other, need)
            if shared >= need:
                return self._doc_ids[candidate], self._rule.similarity(shared, len(hashes), len(other))
        return None

    def add(self, keys: list[int], hashes: UInt64s, doc_id: bytes) -> None:
        """List a kept document under those of its keys that still take one."""
        most = self._rule.max_keepers
        open_keys = [k for k in keys if len(self._listed.get(k, ())) + self._earlier.get(k, 0) < most]
        if open_keys:
            for key in open_keys:
                self._listed.setdefault(key, []).append(len(self._hashes))
            self._hashes.append(hashes)
            self._doc_ids.append(doc_id)
            self._bytes += hashes.nbytes + 200 + 100 * len(open_keys)  # with what Python needs around it

    def counts(self) -> dict[int, int]:
        """Documents each key has listed, in this block and those before."""
        total = dict(self._earlier)
        for key, listed in self._listed.items():
            total[key] = total.get(key, 0) + len(listed)
        return total


class _Component:
    """One component in the course of its decision."""

    def __init__(self, id: bytes, size: int, rule: Rule) -> None:
        self.id = id
        self._size = size
        self._rule = rule
        self._block = _Block(rule, {})
        self._aside: list[int] = []  # rows of the current batch
        self._scratch: _Scratch | None = None

    def take(self, view: _View, start: int, stop: int, found: _Findings) -> None:
        """Decide the documents `start` to `stop`, or set them aside."""
        for i in range(start, stop):
            keys, hashes = view.keys(i), view.hashes(i)
            match = self._block.match(keys, hashes)
            if match is not None:
                found.add(i, self._size, *match)
            elif self._block.full:
                self._aside.append(i)
            else:
                self._block.add(keys, hashes, view.doc_id(i))
                found.add(i, self._size)

    def set_aside(self, batch: pa.RecordBatch) -> None:
        """Store the rows of `batch` that were set aside."""
        if self._aside:
            self._scratch = self._scratch or _Scratch(batch.schema)
            self._scratch.write(batch.take(pa.array(self._aside, pa.int64())))
            self._aside = []

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Decide what was set aside, block by block; each decides at least its first document."""
        while self._scratch is not None:
            scratch, self._scratch = self._scratch, None
            self._block = _Block(self._rule, self._block.counts())
            for batch in scratch.read():
                found = _Findings(batch)
                self.take(_View(batch, self._rule.ngram), 0, batch.num_rows, found)
                self.set_aside(batch)
                yield found.batch()


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


@njit(cache=True)
def shared_count(mine: UInt64s, others: UInt64s, need: int) -> int:
    """Count the hashes two sorted sets share; -1 as soon as `need` is out of reach."""
    mine_to_lose = len(mine) - need
    others_to_lose = len(others) - need
    i = 0
    j = 0
    while i < len(mine) and j < len(others):
        if mine[i] == others[j]:
            i += 1
            j += 1
        elif mine[i] < others[j]:
            i += 1
            mine_to_lose -= 1
            if mine_to_lose < 0:
                return -1
        else:
            j += 1
            others_to_lose -= 1
            if others_to_lose < 0:
                return -1
    return i - (len(mine) - need - mine_to_lose)
