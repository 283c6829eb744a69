"""The manifest: every figure of a run, made from what its units reported."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from corpusforge.engine.driver import Results
from corpusforge.engine.identity import FORMAT, stage_identity, versions
from corpusforge.engine.part_files import files_of
from corpusforge.engine.plan import Plan
from corpusforge.engine.segments import SplitState
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
    documents, skipped = _totals(results.states)
    parts = results.written.parts
    written = _written(plan, results)
    if documents["read"] != documents["kept"] + documents["rejected"] + documents["quarantined"]:
        raise AccountingError(f"the run does not add up: {documents}")
    if in_parts(parts["data"], written) != written["copies"] or not accounted(documents["kept"], written):
        raise AccountingError(f"{documents['kept']} documents were kept; {written} were written")
    if sum(p["documents"] for p in parts["quarantine"]) != documents["quarantined"]:
        raise AccountingError(f"{documents['quarantined']} documents were quarantined, not as many rows written")
    stages = _stages(plan, results)
    # Documents that a limit of time or memory, or a crash, put into quarantine: elsewhere they may pass.
    guarded = [found for state in results.states for _, _, report in state.left for found in report.get("guarded", [])]
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
        "sources": _sources(plan, results.states),
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


def _totals(states: Iterable[SplitState]) -> tuple[dict[str, int], dict[str, int]]:
    documents = {"read": 0, "kept": 0, "rejected": 0, "quarantined": 0}
    skipped: dict[str, int] = {}
    for state in states:
        for number, (_, report) in enumerate(state.reports):
            counts = report["counts"]
            if number == 0:
                documents["read"] += counts["read"]
                for kind, count in counts["skipped"].items():
                    skipped[kind] = skipped.get(kind, 0) + count
            documents["rejected"] += counts["rejected"]
            documents["quarantined"] += counts["quarantined"]
        documents["kept"] += state.rows.rows if state.rows is not None else 0
    return documents, dict(sorted(skipped.items()))


def _stages(plan: Plan, results: Results) -> list[dict[str, Any]]:
    states = results.states
    stages = [_reading(plan, source.name, states) for source in plan.pipeline.sources]
    empty = {"read": 0, "kept": 0, "quarantined": 0, "bytes": 0, "seconds": 0.0}
    entries: dict[int, dict[str, Any]] = {
        s.index: {"name": s.step.name, "source": s.source, **empty, "rejected": {}, "counts": {}, "sources": {}}
        for s in plan.steps
    }
    for step in plan.steps:
        entries[step.index]["counts"] = dict.fromkeys(step.step.stage.columns_counted(), 0)
    for state in states:
        for steps, report in state.reports:
            for step, counts in zip(steps, report["counts"]["steps"], strict=True):
                entry = entries[step.index]
                mine = entry["sources"].setdefault(state.split.source, {"read": 0, "kept": 0, "bytes": 0})
                for name in mine:
                    mine[name] += counts[name]
                for name in empty:
                    entry[name] += counts[name]
                for reason, count in counts["rejected"].items():
                    entry["rejected"][reason] = entry["rejected"].get(reason, 0) + count
                for column, count in counts.get("counts", {}).items():
                    entry["counts"][column] += count
    for index, entry in entries.items():
        entry["seconds"] += results.pass_seconds.get(index, 0.0)
        entry["seconds"] = round(entry["seconds"], 3)
        entry["rejected"] = dict(sorted(entry["rejected"].items()))
    return stages + [entries[index] for index in sorted(entries)]


def _reading(plan: Plan, source: str, states: list[SplitState]) -> dict[str, Any]:
    reports = [s.reports[0][1]["counts"] for s in states if s.split.source == source and s.reports]
    name = next(s.reader_name for s in plan.pipeline.sources if s.name == source)
    unreadable = sum(c["unreadable"] for c in reports)
    read = sum(c["read"] for c in reports)
    size = sum(c["bytes"] for c in reports)
    return {
        "name": name,
        "source": source,
        "read": read,
        "kept": read - unreadable,
        "rejected": {},
        "counts": {},
        "quarantined": unreadable,
        "bytes": size,
        "seconds": round(sum(c["seconds"] for c in reports), 3),
        "sources": {source: {"read": read, "kept": read - unreadable, "bytes": size}},
    }


def _sources(plan: Plan, states: list[SplitState]) -> dict[str, dict[str, int]]:
    found = {}
    for source in plan.pipeline.sources:
        documents, _ = _totals(s for s in states if s.split.source == source.name)
        found[source.name] = documents
    return found


def _inputs(plan: Plan, states: list[SplitState]) -> list[dict[str, Any]]:
    checksums: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for state in states:
        if state.reports:
            checksums.setdefault((state.split.source, state.split.relative), []).append(
                {
                    "start": state.split.start,
                    "length": state.split.length,
                    "checksum": state.reports[0][1].get("input_checksum", ""),
                }
            )
    return [
        {
            "source": f.source,
            "path": f.relative,
            "size": f.size,
            "stamp": [f.size, f.modified_ns, f.folder_checksum],
            "splits": checksums.get((f.source, f.relative), []),
        }
        for f in plan.inputs
    ]
