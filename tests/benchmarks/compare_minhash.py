"""Near-duplicate removal end to end, signatures to filtered Parquet, against datatrove and rensa, in one run.

    python tests/benchmarks/compare_minhash.py FOLDER_OF_PARQUET [--datatrove PYTHON] [--rensa PYTHON]
        [--documents 12157] [--datatrove-documents 1000] [--repeat 2]

FOLDER holds Parquet files with a `text` column. PYTHON is the interpreter of an environment with the peer installed.
All read Parquet, take word 5-grams, and write Parquet with zstd, in one process. Each begins with a small part of the
documents, so that imports, compilation and caches are shown apart ("start"); then the whole is measured, CPU seconds
of user and system. datatrove runs its four steps (14 bands of 8) on fewer documents, being slow; rensa the way its
documentation shows (shingles by the caller, 14 bands over 112 values), and with candidates verified by
true similarity (0.8) against the first document of each key that stays, which is what dedup.minhash does.
MB = 10^6 bytes of text. Compare ratios of one run; these machines are shared.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

WARM_DOCUMENTS = 300


def main() -> None:
    """Run all in turn, as often as asked, and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--datatrove", help="interpreter of an environment with datatrove")
    parser.add_argument("--rensa", help="interpreter of an environment with rensa and pyarrow")
    parser.add_argument("--documents", type=int, default=12_157)
    parser.add_argument("--datatrove-documents", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        CHILDREN[arguments.child](arguments.folder, arguments.output)
        return
    runs: list[tuple[str, str, int]] = [("corpusforge", sys.executable, arguments.documents)]
    if arguments.rensa:
        runs += [(name, arguments.rensa, arguments.documents) for name in ("rensa", "rensa verified")]
    if arguments.datatrove:
        runs.append(("datatrove", arguments.datatrove, arguments.datatrove_documents))
    best: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(arguments.repeat):
            for kind, python, count in runs:
                if kind == "datatrove" and turn:
                    continue
                folder = Path(name) / f"{count}"
                if not folder.exists():
                    prepare(arguments.folder, folder, count)
                command = [python, __file__, str(folder), "--child", kind, "--output", f"{name}/{kind}-{turn}"]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                found = json.loads(done.stdout.splitlines()[-1])
                if kind not in best or found["cpu"] < best[kind]["cpu"]:
                    best[kind] = found
    print(
        f"{'':16} {'documents':>10} {'kept':>7} {'MB':>7} {'start CPU s':>12} {'CPU s':>8} {'MB/CPU s':>9} {'ratio':>7}"
    )
    ours = best["corpusforge"]["mb"] / best["corpusforge"]["cpu"]
    for kind, found in best.items():
        rate = found["mb"] / found["cpu"]
        print(
            f"{kind:16} {found['documents']:10} {found['kept']:7} {found['mb']:7.1f} {found['start']:12.2f} "
            f"{found['cpu']:8.2f} {rate:9.2f} {ours / rate:7.1f}"
        )


def prepare(source: Path, folder: Path, count: int) -> None:
    """Write the first `count` documents, spread over all files, as two Parquet files, and a few to begin with."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.concat_tables([pq.read_table(f, columns=["text"]) for f in sorted(source.rglob("*.parquet"))])
    step = max(1, table.num_rows // count)
    table = table.take(list(range(0, table.num_rows, step))[:count])
    table = table.append_column("id", pa.array([str(i) for i in range(table.num_rows)]))
    for name, chosen in (("warm", table.slice(0, WARM_DOCUMENTS)), ("whole", table)):
        (folder / name).mkdir(parents=True)
        half = -(-chosen.num_rows // 2)
        for part in range(2):
            pq.write_table(chosen.slice(part * half, half), folder / name / f"{part}.parquet")


def cpu() -> float:
    """Return user + system seconds of this process and its ended children."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(s.ru_utime + s.ru_stime for s in spent)


def tell(folder: Path, output: Path, one: Any) -> None:
    """Run `one(input folder, output folder) -> kept` on the few, then on all, and print what it cost."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    tables = [pq.read_table(f, columns=["text"]) for f in sorted((folder / "whole").glob("*.parquet"))]
    size = sum(pc.sum(pc.binary_length(t["text"])).as_py() for t in tables) / 1e6
    count = sum(t.num_rows for t in tables)
    del tables
    begun = cpu()
    one(folder / "warm", output / "warm")
    start, begun = cpu() - begun, cpu()
    kept = one(folder / "whole", output / "whole")
    print(json.dumps({"documents": count, "mb": size, "start": start, "cpu": cpu() - begun, "kept": kept}))


def child_corpusforge(folder: Path, output: Path) -> None:
    """Measure dedup.minhash with its defaults."""

    def one(source: Path, target: Path) -> int:
        from corpusforge.engine.run import run
        from corpusforge.pipeline import Pipeline, RunOptions, Source, Step
        from corpusforge.stages.dedup.minhash import Minhash
        from corpusforge.stages.read.parquet import Parquet as Reader
        from corpusforge.stages.write.parquet import Parquet

        pipeline = Pipeline(
            (Source("bulk", "read.parquet", Reader.model_validate({"paths": f"{source}/*.parquet"})),),
            (Step("dedup.minhash", Minhash(max_source_loss=1.0)),),
            Parquet(path=str(target)),
            options=RunOptions(workers=1),
        )
        return int(run(pipeline).manifest["documents"]["kept"])

    tell(folder, output, one)


def child_rensa(folder: Path, output: Path, verified: bool = False) -> None:
    """Measure rensa: shingles in Python, signatures and LSH in Rust, one thread."""
    import os

    os.environ["RAYON_NUM_THREADS"] = "1"

    def one(source: Path, target: Path) -> int:
        import re

        import pyarrow as pa
        import pyarrow.parquet as pq
        from rensa import RMinHash, RMinHashLSH

        words_of = re.compile(r"\w+").findall
        table = pa.concat_tables([pq.read_table(f) for f in sorted(source.glob("*.parquet"))])
        lsh = RMinHashLSH(threshold=0.72, num_perm=112, num_bands=14)
        sets: dict[int, set[str]] = {}
        texts = table["text"].to_pylist()
        best_first = sorted(range(len(texts)), key=lambda i: -len(texts[i])) if verified else range(len(texts))
        keep = [True] * len(texts)
        for i in best_first:
            words = words_of((texts[i] or "").lower())
            grams = list(map(" ".join, zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)))
            grams = grams or [" ".join(words)]
            sketch = RMinHash(num_perm=112, seed=42)
            sketch.update(grams)
            candidates = lsh.query(sketch)
            if verified:
                mine = set(grams)
                keep[i] = not any(_alike(mine, sets[c]) for c in candidates)
                if keep[i]:
                    sets[i] = mine
                    lsh.insert(i, sketch)
            else:
                keep[i] = not candidates
                lsh.insert(i, sketch)
        target.mkdir(parents=True)
        pq.write_table(table.filter(pa.array(keep)), target / "out.parquet", compression="zstd")
        return sum(keep)

    tell(folder, output, one)


def _alike(mine: set[str], others: set[str]) -> bool:
    shared = len(mine & others)
    return shared >= 0.8 * (len(mine) + len(others) - shared)


def child_rensa_verified(folder: Path, output: Path) -> None:
    """Measure rensa with every removal verified."""
    child_rensa(folder, output, verified=True)


def child_datatrove(folder: Path, output: Path) -> None:
    """Measure datatrove: signatures, buckets, cluster, filter."""

    def one(source: Path, target: Path) -> int:
        import pyarrow.parquet as pq
        from datatrove.executor import LocalPipelineExecutor
        from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
        from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
        from datatrove.pipeline.readers import ParquetReader
        from datatrove.pipeline.writers import ParquetWriter

        config = MinhashConfig()
        reader = ParquetReader(str(source), glob_pattern="*.parquet")
        writer = ParquetWriter(str(target / "out"), compression="zstd")
        steps: list[tuple[list[Any], int]] = [
            ([reader, MinhashDedupSignature(output_folder=f"{target}/signatures", config=config)], 2),
            ([MinhashDedupBuckets(f"{target}/signatures", f"{target}/buckets", config=config)], config.num_buckets),
            ([MinhashDedupCluster(f"{target}/buckets", f"{target}/remove", config=config)], 1),
            ([reader, MinhashDedupFilter(f"{target}/remove"), writer], 2),
        ]
        for number, (pipeline, tasks) in enumerate(steps):
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=f"{target}/logs{number}").run()
        return sum(pq.read_metadata(f).num_rows for f in target.glob("out/*.parquet"))

    tell(folder, output, one)


CHILDREN = {
    "corpusforge": child_corpusforge,
    "rensa": child_rensa,
    "rensa verified": child_rensa_verified,
    "datatrove": child_datatrove,
}

if __name__ == "__main__":
    main()
