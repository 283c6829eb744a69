"""A million planned tasks on the driver alone: seconds and memory for each 1,000, with a runner that answers at once.

    python tests/benchmarks/simulate_tasks.py [--tasks 1000000] [--split-bytes N] [--shard-bytes N] [--exchange]

The plan is of synthetic splits; every other part of the driver is the real one: fingerprints, ledger with its synced
lines, accounts, layout, manifest, and the look-up of everything when the run is continued. Reports are as long as
those of a split of that size (200 bytes of text for 64 stored). `--exchange` adds dedup.exact, whose every combine
task names every run, so that driver and tasks grow with their product. Prints figures for each 1,000 tasks, and what
they come to for 10 PB with splits and shards of the same sizes.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import xxhash

from corpusforge.engine import run as runs
from corpusforge.engine.bundles import alone
from corpusforge.engine.driver import Driver
from corpusforge.engine.exchange import RunWriter
from corpusforge.engine.inputs import InputFile
from corpusforge.engine.ledger import Ledger
from corpusforge.engine.manifest import make
from corpusforge.engine.plan import Plan, plan
from corpusforge.engine.rows import RowsWriter
from corpusforge.engine.scheduler import Silent
from corpusforge.engine.tally import Tally
from corpusforge.engine.units import CombineUnit, PartUnit, Report, SegmentUnit, Unit, file_entry
from corpusforge.recipe import load
from corpusforge.schema import CORE
from corpusforge.source import Split

PETABYTE = 10**15
TEXT_PER_STORED = 3.1
BLOCK_BYTES = 4 << 20
RECIPE = """
corpusforge: 1
sources:
  web:
    read.jsonl: {{paths: "{folder}/in/*.jsonl"}}
stages:
  - {stage}
write.parquet: {{path: "{folder}/out", shard_bytes: {shard_bytes}}}
run: {{workers: 1, keep_work: true, split_bytes: {split_bytes}}}
"""


class Answers:
    """A runner that does nothing and reports as if it had."""

    workers = 64  # as many tasks end together

    def __init__(self, folder: Path, blocks: int) -> None:
        draw = random.Random(0)
        self.blocks = [[draw.randint(400, 1024), BLOCK_BYTES + draw.randint(0, 9999)] for _ in range(blocks)]
        self.documents = sum(documents for documents, _ in self.blocks)
        self.tally = Tally().report()
        self.tasks = 0
        self._done: list[tuple[list[Unit], list[Report] | Exception]] = []
        writer = RowsWriter(folder / "rows.arrow")
        writer.write(pa.RecordBatch.from_pylist([{"text": "x"}], schema=CORE))
        self.rows = file_entry(writer.close()) or {}
        keyed = RunWriter(folder / "run.arrow", "key", ())
        keyed.write(pa.record_batch({"key": pa.array([i << 52 for i in range(4096)], pa.uint64())}))
        self.run = file_entry(keyed.close()) or {}

    @property
    def has_room(self) -> bool:
        """Whether another task may be submitted."""
        return len(self._done) < self.workers

    @property
    def busy(self) -> bool:
        """Whether an outcome is still to come."""
        return bool(self._done)

    def submit(self, units: list[Unit]) -> None:
        """Answer for `units`."""
        self._done.append((units, [self._report(unit) for unit in units]))

    def wait(self) -> list[tuple[list[Unit], list[Report] | Exception]]:
        """Return finished tasks."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Nothing to release."""

    def _report(self, unit: Unit) -> Report:
        self.tasks += 1
        report: Report = {"unit": unit.fingerprint, "name": unit.name, "kind": type(unit).__name__, "node": "0" * 12}
        report |= {"seconds": 12.3456, "cpu_seconds": 11.2345, "peak_bytes": 612_345_678}
        if isinstance(unit, SegmentUnit):
            return report | self._segment(unit)
        if isinstance(unit, CombineUnit):
            return report | {"files": {"rows": None}, "runs": {"addressed": self.run}, "state": [0, "0"]}
        assert isinstance(unit, PartUnit), unit
        blocks = [block for file, first, count in unit.pieces for block in file.blocks[first : first + count]]
        part = {"path": unit.name + ".parquet", "size": len(blocks) << 20, "checksum": _sum(unit.name)}
        part |= {"documents": sum(n for n, _ in blocks), "bytes": sum(size for _, size in blocks), "tokens": 0}
        return report | {"part": part, "tally": self.tally}

    def _segment(self, unit: SegmentUnit) -> Report:
        rows = {**self.rows, "checksum": _sum(unit.fingerprint), "blocks": self.blocks}
        step = {"read": self.documents, "kept": self.documents, "rejected": {}, "quarantined": 0, "counts": {}}
        step |= {"bytes": 123_456_789, "seconds": 3.4567}
        count = len(unit.steps) + (unit.resolve is not None)
        counts = {"read": self.documents, "kept": self.documents, "rejected": 0, "quarantined": 0, "unreadable": 0}
        counts |= {"skipped": {}, "bytes": 123_456_789, "seconds": 1.2345, "steps": [step] * count}
        found: Report = {"split": str(unit.bundle.id), "emit_seconds": 0.1234, "signals": {}, "guarded": []}
        if unit.reader is not None:
            split = unit.bundle.splits[0]
            found["inputs"] = [[str(split.id), "67108864 1795719795905410269", 0, split.length, _sum(str(split.id))]]
        files = dict.fromkeys(("rejected", "samples", "unreadable", "quarantine"))
        found["files"] = {"rows": rows, **files}
        found["runs"] = {name: {**self.run, "checksum": _sum(unit.fingerprint + name)} for _, name in unit.emits}
        return found | {"counts": counts}


def _sum(text: str) -> str:
    return xxhash.xxh3_128_hexdigest(text)


def synthetic(planned: Plan, splits: int, split_bytes: int) -> Plan:
    """Return the plan with this many splits in place of its own."""
    files = [
        InputFile("web", f"/data/crawl/2026-40/part-{n:08d}.jsonl.zst", f"2026-40/part-{n:08d}", split_bytes, n)
        for n in range(splits)
    ]
    cut = [Split("web", f.path, f.relative, 0, f.size, f.size, xxhash.xxh3_64_intdigest(f.path), f.size) for f in files]
    return replace(planned, inputs=tuple(files), splits=tuple(cut), bundles=tuple(map(alone, cut)))


def simulate(tasks: int, split_bytes: int, shard_bytes: int, exchange: bool) -> dict[str, Any]:
    """Run the driver over about `tasks` tasks and return what it took."""
    with tempfile.TemporaryDirectory(prefix="simulate-tasks-") as name:
        folder = Path(name)
        (folder / "in").mkdir()
        (folder / "in" / "a.jsonl").write_text('{"text": "a"}\n')
        stage = "dedup.exact" if exchange else "quality.urls"
        recipe = RECIPE.format(folder=folder, stage=stage, split_bytes=split_bytes, shard_bytes=shard_bytes)
        (folder / "recipe.yaml").write_text(recipe)
        planned = plan(load(str(folder / "recipe.yaml")))
        blocks = max(1, int(split_bytes * TEXT_PER_STORED / BLOCK_BYTES))
        parts = blocks * BLOCK_BYTES / int(planned.pipeline.writer.shard_bytes)
        runner = Answers(folder, blocks)
        idle, begun, cpu = _peak(), time.time(), time.process_time()
        planned = synthetic(planned, int(tasks / (1 + exchange + parts)), split_bytes)
        after_plan = _peak()
        seconds = {}
        for again in ("first", "continued"):
            ledger = Ledger(folder / "work")
            driver = Driver(planned, ledger, runner, folder / "work", folder / "new", Silent())
            results = driver.run() if again == "first" else _looked_up(driver, ledger)
            seconds[again] = time.process_time() - cpu
            if again == "first":
                tasks = runner.tasks
                made = make(planned, results, 64, 1.0, 1.0)
                seconds["manifest"] = time.process_time() - cpu - seconds["first"]
                size = len(orjson.dumps(made, option=orjson.OPT_INDENT_2))
                peak, wall = _peak(), time.time() - begun
                del made, results, driver
            ledger.close()
            cpu = time.process_time()
        begun = time.process_time()
        runs._sweep(folder / "work", ledger)
        return {
            "splits": len(planned.splits),
            "tasks": tasks,
            "wall_seconds": round(wall, 1),
            "cpu_seconds_per_1000_tasks": round(seconds["first"] / tasks * 1000, 4),
            "manifest_seconds": round(seconds["manifest"], 1),
            "manifest_mb": round(size / 1e6, 1),
            "ledger_mb": round((folder / "work" / "ledger.jsonl").stat().st_size / 1e6, 1),
            "continued_seconds_per_1000_tasks": round(seconds["continued"] / tasks * 1000, 4),
            "sweep_seconds": round(time.process_time() - begun, 2),
            "plan_mb_per_1000_splits": round((after_plan - idle) / len(planned.splits) * 1000 / 1e6, 3),
            "driver_mb": round((peak - idle) / 1e6, 1),
            "mb_per_1000_tasks": round((peak - idle) / tasks * 1000 / 1e6, 3),
            "mb_per_1000_splits": round((peak - idle) / len(planned.splits) * 1000 / 1e6, 3),
        }


def _looked_up(driver: Driver, ledger: Ledger) -> None:
    # Parts are files, which no simulated run leaves; all before them stands.
    driver.scheduler.staging.mkdir(exist_ok=True)
    units = len(ledger.units)
    assert units
    driver.scheduler._stands = lambda unit, report: True  # type: ignore[method-assign]
    driver.run()
    assert len(ledger.units) == units, "something was done again"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Simulate a tenth and the whole, each in a process of its own, and project."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--split-bytes", type=int, default=64 << 20)
    parser.add_argument("--shard-bytes", type=int, default=256 << 20)
    parser.add_argument("--exchange", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(simulate(arguments.tasks, arguments.split_bytes, arguments.shard_bytes, arguments.exchange)))
        return
    options = ["--split-bytes", str(arguments.split_bytes), "--shard-bytes", str(arguments.shard_bytes)]
    options += [*(["--exchange"] if arguments.exchange else [])]
    for tasks in (arguments.tasks // 10, arguments.tasks):
        command = [sys.executable, __file__, "--child", "--tasks", str(tasks), *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=dict(os.environ))
        found = json.loads(done.stdout.splitlines()[-1])
        for key, value in found.items():
            print(f"  {key:36} {value:,}")
        print(flush=True)
    share = 10 * PETABYTE / (found["splits"] * arguments.split_bytes)
    print(
        f"10 PB at this size of splits and shards: {found['tasks'] * share:,.0f} tasks, "
        f"driver {found['driver_mb'] * share / 1000:,.1f} GB and "
        f"{found['tasks'] * share * found['cpu_seconds_per_1000_tasks'] / 1000 / 3600:,.1f} CPU hours, "
        f"ledger {found['ledger_mb'] * share / 1000:,.1f} GB"
    )


if __name__ == "__main__":
    main()
