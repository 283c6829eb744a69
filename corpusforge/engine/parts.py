"""Parts: what a run leaves, planned from block sizes and written one task a part."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from corpusforge.engine.exchange import RunFile
from corpusforge.engine.identity import FORMAT, stage_identity
from corpusforge.engine.layout import Pieces, cut_parts, part_name, unified_schema
from corpusforge.engine.plan import Plan
from corpusforge.engine.rows import RowsFile
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.segments import SplitState
from corpusforge.engine.storage import digest
from corpusforge.engine.units import PartUnit, ShuffleUnit, rows_file, run_file


class Parts:
    """Writes the parts of one run."""

    def __init__(self, plan: Plan, scheduler: Scheduler) -> None:
        self.plan = plan
        self.scheduler = scheduler

    def run(self, states: list[SplitState]) -> dict[str, list[dict[str, Any]]]:
        writer = self.plan.pipeline.writer
        left = sorted(((b, g, i, r) for i, s in enumerate(states) for b, g, r in s.left), key=lambda entry: entry[:3])
        files: dict[str, list[RowsFile]] = {"data": [s.rows for s in states if s.rows is not None]}
        files["rejected"] = _present(r["files"]["rejected"] for *_, r in left)
        files["quarantine"] = _present(r["files"][n] for *_, r in left for n in ("unreadable", "quarantine"))
        starts = sorted({(b, g, int(n)) for b, g, _, r in left for n in r["signals"]})
        files["signals"] = _present(
            r["signals"].get(str(n)) for b, g, n in starts for rb, rg, _, r in left if (rb, rg) == (b, g)
        )
        self.scheduler.progress.segment("write", 0)
        units: list[PartUnit] = []
        for kind, present in files.items():
            if not present:
                continue
            schema = unified_schema(present)
            runs: tuple[RunFile, ...] = ()
            if kind == "data" and self.plan.pipeline.layout.order == "shuffled":
                runs = self._shuffle(present)
                total = sum(size for file in present for _, size in file.blocks)
                pieces: list[Pieces] = [()] * max(1, -(-total // int(writer.shard_bytes)))
            else:
                pieces = cut_parts(present, int(writer.shard_bytes))
            for number, mine in enumerate(pieces):
                units.append(self._part_unit(kind, number, len(pieces), mine, runs, schema))
        parts: dict[str, list[dict[str, Any]]] = {kind: [] for kind in files}
        for unit, report in zip(units, self.scheduler.reports(units), strict=True):
            parts[unit.name.split("/")[0]].append(report["part"])
        return parts

    def _shuffle(self, files: Sequence[RowsFile]) -> tuple[RunFile, ...]:
        seed = self.plan.pipeline.layout.seed
        units = [
            ShuffleUnit(digest(FORMAT, "shuffle", seed, f.checksum), f"shuffle {i}", "", f, seed)
            for i, f in enumerate(files)
        ]
        runs = (run_file(report["runs"]["shuffled"]) for report in self.scheduler.reports(units))
        return tuple(run for run in runs if run is not None)

    def _part_unit(
        self, kind: str, number: int, count: int, pieces: Pieces, runs: tuple[RunFile, ...], schema: pa.Schema
    ) -> PartUnit:
        writer, pack = self.plan.pipeline.writer, self.plan.pipeline.layout.pack
        if kind != "data":
            writer, pack = writer.records(), None
        name = part_name(kind, number)
        serialized = schema.serialize().to_pybytes()
        what = [[f.checksum, first, n] for f, first, n in pieces], [r.checksum for r in runs]
        return PartUnit(
            fingerprint=digest(
                FORMAT,
                "part",
                stage_identity(writer),
                pack.model_dump(mode="json") if pack else None,
                name,
                what,
                number,
                count,
                serialized.hex(),
            ),
            name=name,
            folder=str(self.scheduler.staging),
            pieces=pieces,
            runs=runs,
            part=number,
            parts=count,
            schema=serialized,
            writer=writer,
            pack=pack,
        )


def _present(entries: Iterable[Mapping[str, Any] | None]) -> list[RowsFile]:
    return [file for entry in entries if (file := rows_file(entry)) is not None]
