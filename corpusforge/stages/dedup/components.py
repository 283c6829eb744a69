"""Connected components of a graph of documents, as passes: alternating large-star and small-star steps.

A **node** is 28 bytes: doc_id (16), split (8), row (4), big-endian, so that the least node of a component is its
smallest doc_id and every node can be addressed. An edge is a pair of nodes. The steps end in stars: every node of a
component joined to its least node, and to nothing else.

Source: Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii 2014, "Connected Components in MapReduce and Beyond".
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.stage import Pass
from corpusforge.stages.dedup.rank import binary_bytes, fixed_binary

NODE = pa.binary(28)
NODE_TYPE = np.dtype("S28")  # compares like the bytes, all nodes being of one length
EDGE = pa.schema([("key", pa.uint64()), ("node", NODE), ("other", NODE)])
LABEL = pa.schema([("split", pa.uint64()), ("row", pa.uint32()), ("component", pa.binary(16)), ("size", pa.uint64())])

Nodes = NDArray[np.bytes_]  # of NODE_TYPE
Joined = Mapping[str, pa.RecordBatch]


def component_passes(links: str) -> tuple[Pass, ...]:
    """Return the passes from the rows of pass `links` (columns `node` and `hub`, an edge each) to `labels`.

    The rows of "labels" are addressed to every document of a component of two or more: `component` (16 bytes: its
    smallest doc_id) and `size` (documents; given to the component's least node, 0 to the others).
    """
    by_node = ("node", "other")
    return (
        Pass("edges", emit_edges, "key", by_node, combine_distinct, source=links),
        Pass("large_star", emit_both_ways, "key", by_node, combine_large_star, source="edges"),
        Pass(
            "small_star",
            emit_downwards,
            "key",
            by_node,
            combine_small_star,
            source="large_star",
            until="stable",
            again="large_star",
        ),
        Pass("labels", emit_members, "key", by_node, combine_labels, source="small_star"),
    )


def nodes(doc_ids: NDArray[np.uint8], split: pa.Array, row: pa.Array) -> pa.FixedSizeBinaryArray:
    """Return the node of each document from its doc_id (uint8, shape (rows, 16)) and its address."""
    out = np.empty((len(doc_ids), NODE.byte_width), np.uint8)
    out[:, :16] = doc_ids
    out[:, 16:24] = np.asarray(split).astype(">u8").view(np.uint8).reshape(-1, 8)
    out[:, 24:] = np.asarray(row).astype(">u4").view(np.uint8).reshape(-1, 4)
    return fixed_binary(out)


def emit_edges(batch: pa.RecordBatch, joined: Joined) -> pa.RecordBatch:
    """Make an edge, larger node first, of every link to another node."""
    node, hub = _nodes(batch.column("node")), _nodes(batch.column("hub"))
    different = node != hub
    return _edges(_larger(node, hub)[different], _smaller(node, hub)[different])


def combine_distinct(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Keep each edge once."""
    for node, other in _distinct(batches):
        yield _edges(node, other)


def emit_both_ways(batch: pa.RecordBatch, joined: Joined) -> pa.RecordBatch:
    """Show every edge to both of its nodes."""
    node, other = _nodes(batch.column("node")), _nodes(batch.column("other"))
    return _edges(np.concatenate([node, other]), np.concatenate([other, node]))


def combine_large_star(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join every larger neighbour of a node to the least of the node and its neighbours."""
    for node, other, least in _with_least(batches):
        larger = other > node
        yield _edges(other[larger], _smaller(node, least)[larger])


def emit_downwards(batch: pa.RecordBatch, joined: Joined) -> pa.RecordBatch:
    """Show every edge to the larger of its nodes."""
    node, other = _nodes(batch.column("node")), _nodes(batch.column("other"))
    return _edges(_larger(node, other), _smaller(node, other))


def combine_small_star(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join a node and its smaller neighbours to the least of them."""
    for node, other, least in _with_least(batches):
        yield _edges(np.where(other == least, node, other), least)


def emit_members(batch: pa.RecordBatch, joined: Joined) -> pa.RecordBatch:
    """Send every node of a star, its centre too, to the centre."""
    centre = _nodes(batch.column("other"))
    centres = np.unique(centre)
    return _edges(np.concatenate([centre, centres]), np.concatenate([_nodes(batch.column("node")), centres]))


def combine_labels(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Address the component to its documents; the centre comes first and is held back until all are counted."""
    held: Nodes = np.empty(0, NODE_TYPE)  # the centre of the component that is open
    size = 0
    for centre, member in _distinct(batches):
        is_centre = centre == member
        starts = np.flatnonzero(is_centre)
        yield _labels(member[~is_centre], centre[~is_centre], np.zeros(len(member) - len(starts), np.uint64))
        bounds = np.concatenate([starts, [len(member)]])
        size += int(bounds[0])
        if len(starts):
            closed = np.concatenate([held, member[starts[:-1]]])
            sizes = np.concatenate([[size] * len(held), np.diff(bounds)[:-1]]).astype(np.uint64)
            yield _labels(closed, closed, sizes)
            held, size = member[starts[-1:]], int(bounds[-1] - bounds[-2])
    yield _labels(held, held, np.full(len(held), size, np.uint64))


def _nodes(column: pa.FixedSizeBinaryArray) -> Nodes:
    return binary_bytes(column).reshape(-1).view(NODE_TYPE)


def _larger(some: Nodes, others: Nodes) -> Nodes:
    return np.where(some < others, others, some)


def _smaller(some: Nodes, others: Nodes) -> Nodes:
    return np.where(some < others, some, others)


def _raw(values: Nodes) -> NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, NODE_TYPE.itemsize)


def _edges(node: Nodes, other: Nodes) -> pa.RecordBatch:
    raw = _raw(node)
    # A doc_id is a hash already: its first 8 bytes are the key.
    key = np.ascontiguousarray(raw[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
    return pa.RecordBatch.from_arrays([pa.array(key), fixed_binary(raw), fixed_binary(_raw(other))], schema=EDGE)


def _labels(member: Nodes, centre: Nodes, size: NDArray[np.uint64]) -> pa.RecordBatch:
    raw = _raw(member)
    split = np.ascontiguousarray(raw[:, 16:24]).view(">u8").reshape(-1).astype(np.uint64)
    row = np.ascontiguousarray(raw[:, 24:]).view(">u4").reshape(-1).astype(np.uint32)
    component = fixed_binary(_raw(centre)[:, :16])
    return pa.RecordBatch.from_arrays([pa.array(split), pa.array(row), component, pa.array(size)], schema=LABEL)


def _distinct(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Nodes, Nodes]]:
    # equal edges are neighbours, perhaps in two batches
    last_node: Nodes = np.empty(0, NODE_TYPE)
    last_other: Nodes = last_node
    for batch in batches:
        node, other = _nodes(batch.column("node")), _nodes(batch.column("other"))
        if not len(node):
            continue
        new = np.ones(len(node), bool)
        new[1:] = (node[1:] != node[:-1]) | (other[1:] != other[:-1])
        if len(last_node):
            new[0] = bool(node[0] != last_node[0] or other[0] != last_other[0])
        last_node, last_other = node[-1:].copy(), other[-1:].copy()
        yield node[new], other[new]


def _with_least(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Nodes, Nodes, Nodes]]:
    # a node's neighbours are sorted: the first is the least, for all batches the node is spread over
    last_node: Nodes = np.empty(0, NODE_TYPE)
    last_least: Nodes = last_node
    for node, other in _distinct(batches):
        if not len(node):
            continue
        first = np.ones(len(node), bool)
        first[1:] = node[1:] != node[:-1]
        least = other[np.maximum.accumulate(np.where(first, np.arange(len(node)), 0))]
        if len(last_node) and node[0] == last_node[0]:
            least[node == node[0]] = last_least[0]
        last_node, last_least = node[-1:].copy(), least[-1:].copy()
        yield node, other, least
