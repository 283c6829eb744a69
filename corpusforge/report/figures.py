"""Everything a report shows, as plain data: counts from the manifest, the rest from bounded samples of the parts."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import orjson

from corpusforge.engine.samples import STATED, first, masked
from corpusforge.engine.storage import StoredPath
from corpusforge.report.blocks import Stages
from corpusforge.report.distributions import Distribution, distributions
from corpusforge.report.duplicates import duplicates
from corpusforge.report.lookup import read_manifest
from corpusforge.report.losses import funnel, losses, titles
from corpusforge.report.personal import in_kept, personal
from corpusforge.report.reasons import FIELDS, decided, described
from corpusforge.report.sampled_rows import SampledRows
from corpusforge.report.shares import Shares

MOST_INPUTS = 40
WORDS = ("plain", "signal", "bound", "asked")
MOST_SAMPLES = 20  # of a stage and reason, when a run took none itself
MOST_FROM_REJECTED = 50_000  # rows of rejected/ looked at when a run took no samples


def figures(output: StoredPath) -> dict[str, Any]:
    """Return what the report of the finished run in `output` shows; OutputError when there is none.

    Counts of documents by stage, reason and source are the manifest's. What the manifest does not hold (languages,
    domains, signals, clusters) is read from at most 500,000 rows of each kind of part and scaled; `whole` says whether
    these were all.
    """
    manifest = read_manifest(output)
    stages = Stages(output, manifest)
    named = titles(stages.entries, stages.fields)
    held = manifest.get("validation")
    kept = SampledRows(output, [*manifest["shards"], *(held if isinstance(held, list) else [])])
    rejected, signals = (SampledRows(output, manifest[kind]) for kind in ("rejected", "signals"))
    shares = Shares(kept, rejected)
    shares.read()
    if not kept.read:
        shares.take_languages(written(manifest, "language"))
    found = distributions(stages, named, signals) + _scores(stages, named, shares)
    treated = personal(stages, named, shares)
    rows = _samples(output, manifest)
    known = bool(kept.read) or not manifest["documents"]["kept"]  # packed sequences and other formats name no URL
    return {
        "output": str(output),
        "manifest": manifest,
        "fields": stages.fields,
        "titles": named,
        "losses": [
            {**loss, **described(stages, loss["place"], loss["reason"])} for loss in losses(stages.entries, named)
        ],
        "boxes": funnel(stages.entries),
        "sources": _sources(manifest),
        "languages": shares.languages() if known or written(manifest, "language") else [],
        "domains": shares.domains() if known else [],
        "distributions": found,
        "duplicates": duplicates(stages, shares),
        "personal": treated,
        "personal_kept": in_kept(treated, shares),
        "samples": _by_reason(rows, stages, named),
        "samples_taken": bool(rows),
        "whole": {"kept": kept.whole, "rejected": rejected.whole, "signals": signals.whole},
        "read": {"kept": kept.read, "rejected": rejected.read, "signals": signals.read},
        "recipe": _recipe(output),
        "inputs": _inputs(manifest),
    }


def _scores(stages: Stages, named: list[str], shares: Shares) -> list[Distribution]:
    # A score that is a column: the values of what was kept, and of what the score rejected.
    found = []
    for place, (stage, fields) in enumerate(zip(stages.entries, stages.fields, strict=True)):
        for reason, (column, field) in FIELDS.items():
            bound = fields.get(field)
            if column in shares.scores and reason in stage["rejected"] and isinstance(bound, int | float):
                low, high = (bound, None) if field.startswith("min") else (None, bound)
                count = stage["rejected"][reason]
                one = Distribution({place: named[place]}, column, low, high, count if low else 0, count if high else 0)
                one.values = [*shares.scores[column], *shares.refused.get(reason, [])]
                found.append(one)
    return found


def written(manifest: Mapping[str, Any], group: str) -> dict[str | None, list[int]]:
    """Return documents, bytes and tokens written to data/ and validation/ by the values of a group, as counted then.

    That is known whatever the format of the output; empty in runs of earlier versions.
    """
    found: dict[str | None, list[int]] = {}
    for part in (manifest["written"], manifest["written"].get("validation", {})):
        for value, *counts in part.get("tally", {}).get(group, ()):
            found[value] = [a + b for a, b in zip(found.get(value, [0, 0, 0]), counts, strict=True)]
    return found


def _sources(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    tallied = written(manifest, "source")
    return [
        {
            "name": name,
            **counts,
            "share": counts["kept"] / counts["read"] if counts["read"] else 0.0,
            "tokens": tallied.get(name, [0, 0, 0])[2],
        }
        for name, counts in manifest["sources"].items()
    ]


def _samples(output: StoredPath, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the samples that the run took, or, of a run without, rows of rejected/, masked alike."""
    path = output / "report.json"
    if path.is_file() and (taken := orjson.loads(path.read_bytes()).get("samples")):
        return list(taken)
    import pyarrow as pa
    import pyarrow.compute as pc

    held: pa.Table | None = None
    for batch in SampledRows(output, manifest["rejected"], MOST_FROM_REJECTED).batches([*STATED, "text"]):
        group = pc.binary_join_element_wise(batch.column("stage"), batch.column("reason"), "\0")
        key = pc.utf8_slice_codeunits(batch.column("doc_id"), 16, 32)
        new = pa.Table.from_batches([batch]).append_column("_group", [group]).append_column("_key", [key])
        joined = pa.concat_tables([held, new], promote_options="default") if held is not None else new
        held = first(joined, MOST_SAMPLES)
    return masked(held.drop_columns(["_group", "_key"]).to_pylist()) if held is not None else []


def _by_reason(rows: list[dict[str, Any]], stages: Stages, named: list[str]) -> list[dict[str, Any]]:
    ordered = sorted(rows, key=lambda row: (row["stage"], row["reason"]))
    groups = []
    for (name, reason), mine in groupby(ordered, key=lambda row: (row["stage"], row["reason"])):
        able = [i for i, s in enumerate(stages.entries) if s["name"] == name and reason in s["rejected"]]
        words = [described(stages, i, reason) for i in able]
        joined = {name: " or ".join(dict.fromkeys(w[name] for w in words if w[name])) for name in WORDS}
        groups.append(
            {
                "stage": ", ".join(named[i] for i in able) or name,
                "reason": reason,
                "documents": sum(stages.entries[i]["rejected"][reason] for i in able),
                **joined,
                "rows": [{**row, "decided": _decided(row, joined["signal"])} for row in mine],
            }
        )
    return sorted(groups, key=lambda group: (-group["documents"], group["stage"], group["reason"]))


def _decided(row: Mapping[str, Any], signal: str) -> str:
    return "" if row["value"] is None else decided(row, signal)


def _recipe(output: StoredPath) -> str:
    path = output / "recipe.yaml"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _inputs(manifest: Mapping[str, Any]) -> dict[str, Any]:
    by_source: dict[str, dict[str, int]] = {}
    for entry in manifest["inputs"]:
        mine = by_source.setdefault(entry["source"], {"files": 0, "bytes": 0})
        mine["files"] += 1
        mine["bytes"] += entry["size"]
    largest = sorted(manifest["inputs"], key=lambda entry: (-entry["size"], entry["path"]))[:MOST_INPUTS]
    shown = [{name: entry[name] for name in ("source", "path", "size")} for entry in largest]
    return {"sources": by_source, "largest": shown, "files": len(manifest["inputs"])}
