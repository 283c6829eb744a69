"""The validation split: which documents are held out of training, decided by whole clusters of near-duplicates.

A document's cluster is the value of a column, its doc_id where that is null. The key of a cluster is XXH3-64 over the
seed, the word "validation" and that value; clusters whose key is at most a bound go to OUTPUT/validation/. All kept
documents of one cluster have one key, so no cluster is on both sides.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import BaseModel, ConfigDict, Field, model_validator


class Validation(BaseModel):
    """Hold documents out of training: a fraction of the clusters, or clusters until there are so many documents.

    With `fraction` a cluster's side depends on nothing but its name and the seed. With `documents` clusters are taken
    in the order of their keys until at least so many documents are held out; one cluster decides how many more. A trial
    (--limit, --sample) holds out half of its documents at most.

    `cluster` is the column that says what belongs together: `cluster_id` of dedup.minhash, the connected components of
    candidates, so that near-duplicates that were both kept (less alike than `verify`) are on one side too. Any other
    column serves as well, such as one that a reader maps. Null, and a source without the column: the document alone.

    Documents that no band of dedup.minhash brings together are not held together. Measured on 663 real documents with
    three edited copies each, 10 % of them held out: none of 249 was 0.8 like a document of the data (Jaccard, word
    5-grams), and 9 were 0.7; with `bands: 30, rows: 5` none of 243 was as much as 0.5.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fraction: float | None = Field(None, gt=0, lt=1)
    documents: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0, lt=1 << 64)
    cluster: str = "cluster_id"

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.fraction is None) == (self.documents is None):
            raise ValueError("say how much to hold out: either fraction or documents")
        return self

    def line(self) -> str:
        """Say for people what is held out."""
        much = f"{self.fraction:.2%} of" if self.fraction is not None else f"{self.documents:,} documents, whole"
        return f"{much} clusters of {self.cluster}"


@dataclass(frozen=True)
class HeldOut:
    """Which documents are held out: those of clusters whose key is at most `last_key`."""

    cluster: str
    seed: int
    last_key: int

    def mask(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return a boolean array: the documents that are held out."""
        held: np.ndarray = cluster_keys(batch, self.cluster, self.seed) <= np.uint64(self.last_key)
        return held


def held_fraction(validation: Validation, fraction: float) -> HeldOut:
    """Return the clusters whose keys are the first `fraction` of all 64-bit numbers."""
    return HeldOut(validation.cluster, validation.seed, max(0, int(fraction * 2.0**64) - 1))


def cluster_keys(batch: pa.RecordBatch, cluster: str, seed: int) -> np.ndarray:
    """Return the key of each document's cluster, uint64.

    >>> batch = pa.record_batch({"doc_id": ["a", "b", "c"], "cluster_id": ["a", "a", None]})
    >>> keys = cluster_keys(batch, "cluster_id", 0)
    >>> bool(keys[0] == keys[1]), bool(keys[0] == keys[2])
    (True, False)
    """
    names = batch.column("doc_id")
    if cluster in batch.schema.names:
        column = batch.column(cluster)
        names = pc.coalesce(column if pa.types.is_string(column.type) else column.cast(pa.string()), names)
    start = seed.to_bytes(8, "big") + b"validation"
    keys = [xxhash.xxh3_64_intdigest(start + name.encode()) for name in names.to_pylist()]
    return np.array(keys, np.uint64)
