"""The document: its columns, their Arrow types and units, and its id to the byte.

One document is one Arrow row. Readers fill the core columns; stages add columns of their own;
inside a run the three columns of `REJECTION` say why a document leaves.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

CORE = pa.schema(
    [
        pa.field("doc_id", pa.string()),  # 32 hex digits, see doc_id()
        pa.field("text", pa.large_string()),  # UTF-8
        pa.field("source", pa.string()),  # the recipe's name of the source
        pa.field("origin", pa.string()),  # relative path # position, see DOCUMENT ORIGIN in source.py
        pa.field("url", pa.string()),
        pa.field("title", pa.string()),
        pa.field("date", pa.string()),  # ISO 8601
        pa.field("language", pa.string()),  # ISO 639
        pa.field("license", pa.string()),  # SPDX expression where it is one
        pa.field("path", pa.string()),  # inside an archive or repository
        pa.field("metadata", pa.string()),  # JSON object: everything else the reader found
    ]
)

REJECTION = pa.schema(
    [
        pa.field("rejected", pa.string()),  # the reason; null: kept
        pa.field("rejected_value", pa.float64()),  # the number that decided
        pa.field("rejected_detail", pa.string()),  # kept text's doc_id, eval item, matched host
    ]
)

SIGNAL_PREFIX = "signal."  # columns of measured signals; they leave a run through signals/
FIRED = "signal.fired"  # list<string>: every rule that fires, not only the first

REJECTED_FILE = pa.schema(
    [
        pa.field("doc_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("url", pa.string()),
        pa.field("language", pa.string()),  # null when no stage had found it yet
        pa.field("stage", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("detail", pa.string()),
    ]
)

QUARANTINE_FILE = pa.schema(
    [
        pa.field("doc_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("stage", pa.string()),
        pa.field("error", pa.string()),
        pa.field("bytes", pa.int64()),
    ]
)

DICTIONARY_COLUMNS = ("source", "language", "license")  # the only Parquet columns worth a dictionary
WITHOUT_STATISTICS = ("text", "input_ids")


def doc_id(source: str, origin: str) -> str:
    """Return the id of a document: XXH3-128 over `source`, a NUL byte and `origin`, as 32 hex digits.

    It depends on neither the machine's paths nor the way inputs are split.

    >>> doc_id("web", "a.warc.gz#0")
    '022c74977390c82c07c85fcbe2f98719'
    """
    return xxhash.xxh3_128_hexdigest(f"{source}\0{origin}".encode("utf-8", "surrogatepass"))


def doc_ids(source: str, origins: pa.Array | Sequence[str]) -> pa.Array:
    """Return the ids of many documents of one source, a string array.

    >>> doc_ids("web", ["a.warc.gz#0"]).to_pylist() == [doc_id("web", "a.warc.gz#0")]
    True
    """
    if not isinstance(origins, pa.Array):
        origins = pa.array(origins, pa.string())
    hashed = pc.binary_join_element_wise(source.encode(), origins.cast(pa.binary()), b"\0").to_pylist()
    digits = b"".join(map(xxhash.xxh3_128_digest, hashed)).hex().encode()
    ends = np.arange(len(origins) + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(len(origins), pa.py_buffer(ends), pa.py_buffer(digits))
