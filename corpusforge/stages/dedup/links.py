"""From band keys to links: which documents share a key, as a star around the smallest doc_id of each key."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from corpusforge.stages.dedup.components import NODE, nodes
from corpusforge.stages.dedup.rank import binary_bytes

LINK = pa.schema([("split", pa.uint64()), ("row", pa.uint32()), ("shared", pa.uint64()), ("node", NODE), ("hub", NODE)])


def combine_links(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Turn rows (key, doc_id, split, row), sorted by key and doc_id, into links; a key of one document gives none.

    A link says: the document at (split, row), whose node is `node`, has the key `shared`, and `hub` is the node of the
    document with the smallest doc_id that has it. A key with a million documents gives a million links.
    """
    hub: pa.Array = pa.array([], NODE)  # of the key that is open and has shown two documents
    open_key: np.uint64 | None = None
    held: pa.RecordBatch | None = None  # the first document of a key, until a second is seen
    for batch in batches:
        if not batch.num_rows:
            continue
        if held is not None:
            batch = pa.concat_batches([held, batch])
        key = np.asarray(batch.column("key"))
        first = np.ones(len(key), bool)
        first[1:] = key[1:] != key[:-1]
        if held is None and open_key is not None:
            first[0] = key[0] != open_key
        alone = first.copy()
        alone[:-1] &= first[1:]
        held = batch.slice(len(key) - 1) if alone[-1] else None
        linked = np.flatnonzero(~alone)
        if len(linked):
            found = batch.take(pa.array(linked))
            node = nodes(binary_bytes(found.column("doc_id")), found.column("split"), found.column("row"))
            # node of the first document of each row's key; before the first of all: the hub of the open key
            place = np.cumsum(first[linked])
            hubs = pa.concat_arrays([hub, node.filter(pa.array(first[linked]))])
            hubs_at = pa.array(place if len(hub) else place - 1)
            columns = [found.column(name) for name in ("split", "row", "key")]
            hub_of_row = hubs.take(hubs_at)
            yield pa.RecordBatch.from_arrays([*columns, node, hub_of_row], schema=LINK)
            hub = hub_of_row.slice(len(hub_of_row) - 1)
        open_key = key[-1]
