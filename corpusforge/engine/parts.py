"""Parts: what a run leaves, planned from block sizes and written one task a part."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from corpusforge.engine.arrangement import Arrangement, Rows, held_identity, in_order, sorted_runs
from corpusforge.engine.bundle_state import BundleState, PackedFiles
from corpusforge.engine.identity import FORMAT, stage_identity
from corpusforge.engine.layout import Pieces, cut_parts, part_name
from corpusforge.engine.plan import Plan
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.shuffling import KEY_BYTES
from corpusforge.engine.storage import digest
from corpusforge.engine.tally import Tally
from corpusforge.engine.units import (
    PartUnit,
    RowRange,
    SequencesUnit,
    run_file,
)
from corpusforge.stages.write.packing import BEGUN, Pack, packed_schema

PART_BYTES = 1 << 62  # parts are large: each is sent by itself

Entries = dict[str, list[dict[str, Any]]]  # kind -> the manifest's entries of its parts


@dataclass
class Written:
    """The parts of a run, what the layout did to each source, and, of shuffled sequences, what packing counted."""

    parts: Entries
    sources: dict[str, dict[str, Any]]
    packed: dict[str, Counter[str]]  # data and validation; empty unless sequences are shuffled
    tallies: dict[str, Tally]  # data and validation


class Parts:
    """Writes the parts of one run."""

    def __init__(self, plan: Plan, scheduler: Scheduler) -> None:
        self.plan = plan
        self.layout = plan.pipeline.layout
        self.scheduler = scheduler

    def run(self, states: list[BundleState]) -> Written:
        """Lay out and write the documents that were kept, and the records of the others."""
        self.scheduler.progress.segment("write", 0)
        rows, sources = Arrangement(self.plan.pipeline, self.scheduler).run(_documents(self.plan, states))
        packed: dict[str, Counter[str]] = {}
        tallies = {kind: Tally() for kind in ("data", "validation")}
        if self.layout.pack is not None and self.layout.pack.shuffle:
            rows, packed = self._sequences(rows, self.layout.pack, tallies)
        records = _records(states)
        rows |= {kind: in_order(files) for kind, files in records.items()}
        units = (unit for folder, mine in rows.items() for unit in self._units(folder, mine))
        parts: Entries = {kind: [] for kind in ("data", "validation", *records)}
        for report in self.scheduler.reports(units, PART_BYTES):
            parts[_kind(report["name"])].append(report["part"])
            if report["tally"] is not None:
                tallies[_kind(report["name"])].merge(report["tally"])
        return Written(parts, sources, packed, tallies)

    # ---- sequences

    def _sequences(
        self, rows: Mapping[str, Rows], pack: Pack, tallies: Mapping[str, Tally]
    ) -> tuple[dict[str, Rows], dict[str, Counter[str]]]:
        """Return the sequences of each folder, and what packing counted of data and of validation."""
        units = {
            folder: [
                SequencesUnit(
                    fingerprint=digest(FORMAT, "sequences", part.fingerprint, str(self.layout.seed)),
                    name=f"sequences {part.name}",
                    folder="",
                    part=part,
                    seed=self.layout.seed,
                )
                for part in self._units(folder, mine)
            ]
            for folder, mine in rows.items()
        }
        reports = iter(self.scheduler.reports([unit for mine in units.values() for unit in mine]))
        packed = {kind: Counter[str]() for kind in ("data", "validation")}
        found: dict[str, Rows] = {}
        for folder, mine in units.items():
            runs = []
            for report in (next(reports) for _ in mine):
                packed[_kind(folder)].update(report["packed"])
                tallies[_kind(folder)].merge(report["tally"])
                if (run := run_file(report["run"])) is not None:
                    runs.append(run)
            schema = packed_schema(rows[folder].schema, pack).append(pa.field(BEGUN, pa.int64()))
            found[folder] = replace(sorted_runs(runs, KEY_BYTES + 8, schema), packed=True)
        return found, packed

    # ---- parts

    def _units(self, folder: str, rows: Rows) -> Iterator[PartUnit]:
        """Yield the units of the parts, one by one: each names what it is made of."""
        shard_bytes = int(self.plan.pipeline.writer.shard_bytes)
        if rows.runs:
            parts = max(1, -(-rows.runs_bytes // shard_bytes))
            yield from (self._part_unit(folder, n, rows, runs=rows.runs, parts=parts) for n in range(parts))
        elif rows.stretches:
            for n, part in enumerate(cut_parts(rows.stretches, shard_bytes)):
                ranges = tuple(one.cut(first, count).range for one, first, count in part)
                yield self._part_unit(folder, n, rows, runs=ranges)
        else:
            for n, pieces in enumerate(cut_parts(rows.files, shard_bytes)):
                yield self._part_unit(folder, n, rows, pieces=pieces)

    def _part_unit(
        self,
        folder: str,
        number: int,
        rows: Rows,
        pieces: Pieces = (),
        runs: tuple[RowRange, ...] = (),
        parts: int = 0,
    ) -> PartUnit:
        """Return the unit of a part; `parts` is the number of them all where rows are shuffled, else 0."""
        writer, pack = self.plan.pipeline.writer, self.layout.pack
        if _kind(folder) not in ("data", "validation"):
            writer, pack = writer.records(), None
        name = part_name(folder, number)
        serialized = rows.schema.serialize().to_pybytes()
        # Of shuffled rows every part names all runs, so what they are is worked out once.
        named = rows.identity if parts else digest([[r.checksum, start, n] for r, start, n in runs])
        what = [[f.checksum, first, n] for f, first, n in pieces], named
        return PartUnit(
            fingerprint=digest(
                FORMAT,
                "part",
                stage_identity(writer),
                pack.model_dump(mode="json") if pack else None,
                name,
                what,
                held_identity(rows.held),
                number,
                parts,
                serialized.hex(),
                rows.packed,
            ),
            name=name,
            folder=str(self.scheduler.staging),
            pieces=pieces,
            runs=runs,
            shuffled=parts > 0,
            part=number,
            parts=parts,
            schema=serialized,
            writer=writer,
            pack=None if rows.packed else pack,
            held=rows.held,
            packed=rows.packed,
        )


def _documents(plan: Plan, states: Sequence[BundleState]) -> dict[str, Sequence[RowsFile]]:
    kept: dict[str, list[bytes]] = {source.name: [] for source in plan.pipeline.sources}
    for state in states:
        if state.entry is not None:
            kept[state.bundle.source].append(state.entry)
    return {source: PackedFiles(entries) for source, entries in kept.items()}


def _kind(name: str) -> str:
    return name.partition("/")[0]


def _records(states: Sequence[BundleState]) -> dict[str, Sequence[RowsFile]]:
    """Return the files of what is no document any more, in order of (block, segment, reading order)."""
    left = sorted(((x.block, x.segment, i, x) for i, s in enumerate(states) for x in s.left), key=lambda e: e[:3])
    signals = sorted({(x.block, x.segment, int(x.kind.split()[1])) for *_, x in left if x.kind.startswith("signals")})
    kinds = {
        "rejected": [x for *_, x in left if x.kind == "rejected"],
        "quarantine": [x for *_, x in left if x.kind in ("unreadable", "quarantine")],
        "signals": [x for b, g, n in signals for xb, xg, _, x in left if (xb, xg, x.kind) == (b, g, f"signals {n}")],
    }
    return {kind: PackedFiles([x.entry for x in mine]) for kind, mine in kinds.items()}
