"""Train books and Wikipedia against raw web text; print held-out figures, training time and scoring speed.

    python tests/benchmarks/train_quality_classifier.py DATA [--megabytes 20]

DATA holds books/gutenberg/*.txt*, wiki/*.xml.bz2 and web/*.warc.gz. The pages are extracted by extract.html. Scores are
compared with those of the fastText binding text by text.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fasttext
import numpy as np
import orjson
import pyarrow as pa

from corpusforge.stages.quality.classifier import Classifier
from corpusforge.testing import docs
from corpusforge.training.reading import Gathered, from_recipe, read_texts

RECIPE = """
corpusforge: 1
sources:
  books: {{read.books: {{paths: "{data}/books/gutenberg/*"}}}}
  wiki: {{read.wikipedia: {{paths: "{data}/wiki/enwiki*.xml.bz2"}}}}
  web:
    read.warc: {{paths: ["{data}/web/*.warc.gz", "{data}/web/warc-samples/ukwa/*.warc.gz"]}}
    stages: [extract.html]
write.parquet: {{path: "{data}/never"}}
run: {{max_error_fraction: 0.2}}
"""


def main() -> None:
    """Train, then score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--megabytes", type=float, default=20, help="of text to score, at most")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(RECIPE.format(data=given.data.resolve()), encoding="utf-8")
        model = Path(folder) / "quality"
        arguments = ["--recipe", recipe, "--positive", "books", "--positive", "wiki", "--negative", "web"]
        command = [sys.executable, "-c", "from corpusforge.cli import main; main()", "train", "classifier"]
        subprocess.run([*command, *map(str, arguments), "--balance", "--output", str(model)], check=True)
        figures = orjson.loads(model.with_suffix(".json").read_bytes())["held_out"]
        for kind in ("bin", "ftz"):
            found = figures[kind]
            print(f"{kind}: accuracy {found['accuracy']}, AUC {found['labels']['positive']['auc']}")
        texts: list[str] = []
        for name in ("web", "wiki", "books"):
            for batch in read_texts(from_recipe(str(recipe), name), Gathered()):
                texts += [text for text in batch.column("text").to_pylist() if text]
        size, chosen = 0, []
        for text in texts:
            if size < given.megabytes * 1e6:
                chosen.append(text)
                size += len(text.encode())
        for kind in ("bin", "ftz"):
            _score(model.with_suffix(f".{kind}"), chosen)


def _score(path: Path, texts: list[str]) -> None:
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    batches = [docs(*texts[i : i + 256]) for i in range(0, len(texts), 256)]
    kernel = Classifier(model=str(path)).open()
    kernel(batches[0])
    begun = time.process_time()
    scored = [kernel(batch).column("classifier_score") for batch in batches]
    ours_seconds = time.process_time() - begun
    ours = pa.concat_arrays(scored).to_pylist()
    model = fasttext.load_model(str(path))
    lines = [text.replace("\n", " ") for text in texts]
    begun = time.process_time()
    theirs = [dict(zip(*model.predict(line, k=2), strict=True)).get("__label__positive") for line in lines]
    theirs_seconds = time.process_time() - begun
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    same = sum(np.float32(a) == np.float32(b) for a, b in pairs)
    worst = max(abs(a - b) for a, b in pairs)
    print(
        f"{path.suffix}: {len(texts)} texts, {megabytes:.1f} MB; ours {megabytes / ours_seconds:.1f} MB per CPU s, "
        f"fastText {megabytes / theirs_seconds:.1f}; {same} of {len(pairs)} scores are the same bits, "
        f"the largest difference is {worst:.2g}"
    )


if __name__ == "__main__":
    main()
