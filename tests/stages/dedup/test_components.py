"""Star steps end with every document labelled by the least document of its component."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.schema import doc_ids
from corpusforge.stage import CorpusKernel, CorpusStage, Pass, attach, with_columns
from corpusforge.stages.dedup.components import component_passes, nodes
from corpusforge.stages.dedup.rank import doc_id_bytes
from corpusforge.testing import docs, run_corpus_stage

IDS = doc_ids("test", [str(i) for i in range(200)])
Label = tuple[str | None, int | None]


class Graph(CorpusStage):
    """Documents are nodes; a text lists the numbers of the documents it is linked to."""

    def passes(self) -> tuple[Pass, ...]:
        """Links, components, and the labels as findings."""
        return (
            Pass("links", self._links, "key", ("node", "hub"), lambda batches: batches),
            *component_passes("links"),
            Pass("found", self._found, "key", (), lambda batches: batches, source="labels", to="findings"),
        )

    def _links(self, batch: pa.RecordBatch, joined: Mapping[str, pa.RecordBatch]) -> pa.RecordBatch | None:
        pairs = [(row["row"], int(n)) for row in batch.to_pylist() for n in row["text"].split()]
        if not pairs:
            return None
        ends = [
            nodes(doc_id_bytes(IDS.take(pa.array(end))), pa.array([1] * len(end)), pa.array(end))
            for end in zip(*pairs, strict=True)
        ]
        return pa.RecordBatch.from_pydict(
            {"key": pa.array([7] * len(pairs), pa.uint64()), "node": ends[0], "hub": ends[1]}
        )

    def _found(self, batch: pa.RecordBatch, joined: Mapping[str, pa.RecordBatch]) -> pa.RecordBatch:
        return batch.append_column("key", pa.array(np.arange(batch.num_rows, dtype=np.uint64)))

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Write the labels."""

        def kernel(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
            found = attach(batch, findings)
            return with_columns(batch, component=found["component"], size=found["size"])

        return kernel


def labels(edges: list[tuple[int, int]], partitions: int, batch_rows: int) -> list[Label]:
    """(component, size) of every node; None for a node without edges."""
    count = max(max(e) for e in edges) + 1
    texts = [" ".join(str(b) for a, b in edges if a == i) for i in range(count)]
    judged = run_corpus_stage(Graph(), [docs(*texts)], partitions, batch_rows)[0]
    return [
        (r["component"] and r["component"].hex(), r["size"]) for r in judged.select(["component", "size"]).to_pylist()
    ]


def union_find(edges: list[tuple[int, int]]) -> list[Label]:
    ids = IDS.to_pylist()
    parent: dict[int, int] = {}

    def find(i: int) -> int:
        while parent.setdefault(i, i) != i:
            i = parent[i]
        return i

    for a, b in edges:
        if a != b:
            least, other = sorted((find(a), find(b)), key=ids.__getitem__)
            parent[other] = least
    sizes = Counter(find(i) for i in list(parent))
    count = max(max(e) for e in edges) + 1
    return [(ids[find(i)], sizes[i]) if i in parent else (None, None) for i in range(count)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), min_size=1, max_size=20).filter(
        lambda edges: any(a != b for a, b in edges)
    ),
    st.sampled_from([1, 3, 7]),
    st.sampled_from([1, 2, 1000]),
)
def test_labels_are_those_of_union_find(edges: list[tuple[int, int]], partitions: int, batch_rows: int) -> None:
    assert labels(edges, partitions, batch_rows) == union_find(edges)


def chain(order: Iterable[int]) -> list[tuple[int, int]]:
    return list(pairwise(order))


@pytest.mark.parametrize(
    "edges",
    [
        chain(range(150)),
        chain(np.argsort(IDS.to_numpy(zero_copy_only=False)[:150]).tolist()),  # along the order of doc_ids: the worst
        [(0, i) for i in range(1, 150)],
        [(i // 2, i) for i in range(1, 150)],
        [(i, j) for i in range(12) for j in range(12)],
    ],
    ids=["chain", "sorted chain", "star", "tree", "all pairs"],
)
def test_hard_graphs_end_within_the_bound_on_rounds(edges: list[tuple[int, int]]) -> None:
    assert labels(edges, 3, 64) == union_find(edges)
