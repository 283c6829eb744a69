"""Two workers against one over the stages of the main job, and the engine against its kernels in a plain loop.

    python tests/benchmarks/scale_workers.py BULK --eval EVAL [--megabytes 2000] [--folder WORK] [--pairs 1]

BULK holds Parquet files with a column `text`; EVAL the evaluation sets that the corpus is cleaned of. The corpus is
made of their documents, over and over, each time with its words in another order by seed, so that no text is repeated.
A pair is a run with one worker and one with two, each a process of its own from a fresh output; the CPU seconds are
those of the driver and of every process below it, sampled, with Ray's own apart. Goals are printed beside the figures.

The loop reads, calls the kernels of the stages that need no exchange, drops what they reject, and writes Parquet; the
engine runs the same stages with one worker. Both have a tokenizer that a pair has trained, and `--loop-megabytes` of
the corpus.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray

FILE_MEGABYTES = 16
SAMPLE_SECONDS = 0.25
ROW_STAGES = """\
  - quality.language: {keep: [en], min_score: 0.5}
  - quality.rules: {pack: gopher_repetition}
  - quality.rules: {pack: gopher_quality}
  - normalize.unicode
  - quality.toxicity: {max_score: 0.5}
"""
PII = "  - privacy.pii: {replace: [email, phone, ip, card]}\n"
RECIPE = """\
corpusforge: 1
sources:
  bulk:
    read.parquet: {{paths: {paths}}}
stages:
{stages}write.parquet: {{path: "{output}", shard_bytes: 64MB}}
run: {{workers: {workers}, max_error_fraction: 0.05}}
"""


def main_job(evals: Path) -> str:
    """Return the stages of the main job that take text."""
    return (
        ROW_STAGES
        + "  - dedup.exact\n"
        + f'  - dedup.decontaminate: {{against: "{evals}/*", ngram: 13}}\n'
        + "  - dedup.minhash: {ngram: 5, verify: 0.8, max_source_loss: 1.0}\n"
        + PII
        + "  - tokenize.train: {vocab_size: 16384}\n  - tokenize.encode: {tokenizer: trained}\n"
    )


# ------------------------------------------------------------------------------------------ the corpus


def make(bulk: Path, folder: Path, megabytes: int) -> None:
    """Write the corpus: files of about 16 MB of text, in which every document of `bulk` has its words reordered."""
    folder.mkdir(parents=True, exist_ok=True)
    column = pa.concat_tables([pq.read_table(p, columns=["text"]) for p in sorted(bulk.glob("*.parquet"))])["text"]
    texts = column.cast(pa.large_string()).combine_chunks().drop_null()
    order = np.arange(len(texts))
    written = number = copy = 0
    while written < megabytes * 10**6:
        random.Random(copy).shuffle(order)  # type: ignore[arg-type]
        first = 0
        sizes = np.cumsum(np.diff(np.frombuffer(texts.buffers()[1], np.int64)[: len(texts) + 1])[order])
        while first < len(order) and written < megabytes * 10**6:
            begun = sizes[first - 1] if first else 0
            last = int(np.searchsorted(sizes, begun + FILE_MEGABYTES * 10**6)) + 1
            mine = permuted(texts.take(pa.array(order[first:last])), copy << 32 | first)
            pq.write_table(pa.table({"text": mine}), folder / f"bulk-{number:05d}.parquet", compression="zstd")
            written += int(sizes[min(last, len(sizes)) - 1] - begun)
            number, first = number + 1, last
        copy += 1


def permuted(texts: pa.LargeStringArray, seed: int) -> pa.LargeStringArray:
    """Return the texts with the words of each in another order; what is between the words stays."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2], np.uint8)
    out = np.empty(offsets[-1] - offsets[0], np.uint8)
    _permute(data, offsets, np.uint64(seed), out)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(offsets - offsets[0]), pa.py_buffer(out))


@njit(cache=True)
def _permute(data: NDArray[np.uint8], offsets: NDArray[np.int64], seed: np.uint64, out: NDArray[np.uint8]) -> None:
    starts, ends = np.empty(1 << 22, np.int64), np.empty(1 << 22, np.int64)
    for d in range(len(offsets) - 1):
        words = 0
        inside = False
        for i in range(offsets[d], offsets[d + 1]):
            blank = data[i] == 32 or data[i] == 10
            if not blank and not inside and words < len(starts):
                starts[words] = i
                words += 1
                inside = True
            elif blank and inside:
                ends[words - 1] = i
                inside = False
        if inside:
            ends[words - 1] = offsets[d + 1]
        order = np.arange(words)
        state = seed * np.uint64(0x9E3779B97F4A7C15) + np.uint64(d)
        for w in range(words - 1, 0, -1):
            state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            other = np.int64((state >> np.uint64(33)) % np.uint64(w + 1))
            order[w], order[other] = order[other], order[w]
        at = offsets[d] - offsets[0]
        before = offsets[d]
        for w in range(words):
            for i in range(before, starts[w]):  # what is between the words stays in its place
                out[at] = data[i]
                at += 1
            for i in range(starts[order[w]], ends[order[w]]):
                out[at] = data[i]
                at += 1
            before = ends[w]
        for i in range(before, offsets[d + 1]):
            out[at] = data[i]
            at += 1


# ------------------------------------------------------------------------------------------ measuring


class Sampled:
    """CPU seconds of a process and all below it, by what they are, as last seen of each."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._seen: dict[tuple[int, float], tuple[str, float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            try:
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.Error:
                return
            for process in processes:
                try:
                    times, line = process.cpu_times(), " ".join(process.cmdline())
                    key = process.pid, process.create_time()
                    worker = line.startswith("ray::") or "default_worker" in line
                    kind = "driver" if process.pid == self._root.pid else "workers" if worker else "ray"
                    if not line and key in self._seen:  # it is ending
                        kind = self._seen[key][0]
                    self._seen[key] = kind, times.user + times.system
                except psutil.Error:
                    continue

    def seconds(self) -> dict[str, float]:
        """Stop, and return the CPU seconds of driver, workers and Ray."""
        self._ended.set()
        self._thread.join()
        found = {"driver": 0.0, "workers": 0.0, "ray": 0.0}
        for kind, seconds in self._seen.values():
            found[kind] += seconds
        return found


def measured(task: str, recipe: Path) -> dict[str, Any]:
    """Do a task in a process of its own; return what it printed, with wall and CPU seconds."""
    begun = time.time()
    process = subprocess.Popen([sys.executable, __file__, "--child", task, str(recipe)], stdout=subprocess.PIPE)
    sampled = Sampled(process.pid)
    out, _ = process.communicate()
    cpu = sampled.seconds()
    if process.returncode:
        sys.exit(f"{task} failed with {process.returncode}")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    cpu["driver"] = found.pop("driver_cpu")
    return {**found, "wall": time.time() - begun, "cpu": cpu, "all_cpu": sum(cpu.values())}


def child(task: str, recipe: Path) -> None:
    """Do one task in this process."""
    found = engine(recipe) if task == "engine" else loop(recipe)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({**found, "driver_cpu": used.ru_utime + used.ru_stime}), flush=True)


def engine(recipe: Path) -> dict[str, Any]:
    """Run a recipe."""
    from corpusforge.engine.run import run
    from corpusforge.recipe import load

    made = run(load(str(recipe))).manifest
    about = {name: made["run"][name] for name in ("wall_seconds", "units", "peak_memory_bytes")}
    about |= {"documents": made["documents"], "checksum": made["content_checksum"]}
    return {**about, "bytes": made["stages"][0]["bytes"], "stages": {s["name"]: s["seconds"] for s in made["stages"]}}


def loop(recipe: Path) -> dict[str, Any]:
    """Call the kernels of a recipe's stages in a plain loop over its files."""
    from corpusforge.recipe import load
    from corpusforge.schema import CORE, FIRED, REJECTION, SIGNAL_PREFIX
    from corpusforge.stage import kept

    pipeline = load(str(recipe))
    kernels = [step.stage.open() for step in pipeline.steps]
    output = Path(pipeline.writer.path)
    output.mkdir(parents=True, exist_ok=True)
    read = size = documents = 0
    for place, path in enumerate(pipeline.sources[0].reader.paths):
        writer = None
        for batch in pq.ParquetFile(path).iter_batches(batch_size=4096, use_threads=False):
            rows = batch.num_rows
            read, size = read + rows, size + batch.column("text").nbytes
            columns = {f.name: pa.nulls(rows, f.type) for f in (*CORE, *REJECTION)}
            columns["text"] = batch.column("text").cast(pa.large_string())
            columns["doc_id"] = pa.array([f"{place:08x}{n:024x}" for n in range(read - rows, read)])
            one = pa.RecordBatch.from_pydict(columns)
            for kernel in kernels:
                one = kernel(one)
                alive = kept(one)
                if not alive.all():
                    one = one.filter(pa.array(alive))
            documents += one.num_rows
            ours = (*REJECTION.names, FIRED)
            one = one.select([n for n in one.schema.names if n not in ours and not n.startswith(SIGNAL_PREFIX)])
            writer = writer or pq.ParquetWriter(output / f"{place}.parquet", one.schema, compression="zstd")
            writer.write_batch(one)
        if writer is not None:
            writer.close()
    return {"documents": {"read": read, "kept": documents}, "bytes": size}


# ------------------------------------------------------------------------------------------ the comparison


def write_recipe(folder: Path, name: str, files: list[Path], stages: str, workers: int) -> Path:
    """Write a recipe whose output is a fresh folder."""
    shutil.rmtree(folder / name, ignore_errors=True)
    paths = json.dumps([str(file) for file in files])
    path = folder / f"{name}.yaml"
    path.write_text(RECIPE.format(paths=paths, stages=stages, output=folder / name, workers=workers))
    return path


def show(name: str, found: dict[str, Any]) -> None:
    """Print one run."""
    cpu = "  ".join(f"{kind} {seconds:.1f}" for kind, seconds in found["cpu"].items())
    print(
        f"{name:12} wall {found['wall']:7.1f} s  CPU {found['all_cpu']:7.1f} s ({cpu})  "
        f"{found['bytes'] / 1e6 / found['all_cpu']:.2f} MB per CPU second  {found['documents']}",
        flush=True,
    )


def goal(what: str, value: float, limit: float, at_least: bool) -> bool:
    """Print a figure beside its goal."""
    good = value >= limit if at_least else value <= limit
    print(f"{what}: {value:.3f}, goal {'at least' if at_least else 'at most'} {limit}: {'met' if good else 'MISSED'}")
    return good


def main() -> int:
    """Make the corpus, run the pairs and the loop, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bulk", type=Path)
    parser.add_argument("recipe", type=Path, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--eval", type=Path)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--loop-megabytes", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="kept, and the corpus in it used again")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.bulk)
        return 0
    folder = (arguments.folder or Path(tempfile.mkdtemp(prefix="scale-workers-"))).absolute()
    corpus = folder / f"corpus-{arguments.megabytes}"
    begun = time.time()
    if not (corpus / "made").exists():
        make(arguments.bulk, corpus, arguments.megabytes)
        (corpus / "made").touch()
    files = sorted(corpus.glob("*.parquet"))
    print(f"{len(files)} files, made in {time.time() - begun:.0f} s; load {os.getloadavg()[0]:.2f}", flush=True)
    stages = main_job(arguments.eval.absolute())
    # Compiles what the kernel cache lacks, and no more.
    measured("engine", write_recipe(folder, "warm", files[:1], stages, 1))
    good = True
    for pair in range(arguments.pairs):
        one = measured("engine", write_recipe(folder, "one", files, stages, 1))
        show("one worker", one)
        two = measured("engine", write_recipe(folder, "two", files, stages, 2))
        show("two workers", two)
        spent = {n: f"{s:.1f} {two['stages'][n]:.1f}" for n, s in one["stages"].items()}
        print(f"pair {pair}: CPU seconds by stage, one and two workers: {spent}")
        good &= goal("wall of one over two", one["wall"] / two["wall"], 1.6, at_least=True)
        good &= goal("CPU of two over one", two["all_cpu"] / one["all_cpu"], 1.1, at_least=False)
        good &= goal("driver's share of the CPU, two", two["cpu"]["driver"] / two["all_cpu"], 0.05, at_least=False)
        good &= goal("driver and Ray's", 1 - two["cpu"]["workers"] / two["all_cpu"], 0.05, at_least=False)
        same = one["checksum"] == two["checksum"]
        print(f"content checksums: {one['checksum']} {two['checksum']}: {'equal' if same else 'DIFFERENT'}", flush=True)
        good &= same
    tokenizer = folder / "one" / "tokenizer" / "trained.json"
    few = files[: max(1, arguments.loop_megabytes // FILE_MEGABYTES)]
    rows = ROW_STAGES + PII + f'  - tokenize.encode: {{tokenizer: "{tokenizer}"}}\n'
    measured("engine", write_recipe(folder, "warm", files[:1], rows, 1))
    plain = measured("loop", write_recipe(folder, "loop", few, rows, 1))
    show("plain loop", plain)
    engine_run = measured("engine", write_recipe(folder, "engine", few, rows, 1))
    show("engine", engine_run)
    per_kept = engine_run["documents"]["kept"] == plain["documents"]["kept"]
    print(f"documents kept: {'equal' if per_kept else 'DIFFERENT'}")
    good &= goal("CPU of the engine over the loop", engine_run["all_cpu"] / plain["all_cpu"], 1.15, at_least=False)
    return 0 if good and per_kept else 1


if __name__ == "__main__":
    sys.exit(main())
