"""corpusforge as a library: the same pipeline that a recipe describes, built and run in Python.

python examples/library.py [INPUT_FOLDER] [OUTPUT_FOLDER]
"""

import sys
from pathlib import Path

import pyarrow.parquet as pq

from corpusforge import Pipeline, RunOptions, Source, Step
from corpusforge.engine.run import Outcome
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.extract.html import Html
from corpusforge.stages.quality.language import Language
from corpusforge.stages.read.warc import Warc
from corpusforge.stages.write.parquet import Parquet


def build(folder: Path, output: Path) -> Pipeline:
    """Return a pipeline over the web pages of `folder`."""
    pages = Source(
        "web",
        "read.warc",
        Warc(paths=(f"{folder}/web/*.warc.gz",)),
        steps=(Step("extract.html", Html()),),
    )
    return Pipeline(
        sources=(pages,),
        steps=(
            Step("quality.language", Language(keep=("en", "de"), min_score=0.65)),
            Step("dedup.exact", Exact()),
            Step("dedup.minhash", Minhash(verify=0.8)),
        ),
        writer=Parquet(path=str(output)),
        options=RunOptions(workers=1),
    )


def main(folder: Path, output: Path) -> Outcome:
    """Run the pipeline and print what it came to; a second call finds the work done."""
    outcome = build(folder, output).run()
    for stage in outcome.manifest["stages"]:
        print(f"{stage['name']:<20} {stage['read']:>4} read {stage['kept']:>4} kept  {stage['rejected'] or ''}")
    shard = outcome.path / outcome.manifest["shards"][0]["path"]
    print(pq.read_table(shard, columns=["url", "language", "cluster_size"]).slice(0, 5).to_pylist())
    return outcome


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0] if given else "examples/data"), Path(given[1] if len(given) > 1 else "out/library"))
