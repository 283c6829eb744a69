"""MB of text per CPU second of a pipeline, in all and per stage: first pass of a fresh process, JIT apart, and steady.

    python tests/benchmarks/throughput.py FOLDER_OF_PARQUET [--stages quality.language,dedup.exact,...] [--workers 1]

Three numbers, each user + system CPU seconds of all processes over the text bytes read:

  cold    a fresh process, empty kernel cache: every kernel is compiled
  first   a fresh process with compiled kernels on disk, first pass over the documents
  steady  the same process afterwards, over the same documents with their words permuted by seed

JIT seconds are cold minus first. MB = 10^6 bytes. Compare ratios of one run; these machines are shared.
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
from pathlib import Path
from typing import Any

DEFAULT = "quality.language,gopher_repetition,gopher_quality,dedup.exact,dedup.minhash,privacy.pii"
FIELDS: dict[str, dict[str, Any]] = {"privacy.pii": {"replace": ["email", "phone", "ip", "card"]}}


def main() -> None:
    """Run the three passes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stages", default=DEFAULT)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--permuted", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.permuted is not None:
        child(arguments)
        return
    with tempfile.TemporaryDirectory() as name:
        permuted = Path(name) / "permuted"
        permute(arguments.folder, permuted)
        cold, cold_cpu = measure(arguments, permuted, Path(name) / "kernels")
        warm, warm_cpu = measure(arguments, permuted, Path(name) / "kernels")
    report(cold, cold_cpu, warm, warm_cpu)


def permute(source: Path, target: Path) -> None:
    """Write every document of `source` with the words of each line in another order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    target.mkdir()
    draw = random.Random(0)
    for path in sorted(source.glob("*.parquet")):
        texts = []
        for text in pq.read_table(path, columns=["text"])["text"].to_pylist():
            lines = [line.split(" ") for line in (text or "").split("\n")]
            for words in lines:
                draw.shuffle(words)
            texts.append("\n".join(" ".join(words) for words in lines))
        pq.write_table(pa.table({"text": texts}), target / path.name)


def measure(arguments: argparse.Namespace, permuted: Path, kernels: Path) -> tuple[list[dict[str, Any]], float]:
    """Run a fresh process over the documents, then the permuted ones; return both manifests and all CPU seconds."""
    command = [sys.executable, __file__, str(arguments.folder), "--stages", arguments.stages]
    command += ["--workers", str(arguments.workers), "--permuted", str(permuted)]
    before = cpu(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, env={**os.environ, "NUMBA_CACHE_DIR": str(kernels)}, check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout.splitlines()[-1]), cpu(resource.RUSAGE_CHILDREN) - before


def cpu(who: int) -> float:
    """Return user + system seconds."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def child(arguments: argparse.Namespace) -> None:
    """Run the pipeline over both folders in this process and print what it cost as JSON."""
    from corpusforge.engine.run import run
    from corpusforge.pipeline import Pipeline, RunOptions, Source, Step
    from corpusforge.registry import find
    from corpusforge.stages.read.parquet import Parquet as Reader
    from corpusforge.stages.write.parquet import Parquet as Writer

    steps = []
    for name in arguments.stages.split(","):
        if "." in name:
            steps.append(Step(name, find(name).model_validate(FIELDS.get(name, {}))))  # type: ignore[arg-type]
        else:
            steps.append(Step(f"quality.rules {name}", find("quality.rules").model_validate({"pack": name})))  # type: ignore[arg-type]
    runs = []
    with tempfile.TemporaryDirectory() as output:
        for number, folder in enumerate((arguments.folder, arguments.permuted)):
            reader = Reader.model_validate({"paths": f"{folder}/*.parquet"})
            pipeline = Pipeline(
                (Source("bulk", "read.parquet", reader),),
                tuple(steps),
                Writer(path=f"{output}/{number}"),
                options=RunOptions(workers=arguments.workers),
            )
            begun, wall = cpu(resource.RUSAGE_SELF), time.time()
            manifest = run(pipeline).manifest
            spent = {"cpu": cpu(resource.RUSAGE_SELF) - begun, "wall": time.time() - wall}
            runs.append({**spent, **{k: manifest[k] for k in ("stages", "documents", "run")}})
    print(json.dumps(runs))


def report(cold: list[dict[str, Any]], cold_cpu: float, warm: list[dict[str, Any]], warm_cpu: float) -> None:
    """Print the table."""
    size = warm[0]["stages"][0]["bytes"] / 1e6
    steady_size = warm[1]["stages"][0]["bytes"] / 1e6
    ray = warm[0]["run"]["workers"] != 1
    steady = warm[1]["run"]["cpu_seconds"] if ray else warm[1]["cpu"]
    first = warm_cpu - steady
    jit = (cold_cpu - (cold[1]["run"]["cpu_seconds"] if ray else cold[1]["cpu"])) - first
    print(f"{warm[0]['documents']['read']} documents, {size:.1f} MB of text, {warm[0]['run']['workers']} workers")
    print(f"{'stage':34} {'MB in':>7} {'first CPU s':>12} {'MB/CPU s':>9} {'steady CPU s':>13} {'MB/CPU s':>9}")
    arriving, arriving_steady = size, steady_size
    for one, two in zip(warm[0]["stages"], warm[1]["stages"], strict=True):
        a, b = max(one["seconds"], 1e-9), max(two["seconds"], 1e-9)
        print(f"{one['name']:34} {arriving:7.1f} {a:12.2f} {arriving / a:9.1f} {b:13.2f} {arriving_steady / b:9.1f}")
        arriving, arriving_steady = one["bytes"] / 1e6, two["bytes"] / 1e6
    print(f"{'in all (imports, storage too)':34} {size:7.1f} {first:12.2f} {size / first:9.1f}", end="")
    print(f" {steady:13.2f} {steady_size / steady:9.1f}")
    print(f"JIT of a cold kernel cache: {jit:.1f} CPU s more")
    print(f"peak memory of a worker: {warm[0]['run']['peak_memory_bytes'] / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
