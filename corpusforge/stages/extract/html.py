"""Main text of web pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ByteSize, Field

from corpusforge.stage import Example, Kernel, Stage, kept, reject, with_columns
from corpusforge.stages.extract.content_kind import kind_of
from corpusforge.stages.extract.encoding import decode_page
from corpusforge.stages.extract.main_text import Engine, clean, open_engine


class _Page(NamedTuple):
    text: str | None = None
    title: str | None = None
    reason: str = ""
    value: float | None = None
    detail: str | None = None


class Html(Stage):
    """Replace raw web payloads by the main text of the page.

    The payload is judged by status, size and type, decoded (byte order mark, UTF-8, header, meta element,
    detection), parsed, bounded in elements and depth, and given to the engine, which drops navigation, comments and
    other boilerplate. Plain text (text/plain, Markdown) is decoded and kept whole. `title` is the page's
    `<title>`, else og:title, where the reader gave none. Documents that already have a text, such as those of WET
    files, pass unchanged; null text with null or empty content is an empty_page. Rejected pages have no text.

    Reads: content, content_type, http_status, url, title, text.
    Writes: text (large_string), title (string). Drops: content, content_type, http_status.
    Rejects: http_error (status outside 200..299; value: status), too_large (value: bytes), not_html (detail:
    type), undecodable, too_many_nodes (value: elements), too_deep (value: depth), empty_page.
    Cost: 0.19 CPU s per MB of HTML with trafilatura, 0.04 with resiliparse (697 pages of 154 kB, one core).
    F1 on trafilatura's own snippets / on Mozilla Readability's expected texts: trafilatura .917 / .832 (with
    resiliparse's text where its own is short, see main_text.py), resiliparse .843 / .829; precision on the
    snippets .89 against .76: less boilerplate reaches the model, so trafilatura is the default
    (tests/benchmarks/compare_extractors.py).
    Errors: an engine that fails on a page raises InputError; the page is quarantined.
    Source: Barbaresi 2021 (trafilatura), its fast mode; Bevendorff et al. 2018 (resiliparse).
    """

    reads: ClassVar[tuple[str, ...]] = ("content", "content_type", "http_status", "url", "title", "text")
    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.large_string(), "title": pa.string()}
    drops: ClassVar[tuple[str, ...]] = ("content", "content_type", "http_status")
    reasons: ClassVar[tuple[str, ...]] = (
        "http_error",
        "too_large",
        "not_html",
        "undecodable",
        "too_many_nodes",
        "too_deep",
        "empty_page",
    )
    depends: ClassVar[tuple[str, ...]] = ("trafilatura", "lxml", "resiliparse", "charset-normalizer")
    costly: ClassVar[bool] = True
    memory_bytes: ClassVar[int] = 512 << 20

    engine: Engine = "trafilatura"
    max_bytes: ByteSize = Field(ByteSize(10 << 20), ge=1)  # of the payload, after its content encodings
    max_nodes: int = Field(50_000, ge=1)  # elements; the largest of 697 article pages has 10,112
    max_depth: int = Field(200, ge=1, le=250)  # elements inside each other; 43 on the same pages

    def open(self) -> Kernel:
        """Load the engine and return its kernel."""
        extract = open_engine(self.engine, self.max_nodes, self.max_depth)

        def judge(content: bytes, content_type: str | None, status: int | None) -> _Page:
            if status is not None and not 200 <= status <= 299:
                return _Page(reason="http_error", value=status)
            if len(content) > self.max_bytes:
                return _Page(reason="too_large", value=len(content))
            if not content.strip(b" \t\r\n\0"):
                return _Page(reason="empty_page")
            kind, found = kind_of(content, content_type)
            if kind is None:
                return _Page(reason="not_html", detail=found)
            decoded = decode_page(content, content_type)
            if decoded is None:
                return _Page(reason="undecodable")
            if kind == "text":
                text, title = clean(decoded[0]), None
            else:
                main = extract(decoded[0])
                if main.too:
                    return _Page(reason=main.too, value=main.number)
                text, title = main.text, main.title
            return _Page(text, title) if text else _Page(title=title, reason="empty_page")

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            pages = [_Page()] * batch.num_rows
            todo = kept(batch) & batch["text"].is_null().to_numpy(zero_copy_only=False)
            for row in np.flatnonzero(todo):
                content = batch["content"][row].as_py() or b""
                pages[row] = judge(content, batch["content_type"][row].as_py(), batch["http_status"][row].as_py())
            texts = pa.array([page.text for page in pages], pa.large_string())
            titles = pa.array([page.title for page in pages], pa.string())
            batch = with_columns(
                batch.drop_columns(list(self.drops)),
                text=pc.coalesce(batch["text"], texts),
                title=pc.coalesce(batch["title"], titles),
            )
            values = pa.array([page.value for page in pages], pa.float64())
            details = pa.array([page.detail for page in pages], pa.string())
            for reason in self.reasons:
                batch = reject(batch, [page.reason == reason for page in pages], reason, values, details)
            return batch

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Pages that show every reason, and two that are kept."""
        stage = cls(max_bytes=ByteSize(20_000), max_nodes=500, max_depth=50)

        def page(content: str | bytes, reason: str | None, status: int | None = 200, **expect: Any) -> Example:
            content = content.encode() if isinstance(content, str) else content
            row = {"content": content, "content_type": "text/html; charset=utf-8", "http_status": status}
            return Example(stage, row, reason, expect)

        article = f"<title>A title</title><nav><a href=/>Home</a></nav><article><p>{'It rains. ' * 40}</p></article>"
        return (
            page(article, None, title="A title", text=("It rains. " * 40).strip()),
            Example(
                stage, {"text": "Text of a WET record.", "http_status": 404}, None, {"text": "Text of a WET record."}
            ),
            page(article, "http_error", 404),
            page(article + " " * 20_000, "too_large"),
            page("%PDF-1.7 ...", "not_html"),
            page(b"<p>" + bytes(range(0x80, 0x100)) * 9, "undecodable"),
            page("<p>word" * 600, "too_many_nodes"),
            page("<div>" * 60 + "word", "too_deep"),
            page("<script>x = 1</script>", "empty_page"),
        )
