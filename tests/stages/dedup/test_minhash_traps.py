"""Texts that share much and are no duplicates stay: licences, templates, boilerplate; what goes is truly alike."""

import gzip
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.testing import docs, reasons, run_corpus_stage

WORDS = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("ban", "lor", "mit", "rus", "ken")]


def draw_text(seed: int, words: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def removals(texts: Sequence[str]) -> list[tuple[str, str]]:
    """(text that goes, text that stays for it) of every removal."""
    batch = docs(*texts)
    judged = run_corpus_stage(Minhash(), [batch])[0]
    by_id = dict(zip(batch["doc_id"].to_pylist(), texts, strict=True))
    if not any(reasons(judged)):
        return []
    gone = zip(texts, reasons(judged), judged["rejected_detail"].to_pylist(), strict=True)
    return [(text, by_id[keeper]) for text, reason, keeper in gone if reason]


def jaccard(one: str, two: str) -> float:
    sets = []
    for text in (one, two):
        words = re.findall(r"\w+", text.lower())
        sets.append({tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_pages_of_one_template_stay_if_they_say_something_of_their_own() -> None:
    frame = draw_text(0, 300)
    pages = [f"{frame}\n{draw_text(page, 80)}\n{frame[::-1]}" for page in range(1, 201)]
    assert jaccard(pages[0], pages[1]) > 0.75
    assert removals(pages) == []


def test_books_with_one_licence_stay_and_a_second_copy_goes() -> None:
    licence = draw_text(0, 3_000)
    books = [f"{draw_text(book, 2_000 + 100 * book)}\n{licence}" for book in range(1, 21)]
    again = books[3].replace("\n", " ").removesuffix(licence[-40:])
    assert removals([*books, again]) == [(again, books[3])]


def test_real_books_stay(shared: Callable[[str], Path]) -> None:
    packed = [(path.suffix == ".gz", path.read_bytes()) for path in sorted(shared("books/gutenberg").iterdir())]
    books = [(gzip.decompress(raw) if is_packed else raw).decode("utf-8", "replace") for is_packed, raw in packed]
    assert len(books) > 20 and sum("Project Gutenberg License" in book for book in books) > 10
    ends = [f"{book[:9_000]}\n{book[-19_000:]}" for book in books]  # mostly licence
    assert all(jaccard(one, two) >= 0.8 for one, two in removals([*books, *ends]))


def test_of_real_code_only_what_is_alike_goes(shared: Callable[[str], Path]) -> None:
    table = pq.read_table(shared("code/code_dev.parquet"))
    texts = [t for t in table["text" if "text" in table.column_names else "content"].to_pylist() if t][:4_000]
    texts = [t for t in texts if len(t) < 20_000]
    gone = removals(texts)
    least = min(jaccard(one, two) for one, two in gone)
    assert gone and least >= 0.79  # words are cut a little otherwise here than by \w+
