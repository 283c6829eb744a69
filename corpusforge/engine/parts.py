"""Parts: what a run leaves, planned from block sizes and written one task a part."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from corpusforge.engine.draws import Drawing, Draws
from corpusforge.engine.exchange import RunFile
from corpusforge.engine.folders import MOST_VALUES, Stretch, folder_name, stretches
from corpusforge.engine.identity import FORMAT, stage_identity
from corpusforge.engine.layout import Pieces, cut_parts, part_name, unified_schema
from corpusforge.engine.mixture import Draw
from corpusforge.engine.plan import Plan
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.segments import SplitState
from corpusforge.engine.shuffling import COPY, KEY_BYTES
from corpusforge.engine.storage import digest
from corpusforge.engine.tally import Tally
from corpusforge.engine.units import (
    FolderUnit,
    HoldOutUnit,
    PartUnit,
    Report,
    RowRange,
    SequencesUnit,
    ShuffleUnit,
    row_range,
    rows_file,
    run_file,
)
from corpusforge.engine.validation import HeldOut
from corpusforge.errors import RunError
from corpusforge.stages.write.packing import BEGUN, Pack, packed_schema

Entries = dict[str, list[dict[str, Any]]]  # kind -> the manifest's entries of its parts


@dataclass(frozen=True)
class Rows:
    """The rows of one folder before they are cut into parts: files or stretches in reading order, or sorted runs."""

    files: Sequence[RowsFile] = ()
    held: HeldOut | None = None  # documents of `files` to leave out
    stretches: Sequence[Stretch] = ()
    runs: tuple[RowRange, ...] = ()
    runs_bytes: int = 0  # of their rows, without keys
    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))
    packed: bool = False  # sequences already


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
        self.partition_by = plan.pipeline.writer.partition_by
        self.scheduler = scheduler

    def run(self, states: list[SplitState]) -> Written:
        """Lay out and write the documents that were kept, and the records of the others."""
        self.scheduler.progress.segment("write", 0)
        documents: dict[str, list[RowsFile]] = {source.name: [] for source in self.plan.pipeline.sources}
        for state in states:
            if state.rows is not None:
                documents[state.split.source].append(state.rows)
        rows, sources = self._documents(documents)
        packed: dict[str, Counter[str]] = {}
        tallies = {kind: Tally() for kind in ("data", "validation")}
        if self.layout.pack is not None and self.layout.pack.shuffle:
            rows, packed = self._sequences(rows, self.layout.pack, tallies)
        records = _records(states)
        rows |= {kind: _in_order(files) for kind, files in records.items()}
        units = [unit for folder, mine in rows.items() for unit in self._units(folder, mine)]
        parts: Entries = {kind: [] for kind in ("data", "validation", *records)}
        for unit, report in zip(units, self.scheduler.reports(units), strict=True):
            parts[_kind(unit.name)].append(report["part"])
            if report["tally"] is not None:
                tallies[_kind(unit.name)].merge(report["tally"])
        return Written(parts, sources, packed, tallies)

    # ---- the documents

    def _documents(self, files: Mapping[str, list[RowsFile]]) -> tuple[dict[str, Rows], dict[str, dict[str, Any]]]:
        draws = Drawing(self.plan.pipeline, self.scheduler).run(files)
        every = [file for mine in files.values() for file in mine]
        if not every:
            return {}, {}
        schema = unified_schema(every)
        if self.layout.order == "shuffled":
            return self._shuffled(files, draws, schema)
        if self.partition_by is not None:
            return self._by_value(every, draws.held, schema), {}
        if draws.held is None:
            return {"data": Rows(every, schema=schema)}, {}
        units = [
            HoldOutUnit(digest(FORMAT, "hold out", f.checksum, _held(draws.held)), f"hold out {i}", "", f, draws.held)
            for i, f in enumerate(every)
        ]
        reports = self.scheduler.reports(units)
        left = [
            replace(f, blocks=tuple((r, b) for r, b in report["left"]))
            for f, report in zip(every, reports, strict=True)
        ]
        out = _present(report["files"]["validation"] for report in reports)
        return {"data": Rows(left, draws.held, schema=schema), "validation": Rows(out, schema=schema)}, {}

    def _by_value(self, files: Sequence[RowsFile], held: HeldOut | None, schema: pa.Schema) -> dict[str, Rows]:
        assert self.partition_by is not None
        units = [
            FolderUnit(
                fingerprint=digest(FORMAT, "folders", file.checksum, self.partition_by, _held(held)),
                name=f"folders {number}",
                folder="",
                rows=file,
                column=self.partition_by,
                held=held,
            )
            for number, file in enumerate(files)
        ]
        found = self._values(self.scheduler.reports(units))
        return {folder: Rows(stretches=mine, schema=schema) for folder, mine in found.items()}

    def _shuffled(
        self, files: Mapping[str, list[RowsFile]], draws: Draws, schema: pa.Schema
    ) -> tuple[dict[str, Rows], dict[str, dict[str, Any]]]:
        if self.layout.repeats:
            schema = schema.append(pa.field(COPY, pa.uint32()))
        units = {
            source: [self._shuffle_unit(f, f"{source} {i}", draws.draws[source], draws) for i, f in enumerate(mine)]
            for source, mine in files.items()
        }
        reports = iter(self.scheduler.reports([unit for mine in units.values() for unit in mine]))
        by_source = {source: [next(reports) for _ in mine] for source, mine in units.items()}
        every = [report for mine in by_source.values() for report in mine]
        if self.partition_by is not None:
            rows = {
                folder: Rows(
                    runs=tuple(one.range for one in mine), runs_bytes=sum(one.bytes for one in mine), schema=schema
                )
                for folder, mine in self._values(every).items()
            }
        else:
            rows = {
                kind: _runs([r for e in every if (r := run_file(e["runs"][kind])) is not None], KEY_BYTES, schema)
                for kind in ("data", "validation")
            }
        return rows, {source: _obtained(mine, source, draws) for source, mine in by_source.items()}

    def _values(self, reports: Sequence[Report]) -> dict[str, list[Stretch]]:
        """Return the rows of each folder, folders in byte order of their values, null first."""
        found: dict[str, list[Stretch]] = {}
        for kind in ("data", "validation"):
            mine: dict[str | None, list[Stretch]] = {}
            for report in reports:
                if (run := run_file(report["runs"][kind])) is not None:
                    for value, stretch in stretches(run, report["values"][kind]).items():
                        mine.setdefault(value, []).append(stretch)
            if len(mine) > MOST_VALUES:
                raise RunError(
                    f"partition_by: '{self.partition_by}' has {len(mine):,} values, and each is a folder; take a "
                    f"column with at most {MOST_VALUES:,}. What was done before is kept: run the same command with the "
                    "changed recipe"
                )
            for value in sorted(mine, key=lambda v: b"" if v is None else b"\0" + v.encode()):
                found[f"{kind}/{folder_name(value)}"] = mine[value]
        return found

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
            found[folder] = replace(_runs(runs, KEY_BYTES + 8, schema), packed=True)
        return found, packed

    def _shuffle_unit(self, file: RowsFile, name: str, draw: Draw, draws: Draws) -> ShuffleUnit:
        upsample = self.layout.upsample
        how = [
            [draw.whole, str(draw.last_key)],
            draws.measure,
            upsample.model_dump(mode="json") if upsample else None,
            _held(draws.held),
            self.layout.repeats,
            self.partition_by,
        ]
        return ShuffleUnit(
            fingerprint=digest(FORMAT, "shuffle", self.layout.seed, file.checksum, how),
            name=f"shuffle {name}",
            folder="",
            rows=file,
            seed=self.layout.seed,
            draw=draw,
            measure=draws.measure,
            upsample=upsample,
            held=draws.held,
            copy_column=self.layout.repeats,
            partition_by=self.partition_by,
        )

    # ---- parts

    def _units(self, folder: str, rows: Rows) -> list[PartUnit]:
        shard_bytes = int(self.plan.pipeline.writer.shard_bytes)
        if rows.runs:
            parts = max(1, -(-rows.runs_bytes // shard_bytes))
            return [self._part_unit(folder, n, rows, runs=rows.runs, parts=parts) for n in range(parts)]
        if rows.stretches:
            cut = cut_parts(rows.stretches, shard_bytes)
            ranges = [tuple(one.cut(first, count).range for one, first, count in part) for part in cut]
            return [self._part_unit(folder, n, rows, runs=mine) for n, mine in enumerate(ranges)]
        pieces = cut_parts(rows.files, shard_bytes)
        return [self._part_unit(folder, n, rows, pieces=mine) for n, mine in enumerate(pieces)]

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
        what = [[f.checksum, first, n] for f, first, n in pieces], [[r.checksum, start, n] for r, start, n in runs]
        return PartUnit(
            fingerprint=digest(
                FORMAT,
                "part",
                stage_identity(writer),
                pack.model_dump(mode="json") if pack else None,
                name,
                what,
                _held(rows.held),
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


def _kind(name: str) -> str:
    return name.partition("/")[0]


def _runs(runs: Sequence[RunFile], key_bytes: int, schema: pa.Schema) -> Rows:
    size = sum(run.value_bytes - key_bytes * run.rows for run in runs)
    return Rows(runs=tuple(row_range(run, 0, run.rows) for run in runs), runs_bytes=size, schema=schema)


def _records(states: Sequence[SplitState]) -> dict[str, list[RowsFile]]:
    """Return the files of what is no document any more, in order of (block, segment, reading order)."""
    left = sorted(((b, g, i, r) for i, s in enumerate(states) for b, g, r in s.left), key=lambda entry: entry[:3])
    starts = sorted({(b, g, int(n)) for b, g, _, r in left for n in r["signals"]})
    return {
        "rejected": _present(r["files"]["rejected"] for *_, r in left),
        "quarantine": _present(r["files"][n] for *_, r in left for n in ("unreadable", "quarantine")),
        "signals": _present(
            r["signals"].get(str(n)) for b, g, n in starts for rb, rg, _, r in left if (rb, rg) == (b, g)
        ),
    }


def _in_order(files: Sequence[RowsFile]) -> Rows:
    return Rows(files, schema=unified_schema(files)) if files else Rows()


def _obtained(reports: Sequence[Report], source: str, draws: Draws) -> dict[str, Any]:
    """Return what was drawn of a source, as it stands in the manifest."""
    drawn = {name: sum(r["drawn"][name] for r in reports) for name in ("documents", "copies", "size")}
    found: dict[str, Any] = {"documents": drawn["documents"], "copies": drawn["copies"]}
    found["left_out"] = sum(r["left_out"] for r in reports)
    if (budget := draws.budgets.get(source)) is not None:
        found |= {"unit": draws.measure, "available": budget.size, "asked": budget.asked, "obtained": drawn["size"]}
        found["epochs"] = round(drawn["size"] / budget.size, 6) if budget.size else 0.0
    return found


def _held(held: HeldOut | None) -> list[Any] | None:
    return [held.cluster, held.seed, str(held.last_key)] if held else None


def _present(entries: Iterable[Mapping[str, Any] | None]) -> list[RowsFile]:
    return [file for entry in entries if (file := rows_file(entry)) is not None]
