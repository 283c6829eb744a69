"""What was kept of each source, language and domain."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.report.lookup import parquet
from corpusforge.report.sampled_rows import SampledRows
from corpusforge.stages.quality.registered_domain import PublicSuffixes, split_url

MOST_SHOWN = 30
MOST_HOSTS = 200_000  # counted at a time; beyond it the rarest half is forgotten, so a domain shown may miss a few
HOST = r"(?i)^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@]*@)?(?P<host>[^/?#:]+)"
UNKNOWN = "not determined"  # a document that left before its language was found, or whose reader named none


class Tally:
    """Counts by name over batches of rows."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, names: pa.Array) -> None:
        """Count `names`."""
        for row in names.value_counts().to_pylist():
            self.counts[row["values"] or UNKNOWN] += row["counts"]
        if len(self.counts) > MOST_HOSTS:
            self.counts = Counter(dict(self.counts.most_common(MOST_HOSTS // 2)))


def hosts(urls: pa.Array) -> pa.Array:
    """Return the host of each URL, null where there is none.

    >>> hosts(pa.array(["https://jo@www.Web.org:80/x", "file.txt", None])).to_pylist()
    ['www.Web.org', None, None]
    """
    found = pc.struct_field(pc.extract_regex(urls.cast(pa.string()), HOST), "host")
    return pc.if_else(found.is_valid(), found, pa.scalar(None, pa.string()))


class Shares:
    """Reads `kept` (data/) and `rejected` once each; the tallies are filled by `read`."""

    def __init__(self, kept: SampledRows, rejected: SampledRows) -> None:
        self.rows = {"kept": kept, "rejected": rejected}
        self.language = {"kept": Tally(), "rejected": Tally()}
        self.host = {"kept": Tally(), "rejected": Tally()}
        self.scores: dict[str, list[np.ndarray]] = {}  # language_score, toxicity_score of what was kept
        self.clusters: Counter[int] = Counter()  # size of a cluster -> clusters
        self.cluster_of: dict[str, int] = {}  # cluster with a document that was kept -> its size
        self.size_of: dict[str, int] = {}  # such a document -> the size of its cluster
        self.copies: Counter[str] = Counter()  # document that stayed -> near duplicates of it that were removed
        self.personal: Counter[str] = Counter()  # pii_* -> spans in what was kept
        self.refused: dict[str, list[np.ndarray]] = {}  # reason -> the values that decided

    def read(self) -> None:
        """Go through both kinds of parts."""
        columns = ["language", "url", "language_score", "toxicity_score", "doc_id", "cluster_id", "cluster_size"]
        rows = self.rows["kept"]
        names = columns + [f"pii_{name}" for name in _personal_columns(rows)]
        for batch in rows.batches(names):
            self._count("kept", batch)
            have = set(batch.schema.names)
            for name in ("language_score", "toxicity_score"):
                if name in have:
                    values = batch.column(name).drop_null().to_numpy(zero_copy_only=False)
                    self.scores.setdefault(name, []).append(values.astype(np.float64))
            if "cluster_size" in have:
                for entry in pc.value_counts(batch.column("cluster_size").drop_null()).to_pylist():
                    self.clusters[entry["values"]] += entry["counts"]
            if {"doc_id", "cluster_id", "cluster_size"} <= have:
                mine = batch.filter(batch.column("cluster_id").is_valid())
                names_of, sizes = mine.column("cluster_id").to_pylist(), mine.column("cluster_size").to_pylist()
                self.cluster_of.update(zip(names_of, sizes, strict=True))
                self.size_of.update(zip(mine.column("doc_id").to_pylist(), sizes, strict=True))
            for name in have:
                if name.startswith("pii_") and pa.types.is_integer(batch.schema.field(name).type):
                    self.personal[name] += pc.sum(batch.column(name)).as_py() or 0
        for batch in self.rows["rejected"].batches(["language", "url", "reason", "value", "detail"]):
            self._count("rejected", batch)
            if {"reason", "value"} <= set(batch.schema.names):
                for reason in batch.column("reason").unique().to_pylist():
                    mine = pc.and_(pc.equal(batch.column("reason"), reason), batch.column("value").is_valid())
                    values = batch.column("value").filter(mine).to_numpy(zero_copy_only=False)
                    self.refused.setdefault(reason, []).append(values)

            if {"reason", "detail"} <= set(batch.schema.names):
                near = batch.filter(pc.equal(batch.column("reason"), "near_duplicate"))
                self.copies.update(near.column("detail").drop_null().to_pylist())

    def _count(self, kind: str, batch: pa.RecordBatch) -> None:
        have = batch.schema.names
        empty = pa.nulls(batch.num_rows, pa.string())
        self.language[kind].add(batch.column("language").cast(pa.string()) if "language" in have else empty)
        if "url" in have:
            self.host[kind].add(hosts(batch.column("url")))

    def take_languages(self, written: Mapping[str | None, Sequence[int]]) -> None:
        """Count what was kept by language as the run itself did: documents come first of the counts of each."""
        for name, (documents, *_) in written.items():
            self.language["kept"].counts[name or UNKNOWN] += documents

    def languages(self) -> list[dict[str, Any]]:
        """Return the languages with most documents: `name`, `kept`, `rejected`, `share` (kept of both)."""
        return self._rows(self.language["kept"].counts, self.language["rejected"].counts)

    def domains(self) -> list[dict[str, Any]]:
        """Return the registered domains with most documents, in the same form."""
        suffixes = PublicSuffixes()
        sums: dict[str, Counter[str]] = {"kept": Counter(), "rejected": Counter()}
        for kind, tally in self.host.items():
            for host, count in tally.counts.items():
                if host != UNKNOWN:
                    name, _ = split_url(f"//{host}")
                    sums[kind][_shown(suffixes.registered_domain(name))] += count
        return self._rows(sums["kept"], sums["rejected"])

    def _rows(self, kept: Mapping[str, int], rejected: Mapping[str, int]) -> list[dict[str, Any]]:
        scale = {kind: rows.scale for kind, rows in self.rows.items()}
        found = []
        for name in {**kept, **rejected}:
            stay, gone = kept.get(name, 0) * scale["kept"], rejected.get(name, 0) * scale["rejected"]
            if stay + gone:
                share = stay / (stay + gone)
                found.append({"name": name, "kept": round(stay), "rejected": round(gone), "share": share})
        return sorted(found, key=lambda row: (row["name"] == UNKNOWN, -row["kept"] - row["rejected"], row["name"]))


def _shown(domain: str) -> str:
    # An address may be a person's; what a page shows is how many there were.
    return "(an IP address)" if domain.startswith("[") or domain.rpartition(".")[2].isdigit() else domain


def _personal_columns(rows: SampledRows) -> list[str]:

    if not rows.parts:
        return []
    schema = parquet(rows.output / rows.parts[0]["path"]).schema_arrow
    return [name.removeprefix("pii_") for name in schema.names if name.startswith("pii_")]
