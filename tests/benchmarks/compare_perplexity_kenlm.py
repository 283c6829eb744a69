"""Compare n-gram models and their perplexities with KenLM, and measure both.

    python tests/benchmarks/compare_perplexity_kenlm.py TRAIN.parquet TEST.parquet [--lmplz PATH] [--order 5]
        [--prune 0] [--test-documents 2000] [--work FOLDER]

Trains on the texts of TRAIN (its own CPU seconds and largest memory, in a process of its own), writes ARPA, scores
documents of TEST with quality.perplexity and with the package kenlm on the ARPA file, and prints correlation and
largest difference. With --lmplz, KenLM's trainer gets the same tokens, and its ARPA is compared n-gram by n-gram. Last,
each text against itself with its words shuffled. CPU seconds of one thread.
"""

import argparse
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def texts(path: str) -> pa.Array:
    return pq.read_table(path, columns=["text"])["text"].combine_chunks().cast(pa.large_string())


def spent(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def train_own(paths: list[str], options: list[str]) -> None:
    """Train in a process of its own, first on little, so that compiling is not counted."""
    for what, more in (("start and little text", ["--max-bytes", "300000"]), ("whole text", [])):
        command = ["train", "perplexity", *paths, *options, "--replace", *more]
        before = spent(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", f"from corpusforge.cli import main; main({command!r})"], check=True)
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        print(f"{what}: {spent(resource.RUSAGE_CHILDREN) - before:.1f} CPU s; largest process so far {largest:.0f} MB")


def ngrams(path: Path) -> Iterator[tuple[str, float, float]]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if "\t" in line:
                probability, gram, backoff = [*line.rstrip("\n").split("\t"), "0"][:3]
                yield gram, float(probability), float(backoff)


def compare_lmplz(lmplz: str, order: int, prune: str, work: Path) -> None:
    thresholds = prune.replace(",", " ").split()
    begun = spent(resource.RUSAGE_CHILDREN)
    with open(work / "train.txt", "rb") as given, open(work / "lmplz.arpa", "wb") as made:
        command = [lmplz, "-o", str(order), "-S", "2G", "-T", str(work), "--prune", "0", *thresholds[1:]]
        subprocess.run(command, stdin=given, stdout=made, stderr=subprocess.DEVNULL, check=True)
    print(f"lmplz: {spent(resource.RUSAGE_CHILDREN) - begun:.1f} CPU s")
    theirs = {gram: (probability, backoff) for gram, probability, backoff in ngrams(work / "lmplz.arpa")}
    found, differences = 0, [0.0]
    for gram, probability, backoff in ngrams(work / "own.arpa"):
        other = theirs.pop(gram, None)
        if other is not None and gram != "<s>":
            found += 1
            differences.append(max(abs(probability - other[0]), abs(backoff - other[1])))
    print(
        f"n-grams in both: {found:,}; only lmplz: {len(theirs):,}; largest difference of log10: {max(differences):.2g}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", nargs="+", help="the last one is TEST")
    parser.add_argument("--lmplz")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--prune", default="0")
    parser.add_argument("--test-documents", type=int, default=2000)
    parser.add_argument("--work", type=Path, default=Path("/tmp/compare_perplexity"))
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    *train, test = given.train
    arpa = given.work / "own.arpa"
    options = ["--order", str(given.order), "--prune", given.prune, "--output", str(given.work / "own.ngrams")]
    train_own(train, options)
    train_own(train, [*options, "--arpa", str(arpa)])

    from corpusforge.text.arpa_file import read_arpa
    from corpusforge.text.lm_tokens import LineTokens, TextForm, line_tokens
    from corpusforge.text.ngram_file import read_ngrams

    def lines(tokens: LineTokens) -> list[str]:
        data, at = tokens.data.tobytes(), tokens.offsets
        words = [data[a:b] for a, b in zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True)]
        return [b" ".join(words[at[i] : at[i + 1]]).decode() for i in range(len(at) - 1)]

    def score(table: object, column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        tokens = line_tokens(column, TextForm())
        return table.line_scores(table.ids(tokens.hashes), tokens.offsets), np.diff(tokens.offsets) + 1  # type: ignore

    column = texts(test).slice(0, given.test_documents)
    megabytes = column.nbytes / 1e6
    table = read_ngrams(given.work / "own.ngrams")
    score(table, column.slice(0, 10))
    begun = time.process_time()
    own, sizes = score(table, column)
    seconds = time.process_time() - begun
    print(f"own: {megabytes:.1f} MB in {seconds:.2f} CPU s, {megabytes / seconds:.1f} MB/s, {sizes.sum():,} tokens")

    if given.lmplz:
        whole = pa.concat_arrays([texts(path) for path in train])
        with open(given.work / "train.txt", "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines(line_tokens(whole, TextForm())))
    begun = time.process_time()
    again = read_arpa(arpa)
    print(f"ARPA of {arpa.stat().st_size / 1e6:.0f} MB read in {time.process_time() - begun:.1f} CPU s; ", end="")
    print(f"largest difference of scores {np.abs(score(again, column)[0] - own).max():.2g}")
    if given.lmplz:
        compare_lmplz(given.lmplz, given.order, given.prune, given.work)
    try:
        import kenlm
    except ImportError:
        print("the package kenlm is not installed: no comparison with it")
    else:
        model = kenlm.Model(str(arpa))
        asked = lines(line_tokens(column, TextForm()))
        begun = time.process_time()
        theirs = np.array([model.score(line) for line in asked])
        seconds = time.process_time() - begun
        print(
            f"kenlm on ready tokens: {seconds:.2f} CPU s, {sizes.sum() / seconds:,.0f} tokens/s\n"
            f"log10 per token: correlation {np.corrcoef(theirs / sizes, own / sizes)[0, 1]:.10f}, largest difference "
            f"{np.abs((theirs - own) / sizes).max():.2g}; perplexity: largest relative difference "
            f"{np.abs(10 ** ((theirs - own) / sizes) - 1).max():.2g}"
        )
    draw = random.Random(0)
    shuffled = []
    for text in column.to_pylist():
        words = (text or "").split()
        draw.shuffle(words)
        shuffled.append(" ".join(words))
    long = sizes >= 20
    plain = 10 ** (-own / sizes)[long]
    mixed_scores, mixed_sizes = score(table, pa.array(shuffled, pa.large_string()))
    mixed = 10 ** (-mixed_scores / mixed_sizes)[long]
    print(
        f"{long.sum()} texts of 20 tokens or more: median perplexity {np.median(plain):.0f}, words shuffled "
        f"{np.median(mixed):.0f}; the shuffled text has the higher one in {(mixed > plain).mean():.1%}"
    )


if __name__ == "__main__":
    main()
