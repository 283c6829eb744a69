"""Time `tune` on many documents: python tests/benchmarks/scale_tune.py OUTPUT SOURCE PACK BOUND=VALUE DOCUMENTS

Draws DOCUMENTS rows, with noise on every signal, from the signals of the finished run in OUTPUT (those of SOURCE in the
block of PACK), and prints seconds and peak memory of one answer and of a sweep over 39 values, each in a process of
its own.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusforge.report.tune import ask

ROWS = 500_000  # of a part
ROW_GROUP = 200_000  # about as large as the writer makes them
NAMES = ["source", "block", "language"]
ANSWER = """
import sys
from corpusforge.report.sweep import Curve, parse_steps
from corpusforge.report.tune import Answer, ask
output, pack, key, value, how = sys.argv[1:]
question = ask(output, pack, {key: float(value)})
sweep = f"{key}={value}:{float(value) * 4.8}:{float(value) / 10}"
found = Answer(question) if how == "answer" else Curve(question, parse_steps(sweep))
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(f"{found.figures()['kept_before']:,} kept before, at most {int(peak) / 1e3:.0f} MB", end="; ")
"""


def spread(source: Path, name: str, pack: str, documents: int, output: Path) -> None:
    """Write an output whose signals are drawn from those of a real one."""
    (output / "signals").mkdir(parents=True)
    shutil.copy(source / "recipe.yaml", output)
    manifest = orjson.loads((source / "manifest.json").read_bytes())
    target = next(t for t in ask(source, pack, {}).targets if t.block.source == name)
    real = pq.read_table(source / "signals")
    real = real.filter(pc.and_(pc.equal(real["source"], name), pc.equal(real["block"], target.block.label)))
    draw = np.random.default_rng(1)
    parts = []
    for number in range(documents // ROWS):
        table = real.take(pa.array(draw.integers(0, real.num_rows, ROWS)))
        ids = draw.bytes(16 * ROWS)
        columns = {"doc_id": pa.array([ids[i : i + 16].hex() for i in range(0, len(ids), 16)])}
        for column in table.schema.names:
            if column.startswith("signal.") and table.schema.field(column).type == pa.float64():
                columns[column] = pa.array(table[column].to_numpy() * (1 + 0.2 * draw.standard_normal(ROWS)))
        for column, values in columns.items():
            table = table.set_column(table.schema.get_field_index(column), column, values)
        path = f"signals/part-{number:05d}.parquet"
        pq.write_table(table, output / path, compression="zstd", use_dictionary=NAMES, row_group_size=ROW_GROUP)
        parts.append({"path": path, "documents": ROWS})
    manifest |= {"signals": parts, "shards": [], "rejected": []}
    for stage in manifest["stages"]:
        if name in stage["sources"]:
            stage["sources"][name]["read"] = len(parts) * ROWS
    (output / "manifest.json").write_bytes(orjson.dumps(manifest))


def main(source: str, name: str, pack: str, change: str, documents: str) -> None:
    """Time an answer and a sweep."""
    output = Path(tempfile.mkdtemp(prefix="tune-"))
    key, _, value = change.partition("=")
    try:
        spread(Path(source), name, pack, int(documents), output)
        size = sum(path.stat().st_size for path in (output / "signals").iterdir())
        print(f"{int(documents):,} documents, {size / 1e6:.0f} MB of signals")
        for how in ("answer", "sweep"):
            begun, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", ANSWER, str(output), pack, key, value, how], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{how}: {time.time() - begun:.1f} s, {cpu:.1f} CPU s", flush=True)
    finally:
        shutil.rmtree(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
