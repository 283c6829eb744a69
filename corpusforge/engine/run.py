"""Run a pipeline to completion: the output folder, the lock, the ledger, the runner, and the manifest last."""

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from corpusforge.engine import manifest as manifests
from corpusforge.engine.disk import check_room, disk_full, free_bytes, is_full
from corpusforge.engine.driver import Driver, Results
from corpusforge.engine.identity import versions
from corpusforge.engine.journal import Journal
from corpusforge.engine.ledger import Ledger, Lock
from corpusforge.engine.local import LocalRunner
from corpusforge.engine.part_files import files_of
from corpusforge.engine.plan import Plan, plan
from corpusforge.engine.scheduler import Progress, Runner, Silent
from corpusforge.engine.storage import write_whole
from corpusforge.engine.verify import KINDS, unnamed_files, verify
from corpusforge.errors import CorruptFile, OutputError, RunError
from corpusforge.pipeline import Pipeline
from corpusforge.recipe import resolve
from corpusforge.stage import cpu_seconds


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its manifest, and the output folder."""

    path: Path
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
    output = Path(os.path.abspath(pipeline.writer.path))
    work = Path(os.path.abspath(pipeline.options.work)) if pipeline.options.work else output / ".work"
    planned = plan(pipeline)
    with Lock(output / ".work"), Lock(work) if work != output / ".work" else contextlib.nullcontext():
        earlier = earlier_manifest(output, pipeline, replace)
        if earlier is not None and not fresh and same_inputs(planned, earlier) and not verify(output):
            progress.line(f"{output} is already complete")
            return Outcome(output, earlier, already_complete=True)
        if fresh:
            shutil.rmtree(work / "units", ignore_errors=True)
        ledger = Ledger(work, fresh)
        if ledger.other_source and ledger.units:
            progress.line("corpusforge itself has changed since this work began; --fresh does all of it again")
        progress = Journal(progress, ledger)
        staging = output / ".new"
        _compare_with_disk(planned, {output, work}, progress)
        runner = _runner(pipeline, address, planned)
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
            cpu_seconds() - cpu + (results.counters["cpu_seconds"] if runner.workers != 1 else 0),
        )
        made["artifacts"] = results.artifacts
        _finish(output, staging, pipeline, made, results.samples)
        if not pipeline.options.keep_work and pipeline.options.work is None:
            shutil.rmtree(work / "units", ignore_errors=True)
            (work / "ledger.jsonl").replace(work / "ledger.done.jsonl")
        else:
            _sweep(work, ledger)
    shutil.rmtree(staging, ignore_errors=True)
    progress.done()
    return Outcome(output, made)


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
                raise RunError(f"{error} for the second time; check the disk of {Path(error.path).parent}") from error
            damaged.add(owner)
            progress.line(f"{error}; doing its unit again")
            ledger.drop(owner)


def _compare_with_disk(planned: Plan, folders: set[Path], progress: Progress) -> None:
    needed = sum(file.size for file in planned.inputs)  # a run of little filtering needs about as much
    for folder in folders:
        check_room(folder)
        if (free := free_bytes(folder)) < needed:
            progress.line(
                f"the disk of {folder} has {free >> 20} MB left for {needed >> 20} MB of input; should it fill up, the "
                "run stops and can be continued"
            )


def _runner(pipeline: Pipeline, address: str | None, planned: Plan) -> Runner:
    address = address or os.environ.get("RAY_ADDRESS")
    asked = pipeline.options.workers
    workers = asked if isinstance(asked, int) else None if address else os.cpu_count() or 1
    if workers == 1 and not address:
        return LocalRunner()
    from corpusforge.engine.ray import RayRunner

    memory = max((s.step.stage.memory_bytes for s in planned.steps), default=0)
    return RayRunner(workers, address, memory + 6 * int(pipeline.options.batch_bytes))


def earlier_manifest(output: Path, pipeline: Pipeline, replace: bool) -> dict[str, Any] | None:
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


def _sweep(work: Path, ledger: Ledger) -> None:
    """Remove what attempts left that never were committed."""
    # An attempt's folder is units/ab/FINGERPRINT/DRIVER-NUMBER, and a committed unit names its driver and number.
    for attempt in (work / "units").glob("*/*/*"):
        entry = ledger.units.get(attempt.parent.name)
        if entry is None or attempt.name != f"{entry['driver']}-{entry['attempt']}":
            shutil.rmtree(attempt, ignore_errors=True)


def _finish(
    output: Path, staging: Path, pipeline: Pipeline, made: dict[str, Any], samples: list[dict[str, Any]]
) -> None:
    """Put new parts and artifacts in the place of the old, and write the manifest last: its presence means complete."""
    manifest = output / "manifest.json"
    before = orjson.loads(manifest.read_bytes()).get("artifacts", []) if manifest.exists() else []
    manifest.unlink(missing_ok=True)
    (output / "report.html").unlink(missing_ok=True)  # of the earlier run, until it is written anew
    for kind in KINDS:
        new, final = staging / kind, output / kind
        if new.is_dir():
            final.mkdir(exist_ok=True)
            for part in sorted(path for path in new.rglob("*") if path.is_file()):
                place = final / part.relative_to(new)
                place.parent.mkdir(parents=True, exist_ok=True)
                part.replace(place)
    for path in (file["path"] for file in before):
        (output / path).unlink(missing_ok=True)
    for path in (file["path"] for file in made["artifacts"]):
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (staging / path).replace(output / path)
    parts = {"data": made["shards"], **{kind: made[kind] for kind in KINDS[1:]}}
    for path in unnamed_files(output, {f["path"] for named in parts.values() for f in files_of(named)}):
        path.unlink()
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
