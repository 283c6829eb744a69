"""Copies: documents that have one digest; the best-ranked of each digest stays.

What `dedup.exact` and `dedup.url` share: rows of a 128-bit digest and a rank, the combine that finds all but the
first of each digest, and the kernel that rejects them. 128 bits: among 10^12 documents a wrong pair has chance 10^-15.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from corpusforge.stage import CorpusKernel, attach, reject
from corpusforge.stages.dedup.rank import binary_bytes, doc_id_strings, fixed_binary, ranks

Within = Literal["source", "corpus"]


def scopes(batch: pa.RecordBatch, within: Within) -> NDArray[np.uint64]:
    """Return what keeps documents of different scopes apart when it is mixed into a key, uint64[rows]."""
    if within == "corpus":
        return np.zeros(batch.num_rows, np.uint64)
    sources = batch.column("source").dictionary_encode()
    names = [xxhash.xxh3_64_intdigest(name.encode()) for name in sources.dictionary.to_pylist()]
    return np.array(names, np.uint64)[np.asarray(sources.indices)] if names else np.zeros(0, np.uint64)


def copy_rows(
    batch: pa.RecordBatch, digests: NDArray[np.uint8], within: Within, keep: str, priority: Sequence[str]
) -> pa.RecordBatch:
    """Return the rows to exchange: `digests` uint8[rows, 16], one for each document of `batch`."""
    words = digests.view(">u8").astype(np.uint64)
    return pa.RecordBatch.from_pydict(
        {
            "hash": pa.array(words[:, 0] ^ scopes(batch, within)),
            "rest": fixed_binary(digests[:, 8:]),
            "rank": ranks(batch, keep, priority),
            "split": batch.column("split"),
            "row": batch.column("row"),
        }
    )


def combine_copies(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """From rows sorted by (hash, rest, rank), yield address and keeper of all but the first of each digest."""
    last_digest = np.zeros((1, 16), np.uint8)
    last_keeper: np.ndarray | None = None
    for batch in batches:
        high = np.asarray(batch.column("hash")).astype(">u8").view(np.uint8).reshape(-1, 8)
        digests = np.concatenate([high, binary_bytes(batch.column("rest"))], axis=1)
        ids = binary_bytes(batch.column("rank"))[:, 10:]
        before = np.concatenate([last_digest, digests[:-1]])
        first = (digests != before).any(axis=1)
        if last_keeper is None:
            first[0] = True
            last_keeper = ids[:1]
        # The keeper of each row: the id at the last row that began a digest, or the one carried over.
        began = np.maximum.accumulate(np.where(first, np.arange(len(first)), -1))
        keepers = np.where(began[:, None] >= 0, ids[began], last_keeper)
        last_digest, last_keeper = digests[-1:], keepers[-1:]
        found = pa.RecordBatch.from_pydict(
            {"split": batch.column("split"), "row": batch.column("row"), "keeper": doc_id_strings(keepers)}
        )
        yield found.filter(pa.array(~first))


def reject_copies(reason: str) -> CorpusKernel:
    """Return the kernel that rejects what was found; the detail is the doc_id of the document that stays."""

    def kernel(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
        if not findings.num_rows:
            return reject(batch, np.zeros(batch.num_rows, bool), reason)
        keeper = attach(batch, findings).column("keeper")
        return reject(batch, keeper.is_valid(), reason, detail=keeper)

    return kernel
