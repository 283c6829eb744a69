"""Mixing: which copies of which documents are written, found from their sizes by key.

1. `write_sizes`: a split's documents as (id, size, copies in an epoch), 32 bytes each; needed once, whatever the mix.
2. `count_by_key`: sizes of an epoch by the first 12 bits of the draw key, then, inside the bin in which a source's
   budget is reached, by the next 12 bits, until one document is left there: two or three readings of those files.
3. shuffling.py writes each split's copies that are drawn as a run sorted by order key: the one exchange.

The driver holds 64 kB for each source, however many documents there are.
"""

import base64
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.mixture import Measure, Upsample
from corpusforge.engine.rows import RowsWriter
from corpusforge.engine.units import HistogramUnit, Report, SizesUnit, file_entry
from corpusforge.engine.validation import cluster_keys

BINS = 4096


def document_sizes(batch: pa.RecordBatch, unit: Measure) -> np.ndarray:
    """Return the size of each document, int64: tokens, bytes of text, or 1."""
    if unit == "documents":
        return np.ones(batch.num_rows, np.int64)
    if unit == "tokens":
        column = batch.column("token_count")
    else:
        column = pc.binary_length(batch.column("text"))
    sizes: np.ndarray = pc.fill_null(column, 0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return sizes


def document_copies(batch: pa.RecordBatch, upsample: Upsample | None) -> np.ndarray:
    """Return how often each document is written in an epoch, int64.

    >>> batch = pa.record_batch({"cluster_size": [1, 2, 99, None, 100]})
    >>> document_copies(batch, Upsample(copies={2: 2, 100: 3}))
    array([1, 2, 2, 1, 3])
    """
    if upsample is None or upsample.column not in batch.schema.names:
        return np.ones(batch.num_rows, np.int64)
    values = batch.column(upsample.column).cast(pa.float64()).to_numpy(zero_copy_only=False)  # null: NaN
    values = np.where(np.isnan(values), -np.inf, values)
    steps = np.array(list(upsample.copies), np.float64)
    counts = np.array([1, *upsample.copies.values()], np.int64)
    copies: np.ndarray = counts[np.searchsorted(steps, values, "right")]
    return copies


def id_bytes(column: pa.Array) -> np.ndarray:
    """Return doc_ids (32 hex digits) as uint8[documents, 16]."""
    raw = bytes.fromhex("".join(column.to_pylist()))
    return np.frombuffer(raw, np.uint8).reshape(len(column), 16)


def write_sizes(unit: SizesUnit) -> Report:
    """Write (id, size, copies) of the documents of one split, and the key of their cluster if the unit asks for it."""
    writer = RowsWriter(Path(unit.folder) / "sizes.arrow")
    wanted = ["doc_id", {"tokens": "token_count", "bytes": "text", "documents": ""}[unit.measure]]
    wanted += [unit.upsample.column] if unit.upsample else []
    wanted += [unit.cluster] if unit.cluster else []
    for batch in unit.rows.read(columns=wanted):
        columns = {
            "id": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), batch.num_rows, [None, pa.py_buffer(id_bytes(batch.column("doc_id")).tobytes())]
            ),
            "size": pa.array(document_sizes(batch, unit.measure)),
            "copies": pa.array(document_copies(batch, unit.upsample)),
        }
        if unit.cluster:
            columns["cluster"] = pa.array(cluster_keys(batch, unit.cluster, unit.cluster_seed))
        writer.write(pa.record_batch(columns))
    return {"files": {"sizes": file_entry(writer.close())}}


def count_by_key(unit: HistogramUnit) -> Report:
    """Count copies and sizes of an epoch by draw key, or documents by the key of their cluster."""
    from corpusforge.engine.keys import histogram, histogram_of_keys

    found = np.zeros((2, BINS), np.int64)
    for file in unit.sizes:
        for batch in file.read():
            if unit.held_last_key >= 0:
                held = batch.column("cluster").to_numpy() <= np.uint64(unit.held_last_key)
                batch = batch.filter(pa.array(~held))
            if unit.by == "cluster":
                found += histogram_of_keys(batch.column("cluster").to_numpy(), unit.level, unit.prefix)
            else:
                ids = np.frombuffer(batch.column("id").buffers()[1], np.uint8).reshape(-1, 16)
                ids = ids[batch.column("id").offset :][: batch.num_rows]
                sizes, copies = batch.column("size").to_numpy(), batch.column("copies").to_numpy()
                found += histogram(ids, sizes, copies, unit.seed, unit.epoch, unit.level, unit.prefix)
    return {"histogram": base64.b64encode(zlib.compress(found.tobytes(), 1)).decode()}


def histogram_of(report: Report) -> np.ndarray:
    """Return the histogram of a report, int64[2, BINS]: copies, sizes."""
    return np.frombuffer(zlib.decompress(base64.b64decode(report["histogram"])), np.int64).reshape(2, BINS)
