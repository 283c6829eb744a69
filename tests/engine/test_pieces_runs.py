"""Addresses, lines, sentences and passages: one result however the input is cut, and after a kill inside any pass."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.pipeline import Pipeline
from corpusforge.stages.dedup.lines import Lines
from corpusforge.stages.dedup.sentences import Sentences
from corpusforge.stages.dedup.substrings import Substrings
from corpusforge.stages.dedup.url import Url

Make = Callable[..., Pipeline]
# Every document has its own date: a doc_id follows the name of the file, and must not be what decides here.
STAGES = (
    Url(),
    Lines(keep="newest", min_count=3),
    Sentences(keep="newest", min_words=5, min_sentences=1),
    Substrings(keep="newest", min_words=20),
)


def said(draw: random.Random, words: int, end: str) -> str:
    return " ".join(f"{draw.choice('bcdfgl')}{draw.choice('aeiou')}{draw.randrange(60)}" for _ in range(words)) + end


@pytest.fixture(scope="module")
def pages() -> list[bytes]:
    """600 documents with shared addresses, menu lines, runs of sentences and passages, and some without text."""
    draw = random.Random(3)
    menus = [said(draw, 6, "") for _ in range(12)]
    news = [" ".join(said(draw, 7, ".").capitalize() for _ in range(4)) for _ in range(8)]
    passages = [said(draw, 45, "") for _ in range(10)]
    rows: list[dict[str, Any]] = []
    for number in range(600):
        parts = [said(draw, draw.randint(5, 30), ".") for _ in range(draw.randint(1, 4))]
        parts += draw.sample(menus, draw.choice([0, 0, 1, 3]))
        if draw.random() < 0.2:
            parts.append(f"{said(draw, 4, '.')} {draw.choice(news)}")
        if draw.random() < 0.2:  # another part of it each time, so that runs overlap without being equal
            words = draw.choice(passages).split()
            start = draw.randrange(0, 15)
            part = " ".join(words[start : start + draw.randint(22, 30)])
            parts.append(f"{said(draw, 3, ',')} {part} {said(draw, 3, '.')}")
        draw.shuffle(parts)
        text = "\n".join(parts) if number % 50 else ("" if number % 100 else " ".join(["again"] * 3000))
        date = f"2024-01-{1 + number // 40:02d}T{number % 40 // 2:02d}:{number % 2:02d}:00Z"
        url = f"https://example.org/{number if draw.random() < 0.8 else number // 9}"
        rows.append({"text": text, "url": url, "date": date})
    return [orjson.dumps(row) for row in rows]


def written(pages: list[bytes], folder: Path, files: int) -> str:
    """Write the pages, in an order of their own, into so many files."""
    lines = list(pages)
    random.Random(files).shuffle(lines)
    folder.mkdir()
    for number in range(files):
        (folder / f"{files}-{files - number}.jsonl").write_bytes(b"\n".join(lines[number::files]) + b"\n")
    return f"{folder}/*.jsonl"


def kept_texts(output: Path) -> list[str]:
    return sorted(text for part in output.glob("data/*") for text in pq.read_table(part)["text"].to_pylist())


def test_the_same_texts_stay_however_the_input_is_cut_ordered_and_named(
    make: Make, pages: list[bytes], tmp_path: Path, ray_session: None
) -> None:
    found = {}
    for files, options in (
        (1, {}),
        (2, {"workers": 2, "split_bytes": 60_000}),
        (4, {"split_bytes": 30_000, "partition_bytes": 20_000, "batch_bytes": 5_000}),
    ):
        paths = written(pages, tmp_path / f"in{files}", files)
        outcome = make(*STAGES, output=f"out{files}", paths=paths, **options).run()
        found[files] = kept_texts(outcome.path)
    assert found[1] == found[2] == found[4]
    assert 450 < len(found[1]) < 500
    table = pa.concat_tables(pq.read_table(part) for part in sorted(outcome.path.glob("data/*")))
    removed = [sum(table[f"{name}_removed"].to_pylist()) for name in ("lines", "sentences", "words")]
    assert all(count > 100 for count in removed), removed


@pytest.mark.parametrize("part", ["emit", "combine"])
def test_a_kill_inside_any_pass_changes_nothing(
    ends_alike: Callable[..., None], pages: list[bytes], tmp_path: Path, part: str
) -> None:
    paths = written(pages, tmp_path / "in", 2)
    ends_alike(STAGES, part, paths=paths, split_bytes=100_000, partition_bytes=200_000, keep_work=True)
