"""Documents per second of many tiny documents: read, judged, written; and whether memory stays flat.

    python tests/benchmarks/tiny_documents.py [--documents 1000000 10000000] [--formats jsonl parquet] [--stages ...]

The documents have 20 to 60 bytes of text (words of a fixed list, drawn by seed, and a number, so that none comes twice)
and a url. Each run is a fresh process with one worker; its CPU seconds and wall time are those of the run, without
imports and without the making of the input. `own` is memory that belongs to no file (RssAnon) at its peak, sampled.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure_memory import sampled

WORDS = 4096
CHUNK = 1 << 18


def main() -> None:
    """Make the inputs, run, and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--formats", nargs="+", choices=("jsonl", "parquet"), default=["jsonl", "parquet"])
    parser.add_argument("--stages", default="", help="with commas, such as normalize.unicode,dedup.exact")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where everything is written; inputs that are there are used")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        child(arguments)
        return
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="tiny-"))
    try:
        for kind in arguments.formats:
            for count in arguments.documents:
                path = folder / f"tiny-{count}.{kind}"
                if not path.exists():
                    write(path, count)
                command = [sys.executable, __file__, "--child", str(path), "--formats", kind, "--stages"]
                command += [arguments.stages, "--workers", str(arguments.workers)]
                process = subprocess.Popen(command, stdout=subprocess.PIPE)
                peak = sampled(process)[process.pid]
                assert process.stdout is not None
                found = json.loads(process.stdout.read().splitlines()[-1])
                if process.wait():
                    raise SystemExit(f"the run over {path} failed")
                print(
                    f"{kind:8} {count:>10} documents, {path.stat().st_size >> 20} MB: {found['cpu']:.1f} CPU s, "
                    f"{found['wall']:.1f} s wall, {count / found['cpu']:,.0f} documents per CPU s; own memory "
                    f"{peak['own'] >> 20} MB; kept {found['kept']}; checksum {found['checksum']}",
                    flush=True,
                )
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)


def write(path: Path, count: int) -> None:
    """Write `count` documents."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    draw = np.random.default_rng(0)
    letters = draw.integers(97, 123, (WORDS, 12), np.uint8)
    lengths = draw.integers(2, 11, WORDS)
    words = pa.array([bytes(row[:size]).decode() for row, size in zip(letters, lengths, strict=True)])
    writer = None
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        for start in range(0, count, CHUNK):
            rows = min(CHUNK, count - start)
            picked = [words.take(pa.array(draw.integers(0, WORDS, rows))) for _ in range(5)]
            number = pa.array(np.arange(start, start + rows)).cast(pa.string())
            text = pc.binary_join_element_wise(*picked, number, " ")
            url = pc.binary_join_element_wise("http://a.example", number, "/")
            if path.suffix == ".parquet":
                table = pa.table({"text": text, "url": url})
                writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
                writer.write_table(table)
            else:
                lines = pc.binary_join_element_wise('{"text":"', text, '","url":"', url, '"}\n', "")
                _, offsets, data = lines.buffers()
                assert offsets is not None and data is not None
                file.write(memoryview(data)[: np.frombuffer(offsets, np.int32)[rows]])
        if writer is not None:
            writer.close()


def child(arguments: argparse.Namespace) -> None:
    """Run the pipeline in this process and print what it cost as JSON."""
    from corpusforge.engine.run import run
    from corpusforge.pipeline import Pipeline, RunOptions, Source, Step
    from corpusforge.registry import find
    from corpusforge.stages.write.parquet import Parquet as Writer

    name = f"read.{arguments.formats[0]}"
    reader = find(name).model_validate({"paths": str(arguments.child)})  # type: ignore[arg-type]
    steps = [Step(s, find(s).model_validate({})) for s in arguments.stages.split(",") if s]  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(dir=arguments.child.parent) as output:
        writer = Writer(path=f"{output}/out")
        source = Source("tiny", name, reader)
        pipeline = Pipeline((source,), tuple(steps), writer, options=RunOptions(workers=arguments.workers))
        cpu, wall = time.process_time(), time.time()
        made = run(pipeline).manifest
        spent = {"cpu": time.process_time() - cpu, "wall": time.time() - wall}
        if arguments.workers != 1:
            spent["cpu"] = made["run"]["cpu_seconds"]
    print(json.dumps({**spent, "kept": made["documents"]["kept"], "checksum": made["content_checksum"]}))


if __name__ == "__main__":
    main()
