"""A corpus of three tokenized sources with clusters, and recipes over it."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusforge.pipeline import Layout, Pipeline, RunOptions, Source, Step
from corpusforge.stage import Kernel, Stage, with_columns
from corpusforge.stages.read.parquet import Parquet as Read
from corpusforge.stages.write.parquet import Parquet
from corpusforge.writer import Writer

SOURCES = ("web", "books", "code")
SCHEMA = pa.schema([("text", pa.string()), ("language", pa.string())])
LANGUAGES = ("en", "de", None, "zh/Hant", "")


class Tokens(Stage):
    """Ids that tell documents apart: its number, then how many tokens there are, counted down."""

    writes = {
        "input_ids": pa.list_(pa.uint32()),
        "token_count": pa.int64(),
        "cluster_id": pa.string(),
        "cluster_size": pa.int64(),
    }

    def open(self) -> Kernel:
        """Read everything from the text: number, tokens, cluster, size of the cluster."""

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            parts = [text.split() for text in batch.column("text").to_pylist()]
            ids = [[int(number), *range(int(tokens) - 1, 0, -1)][: int(tokens)] for number, tokens, *_ in parts]
            return with_columns(
                batch,
                input_ids=pa.array(ids, pa.list_(pa.uint32())),
                token_count=pa.array([len(one) for one in ids], pa.int64()),
                cluster_id=pa.array([None if cluster == "-" else cluster for *_, cluster, _ in parts], pa.string()),
                cluster_size=pa.array([int(size) for *_, size in parts], pa.int64()),
            )

        return kernel


def write_corpus(folder: Path, documents: Mapping[str, int], files: int = 3) -> Path:
    """Write `documents` of each source, sizes from 0 to 400 tokens, a fifth of them in clusters of three."""
    draw = random.Random(11)
    number = 0
    for source, count in documents.items():
        rows: list[dict[str, Any]] = []
        for i in range(count):
            number += 1
            cluster = f"{source}-{i // 15}" if i % 15 < 3 else "-"
            size = 3 if cluster != "-" else 1
            tokens = draw.choice((0, 1, 30, draw.randint(2, 400)))
            language = LANGUAGES[draw.randrange(len(LANGUAGES))]
            rows.append({"text": f"{number} {tokens} {cluster} {size}", "language": language})
        for part in range(files):
            table = pa.Table.from_pylist(
                rows[part::files], pa.schema([("text", pa.string()), ("language", pa.string())])
            )
            (folder / source).mkdir(parents=True, exist_ok=True)
            pq.write_table(table, folder / source / f"{part}.parquet")
    return folder


def mixed(
    folder: Path, output: Path, layout: Mapping[str, Any], writer: Writer | None = None, **options: Any
) -> Pipeline:
    """Return a pipeline over what `write_corpus` wrote."""
    return Pipeline(
        sources=tuple(
            Source(name.name, "read.parquet", Read(paths=(f"{name}/*.parquet",)))
            for name in sorted(folder.iterdir(), key=lambda path: SOURCES.index(path.name))
        ),
        steps=(Step("tokens", Tokens()),),
        writer=writer or Parquet(path=str(output), shard_bytes=60_000, row_group_bytes=20_000),
        layout=Layout.model_validate(layout),
        options=RunOptions.model_validate({"workers": 1, "max_error_fraction": 1.0, **options}),
    )


def written(output: Path, kind: str = "data") -> pa.Table:
    """Return the rows of all parts, in the order of their names."""
    manifest = orjson.loads((output / "manifest.json").read_bytes())
    parts = manifest["shards" if kind == "data" else kind]
    return pa.concat_tables([pq.read_table(output / part["path"]) for part in parts], promote_options="default")


def tokens_of(table: pa.Table, source: str) -> int:
    """Return the tokens of a source."""
    return pc.sum(table.filter(pc.equal(table["source"], source))["token_count"]).as_py() or 0
