"""From web archive to text: MB of HTML per CPU second, and the share of each step, on one core.

    python tests/benchmarks/measure_html_steps.py ARCHIVE... [--form plain]

The steps are called one after another, page by page, as extract.html calls them in its process of pages; a first page
loads and compiles. The last lines are read.warc and extract.html themselves, with the pages in a process of their own
and without: what is between the two is the price of isolation.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from resiliparse.parse.html import HTMLTree

from corpusforge.source import Record, Split
from corpusforge.stage import cpu_seconds
from corpusforge.stages.extract.block_features import features
from corpusforge.stages.extract.block_model import choose, main_probability, model
from corpusforge.stages.extract.content_kind import kind_of
from corpusforge.stages.extract.encoding import decode_page
from corpusforge.stages.extract.html import Html
from corpusforge.stages.extract.main_text import CONTROL_BYTES, LEAST, clean
from corpusforge.stages.extract.page_blocks import LENGTH, blocks
from corpusforge.stages.extract.page_facts import facts
from corpusforge.stages.extract.page_text import text
from corpusforge.stages.extract.page_tree import tree
from corpusforge.stages.extract.page_work import work
from corpusforge.stages.read.warc import Warc
from corpusforge.testing import docs


class Steps:
    """CPU seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, step: Callable[..., Any], *of: Any) -> Any:
        """Do a step and add its time."""
        begun = time.process_time()
        done = step(*of)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - begun
        return done


def read(paths: list[Path]) -> list[Record]:
    """Return the HTML pages of archives."""
    found = []
    for path in paths:
        size = path.stat().st_size
        records = Warc(paths=(str(path),)).read(Split("web", str(path), path.name, 0, size, size, 0))
        found += [r for r in records if isinstance(r, Record) and r.extra["content"]]
    return [r for r in found if kind_of(r.extra["content"], r.extra["content_type"])[0] == "html"]


def page(record: Record, steps: Steps) -> None:
    """Take one page through all steps."""
    decoded = steps("decode", decode_page, record.extra["content"], record.extra["content_type"])
    if decoded is None:
        return
    encoded = steps("encode again", lambda: decoded[0].encode("utf-8", "replace").translate(None, CONTROL_BYTES))
    steps("bound the work", work, encoded)
    parsed = steps("parse (lexbor)", HTMLTree.parse_from_bytes, encoded, "utf-8")
    normal = steps("write out the tree", lambda: str(parsed).encode("utf-8", "replace"))
    arrays = steps("tree as arrays", tree, normal)
    cut = steps("cut into blocks", blocks, arrays)
    steps("title, dates, licence", facts, arrays, cut.hints, record.url)
    known = steps("features", features, arrays, cut)
    if len(known):
        probable = steps("model", main_probability, arrays, cut, known, model())
        written = steps(
            "text of the blocks", text, arrays, cut, choose(probable, cut.counts[:, LENGTH], LEAST["balanced"])
        )
        steps("clean", clean, written)


def batch(records: list[Record]) -> pa.RecordBatch:
    """Return the rows that extract.html gets."""
    columns = {name: [r.extra[name] for r in records] for name in ("content", "content_type", "http_status")}
    return docs(
        *[None] * len(records),
        content=pa.array(columns["content"], pa.large_binary()),
        content_type=pa.array(columns["content_type"], pa.string()),
        http_status=pa.array([200] * len(records), pa.int16()),
        url=[r.url for r in records],
    )


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("archives", type=Path, nargs="+")
    chosen = options.parse_args()
    steps = Steps()
    records = steps("read the archive", read, chosen.archives)
    megabytes = sum(len(r.extra["content"]) for r in records) / 1e6
    page(records[0], Steps())
    for record in records:
        page(record, steps)
    total = sum(steps.seconds.values())
    for name, seconds in steps.seconds.items():
        print(f"{name:22} {seconds:7.3f} s  {100 * seconds / total:5.1f} %")
    print(f"{'all':22} {total:7.3f} s  {megabytes / total:5.1f} MB of HTML per CPU second; {megabytes:.1f} MB in all")
    reading = steps.seconds["read the archive"]
    for isolate in (False, True):
        kernel = Html(isolate=isolate).open()
        kernel(batch(records[:1]))
        begun = cpu_seconds()
        kernel(batch(records))
        seconds = cpu_seconds() - begun + reading
        print(f"read.warc and extract.html, isolate: {str(isolate).lower():5} {megabytes / seconds:5.1f} MB/s")


if __name__ == "__main__":
    main()
