"""Peak memory of the main job for inputs of 1x, 10x and 30x: per worker and of the driver, per segment and pass.

    python tests/benchmarks/measure_memory.py DATA [--megabytes 20 200 600] [--workers 1 2] [--folder FOLDER]

DATA holds bulk/*.parquet, code/*.parquet and eval/. The input is its texts with the words of each line in another
order, by a seed that no copy shares, so that no text comes twice: as WARC (half of the bytes), books (text of 300 kB,
gzip), a table of code, and code in tar.gz. The number of files is the same at every size and the files grow, which is
the harder case for a reader. Each run is a fresh process; on Linux only. Two figures for each:

  resident   VmHWM: all pages at the peak, mapped files (runs, rows, libraries) among them, which the kernel can drop
  own        RssAnon: pages that belong to this process alone and to no file, sampled every 20 ms

With one worker the peaks of every kind of unit are taken apart (the kernel's mark is set back before each unit).
"""

import argparse
import gzip
import io
import json
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RECIPE = Path(__file__).with_name("main_job.yaml")
BOOK_BYTES = 300_000
SHARES = {"web": 0.5, "books": 0.2, "code": 0.1, "table": 0.2}
FILES = 2  # of the web, of the table and of code archives
SAMPLE_SECONDS = 0.02


def main() -> None:
    """Make the inputs, run, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[20, 200, 600], help="of text")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of the recipe")
    parser.add_argument("--folder", type=Path, help="where everything is written; inputs that are there are used")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        child(arguments.child, arguments.data, arguments.workers[0], arguments.set)
        return
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="memory-"))
    try:
        rows = []
        for size in arguments.megabytes:
            inputs = folder / f"input-{size}"
            if not inputs.exists():
                make(arguments.data, inputs, size * 10**6)
            for workers in arguments.workers:
                rows.append(measure(inputs, folder / "run", workers, arguments.set, size))
                print(rows[-1]["line"], flush=True)
        compare(rows)
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)


# ------------------------------------------------------------------------------------------------ the input


def make(data: Path, folder: Path, size: int) -> None:
    """Write an input of about `size` bytes of text."""
    begun = time.time()
    bulk, code = _texts(data / "bulk", "text"), _texts(data / "code", "text")
    for name in ("web/warc-samples/one", "books/gutenberg", "books/epub", "code/repo-dumps"):
        (folder / name).mkdir(parents=True)
    (folder / "eval").symlink_to(data.resolve() / "eval")
    for number in range(FILES):
        with gzip.open(folder / f"web/{number}.warc.gz", "wb", 1) as file:
            for page, text in enumerate(_permuted(bulk, ("web", number), int(size * SHARES["web"] / FILES))):
                file.write(_page(text, f"http://host{page % 997}.example/{number}/{page}"))
    # The recipe's patterns must match something; the kind of a book is told by its content.
    (folder / "web/warc-samples/one/one.warc").write_bytes(_page(bulk[0], "http://one.example/"))
    (folder / "books/epub/one.txt").write_text(bulk[1])
    for number in range(int(size * SHARES["books"] / BOOK_BYTES)):
        with gzip.open(folder / f"books/gutenberg/{number:05}.txt.gz", "wb", 1) as file:
            file.write("\n\n".join(_permuted(bulk, ("book", number), BOOK_BYTES)).encode())
    _table(folder / "code" / "table.parquet", _permuted(code, ("table",), int(size * SHARES["table"])))
    for number in range(FILES):
        with tarfile.open(folder / f"code/repo-dumps/{number}.tar.gz", "w:gz", compresslevel=1) as archive:
            for member, text in enumerate(_permuted(code, ("tar", number), int(size * SHARES["code"] / FILES))):
                header = tarfile.TarInfo(f"repo/{member % 50}/file{member}.py")
                header.size = len(content := text.encode())
                archive.addfile(header, io.BytesIO(content))
    print(f"made {size / 1e6:.0f} MB of text in {time.time() - begun:.0f} s", flush=True)


def _texts(folder: Path, column: str) -> list[str]:
    import pyarrow.parquet as pq

    return [t for path in sorted(folder.glob("*.parquet")) for t in pq.read_table(path)[column].to_pylist() if t]


def _permuted(texts: list[str], seed: tuple[Any, ...], size: int) -> Iterator[str]:
    draw = random.Random(repr(seed))
    while size > 0:
        lines = [line.split(" ") for line in draw.choice(texts).split("\n")]
        for words in lines:
            draw.shuffle(words)
        text = "\n".join(" ".join(words) for words in lines)
        size -= len(text)
        yield text


def _page(text: str, url: str) -> bytes:
    body = "".join(f"<p>{line}</p>\n" for line in text.replace("<", "&lt;").split("\n") if line)
    page = f"<html><head><title>A page</title></head><body><article>{body}</article></body></html>".encode()
    content = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-05-06T07:08:09Z\r\n"
    head += f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content + b"\r\n\r\n"


def _table(path: Path, texts: Iterator[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema({"text": pa.string(), "path": pa.string()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        held: list[str] = []
        for number, text in enumerate(texts):
            held.append(text)
            if len(held) == 1000:
                writer.write_table(pa.table([held, [f"src/{number}.py"] * len(held)], schema=schema))
                held = []
        if held:
            writer.write_table(pa.table([held, ["src/last.py"] * len(held)], schema=schema))


# ------------------------------------------------------------------------------------------------ one run


def measure(inputs: Path, output: Path, workers: int, changes: list[str], size: int) -> dict[str, Any]:
    """Run the main job in a fresh process and sample it and all it starts."""
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, __file__, str(inputs), "--child", str(output), "--workers", str(workers)]
    for change in changes:
        command += ["--set", change]
    begun = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    peaks = sampled(process)
    assert process.stdout is not None
    found = json.loads(process.stdout.read().splitlines()[-1])
    if process.wait():
        raise SystemExit(f"the run over {inputs} failed")
    driver = peaks.pop(process.pid)
    mine = list(peaks.values()) if workers > 1 else [driver]
    row = {
        "megabytes": size,
        "workers": workers,
        "worker_own": max(p["own"] for p in mine),
        "extractor": max(p["extractor"] for p in mine),
        "worker_resident": max(p["resident"] for p in mine),
        "driver_own": driver["own"],
        "driver_resident": driver["resident"],
        **found,
    }
    each = ", ".join(f"{p['own'] >> 20}" for p in mine)
    row["line"] = (
        f"{size} MB, {workers} worker(s): own {row['worker_own'] >> 20} MB at most ({each}), resident "
        f"{row['worker_resident'] >> 20} MB, HTML apart {row['extractor'] >> 20} MB, manifest "
        f"{found['peak_memory_bytes'] >> 20} MB; driver own {driver['own'] >> 20} MB; {found['documents']} documents, "
        f"{time.time() - begun:.0f} s, {found['cpu_seconds']:.0f} CPU s, checksum {found['content_checksum']}"
    )
    shutil.rmtree(output, ignore_errors=True)
    return row


def sampled(process: "subprocess.Popen[bytes]") -> dict[int, dict[str, int]]:
    """Return the peaks of `process` and of Ray's workers below it, in bytes.

    `extractor`: own memory of the process in which a worker's HTML is taken apart.
    """
    import psutil

    peaks: dict[int, dict[str, int]] = {}
    known: dict[int, list[int]] = {process.pid: []}  # a worker -> the processes that work for it
    looked = 0.0
    while process.poll() is None:
        if time.time() - looked > 1:
            looked = time.time()
            try:
                below = psutil.Process(process.pid).children(recursive=True)
                workers = [p for p in below if (p.cmdline() or [""])[0].startswith("ray::work_on_node")]
                known |= {p.pid: [c.pid for c in p.children(recursive=True)] for p in workers}
                if not any("ray" in " ".join(p.cmdline()) for p in below):
                    known[process.pid] = [p.pid for p in below]
            except psutil.Error:
                pass
        for pid, helpers in known.items():
            own, resident = status(pid)
            peak = peaks.setdefault(pid, {"own": 0, "resident": 0, "extractor": 0})
            peak["own"], peak["resident"] = max(peak["own"], own), max(peak["resident"], resident)
            peak["extractor"] = max(peak["extractor"], sum(status(helper)[0] for helper in helpers))
        time.sleep(SAMPLE_SECONDS)
    return peaks


def status(pid: int | str = "self") -> tuple[int, int]:
    """Return RssAnon and VmHWM of a process in bytes, zeros when it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    fields = dict(line.split(":", 1) for line in lines)
    return tuple(int(fields.get(name, "0 kB").split()[0]) << 10 for name in ("RssAnon", "VmHWM"))  # type: ignore[return-value]


def child(output: Path, inputs: Path, workers: int, changes: list[str]) -> None:
    """Run the main job in this process; print what it made, and the peaks of its units, as JSON."""
    from corpusforge.engine import worker
    from corpusforge.engine.run import run
    from corpusforge.recipe import load

    units: dict[str, dict[str, int]] = {}
    if workers == 1:
        for kind, function in worker.RUN.items():
            worker.RUN[kind] = _apart(function, units)  # type: ignore[index]
    pipeline = load(RECIPE, [f"vars.input={inputs}", f"vars.output={output}", f"run.workers={workers}", *changes])
    made = run(pipeline).manifest
    result = {
        "units": units,
        "documents": made["documents"]["read"],
        "content_checksum": made["content_checksum"],
        "peak_memory_bytes": made["run"]["peak_memory_bytes"],
        "cpu_seconds": made["run"]["cpu_seconds"],
    }
    print(json.dumps(result))


def _apart(function: Any, units: dict[str, dict[str, int]]) -> Any:
    def timed(unit: Any) -> Any:
        Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM to what is resident now
        before, _ = status()
        report = function(unit)
        after, resident = status()
        name = _kind(unit)
        seen = units.setdefault(name, {"units": 0, "resident": 0, "before": 0, "after": 0})
        seen["units"] += 1
        for key, value in (("resident", resident), ("before", before), ("after", after)):
            seen[key] = max(seen[key], value)
        return report

    return timed


def _kind(unit: Any) -> str:
    kind = type(unit).__name__.removesuffix("Unit")
    if kind == "Segment":
        return f"{unit.bundle.source} {unit.name.rpartition(' ')[2]}"
    if kind in ("Emit", "Combine"):
        return f"{kind} {unit.step.step.name}: {unit.pass_name}"
    return kind


def compare(rows: list[dict[str, Any]]) -> None:
    """Print the peaks of each kind of unit, and by how much the largest input is above the smallest."""
    for workers in sorted({r["workers"] for r in rows}):
        mine = [r for r in rows if r["workers"] == workers]
        print(f"\n{workers} worker(s): own memory against the smallest input")
        for row in mine:
            change = row["worker_own"] / mine[0]["worker_own"] - 1
            print(f"  {row['megabytes']:6} MB  {row['worker_own'] >> 20:6} MB  {change:+.1%}")
        names = [name for name in mine[-1]["units"]]
        if names:
            print(f"\n{'resident MB at the peak of a unit':52}" + "".join(f"{r['megabytes']:>10}" for r in mine))
        for name in names:
            peaks = [r["units"].get(name, {}).get("resident", 0) >> 20 for r in mine]
            print(f"{name:52}" + "".join(f"{p:>10}" for p in peaks))


if __name__ == "__main__":
    main()
