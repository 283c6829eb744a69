"""Compare quality.toxicity with alt-profanity-check and the plain rule "any entry of LDNOOBW".

    python tests/benchmarks/compare_toxicity.py DATA [--profanity PYTHON]

DATA holds toxicity/, bulk/, books/, wiki/ and lid/. PYTHON is the interpreter of an environment of its own with
alt-profanity-check in it (it pins scikit-learn); without it, it is left out. Labelled texts are the odd halves that
fit_toxicity.py does not fit on (by the CRC of the text; ours by the frame). F1, precision and recall are of "score
above 0.5"; of LDNOOBW, of "any entry", and its AUC is of the number of entries.
"""

import argparse
import bz2
import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import rankdata
from toxicity_cases import cases

from corpusforge.source import Record, Split
from corpusforge.stages.quality.toxicity import Toxicity
from corpusforge.stages.quality.words import Words
from corpusforge.stages.read.wikipedia import Wikipedia
from corpusforge.testing import docs

Scorer = Callable[[list[str]], np.ndarray]  # texts -> scores; what is above 0.5 is flagged
IDENTITY = re.compile(
    r"\b(gay|lesbian|bisexual|trans|transgender|queer|homosexual|black|white|asian|african|mexican|latino|latina|arab"
    r"|jew|jewish|muslim|islam|christian|hindu|atheist|catholic|woman|women|girl|immigrant|refugee|disabled|autistic"
    r"|deaf|blind|indian|chinese|negro|feminist)s?\b",
    re.IGNORECASE,
)
PROFANITY = """
import json, sys, time
import numpy as np
from profanity_check import predict_prob
texts = json.load(open(sys.argv[1]))
begun = time.process_time()
found = [predict_prob(texts[i:i + 2000]) for i in range(0, len(texts), 2000)]
print(time.process_time() - begun)
np.save(sys.argv[2], np.concatenate(found))
"""


def ours() -> Scorer:
    """Return quality.toxicity's scores of English texts."""
    kernel = Toxicity().open()
    return lambda texts: np.array(kernel(docs(*texts))["toxicity_score"].to_pylist())


def any_entry() -> Scorer:
    """Return how many entries of LDNOOBW a text holds."""
    kernel = Words(lists=("ldnoobw",)).open()
    return lambda texts: np.array(kernel(docs(*texts))["listed_words"].to_pylist())


def profanity_check(python: str) -> Scorer:
    """Return alt-profanity-check's probabilities."""

    def score(texts: list[str]) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            given, found = Path(folder) / "texts.json", Path(folder) / "scores.npy"
            given.write_text(json.dumps(texts), encoding="utf-8")
            subprocess.run([python, "-c", PROFANITY, given, found], check=True, stdout=subprocess.DEVNULL)
            return np.load(found)

    return score


def auc(toxic: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the ROC curve."""
    ranks, some = rankdata(score), int(toxic.sum())
    return float((ranks[toxic].sum() - some * (some + 1) / 2) / (some * (len(toxic) - some)))


def labelled(data: Path) -> dict[str, tuple[list[str], np.ndarray]]:
    """Return the odd halves: texts, and whether they are toxic."""
    found = {}
    for name, toxic in (("davidson", {"offensive", "hate_speech"}), ("olid", {"OFF"})):
        rows = [r for r in pq.read_table(data / "toxicity" / f"{name}.parquet").to_pylist() if crc(r["text"]) & 1]
        found[name] = [r["text"] for r in rows], np.array([r["label"] in toxic for r in rows])
    rows = [r for r in pq.read_table(data / "toxicity" / "olid.parquet").to_pylist() if r["split"] == "test"]
    rows = [r for r in rows if crc(r["text"]) & 1]
    found["olid test"] = [r["text"] for r in rows], np.array([r["label"] == "OFF" for r in rows])
    odd = [c for c in cases() if c.half]
    found["cases"] = [c.text for c in odd], np.array([c.toxic for c in odd])
    return found


def mentions(data: Path) -> dict[str, list[str]]:
    """Return texts that name a group and are not toxic: of ours, and tweets labelled so (odd halves)."""
    found = {kind: [c.text for c in cases() if c.kind == kind and c.half] for kind in ("neutral", "kind", "counter")}
    for name, label in (("davidson", "neither"), ("olid", "NOT")):
        rows = pq.read_table(data / "toxicity" / f"{name}.parquet").to_pylist()
        texts = [r["text"] for r in rows if r["label"] == label and crc(r["text"]) & 1]
        found[f"{name} {label}"] = [text for text in texts if IDENTITY.search(text)]
    return found


def clean(data: Path) -> dict[str, list[str]]:
    """Return English texts that nobody would call toxic, and pieces of them."""
    bulk = pa.concat_tables(map(pq.read_table, sorted(data.glob("bulk/*.parquet")))).to_pylist()
    books, paragraphs = [], []
    for path in sorted(data.glob("books/gutenberg/*.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        if "Language: English" in text:
            books.append(text)
            paragraphs += [p for p in re.split(r"\r?\n\s*\r?\n", text) if len(p.split()) >= 10]
    articles = []
    for path in sorted(data.glob("wiki/enwiki*.bz2")):
        size = len(bz2.decompress(path.read_bytes()))
        split = Split("wiki", str(path), path.name, 0, path.stat().st_size, size, 1)
        found = Wikipedia(paths=(str(path),)).read(split)
        articles += [record.text for record in found if isinstance(record, Record)]
    reviews = [d["text"] for d in bulk if d["source"] == "nltk_data:movie_reviews"]
    return {
        "bulk documents": [d["text"] for d in bulk],
        "of these, film reviews": reviews,
        "paragraphs of film reviews": [p for r in reviews for p in r.split("\n") if len(p.split()) >= 10][::3],
        "Gutenberg books": books,
        "Gutenberg paragraphs": paragraphs,
        "Wikipedia articles": [a for a in articles if a],
        "Wikipedia paragraphs": [p for a in articles if a for p in a.split("\n") if len(p.split()) >= 10],
    }


def crc(text: str) -> int:
    """Return the CRC that fit_toxicity.py halves by."""
    return zlib.crc32(text.encode())


def languages(data: Path) -> None:
    """Print what is flagged of sentences of other languages, by their list, and by English words if left unlabelled."""
    table = pq.read_table(data / "lid" / "lid_dev.parquet").to_pylist()
    kernel = Toxicity().open()
    for language in ("de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "uk", "zh", "en"):
        texts = [r["text"] for r in table if r["lang"] == language]
        known = kernel(docs(*texts, language=[language] * len(texts)))
        unlabelled = kernel(docs(*texts))
        row = [
            sum(r is not None for r in b["rejected"].to_pylist()) if "rejected" in b.schema.names else 0
            for b in (known, unlabelled)
        ]
        print(f"  {language}: of {len(texts)} sentences rejected {row[0]}, toxic sentences "
              f"{sum(known['toxic_sentences'].to_pylist())}; without a language {row[1]}")  # fmt: skip
    others = [r for r in table if r["lang"] not in {"en"}]
    unlabelled = kernel(docs(*[r["text"] for r in others]))
    worst = [r["text"] for r, s in zip(others, unlabelled["toxicity_score"].to_pylist(), strict=True) if s > 0.5]
    print(f"  all {len(others)} sentences of 112 other languages, without a language: {len(worst)} rejected")


def cost(data: Path) -> None:
    """Print CPU seconds per MB, beyond the words, on one pass over the bulk text."""
    from corpusforge.text import segment

    text = pa.concat_tables(map(pq.read_table, sorted(data.glob("bulk/*.parquet"))))["text"].combine_chunks()
    text = text.cast(pa.large_string())
    kernel = Toxicity().open()
    kernel(docs("Compile, or load what was compiled."))
    spent = np.zeros(3)
    size = 0
    for begin in range(0, len(text), 500):
        batch = docs(*text.slice(begin, 500).to_pylist())
        begun = time.process_time()
        cut = segment(batch["text"])
        _ = cut.words
        words = time.process_time()
        _ = cut.sentences
        sentences = time.process_time()
        kernel(batch)
        spent += (words - begun, sentences - words, time.process_time() - sentences)
        size += int(cut.lengths_bytes.sum())
    print("cost, CPU s per MB: words {:.4f}, sentences {:.4f}, the stage itself {:.4f}".format(*spent / size * 1e6))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--profanity", metavar="PYTHON")
    given = parser.parse_args()
    scorers = {"toxicity": ours(), "LDNOOBW": any_entry()}
    if given.profanity:
        scorers["profanity-check"] = profanity_check(given.profanity)
    print("labelled texts: AUC; precision, recall, F1 at the default")
    for name, (texts, toxic) in labelled(given.data).items():
        print(f"{name}: {len(texts)} texts, toxic {toxic.mean():.3f}")
        for scorer, score in scorers.items():
            found = score(texts)
            flagged = found > 0.5
            hits = (flagged & toxic).sum()
            precision, recall = hits / max(flagged.sum(), 1), hits / toxic.sum()
            f1 = 2 * hits / (flagged.sum() + toxic.sum())
            print(f"  {scorer:<16} {auc(toxic, found):.3f}   {precision:.3f} {recall:.3f} {f1:.3f}")
    for title, sets in (("not toxic, but naming a group", mentions(given.data)), ("clean texts", clean(given.data))):
        print(f"{title}: share flagged at the default")
        for name, texts in sets.items():
            shares = (f"{scorer} {(score(texts) > 0.5).mean():.4f}" for scorer, score in scorers.items())
            print(f"  {name} ({len(texts)}): " + ", ".join(shares))
            sys.stdout.flush()
    print("other languages")
    languages(given.data)
    cost(given.data)


if __name__ == "__main__":
    main()
