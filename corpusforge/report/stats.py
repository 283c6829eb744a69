"""What a corpus consists of: documents, bytes and tokens by source, language, license and domain, and lengths."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.storage import StoredPath, stored_path
from corpusforge.engine.tally import GROUPS, tokens
from corpusforge.errors import OutputError, RunError
from corpusforge.report.lookup import parquet, read_manifest

MOST_DOMAINS = 1_000_000  # counted at a time, about 200 MB
HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]]*\]|[^/:?#]+)"
COUNTED = ("documents", "bytes", "tokens")
PACKED = ("sequences", "tokens", "padding_tokens", "dropped_tokens", "cut_documents", "utilisation")


def stats(output: str | StoredPath, *, validation: bool = False, domains: int = 20) -> dict[str, Any]:
    """Return what the finished run in `output` wrote, to data/ or to validation/.

    `documents`, `bytes` of text and `tokens` are those written, copies counted as often as they are. `source`,
    `language` and `license` list them by value, most tokens first, and `lengths` by powers of two; they were counted
    while the run wrote, so they are there for every format. `domains` are the first ones by documents; they are
    counted here, from the `url` column of Parquet shards alone, row group by row group. `notes` say what is missing.
    Raises OutputError when there is no finished run, RunError when a shard cannot be read.
    """
    folder = stored_path(output)
    manifest = read_manifest(folder)
    kind = "validation" if validation else "shards"
    written = manifest["written"].get("validation") if validation else manifest["written"]
    if written is None:
        raise OutputError(f"{folder} holds nothing out: its recipe has no layout.validation")
    if "tally" not in written:
        raise OutputError(f"{folder} was written by a version that did not count; run its recipe again with --replace")
    tally = written["tally"]
    found: dict[str, Any] = {
        "output": str(folder),
        "of": "validation" if validation else "data",
        "writer": manifest.get("writer", "write.parquet"),
        "documents": sum(row[1] for row in tally["source"]) + tally.get("other_source", [0])[0],
        "bytes": sum(row[2] for row in tally["source"]) + tally.get("other_source", [0, 0])[1],
        "tokens": sum(row[3] for row in tally["source"]) + tally.get("other_source", [0, 0, 0])[2],
    }
    if written.get("sequences"):
        found["packed"] = {name: written[name] for name in PACKED}
    for group in GROUPS:
        found[group] = [dict(zip(("value", *COUNTED), row, strict=True)) for row in tally[group]]
        if others := tally.get(f"other_{group}"):
            found[group].append({"value": "others", **dict(zip(COUNTED, others, strict=True))})
    found["lengths"] = {unit: list(_lengths(unit, counted)) for unit, counted in tally["lengths"].items()}
    return found | _domains(folder, manifest[kind], domains)


def _lengths(unit: str, counted: Sequence[Sequence[int]]) -> Iterator[dict[str, int]]:
    """Yield the bins between the first and the last that hold something."""
    used = np.flatnonzero(np.array(counted[0]))
    for number in range(used[0], used[-1] + 1) if len(used) else ():
        low, high = (2 ** (number - 1), 2**number - 1) if number else (0, 0)
        yield {"min": low, "max": high, "documents": counted[0][number], unit: counted[1][number]}


# ---- domains


def _domains(folder: StoredPath, parts: Sequence[Mapping[str, Any]], most: int) -> dict[str, Any]:
    if not most:
        return {"domains": [], "notes": []}
    counts = DomainCounts()
    for part in parts:
        path = folder / part["path"]
        if path.suffix != ".parquet" or "sequences" in part:
            held = "sequences" if "sequences" in part else "token ids"
            return {"domains": [], "notes": [f"domains are not known: {part['path']} holds {held} without a url"]}
        try:
            for batch in _urls(path):
                counts.add(batch)
        except (OSError, pa.ArrowException) as error:
            said = str(error).splitlines()[0]
            raise RunError(f"{path} cannot be read ({said}); see corpusforge verify {folder}") from error
    ranked = sorted(counts.domains.items(), key=lambda entry: (-entry[1][0], entry[0] is None, entry[0] or ""))
    found = [{"value": name, "documents": n, "tokens": size} for name, (n, size) in ranked[:most]]
    notes = []
    if counts.dropped:
        notes.append(
            f"more than {2 * MOST_DOMAINS:,} domains: of each up to {counts.dropped:,} documents are not counted"
        )
    return {"domains": found, "domains_in_all": len(counts.domains), "notes": notes}


def _urls(path: StoredPath) -> Iterator[pa.RecordBatch]:
    file = parquet(path)
    columns = [name for name in ("url", "token_count") if name in file.schema_arrow.names]
    if "url" in columns:
        yield from file.iter_batches(batch_size=1 << 16, columns=columns)


class DomainCounts:
    """Documents and tokens by registered domain (of an address without one, by host); null without a URL.

    Counts of at most 2 x MOST_DOMAINS are held. When there are more, the smaller half is dropped, and `dropped` grows
    by the largest of them: no count that is left is further below the truth.
    """

    def __init__(self) -> None:
        self.domains: dict[str | None, list[int]] = {}
        self.dropped = 0
        self._of_host: dict[str | None, str | None] = {None: None}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a batch with `url` and perhaps `token_count`."""
        hosts = pc.struct_field(pc.extract_regex(batch.column("url"), HOST), "host")
        coded = pc.dictionary_encode(pc.ascii_lower(hosts), null_encoding="encode")
        codes, values = coded.indices.to_numpy(), coded.dictionary.to_pylist()
        sizes = tokens(batch)
        rows = np.bincount(codes, minlength=len(values))
        sums = np.bincount(codes, sizes, len(values)) if sizes is not None else np.zeros(len(values))
        for host, number, size in zip(values, rows.tolist(), sums.tolist(), strict=True):
            entry = self.domains.setdefault(self._domain(host), [0, 0])
            entry[0] += number
            entry[1] += int(size)
        if len(self.domains) > 2 * MOST_DOMAINS:
            ranked = sorted(self.domains.items(), key=lambda one: (-one[1][0], one[0] is None, one[0] or ""))
            self.dropped += ranked[MOST_DOMAINS][1][0]
            self.domains = dict(ranked[:MOST_DOMAINS])

    def _domain(self, host: str | None) -> str | None:
        if host is not None and host not in self._of_host:
            from tld import get_fld

            if len(self._of_host) > MOST_DOMAINS:
                self._of_host = {None: None}
            found = get_fld(host, fix_protocol=True, fail_silently=True)
            self._of_host[host] = found if isinstance(found, str) else host
        return self._of_host[host]
