"""What an n-gram of n words (letters, in scripts without spaces) says in each language.

    python tests/benchmarks/measure_ngram_languages.py FILE.parquet [--languages en,de,zh,ja,th,km]

FILE has the columns `text` (sentences) and `lang`. The sentences of a language become eight pages without a common
one. For each n: the largest Jaccard similarity of two pages, and the mean similarity of a page to itself with the same
share of its bytes changed: 2 % of the letters where a letter is three bytes and a syllable or word, else 0.7 %.
"""

import argparse
import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusforge.text import segment
from corpusforge.text.shingles import shingles

SIZES = (3, 5, 8, 12)
PAGES = 8
RATES = {"zh": 0.02, "ja": 0.02}
OTHER_RATE = 0.02 / 3


def main() -> None:
    """Print a line for each language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--languages", default="en,de,zh,ja,th,km")
    arguments = parser.parse_args()
    table = pq.read_table(arguments.file, columns=["text", "lang"])
    print("language  " + "".join(f"  n={n:<2} unlike edited" for n in SIZES))
    for language in arguments.languages.split(","):
        chosen = table.filter(pc.equal(table["lang"], language))["text"].unique().to_pylist()
        sentences = sorted(chosen)
        random.Random(0).shuffle(sentences)
        pages = ["\n".join(sentences[i::PAGES]) for i in range(PAGES)]
        edited = [changed(page, RATES.get(language, OTHER_RATE)) for page in pages]
        cells = []
        for n in SIZES:
            before, after = sets(pages, n), sets(edited, n)
            unlike = max(jaccard(a, b) for a, b in combinations(before, 2))
            alike = np.mean([jaccard(a, b) for a, b in zip(before, after, strict=True)])
            cells.append(f"       {unlike:.3f}  {alike:.3f}")
        print(f"{language:10}" + "".join(cells))


def changed(page: str, rate: float) -> str:
    """Return `page` with a share of its letters replaced by others of it."""
    draw = random.Random(1)
    return "".join(draw.choice(page) if c not in " \n" and draw.random() < rate else c for c in page)


def sets(texts: list[str], n: int) -> list[set[int]]:
    """Return the set of n-grams of each text."""
    grams = shingles(segment(texts).words, n)
    bounds = zip(grams.offsets[:-1], grams.offsets[1:], strict=True)
    return [set(grams.hashes[first:last].tolist()) for first, last in bounds]


def jaccard(one: set[int], two: set[int]) -> float:
    """Return shared over all."""
    return len(one & two) / len(one | two)


if __name__ == "__main__":
    main()
