"""Run a pipeline to completion: the output folder, the lock, the ledger, the runner, and the manifest last."""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from corpusforge.engine import manifest as manifests
from corpusforge.engine.disk import check_room, disk_full, free_bytes, is_full
from corpusforge.engine.driver import Driver, Results
from corpusforge.engine.identity import versions
from corpusforge.engine.journal import Journal
from corpusforge.engine.ledger import Ledger
from corpusforge.engine.local import LocalRunner
from corpusforge.engine.lock import Lock
from corpusforge.engine.memory import fitted, shortage
from corpusforge.engine.part_files import files_of
from corpusforge.engine.plan import Plan, plan
from corpusforge.engine.remote import RemotePath, pool
from corpusforge.engine.scheduler import Progress, Runner, Silent
from corpusforge.engine.scratch import sweep
from corpusforge.engine.storage import StoredPath, below, files_below, remove_tree, stored_path, write_whole
from corpusforge.engine.verify import KINDS, unnamed_files, verify
from corpusforge.errors import CorruptFile, OutputError, RunError
from corpusforge.pipeline import Pipeline
from corpusforge.recipe import resolve
from corpusforge.stage import cpu_seconds


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its manifest, and the output folder."""

    path: StoredPath
    manifest: dict[str, Any]
    already_complete: bool = False


def run(
    pipeline: Pipeline,
    *,
    address: str | None = None,
    replace: bool = False,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Run `pipeline`, or continue an earlier run of it; `fresh` ignores all earlier work.

    Raises OutputError when the output was finished by another recipe and `replace` is false, RunError when the run
    fails; the same call then continues where it stopped.
    """
    progress = progress or Silent()
    started, cpu = time.time(), cpu_seconds()
    output, work = folders(pipeline)
    address = address or os.environ.get("RAY_ADDRESS")
    asked = pipeline.options.workers
    workers = asked if isinstance(asked, int) else None if address else os.cpu_count() or 1
    planned = fitted(plan(pipeline), None if address else workers)
    with Lock(output / ".work") as lock, Lock(work) if work != output / ".work" else contextlib.nullcontext() as other:
        earlier = earlier_manifest(output, pipeline, replace)
        if earlier is not None and not fresh and same_inputs(planned, earlier) and not verify(output):
            progress.line(f"{output} is already complete")
            return Outcome(output, earlier, already_complete=True)
        if fresh:
            remove_tree(work / "units")

        def guard() -> None:
            lock.check()
            if other is not None:
                other.check()

        ledger = Ledger(work, fresh, guard)
        if ledger.other_source and ledger.units:
            progress.line("corpusforge itself has changed since this work began; --fresh does all of it again")
        progress = Journal(progress, ledger)
        staging = output / ".new"
        _compare_with_disk(planned, {output, work}, progress)
        if not address and workers and (problem := shortage(planned, workers)):
            progress.line(problem)
        runner = _runner(planned, workers, address, work, progress)
        try:
            driver = Driver(planned, ledger, runner, work, staging, progress)
            results = _run(driver, ledger, progress)
        finally:
            runner.close()
            ledger.close()
        made = manifests.make(
            planned,
            results,
            runner.workers,
            time.time() - started,
            cpu_seconds() - cpu + (0 if isinstance(runner, LocalRunner) else results.counters["cpu_seconds"]),
        )
        made["artifacts"] = results.artifacts
        guard()
        _finish(output, staging, pipeline, made, results.samples)
        if not pipeline.options.keep_work and pipeline.options.work is None:
            remove_tree(work / "units")
            ledger.finish()
        else:
            _sweep(work, ledger)
    remove_tree(staging)
    if isinstance(work, RemotePath):
        sweep()
    progress.done()
    return Outcome(output, made)


def folders(pipeline: Pipeline) -> tuple[StoredPath, StoredPath]:
    """Return the output and the work folder of a pipeline; local ones absolute, since workers are in other folders."""
    output, work = stored_path(pipeline.writer.path), pipeline.options.work
    folder = stored_path(work) if work else output / ".work"
    return _absolute(output), _absolute(folder)


def _absolute(path: StoredPath) -> StoredPath:
    return Path(os.path.abspath(path)) if isinstance(path, Path) else path


def _run(driver: Driver, ledger: Ledger, progress: Progress) -> Results:
    damaged: set[str] = set()
    while True:
        try:
            return driver.run()
        except OSError as error:
            if is_full(error):
                raise disk_full(driver.scheduler.work) from error
            raise
        except CorruptFile as error:
            # The unit that made the file is forgotten and done again, once; a second time it is the disk.
            owner = next((f for f, e in ledger.units.items() if orjson.dumps(error.path) in orjson.dumps(e)), None)
            if owner is None:
                raise
            if owner in damaged:
                raise RunError(
                    f"{error} for the second time; check the disk of {stored_path(error.path).parent}"
                ) from error
            damaged.add(owner)
            progress.line(f"{error}; doing its unit again")
            ledger.drop(owner)


def _compare_with_disk(planned: Plan, folders: set[StoredPath], progress: Progress) -> None:
    needed = sum(file.size for file in planned.inputs)  # a run of little filtering needs about as much
    for folder in folders:
        if isinstance(folder, RemotePath):
            continue
        check_room(folder)
        if (free := free_bytes(folder)) < needed:
            progress.line(
                f"the disk of {folder} has {free >> 20} MB left for {needed >> 20} MB of input; should it fill up, the "
                "run stops and can be continued"
            )


def _runner(planned: Plan, workers: int | None, address: str | None, work: StoredPath, progress: Progress) -> Runner:
    if workers == 1 and not address:
        return LocalRunner()
    from corpusforge.engine.ray import RayRunner

    return RayRunner(planned, workers, address, work, progress.line)


def earlier_manifest(output: StoredPath, pipeline: Pipeline, replace: bool) -> dict[str, Any] | None:
    """Return the manifest of a finished run of the same recipe; OutputError when it is of another one."""
    path = output / "manifest.json"
    if not path.exists():
        return None
    earlier: dict[str, Any] = orjson.loads(path.read_bytes())
    if earlier["recipe"] == manifests.pipeline_fingerprint(pipeline):
        return earlier
    if replace:
        return None
    old, new = earlier.get("recipe_parts", {}), orjson.loads(orjson.dumps(manifests.pipeline_parts(pipeline)))
    differs = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    raise OutputError(
        f"{output} was finished by another recipe; different: {', '.join(differs) or 'the engine'}. "
        "Give --replace to replace it, or another output path"
    )


def same_inputs(planned: Plan, earlier: dict[str, Any]) -> bool:
    """Say whether a finished run read the files that are there now, by their names, sizes and times."""
    now = {(f.source, f.relative): f.stamp for f in planned.inputs}
    then = {(i["source"], i["path"]): i["stamp"] for i in earlier["inputs"]}
    return now == then


def _sweep(work: StoredPath, ledger: Ledger) -> None:
    """Remove what attempts left that never were committed."""
    # An attempt's folder is units/ab/FINGERPRINT/DRIVER-NUMBER, and a committed unit names its driver and number.
    units = work / "units"
    attempts = units.glob("*/*/*") if isinstance(units, Path) else {path.parent for path in files_below(units)}
    for attempt in attempts:
        entry = ledger.units.get(attempt.parent.name)
        if entry is None or attempt.name != f"{entry['driver']}-{entry['attempt']}":
            remove_tree(attempt)


def _finish(
    output: StoredPath, staging: StoredPath, pipeline: Pipeline, made: dict[str, Any], samples: list[dict[str, Any]]
) -> None:
    """Put new parts and artifacts in the place of the old, and write the manifest last: its presence means complete."""
    manifest = output / "manifest.json"
    before = orjson.loads(manifest.read_bytes()).get("artifacts", []) if manifest.exists() else []
    manifest.unlink(missing_ok=True)
    (output / "report.html").unlink(missing_ok=True)  # of the earlier run, until it is written anew
    parts = {"data": made["shards"], **{kind: made[kind] for kind in KINDS[1:]}}
    named = {file["path"] for kind in parts.values() for file in files_of(kind)}
    new = [path for kind in KINDS for path in files_below(staging / kind)]
    _move([path for path in new if below(path, staging) in named], staging, output)
    for path in (file["path"] for file in before):
        (output / path).unlink(missing_ok=True)
    _move([staging / file["path"] for file in made["artifacts"]], staging, output)
    for path in unnamed_files(output, named):
        path.unlink()
    if isinstance(output, Path):
        for kind in {*KINDS, *(Path(file["path"]).parts[0] for file in before)}:
            folders = [path for path in (output / kind).rglob("*") if path.is_dir()]
            for folder in sorted([output / kind, *folders], reverse=True):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        (output / "data").mkdir(exist_ok=True)
    write_whole(output / "recipe.yaml", (pipeline.resolved or resolve(pipeline)).encode())
    funnel = {k: made[k] for k in ("documents", "skipped", "written", "sources", "stages")}
    report = {**funnel, "samples": samples, "versions": versions()}
    write_whole(output / "report.json", orjson.dumps(report, option=orjson.OPT_INDENT_2))
    write_whole(manifest, orjson.dumps(made, option=orjson.OPT_INDENT_2))


def _move(files: Sequence[StoredPath], staging: StoredPath, output: StoredPath) -> None:
    """Put files of the staging folder where they belong; in a store, that copies them, several at a time."""

    def move(file: StoredPath) -> None:
        target = output / below(file, staging)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)  # type: ignore[arg-type]  # both are of one kind

    for _ in pool().map(move, files) if isinstance(output, RemotePath) else map(move, files):
        pass
