"""Compare main-text extractors on pages with known main text: F1 and CPU time per page.

    python tests/benchmarks/compare_extractors.py DATA [--only NAME] [--pages N]

DATA holds trafilatura-eval-dev.warc.gz (scored by snippets that must and must not be in the text),
readability-pages.warc.gz (F1 over the multiset of 3-word shingles of the expected text) and
goose3-pages.warc.gz (share of the 3-word shingles of the expected beginning that are found), each with its
*-gold.jsonl.zst. Snippet scores favour trafilatura, whose authors wrote the snippets.
"""

import argparse
import io
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

from corpusforge.source import Record, Split
from corpusforge.stages.extract.encoding import decode_page
from corpusforge.stages.extract.html import Html
from corpusforge.stages.extract.main_text import open_engine
from corpusforge.stages.read.warc import Warc

Extractor = Callable[[str], str]


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


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Return the multiset of 3-word shingles; a shorter text is one shingle."""
    words = re.findall(r"\w+", text.lower())
    return Counter(tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def extractors() -> dict[str, Extractor]:
    """Return every extractor compared, by name."""
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

    shipped = Html()
    shipped_engine = open_engine(shipped.engine, shipped.max_nodes, shipped.max_depth)
    return {
        "extract.html": lambda page: shipped_engine(page).text,
        "trafilatura": trafilatura(fast=False),
        "trafilatura recall": trafilatura(fast=False, favor_recall=True),
        "trafilatura precision": trafilatura(fast=False, favor_precision=True),
        "trafilatura fast": trafilatura(fast=True),
        "trafilatura fast recall": trafilatura(fast=True, favor_recall=True),
        "trafilatura fast precision": trafilatura(fast=True, favor_precision=True),
        "resiliparse main": lambda page: extract_plain_text(page, main_content=True, alt_texts=False),
        "resiliparse all": lambda page: extract_plain_text(page, main_content=False, alt_texts=False),
    }


def snippet_f1(texts: dict[str, str], expected: list[dict]) -> tuple[float, float, float]:
    """Return (precision, recall, F1) over all snippets of all pages."""
    hit = miss = wrong = 0
    for page in expected:
        text = texts.get(page["url"], "")
        hit += sum(s in text for s in page["with"])
        miss += sum(s not in text for s in page["with"])
        wrong += sum(s in text for s in page["without"])
    precision, recall = hit / max(1, hit + wrong), hit / max(1, hit + miss)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def shingle_f1(texts: list[str], expected: list[str]) -> tuple[float, float, float]:
    """Return the means over pages of (precision, recall, F1) of the shingle multisets."""
    scores = []
    for text, right in zip(texts, expected, strict=True):
        found, wanted = shingles(text), shingles(right)
        common = sum((found & wanted).values())
        precision, recall = common / max(1, sum(found.values())), common / max(1, sum(wanted.values()))
        scores.append((precision, recall, 2 * precision * recall / max(1e-9, precision + recall)))
    return tuple(sum(s[i] for s in scores) / len(scores) for i in range(3))  # type: ignore[return-value]


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    options.add_argument("--only", default="", help="only extractors whose name contains this")
    options.add_argument("--pages", type=int, default=None, help="of each set")
    chosen = options.parse_args()
    logging.disable(logging.CRITICAL)
    files = {
        "trafilatura-eval-dev": "trafilatura-eval-dev.warc.gz",
        "readability": "readability-pages.warc.gz",
        "goose3": "goose3-pages.warc.gz",
    }
    sets = {}
    for name, file in files.items():
        found, expected = list(pages(chosen.data / file)), gold(chosen.data / f"{name}-gold.jsonl.zst")
        assert [url for url, _ in found] == [page["url"] for page in expected], (
            f"{name}: pages and gold differ in order"
        )
        sets[name] = found[: chosen.pages], expected[: chosen.pages]
    megabytes = sum(len(page.encode()) for found, _ in sets.values() for _, page in found) / 1e6
    count = sum(len(found) for found, _ in sets.values())
    print(f"{count} pages, {megabytes:.1f} MB of HTML")
    print(f"{'':28} | snippets P    R     F1    | shingles P    R     F1    | goose3 R | ms/page  MB/s")
    for name, extract in extractors().items():
        if chosen.only not in name:
            continue
        began = time.process_time()
        texts = {key: [extract(page) for _, page in found] for key, (found, _) in sets.items()}
        seconds = time.process_time() - began
        found, expected = sets["trafilatura-eval-dev"]
        urls = [url for url, _ in found]
        snippets = snippet_f1(dict(zip(urls, texts["trafilatura-eval-dev"], strict=True)), expected)
        whole = shingle_f1(texts["readability"], [page["gold_text"] for page in sets["readability"][1]])
        begun = [
            (text, page["expected"]["cleaned_text"])
            for text, page in zip(texts["goose3"], sets["goose3"][1], strict=True)
            if page["expected"].get("cleaned_text")
        ]
        goose = shingle_f1([text for text, _ in begun], [right for _, right in begun])
        print(
            f"{name:28} |         {snippets[0]:.3f} {snippets[1]:.3f} {snippets[2]:.3f} |         "
            f"{whole[0]:.3f} {whole[1]:.3f} {whole[2]:.3f} |   {goose[1]:.3f}  | "
            f"{1000 * seconds / count:7.1f} {megabytes / seconds:5.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
