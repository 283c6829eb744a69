"""Stages inside a Ray Data pipeline: a kernel maps Arrow batches to Arrow batches, so `map_batches` can run it.

Stages that judge one document at a time fit; corpus stages (dedup.*, tokenize.train) need corpusforge's own runs.
Nothing is dropped: `rejected` says why a row should go, and the pipeline decides.

    python examples/ray_data.py
"""

from typing import Any

import pyarrow as pa
import ray

from corpusforge import Stage
from corpusforge.schema import CORE, doc_ids
from corpusforge.stages.normalize.unicode import Unicode
from corpusforge.stages.privacy.pii import Pii
from corpusforge.stages.quality.language import Language

TEXTS = [
    "The ferry leaves the harbour at seven in the morning.",
    "Write to harbour.master@ferries.org for the winter timetable, or ask at the landing.",
    "Die Fähre verlässt den Hafen um sieben Uhr morgens.",
]


class Apply:
    """Opens stages once in each worker and applies them in order to every batch."""

    def __init__(self, *stages: Stage) -> None:
        self.kernels = [stage.open() for stage in stages]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the same rows in the same order, judged and edited."""
        (batch,) = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
        for kernel in self.kernels:
            batch = kernel(batch)
        return pa.Table.from_batches([batch])


def documents(texts: list[str]) -> pa.Table:
    """Return texts as documents: the core columns, with ids."""
    origins = [str(i) for i in range(len(texts))]
    columns: dict[str, Any] = {field.name: pa.nulls(len(texts), field.type) for field in CORE}
    columns["doc_id"] = doc_ids("example", origins)
    columns["text"] = pa.array(texts, pa.large_string())
    columns["source"] = pa.array(["example"] * len(texts))
    columns["origin"] = pa.array(origins)
    return pa.table(columns)


def main() -> list[dict[str, Any]]:
    """Judge the texts and return those that are kept."""
    stages = (Unicode(), Language(keep=("en",)), Pii(mask=("email",)))
    dataset = ray.data.from_arrow(documents(TEXTS))
    judged = dataset.map_batches(Apply, fn_constructor_args=stages, batch_format="pyarrow", concurrency=1)
    rows: list[dict[str, Any]] = judged.take_all()
    for row in rows:
        print(row["rejected"] or "kept", "|", row["text"])
    return [row for row in rows if row["rejected"] is None]


if __name__ == "__main__":
    ray.init("local", num_cpus=2, include_dashboard=False)  # on a cluster: ray.init("auto"), all nodes with corpusforge
    main()
