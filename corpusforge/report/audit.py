"""What personal data a finished corpus still holds: its shards are scanned again, and no value is ever shown."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from corpusforge.engine.storage import StoredPath, below, stored_path
from corpusforge.errors import OutputError
from corpusforge.report.lookup import parquet, read_manifest

COLUMNS = ("text", "title")
BATCH_ROWS = 1000
CONTEXT_CHARS = 40
_DIGIT = re.compile(r"\d")
_MASKED = re.compile(r"\S*@\S*")


@dataclass
class Left:
    """What is left of one type; `examples` hold doc_id, file, column and context, in which every value is masked."""

    spans: int = 0
    documents: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Audit:
    """Documents and bytes that were scanned, and what is left of each type that was looked for."""

    documents: int
    bytes: int
    of_documents: int
    left: dict[str, Left]

    @property
    def spans(self) -> int:
        """Spans of all types."""
        return sum(one.spans for one in self.left.values())


def audit(
    output: str | StoredPath,
    types: Sequence[str] = (),
    detectors: str = "pii",
    sample: float = 1.0,
    examples: int = 3,
    columns: Sequence[str] = COLUMNS,
) -> Audit:
    """Scan the finished run in `output`: its shards, and rejected/ where texts were kept.

    `types` of the detector file, by default those that privacy.pii looks for when none is named; `sample`: the share
    of documents, chosen by doc_id, so that the same ones are looked at every time. Memory: some thousand documents.
    OutputError when there is no finished run, or when its shards hold no text.
    """
    from corpusforge.stages.privacy.spans import Span, find
    from corpusforge.stages.privacy.types import default_types, make
    from corpusforge.text import segment

    folder = stored_path(output)
    manifest = read_manifest(folder)
    known = make(detectors, types or default_types(detectors))
    result = Audit(0, 0, manifest["documents"]["kept"], {name: Left() for name in known.names})
    for path in _files(folder, manifest):
        for batch in _batches(path, columns):
            batch = _sampled(batch, sample)
            result.documents += batch.num_rows
            regions = known.regions_of(batch)
            for column in [c for c in columns if c in batch.schema.names]:
                text = segment(batch.column(column).cast(pa.large_string()))
                result.bytes += int(text.offsets[-1] - text.offsets[0])
                spans: dict[int, list[Span]] = {}
                for span in find(text, known.detectors, regions):
                    spans.setdefault(span.document, []).append(span)
                for document, found in spans.items():
                    for kind in {span.kind for span in found}:
                        result.left[known.names[kind]].documents += 1
                    raw = bytes(text.data[text.offsets[document] : text.offsets[document + 1]])
                    for i, span in enumerate(found):
                        one = result.left[known.names[span.kind]]
                        one.spans += 1
                        if len(one.examples) < examples:
                            context = _context(raw, int(text.offsets[document]), found, i, known.tags)
                            place = {"file": below(path, folder), "column": column, "context": context}
                            one.examples.append({"doc_id": batch.column("doc_id")[document].as_py(), **place})
    return result


def _files(folder: StoredPath, manifest: dict[str, Any]) -> Iterator[StoredPath]:
    for part in [*manifest["shards"], *manifest.get("validation", ())]:
        yield folder / part["path"]
    if manifest["run"]["keep_rejected"] in ("text", "raw_text"):
        for part in manifest["rejected"]:
            yield folder / part["path"]


def _batches(path: StoredPath, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".parquet":
        file = parquet(path)
        wanted = [c for c in ("doc_id", "language", *columns) if c in file.schema_arrow.names]
        if not set(wanted) & set(columns):
            raise OutputError(f"{path}: holds none of the columns {', '.join(columns)}; only text can be scanned")
        yield from file.iter_batches(BATCH_ROWS, columns=wanted)
    else:
        raise OutputError(f"{path}: this format holds no text to scan; audit a run that wrote text")


def _sampled(batch: pa.RecordBatch, sample: float) -> pa.RecordBatch:
    if sample >= 1.0:
        return batch
    bound = int(sample * 2.0**64)
    chosen = [xxhash.xxh3_64_intdigest(x or "", seed=1) < bound for x in batch.column("doc_id").to_pylist()]
    return batch.filter(pa.array(np.asarray(chosen, bool)))


def _context(raw: bytes, base: int, spans: Sequence[Any], place: int, tags: Sequence[str]) -> str:
    """Return what stands around a span, with tags for it and its neighbours, and `#` for every other digit."""
    span = spans[place]
    low, high = span.start - base - CONTEXT_CHARS, span.end - base + CONTEXT_CHARS
    pieces, at = [], max(0, low)
    for other in spans:
        first, end = other.start - base, other.end - base
        if end <= at or first >= high:
            continue
        pieces += [_masked(raw[at : max(at, first)]), tags[other.kind]]
        at = end
    pieces.append(_masked(raw[at : max(at, high)]))
    return " ".join("".join(pieces).split())


def _masked(raw: bytes) -> str:
    return _DIGIT.sub("#", _MASKED.sub("@", raw.decode("utf-8", "ignore")))
