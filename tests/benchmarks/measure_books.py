"""What the cleaning of books finds of planted noise, and what it takes of clean books.

    python tests/benchmarks/measure_books.py FOLDER [--half 0|1] [--words 6000]

FOLDER holds books as read.books takes them. Their clean chapters are set as scans (scanned_book.py), cleaned by
normalize.book_pages, the pack `books` and normalize.unwrap, and compared word by word with what they were.
"""

import argparse
import difflib
import random
import time
from collections import Counter
from pathlib import Path

from scanned_book import Scan, scan

from corpusforge.source import Record, Split
from corpusforge.stages.normalize.book_pages import BookPages
from corpusforge.stages.normalize.unwrap import Unwrap
from corpusforge.stages.quality.rules import Rules
from corpusforge.stages.read.books import Books
from corpusforge.testing import docs

ALL: dict[str, object] = {"heads": "numbered", "figures": 2, "contents": "dotted"}
SETTINGS: dict[str, dict[str, object]] = {
    "broken words": {"heads": "none"},
    "heads with numbers": {"heads": "numbered"},
    "heads, 6 % misread": {"heads": "numbered", "head_errors": 0.06},
    "wide heads, 6 % misread": {"heads": "wide", "head_errors": 0.06},
    "heads without numbers": {"heads": "plain"},
    "page numbers": {"heads": "numbers"},
    "numbers and heads": {"heads": "both", "head_errors": 0.03},
    "figures": {"heads": "none", "figures": 3},
    "dotted contents": {"heads": "none", "contents": "dotted"},
    "loose dots": {"heads": "none", "contents": "loose"},
    "contents without dots": {"heads": "none", "contents": "spaced"},
    "all, 1 % misread": {**ALL, "head_errors": 0.05, "text_errors": 0.01},
    "all, 3 % misread": {**ALL, "head_errors": 0.06, "text_errors": 0.03},
}


def read(folder: Path) -> dict[str, str]:
    """Return the texts of the books by name."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        size = path.stat().st_size
        reader = Books(paths=(str(path),))
        for record in reader.read(Split("books", str(path), path.name, 0, size, size, 1)):
            if isinstance(record, Record) and record.text:
                found[path.name] = record.text
    return found


def chapter(text: str, words: int) -> list[str]:
    """Return paragraphs of prose from the middle of a book; none when it has too few."""
    joined = Unwrap().open()(docs(text))["text"][0].as_py()
    prose = [p for p in joined.split("\n\n") if "\n" not in p.strip() and len(p) > 60 and p.strip()[0].isalpha()]
    prose = [" ".join(p.split()) for p in prose if p.rstrip()[-1] in ".!?\"”'"]
    prose = [p for p in prose if not any(w.endswith("-") or "--" in w or "_" in w for w in p.split())]
    start = len(prose) // 4
    taken: list[str] = []
    while start < len(prose) and sum(len(p.split()) for p in taken) < words:
        taken.append(prose[start])
        start += 1
    return taken if sum(len(p.split()) for p in taken) >= words // 2 else []


def compare(made: Scan, cleaned: str, total: Counter[str]) -> None:
    """Count what of the noise went, and what of the text."""
    wanted: list[str] = []
    places: dict[tuple[int, int], int] = {}
    for p, words in enumerate(made.paragraphs):
        for k, word in enumerate(words):
            places[p, k] = len(wanted)
            wanted.append(word)
        wanted.append("¶")
    found = [w for p in cleaned.split("\n\n") if p.strip() for w in [*p.split(), "¶"]]
    same = set()
    for block in difflib.SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks():
        same.update(range(block.a, block.a + block.size))
        total["extra"] -= block.size
    total["extra"] += len(found)
    total["words"] += len(wanted)
    total["lost"] += len(wanted) - len(same)
    for p, k, kept in made.breaks:
        name = "own hyphens" if kept else "breaks"
        total[name] += 1
        total[f"{name} right"] += places[p, k] in same


def noise_left(made: Scan, cleaned: str, total: Counter[str]) -> None:
    """Count planted lines that are still there; `cleaned`: before lines are joined."""
    lines = Counter(line.strip() for line in cleaned.split("\n"))
    for line, kind in made.lines:
        if kind in ("head", "number", "figure", "contents"):
            total[kind] += 1
            if lines[line.strip()] > 0:
                lines[line.strip()] -= 1
                total[f"{kind} left"] += 1


def main() -> None:
    """Print one line for each kind of noise, then what is taken of the clean books."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--words", type=int, default=6000)
    chosen = parser.parse_args()
    books = read(chosen.folder)
    names = [name for i, name in enumerate(books) if chosen.half in (None, i % 2)]
    pages, pack, unwrap = BookPages().open(), Rules(pack="books").open(), Unwrap().open()
    chapters = {name: found for name in names if (found := chapter(books[name], chosen.words))}
    print(f"{len(chapters)} chapters of {len(names)} books")
    for setting, options in SETTINGS.items():
        total: Counter[str] = Counter()
        made = []
        for name, paragraphs in chapters.items():
            chance = random.Random(name)
            title = " ".join(chance.choice(paragraphs).split()[:5]).strip(".,;").upper()
            other = " ".join(chance.choice(paragraphs).split()[:3]).strip(".,;").upper()
            made.append(scan(paragraphs, (title, other), seed=len(name) + len(paragraphs), **options))  # type: ignore[arg-type]
        cleaned = pack(pages(docs(*[m.text for m in made])))
        joined = unwrap(cleaned)["text"].to_pylist()
        for m, lines, text in zip(made, cleaned["text"].to_pylist(), joined, strict=True):
            noise_left(m, lines, total)
            compare(m, text, total)
        shares = [f"lost {total['lost'] / total['words']:.4f} extra {total['extra'] / total['words']:.4f}"]
        for kind in ("head", "number", "figure", "contents"):
            if total[kind]:
                shares.append(f"{kind} found {1 - total[f'{kind} left'] / total[kind]:.3f} of {total[kind]}")
        for kind in ("breaks", "own hyphens"):
            if total[kind]:
                shares.append(f"{kind} right {total[f'{kind} right'] / total[kind]:.3f} of {total[kind]}")
        print(f"{setting:26s}", "; ".join(shares))
    clean(books, names)


def clean(books: dict[str, str], names: list[str]) -> None:
    """Print what is taken of the books as they are, and the cost."""
    batch = docs(*[books[name] for name in names])
    size = sum(len(books[name].encode()) for name in names) / 1e6
    for stage in (BookPages(), Rules(pack="books"), Unwrap()):
        kernel = stage.open()
        start = time.process_time()
        after = kernel(batch)
        spent = time.process_time() - start
        rows = zip(names, batch["text"].to_pylist(), after["text"].to_pylist(), strict=True)
        shares = {n: 1 - len("".join(a.split())) / len("".join(b.split())) for n, b, a in rows}
        worst = ", ".join(f"{n} {s:.2%}" for n, s in sorted(shares.items(), key=lambda item: -item[1])[:6])
        median = sorted(shares.values())[len(shares) // 2]
        print(f"{type(stage).__name__}: {spent / size:.4f} CPU s per MB; taken: median {median:.4%}, most {worst}")
        batch = after


if __name__ == "__main__":
    main()
