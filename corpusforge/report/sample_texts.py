"""Where sampled documents are now, and the beginning of their texts with personal data masked."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.samples import withheld
from corpusforge.engine.storage import StoredPath
from corpusforge.report.lookup import parquet
from corpusforge.schema import CORE
from corpusforge.stage import Kernel

SNIPPET_CHARS = 200
READ_CHARS = 4000  # masked with what stands around the snippet, so that nothing is cut in half
SHOWN = ("doc_id", "source", "origin", "url", "language", "text", "stage", "reason")


def locate(output: StoredPath, manifest: dict[str, Any], doc_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return for each document found its url, origin, and `now`: kept, or the stage and reason that rejected it.

    `text` is there where the output holds it: its first 200 characters, masked; never of rejects that are withheld.
    Reads the doc_ids of data/ and rejected/ once, and nothing else of row groups without a hit.
    """
    wanted = pa.array(sorted(set(doc_ids)), pa.string())
    found: dict[str, dict[str, Any]] = {}
    for kind in ("shards", "validation", "rejected"):
        for part in manifest.get(kind, ()):
            if len(found) == len(wanted):
                return found
            path = output / part["path"]
            if not path.is_file() or path.suffix != ".parquet":  # another writer's: no place to look
                continue
            file = parquet(path)
            if "doc_id" not in file.schema_arrow.names:  # packed sequences
                continue
            names = [name for name in SHOWN if name in file.schema_arrow.names]
            for group in range(file.metadata.num_row_groups):
                hit = pc.is_in(file.read_row_group(group, columns=["doc_id"]).column(0), wanted)
                if pc.any(hit).as_py():
                    for row in file.read_row_group(group, columns=names).filter(hit).to_pylist():
                        found[row["doc_id"]] = _shown(row)
    return found


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    now = "kept" if row.get("stage") is None else f"rejected by {row['stage']}: {row['reason']}"
    shown = {name: row[name] for name in ("source", "origin", "url") if row.get(name) is not None}
    if row.get("text") and not withheld(row.get("stage"), row.get("reason")):
        shown["text"] = masked(row["text"][:READ_CHARS], row["doc_id"], row.get("language"))[:SNIPPET_CHARS]
    return {**shown, "now": now}


def masked(text: str, doc_id: str = "", language: str | None = None) -> str:
    """Return a text with every type of personal data as its tag.

    >>> masked("Write to jane@web.org.")
    'Write to <EMAIL>.'
    """
    row = {"doc_id": doc_id, "text": text, "language": language}
    batch = pa.RecordBatch.from_arrays(
        [pa.array([row.get(f.name)], f.type) for f in CORE if f.name in row],
        schema=pa.schema([f for f in CORE if f.name in row]),
    )
    batch = batch.append_column("rejected", pa.nulls(1, pa.string()))
    return str(_kernel()(batch).column("text")[0].as_py())


@cache
def _kernel() -> Kernel:
    from corpusforge.stages.privacy.pii import Pii

    return Pii().open()
