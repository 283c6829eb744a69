"""100,000 small input files: how long listing, planning, checking and running them takes, and what the driver holds.

    python tests/benchmarks/plan_at_scale.py [--files 100000] [--workers 1] [--only plan] [--folder FOLDER]

Files are made by seed in 50 folders: half JSON Lines, a third of them gzip, the rest Parquet; about 2 kB and three
documents each. Every step is a process of its own; memory is its peak beside that of a process that only imports the
engine. The steps: `plan` (list and cut), `check` (the command), `run` (a cheap recipe end to end), `again` (the
finished run once more), `added` (ten more files), `touched` (every file has another time, nothing else).
"""

import argparse
import gzip
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FOLDERS = 50
DOCUMENTS = 3
WORDS = [f"{a}{b}{c}" for a in "bdfgkmnprst" for b in "aeiou" for c in ("lam", "rin", "tus", "ve", "nor")]
RECIPE = """
corpusforge: 1
sources:
  lines:
    read.jsonl: {{paths: ["{folder}/in/*/*.jsonl", "{folder}/in/*/*.jsonl.gz"]}}
  tables:
    read.parquet: {{paths: "{folder}/in/*/*.parquet"}}
stages:
  - dedup.exact
write.parquet: {{path: "{folder}/out"}}
run: {{workers: {workers}, keep_work: true}}
"""


def make(folder: Path, first: int, last: int) -> None:
    """Write the files with these numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for number in range(first, last):
        place = folder / "in" / f"{number % FOLDERS:03d}"
        if number < first + FOLDERS:
            place.mkdir(parents=True, exist_ok=True)
        draw = random.Random(number)
        texts = [" ".join(draw.choices(WORDS, k=100)) for _ in range(DOCUMENTS)]
        lines = "".join(json.dumps({"text": text, "id": number}) + "\n" for text in texts).encode()
        kind = number % 6
        if kind < 2:
            (place / f"part-{number:07d}.jsonl").write_bytes(lines)
        elif kind == 2:
            (place / f"part-{number:07d}.jsonl.gz").write_bytes(gzip.compress(lines, 1))
        else:
            table = pa.table({"text": texts, "id": [str(number)] * DOCUMENTS})
            pq.write_table(table, place / f"part-{number:07d}.parquet", compression="zstd")


def idle(folder: Path) -> dict[str, Any]:
    """Only import."""
    import corpusforge.engine.run  # noqa: F401

    return {}


def plan(folder: Path) -> dict[str, Any]:
    """List and cut."""
    from corpusforge.engine import plan as plans
    from corpusforge.recipe import load

    planned = plans.plan(load(str(folder / "recipe.yaml")))
    return {"splits": len(planned.splits)}


def check(folder: Path) -> dict[str, Any]:
    """Run the command."""
    from corpusforge.cli import main

    sys.stdout = sys.stderr
    try:
        main(["check", str(folder / "recipe.yaml")])
    except SystemExit as end:
        assert not end.code, end
    sys.stdout = sys.__stdout__
    return {}


def run(folder: Path) -> dict[str, Any]:
    """Run the recipe."""
    from corpusforge.engine.run import run
    from corpusforge.recipe import load

    outcome = run(load(str(folder / "recipe.yaml")))
    made = outcome.manifest
    work = folder / "out" / ".work"
    found = {
        "documents": made["documents"]["read"],
        "kept": made["documents"]["kept"],
        "units_run": 0 if outcome.already_complete else made["run"]["units_run"],
        "checksum": made["content_checksum"],
        "manifest_mb": round((folder / "out" / "manifest.json").stat().st_size / 1e6, 1),
    }
    ledger = work / "ledger.jsonl"
    if ledger.is_file():
        found["ledger_mb"] = round(ledger.stat().st_size / 1e6, 1)
    return found


STEPS = {"idle": idle, "plan": plan, "check": check, "run": run}


def child(step: str, folder: Path) -> None:
    """Run one step in this process and print what it took."""
    begun, cpu = time.time(), resource.getrusage(resource.RUSAGE_SELF)
    found = STEPS[step](folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    found["wall_seconds"] = round(time.time() - begun, 2)
    found["driver_cpu_seconds"] = round(used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime, 2)
    found["peak_mb"] = peak_mb()
    print(json.dumps(found), flush=True)


def peak_mb() -> float:
    """Return the peak memory of this process; ru_maxrss would begin with that of the process it was forked from."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024, 1)


def measure(name: str, step: str, folder: Path, base_mb: float = 0.0) -> dict[str, Any]:
    """Run one step in a process of its own and print its line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, __file__, "--child", step, "--folder", str(folder)], stdout=subprocess.PIPE)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{name} failed with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["all_cpu_seconds"] = round(used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, 1)
    found["more_mb_than_idle"] = round(found["peak_mb"] - base_mb, 1)
    print(f"{name:8} " + "  ".join(f"{key} {value}" for key, value in found.items()), flush=True)
    return found


def main() -> None:
    """Make the files and measure every step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", choices=("all", "plan"), default="all")
    parser.add_argument("--folder", type=Path, help="where the files are made; kept, and used again when it is there")
    parser.add_argument("--child", choices=tuple(STEPS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.folder)
        return
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="plan-at-scale-"))
    try:
        everything(folder, arguments.files, arguments.workers, arguments.only == "plan")
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def everything(folder: Path, files: int, workers: int, only_plan: bool) -> None:
    """Run all steps over `files` files in `folder`."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    if not (folder / "in").exists():
        begun = time.time()
        make(folder, 0, files)
        print(f"{files:,} files made in {time.time() - begun:.0f} s", flush=True)
    (folder / "recipe.yaml").write_text(RECIPE.format(folder=folder, workers=workers))
    base = measure("idle", "idle", folder)["peak_mb"]
    measure("plan", "plan", folder, base)
    measure("check", "check", folder, base)
    if only_plan:
        return
    whole = measure("run", "run", folder, base)
    left = sum(len(names) for _, _, names in os.walk(folder / "out" / ".work" / "units"))
    print(f"{left:,} files in the work folder, {left / files:.1f} for each input", flush=True)
    again = measure("again", "run", folder, base)
    make(folder, files, files + 10)
    added = measure("added", "run", folder, base)
    for number in range(files, files + 10):
        for path in (folder / "in").glob(f"*/part-{number:07d}.*"):
            path.unlink()
    for path in (folder / "in").glob("*/*"):
        os.utime(path, ns=(1, 1))
    touched = measure("touched", "run", folder, base)
    same = whole["checksum"] == again["checksum"] == touched["checksum"] != added["checksum"]
    print("same checksums" if same else "DIFFERENT checksums")


if __name__ == "__main__":
    main()
