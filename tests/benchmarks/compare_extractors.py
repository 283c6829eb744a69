"""Compare main-text extractors on pages with known main text: F1 and MB of HTML per CPU second, in one run.

    python tests/benchmarks/compare_extractors.py DATA [--only NAME] [--pages N] [--model FILE]

DATA holds trafilatura-eval-dev.warc.gz (scored by snippets that must and must not be in the text),
readability-pages.warc.gz (F1 over the multiset of 3-word shingles of the expected text) and
goose3-pages.warc.gz (share of the 3-word shingles of the expected beginning that are found), each with its
*-gold.jsonl.zst. Snippet scores favour trafilatura, whose authors wrote the snippets.

Pages are split by registered domain into halves, tune and report. The shipped model of corpusforge has learned from
both; `--model` takes one trained on the tune half only (train_main_text.py --pages tune), for which the report half is
new. Time is that of the engine alone on decoded pages, after a first page; reading and decoding are not in it.
"""

import argparse
import io
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import xxhash
import zstandard

from corpusforge.source import Record, Split
from corpusforge.stages.extract import block_model
from corpusforge.stages.extract.encoding import decode_page
from corpusforge.stages.extract.main_text import Options, open_engine
from corpusforge.stages.quality.language import Language
from corpusforge.stages.quality.registered_domain import PublicSuffixes, split_url
from corpusforge.stages.read.warc import Warc
from corpusforge.testing import docs

Extractor = Callable[[str], str]
SETS = {
    "trafilatura-eval-dev": "trafilatura-eval-dev.warc.gz",
    "readability": "readability-pages.warc.gz",
    "goose3": "goose3-pages.warc.gz",
}
LEAST_PAGES = 5  # of a language, to be shown


class Page(NamedTuple):
    """A page and what is expected of it."""

    set: str
    url: str
    html: str
    gold: dict

    @property
    def expected(self) -> str:
        """The expected text, its beginning, or snippets of it."""
        if self.set == "readability":
            return str(self.gold["gold_text"])
        if self.set == "goose3":
            return str(self.gold["expected"].get("cleaned_text") or "")
        return " ".join(self.gold["with"])


def load_pages(data: Path, limit: int | None = None) -> list[Page]:
    """Return the pages of all sets."""
    found = []
    for name, file in SETS.items():
        wanted = gold(data / f"{name}-gold.jsonl.zst")
        for (url, html), one in list(zip(pages(data / file), wanted, strict=True))[:limit]:
            assert url == one["url"], f"{name}: pages and gold differ in order"
            found.append(Page(name, url, html, one))
    return found


def pages(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (URL, decoded page) of a WARC file."""
    size = path.stat().st_size
    for found in Warc(paths=(str(path),)).read(Split("web", str(path), path.name, 0, size, size, 0)):
        if isinstance(found, Record) and (decoded := decode_page(found.extra["content"], found.extra["content_type"])):
            yield str(found.url), decoded[0]


def gold(path: Path) -> list[dict]:
    """Return the expected values, one dictionary per page, in the order of the pages."""
    text = zstandard.ZstdDecompressor().stream_reader(path.open("rb"))
    return [json.loads(line) for line in io.TextIOWrapper(text, "utf-8")]


@cache
def suffixes() -> PublicSuffixes:
    """Return the public suffix list."""
    return PublicSuffixes()


def fold(page: Page, folds: int) -> int:
    """Return a number below `folds` that is the same for all pages of a registered domain."""
    host = split_url(page.url)[0]
    known = page.url if host == "fakehost" else suffixes().registered_domain(host)
    return xxhash.xxh32_intdigest(known) % 1000 % folds


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Return the multiset of 3-word shingles; a shorter text is one shingle."""
    words = re.findall(r"\w+", text.lower())
    return Counter(tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def shipped() -> dict[str, Extractor]:
    """Return the engines and modes of extract.html, by name."""

    def extractor(**options: str) -> Extractor:
        engine = open_engine(Options(**options))  # type: ignore[arg-type]
        return lambda page: engine(page.encode(), None).text

    return {
        "extract.html corpusforge": extractor(),
        "extract.html .. precision": extractor(favour="precision"),
        "extract.html .. recall": extractor(favour="recall"),
        "extract.html .. markdown": extractor(form="markdown"),
        "extract.html trafilatura": extractor(engine="trafilatura"),
        "extract.html resiliparse": extractor(engine="resiliparse"),
    }


def libraries() -> dict[str, Extractor]:
    """Return the libraries and their modes, by name."""
    import lxml.html
    from resiliparse.extract.html2text import extract_plain_text
    from trafilatura.core import bare_extraction

    parser = lxml.html.HTMLParser(encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True)

    def trafilatura(**options: bool) -> Extractor:
        def extract(page: str) -> str:
            tree = lxml.html.document_fromstring(page.encode(), parser=parser)
            found = bare_extraction(tree, include_comments=False, **options)
            return found.text if found is not None else ""

        return extract

    return {
        "trafilatura": trafilatura(fast=False),
        "trafilatura recall": trafilatura(fast=False, favor_recall=True),
        "trafilatura precision": trafilatura(fast=False, favor_precision=True),
        "trafilatura fast": trafilatura(fast=True),
        "trafilatura fast recall": trafilatura(fast=True, favor_recall=True),
        "trafilatura fast precision": trafilatura(fast=True, favor_precision=True),
        "resiliparse main": lambda page: extract_plain_text(page, main_content=True, alt_texts=False),
        "resiliparse all": lambda page: extract_plain_text(page, main_content=False, alt_texts=False),
    }


class Scores(NamedTuple):
    """Snippets: over all snippets. Full: means over pages. Beginnings: mean recall."""

    snippets: tuple[float, float, float]
    full: tuple[float, float, float]
    beginnings: float

    def __str__(self) -> str:
        return " | ".join(
            (
                " ".join(f"{x:.3f}" for x in self.snippets),
                " ".join(f"{x:.3f}" for x in self.full),
                f"{self.beginnings:.3f}",
            )
        )


def scores(texts: Sequence[str], of: Sequence[Page]) -> Scores:
    """Return the scores of the texts of pages."""
    hit = miss = wrong = 0
    full, beginnings = [], []
    for text, page in zip(texts, of, strict=True):
        if page.set == "trafilatura-eval-dev":
            hit += sum(s in text for s in page.gold["with"])
            miss += sum(s not in text for s in page.gold["with"])
            wrong += sum(s in text for s in page.gold["without"])
        elif page.expected:
            found, wanted = shingles(text), shingles(page.expected)
            common = sum((found & wanted).values())
            precision, recall = common / max(1, sum(found.values())), common / max(1, sum(wanted.values()))
            if page.set == "goose3":
                beginnings.append(recall)
            else:
                full.append((precision, recall, 2 * precision * recall / max(1e-9, precision + recall)))
    precision, recall = hit / max(1, hit + wrong), hit / max(1, hit + miss)
    means = tuple(sum(one[i] for one in full) / max(1, len(full)) for i in range(3))
    return Scores(
        (precision, recall, 2 * precision * recall / max(1e-9, precision + recall)),
        means,  # type: ignore[arg-type]
        sum(beginnings) / max(1, len(beginnings)),
    )


def languages(of: Sequence[Page]) -> list[str]:
    """Return the language of each expected text."""
    found: list[str] = Language().open()(docs(*[page.expected for page in of]))["language"].to_pylist()
    return found


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    options.add_argument("--only", default="", help="only extractors whose name contains this")
    options.add_argument("--pages", type=int, default=None, help="of each set")
    options.add_argument("--model", type=Path, default=None, help="of corpusforge, instead of the shipped one")
    chosen = options.parse_args()
    logging.disable(logging.CRITICAL)
    if chosen.model:
        block_model.MODEL = chosen.model
    found = load_pages(chosen.data, chosen.pages)
    megabytes = sum(len(page.html.encode()) for page in found) / 1e6
    halves = {"tune": 0, "report": 1}
    of_half = {name: [i for i, page in enumerate(found) if fold(page, 2) == half] for name, half in halves.items()}
    of_language: dict[str, list[int]] = {}
    for i, language in enumerate(languages(found)):
        if found[i].set == "trafilatura-eval-dev" and (i in of_half["report"]):
            of_language.setdefault(language, []).append(i)
    others = [i for language, some in of_language.items() if language != "en" for i in some]
    shown = sorted((k for k, v in of_language.items() if len(v) >= LEAST_PAGES), key=lambda k: -len(of_language[k]))
    print(
        f"{len(found)} pages, {megabytes:.1f} MB of HTML; halves of {', '.join(str(len(v)) for v in of_half.values())}"
    )
    head = "snippets P R F1   | full text P R F1  | beginnings R"
    print(f"{'':28} MB/s   tune: {head}   report: {head}")
    by_language = []
    for name, extract in (shipped() | libraries()).items():
        if chosen.only not in name:
            continue
        extract(found[0].html)
        began = time.process_time()
        texts = [extract(page.html) for page in found]
        seconds = time.process_time() - began
        halves_scored = "   ".join(
            f"{half}: {scores([texts[i] for i in some], [found[i] for i in some])}" for half, some in of_half.items()
        )
        print(f"{name:28} {megabytes / seconds:5.1f}   {halves_scored}", flush=True)

        def f1(some: list[int], texts: list[str] = texts) -> str:
            return f"{scores([texts[i] for i in some], [found[i] for i in some]).snippets[2]:.3f}"

        by_language.append(f"{name:28} " + "   ".join(f1(some) for some in [others, *(of_language[k] for k in shown)]))
    print(
        f"\n{'snippet F1, report half':28} "
        + " ".join(f"{k}({len(of_language.get(k, others))})" for k in ["not-en", *shown])
    )
    print("\n".join(by_language))


if __name__ == "__main__":
    main()
