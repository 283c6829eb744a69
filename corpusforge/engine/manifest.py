"""The manifest: every figure of a run, made from what its units reported."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from corpusforge.engine.accounts import Accounts
from corpusforge.engine.bundle_state import BundleState
from corpusforge.engine.driver import Results
from corpusforge.engine.identity import FORMAT, stage_identity, versions
from corpusforge.engine.part_files import files_of
from corpusforge.engine.plan import Plan
from corpusforge.engine.storage import digest
from corpusforge.engine.verify import KINDS, accounted, in_parts
from corpusforge.errors import AccountingError
from corpusforge.pipeline import Pipeline
from corpusforge.registry import name_of
from corpusforge.stages.write.packing import Pack


def pipeline_fingerprint(pipeline: Pipeline) -> str:
    """Return what a recipe is, apart from places, workers and logging: equal fingerprints, equal bytes."""
    return digest(FORMAT, pipeline_parts(pipeline))


def pipeline_parts(pipeline: Pipeline) -> dict[str, Any]:
    """Return what the fingerprint covers, by name, so that two recipes can be compared for people."""
    parts: dict[str, Any] = {}
    for source in pipeline.sources:
        parts[f"source {source.name}"] = [source.reader_name, stage_identity(source.reader)]
        for number, step in enumerate(source.steps):
            parts[f"stage {source.name}/{number} {step.name}"] = stage_identity(step.stage)
    for number, step in enumerate(pipeline.steps):
        parts[f"stage {number} {step.name}"] = [stage_identity(step.stage), step.only, step.except_]
    writer = pipeline.writer
    parts["write"] = [name_of(type(writer)), writer.version, writer.model_dump(mode="json", exclude={"path"})]
    parts["layout"] = pipeline.layout.model_dump(mode="json")
    parts["run"] = pipeline.options.model_dump(
        mode="json", include={"max_document_bytes", "split_bytes", "signals", "limit", "sample", "keep_rejected"}
    )
    return parts


def make(plan: Plan, results: Results, workers: int, wall_seconds: float, cpu_seconds: float) -> dict[str, Any]:
    """Return the manifest; AccountingError when the run's totals do not add up."""
    documents, skipped = results.accounts.total(results.accounts.documents), _skipped(results.accounts)
    if documents["kept"] != sum(state.documents for state in results.states):
        raise AccountingError(f"{documents['kept']} documents were counted as kept, which is not what the splits hold")
    parts = results.written.parts
    written = _written(plan, results)
    if documents["read"] != documents["kept"] + documents["rejected"] + documents["quarantined"]:
        raise AccountingError(f"the run does not add up: {documents}")
    if in_parts(parts["data"], written) != written["copies"] or not accounted(documents["kept"], written):
        raise AccountingError(f"{documents['kept']} documents were kept; {written} were written")
    if sum(p["documents"] for p in parts["quarantine"]) != documents["quarantined"]:
        raise AccountingError(f"{documents['quarantined']} documents were quarantined, not as many rows written")
    stages = _stages(plan, results)
    guarded = sorted(results.accounts.guarded, key=lambda one: (one["source"], one["origin"], one["stage"]))
    return {
        "corpusforge": versions()["corpusforge"],
        "recipe": pipeline_fingerprint(plan.pipeline),
        "recipe_parts": pipeline_parts(plan.pipeline),
        "content_checksum": content_checksum(parts, documents, stages),
        "deterministic": not guarded,
        "guarded": guarded,
        "writer": name_of(type(plan.pipeline.writer)),
        "documents": documents,
        "skipped": skipped,
        "written": written,
        "sources": {name: dict(counts) for name, counts in results.accounts.documents.items()},
        "stages": stages,
        "inputs": _inputs(plan, results.states),
        "shards": parts["data"],
        **{kind: parts[kind] for kind in KINDS[1:]},
        "versions": versions(),
        "run": {
            "workers": workers,
            "wall_seconds": round(wall_seconds, 2),
            "cpu_seconds": round(cpu_seconds, 2),
            "peak_memory_bytes": int(results.counters["peak_bytes"]),
            "units": int(results.counters["units"]),
            "units_run": int(results.counters["units_run"]),
            "retries": int(results.counters["retries"]),
            "keep_rejected": plan.pipeline.options.keep_rejected,
        },
    }


def _written(plan: Plan, results: Results) -> dict[str, Any]:
    parts, sources, packed = results.written.parts, results.written.sources, results.written.packed
    pack = plan.pipeline.layout.pack
    train = _sums(parts["data"], pack, packed.get("data"))
    copies = train.pop("documents")
    written: dict[str, Any] = {"documents": copies, "copies": copies, "sequences": 0, **train}
    if sources:
        for name in ("documents", "copies", "left_out"):
            written[name] = sum(found[name] for found in sources.values())
        written["sources"] = sources
    if plan.pipeline.layout.validation is not None:
        held = results.written.tallies["validation"].report()
        written["validation"] = {**_sums(parts["validation"], pack, packed.get("validation")), "tally": held}
    return written | {"tally": results.written.tallies["data"].report()}


def _sums(parts: list[dict[str, Any]], pack: Pack | None, packed: Counter[str] | None) -> dict[str, Any]:
    """Return what all parts hold; of shuffled sequences, whose parts hold pieces of documents, what packing counted."""
    counted: tuple[str, ...] = ("documents", "tokens")
    if pack is not None:
        counted += ("sequences", "padding_tokens", "dropped_tokens", "cut_documents")
    found: dict[str, Any] = {name: sum(p.get(name, 0) for p in parts) for name in counted}
    if packed is not None:
        for name in ("tokens", "sequences", "padding_tokens"):
            if found[name] != packed[name]:
                raise AccountingError(f"{packed[name]} {name} were packed, {found[name]} were written")
        begun = found["documents"]
        found |= {name: packed[name] for name in counted}
        found["documents_in_no_sequence"] = found["documents"] - begun
    if pack is not None:
        slots = found["sequences"] * pack.length_tokens
        found["utilisation"] = round(found["tokens"] / slots, 6) if slots else 1.0
    return found


def content_checksum(parts: dict[str, list[dict[str, Any]]], documents: Any, stages: list[dict[str, Any]]) -> str:
    """Return XXH3-128 over the sorted part paths and checksums, and the counts: equal content, equal value."""
    files = sorted((f["path"], f["checksum"]) for kind in KINDS for f in files_of(parts[kind]))
    counts = [[s["name"], s["source"], s["read"], s["kept"], s["rejected"], s["quarantined"]] for s in stages]
    return digest(files, documents, counts)


def _skipped(accounts: Accounts) -> dict[str, int]:
    skipped: dict[str, int] = {}
    for read in accounts.reading.values():
        for kind, count in read["skipped"].items():
            skipped[kind] = skipped.get(kind, 0) + count
    return dict(sorted(skipped.items()))


def _stages(plan: Plan, results: Results) -> list[dict[str, Any]]:
    accounts = results.accounts
    stages = [_reading(plan, source.name, accounts) for source in plan.pipeline.sources]
    empty = {"read": 0, "kept": 0, "quarantined": 0, "bytes": 0, "seconds": 0.0}
    entries: dict[int, dict[str, Any]] = {
        s.index: {"name": s.step.name, "source": s.source, **empty, "rejected": {}, "counts": {}, "sources": {}}
        for s in plan.steps
    }
    for step in plan.steps:
        entry = entries[step.index]
        entry["counts"] = dict.fromkeys(step.step.stage.columns_counted(), 0)
        for source in accounts.documents:
            if (step.index, source) not in accounts.steps:
                continue
            counts = accounts.steps[step.index, source]
            entry["sources"][source] = {name: counts[name] for name in ("read", "kept", "bytes")}
            for name in empty:
                entry[name] += counts[name]
            for into in ("rejected", "counts"):
                for name, count in counts[into].items():
                    entry[into][name] = entry[into].get(name, 0) + count
    for index, entry in entries.items():
        entry["seconds"] += results.pass_seconds.get(index, 0.0)
        entry["seconds"] = round(entry["seconds"], 3)
        entry["rejected"] = dict(sorted(entry["rejected"].items()))
    return stages + [entries[index] for index in sorted(entries)]


def _reading(plan: Plan, source: str, accounts: Accounts) -> dict[str, Any]:
    name = next(s.reader_name for s in plan.pipeline.sources if s.name == source)
    counts = accounts.reading[source]
    kept = counts["read"] - counts["unreadable"]
    return {
        "name": name,
        "source": source,
        "read": counts["read"],
        "kept": kept,
        "rejected": {},
        "counts": {},
        "quarantined": counts["unreadable"],
        "bytes": counts["bytes"],
        "seconds": round(counts["seconds"], 3),
        "sources": {source: {"read": counts["read"], "kept": kept, "bytes": counts["bytes"]}},
    }


def _inputs(plan: Plan, states: Iterable[BundleState]) -> list[dict[str, Any]]:
    """Return each input with its splits: start and length as planned, and checksum of which stored bytes."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for state in states:
        for split, (first, length, checksum) in zip(state.bundle.splits, state.read(), strict=False):
            entry: dict[str, Any] = {"start": split.start, "length": split.length, "checksum": checksum}
            if (first, length) != (split.start, split.length):
                entry["bytes"] = [first, length]
            found.setdefault((split.source, split.relative), []).append(entry)
    return [
        {
            "source": f.source,
            "path": f.relative,
            "size": f.size,
            "stamp": f.stamp,
            "splits": found.get((f.source, f.relative), []),
        }
        for f in plan.inputs
    ]
