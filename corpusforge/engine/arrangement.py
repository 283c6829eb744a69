"""The arrangement: where the kept documents go, folder by folder, and in what order, before they are cut into parts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from corpusforge.engine.draws import Drawing, Draws
from corpusforge.engine.exchange import RunFile
from corpusforge.engine.folders import MOST_VALUES, Stretch, folder_name, stretches
from corpusforge.engine.identity import FORMAT
from corpusforge.engine.layout import unified_schema
from corpusforge.engine.mixture import Draw
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.shuffling import COPY, KEY_BYTES
from corpusforge.engine.storage import digest
from corpusforge.engine.units import (
    FolderUnit,
    HoldOutUnit,
    Report,
    RowRange,
    ShuffleUnit,
    row_range,
    rows_file,
    run_file,
)
from corpusforge.engine.validation import HeldOut
from corpusforge.errors import RunError
from corpusforge.pipeline import Pipeline

Obtained = dict[str, dict[str, Any]]  # source -> what was drawn of it, as it stands in the manifest


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

    @cached_property
    def identity(self) -> str:
        """What the runs are, for the fingerprints of parts that are made of all of them."""
        return digest([[r.checksum, start, n] for r, start, n in self.runs])


class Arrangement:
    """Arranges the documents of one run."""

    def __init__(self, pipeline: Pipeline, scheduler: Scheduler) -> None:
        self.pipeline = pipeline
        self.layout = pipeline.layout
        self.partition_by = pipeline.writer.partition_by
        self.scheduler = scheduler

    def run(self, files: Mapping[str, Sequence[RowsFile]]) -> tuple[dict[str, Rows], Obtained]:
        """Return the rows of each folder of data/ and validation/, and what was drawn of each source."""
        draws = Drawing(self.pipeline, self.scheduler).run(files)
        some = [mine for mine in files.values() if mine]
        if not some:
            return {}, {}
        every = some[0] if len(some) == 1 else [file for mine in some for file in mine]
        schema = unified_schema(every)
        if self.layout.order == "shuffled":
            return self._shuffled(files, draws, schema)
        if self.partition_by is not None:
            return self._by_value(every, draws.held, schema), {}
        if draws.held is None:
            return {"data": Rows(every, schema=schema)}, {}
        held = held_identity(draws.held)
        units = [
            HoldOutUnit(digest(FORMAT, "hold out", f.checksum, held), f"hold out {i}", "", f, draws.held)
            for i, f in enumerate(every)
        ]
        reports = self.scheduler.reports(units)
        left = [
            replace(f, blocks=tuple((r, b) for r, b in report["left"]))
            for f, report in zip(every, reports, strict=True)
        ]
        out = present(report["files"]["validation"] for report in reports)
        return {"data": Rows(left, draws.held, schema=schema), "validation": Rows(out, schema=schema)}, {}

    def _by_value(self, files: Sequence[RowsFile], held: HeldOut | None, schema: pa.Schema) -> dict[str, Rows]:
        assert self.partition_by is not None
        units = [
            FolderUnit(
                fingerprint=digest(FORMAT, "folders", file.checksum, self.partition_by, held_identity(held)),
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
        self, files: Mapping[str, Sequence[RowsFile]], draws: Draws, schema: pa.Schema
    ) -> tuple[dict[str, Rows], Obtained]:
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
                kind: sorted_runs([r for e in every if (r := run_file(e["runs"][kind])) is not None], KEY_BYTES, schema)
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

    def _shuffle_unit(self, file: RowsFile, name: str, draw: Draw, draws: Draws) -> ShuffleUnit:
        upsample = self.layout.upsample
        how = [
            [draw.whole, str(draw.last_key)],
            draws.measure,
            upsample.model_dump(mode="json") if upsample else None,
            held_identity(draws.held),
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


def sorted_runs(runs: Sequence[RunFile], key_bytes: int, schema: pa.Schema) -> Rows:
    """Return the rows of runs sorted by order key; `key_bytes` of each row are no part of it."""
    size = sum(run.value_bytes - key_bytes * run.rows for run in runs)
    return Rows(runs=tuple(row_range(run, 0, run.rows) for run in runs), runs_bytes=size, schema=schema)


def in_order(files: Sequence[RowsFile]) -> Rows:
    """Return the rows of files in reading order."""
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


def held_identity(held: HeldOut | None) -> list[Any] | None:
    """Return what says which documents are held out, for fingerprints."""
    return [held.cluster, held.seed, str(held.last_key)] if held else None


def present(entries: Iterable[Mapping[str, Any] | None]) -> list[RowsFile]:
    """Return the files of ledger entries, without those of no rows."""
    return [file for entry in entries if (file := rows_file(entry)) is not None]
