"""Compare quality.language with fastText itself: labels, scores, speed, and accuracy where the texts are labelled.

    python tests/benchmarks/compare_language.py FOLDER_OR_FILE.parquet ... [--text text] [--label lang] [--rows 50000]

Speeds are MB of text per CPU second of one thread. "cold": the first pass over the texts with no word remembered;
"steady": the second pass; the ratios are to fastText in the same run. The compilation (or its load from the cache) is
shown apart. "scaling": the cold speed on the first 1, 10 and 100 MB, each with a model of its own.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpusforge.stages.quality.fasttext_file import Supervised, model_path, read_labels, read_model


def scaling(parameters: Supervised, column: pa.LargeStringArray) -> Iterator[str]:
    """Yield the speed on the first 1, 10 and 100 MB of the texts, as far as they go."""
    from corpusforge.text import segment
    from corpusforge.text.fasttext_model import FastTextModel

    offsets = segment(column).offsets
    before = 0
    for bound in (1e6, 1e7, 1e8):
        rows = min(int(np.searchsorted(offsets, offsets[0] + bound)), len(column))
        if rows > before:
            texts = segment(column.slice(0, rows))
            model = FastTextModel(parameters)
            started = time.process_time()
            model.predict(texts)
            megabytes = float(texts.lengths_bytes.sum()) / 1e6
            yield f"{megabytes:.1f}: {megabytes / (time.process_time() - started):.1f}"
        before = rows


def main() -> None:
    """Print one block of figures per path."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--text", default="text", help="column of the texts")
    parser.add_argument("--label", default="lang", help="column of the true language, used where it exists")
    parser.add_argument("--rows", type=int, default=50_000, help="at most this many texts of each path")
    parser.add_argument("--model", default="lid.176")
    given = parser.parse_args()

    started = time.process_time()
    from corpusforge.text import segment
    from corpusforge.text.fasttext_model import Binding, FastTextModel

    path = model_path(given.model)
    parameters = read_model(path)
    assert parameters is not None, "fastText itself runs this kind of model"
    FastTextModel(parameters).predict(segment(["Compile, or load what was compiled."]))
    print(f"import, compilation, first answer: {time.process_time() - started:.2f} CPU s")
    started = time.process_time()
    parameters = read_model(path)
    assert parameters is not None
    FastTextModel(parameters).predict(segment(["A second model."]))
    print(f"model loaded and first answer, compiled: {time.process_time() - started:.3f} CPU s")
    reference = Binding(path, read_labels(path))

    for folder in given.paths:
        files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [folder]
        table = pa.concat_tables([pq.read_table(f) for f in files]).slice(0, given.rows).combine_chunks()
        column = pa.concat_arrays(table[given.text].cast(pa.large_string()).chunks)
        texts = segment(column)
        megabytes = int(texts.offsets[-1] - texts.offsets[0]) / 1e6
        model = FastTextModel(parameters)
        ours = []
        for _ in range(2):
            started = time.process_time()
            labels, scores = model.predict(texts)
            ours.append(megabytes / (time.process_time() - started))
        started = time.process_time()
        expected, expected_scores = reference.predict(texts)
        theirs = megabytes / (time.process_time() - started)
        apart = float(np.abs(scores - expected_scores).max(initial=0))
        print(f"\n{folder}: {len(column)} texts, {megabytes:.1f} MB")
        print(f"  same label {int((labels == expected).sum())} of {len(column)}, largest score difference {apart:.1e}")
        print(f"  MB per CPU s: cold {ours[0]:.1f}, steady {ours[1]:.1f}, fastText {theirs:.1f}")
        print(f"  times fastText: cold {ours[0] / theirs:.1f}, steady {ours[1] / theirs:.1f}")
        print("  scaling (MB, MB per CPU s, cold):", ", ".join(scaling(parameters, column)))
        if given.label in table.column_names:
            truth = table[given.label].to_pylist()
            known = [i for i, t in enumerate(truth) if t in model.labels]
            for name, found in (("ours", labels), ("fastText", expected)):
                right = sum(model.labels[found[i]] == truth[i] for i in known if found[i] >= 0)
                print(f"  accuracy {name}: {right / max(1, len(known)):.4f} on {len(known)} texts in known languages")


if __name__ == "__main__":
    main()
