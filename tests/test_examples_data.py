"""The committed example data are what the committed script makes, small, and hold what the examples speak of."""

import bz2
import gzip
import json
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

from corpusforge.source import Found, Reader, Record, Split, Unreadable
from corpusforge.stages.read.books import Books
from corpusforge.stages.read.code import Code
from corpusforge.stages.read.warc import Warc
from corpusforge.stages.read.wikipedia import Wikipedia

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DATA = EXAMPLES / "data"


def contents(path: Path) -> object:
    """Return what a file holds, without what depends on the version of a compression library."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".bz2":
        return bz2.decompress(path.read_bytes())
    if path.suffix == ".epub":
        with zipfile.ZipFile(path) as archive:
            return [(info.filename, info.compress_type, archive.read(info)) for info in archive.infolist()]
    return path.read_bytes()


def tree(folder: Path) -> dict[str, object]:
    return {p.relative_to(folder).as_posix(): contents(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def read(reader: type[Reader], pattern: str) -> list[Found]:
    found: list[Found] = []
    for path in sorted(DATA.glob(pattern)):
        size = path.stat().st_size
        found += reader(paths=(str(path),)).read(Split("x", str(path), path.name, 0, size, size, 1))
    assert not [f for f in found if isinstance(f, Unreadable)]
    return found


def test_the_script_makes_what_is_committed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(EXAMPLES / "make_data.py"), str(tmp_path)], check=True)
    assert tree(tmp_path) == tree(DATA)
    assert sum(p.stat().st_size for p in DATA.rglob("*") if p.is_file()) < 600_000


def test_the_crawl_has_sixty_pages_of_five_languages_and_what_goes_wrong_on_the_web() -> None:
    pages = [f for f in read(Warc, "web/*.warc.gz") if isinstance(f, Record)]
    assert len(pages) == 64
    bodies = [f.extra["content"].decode("latin-1") for f in pages]
    languages = Counter(body.partition('<html lang="')[2][:2] for body in bodies)
    assert all(languages[code] >= 8 for code in ("en", "de", "fr", "es", "ru"))
    assert Counter(f.extra["http_status"] for f in pages) == {200: 63, 404: 1}
    assert sum((f.extra["content_type"] or "").startswith("image/") for f in pages) == 1
    assert len(bodies) - len(set(bodies)) == 3  # exact copies under another address
    questions = [json.loads(line)["question"] for line in (DATA / "evals/questions.jsonl").read_text().splitlines()]
    assert sum(any(q in body for body in bodies) for q in questions) == 2


def test_books_code_and_wiki_are_read_without_loss() -> None:
    books = [f for f in read(Books, "books/*") if isinstance(f, Record)]
    assert sorted(str(f.language) for f in books) == ["de", "en", "es"]
    chapters = next(f.text or "" for f in books if f.language == "es")
    assert chapters.index("Invierno") < chapters.index("Primavera") < chapters.index("Verano")
    code = [f for f in read(Code, "code/*.tar.gz") if isinstance(f, Record)]
    assert {f.license for f in code} == {"MIT", "BSD-3-Clause"} and 10 <= len(code) <= 20
    articles = [f.title for f in read(Wikipedia, "wiki/*.xml.bz2") if isinstance(f, Record)]
    assert articles == ["Spring tide", "Tide gauge", "Slack water"]
