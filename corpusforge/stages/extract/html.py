"""Main text of web pages."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ByteSize, Field, model_validator

from corpusforge.registry import resource
from corpusforge.stage import Example, Kernel, Stage, kept, reject, with_columns
from corpusforge.stages.extract.content_kind import kind_of
from corpusforge.stages.extract.encoding import decode_page
from corpusforge.stages.extract.main_text import (
    Engine,
    Extract,
    Favour,
    Form,
    MainText,
    Options,
    PageFacts,
    clean,
    open_engine,
)
from corpusforge.stages.extract.page_process import page_process


class _Page(NamedTuple):
    main: MainText = MainText()
    reason: str = ""
    value: float | None = None
    detail: str | None = None


class Html(Stage):
    """Replace raw web payloads by the main text of the page.

            The payload is judged by status, size and type, decoded (byte order mark, UTF-8, header, meta element,
    detection), parsed by an HTML5 parser, bounded in elements and depth, and given to the engine, which drops
    navigation, comments and other boilerplate. Plain text (text/plain, Markdown) is decoded and kept whole.
    Documents that already have a text, such as those of WET files, pass unchanged but get the columns; null text
    with null or empty content is an empty_page. Rejected pages have no text.

    engine: `corpusforge` cuts the page into blocks and lets boosted trees choose those of the main text, by density
    of text and links, tags, words of classes, place and neighbours; `trafilatura` (its fast mode) and `resiliparse`
    are the libraries. `favour: precision` leaves more out, `recall` keeps more; `form: markdown` marks headings,
    ordered lists, tables, code and quotes (plain text keeps their line breaks). Both need the engine corpusforge.

    Frames and iframes are pages of their own and not followed; a frameset without text is an empty_page. Text in
    noscript, template, hidden form controls and scripts is left out: readers do not see it. Images that scripts
    load later change nothing; text that scripts load later is not in the payload and cannot be kept. TeX of
    formulas (MathML's alttext and annotations, MathJax's scripts) stands between dollar signs.

    `title` is the page's `<title>`, else og:title; `language` the html element's, `license` a link with rel=license
    or JSON-LD's, as SPDX expression for Creative Commons; each only where the reader gave none (`date` stays what
    the reader gave: of web archives the time of the crawl). `published` is the page's own date (meta, JSON-LD,
    time). `robots` holds the directives of robots meta elements and of the reader's `robots` column (X-Robots-Tag);
    those of `refuse_robots` reject the page. Block columns are null with the other engines.

    With `isolate` pages are parsed in a process of their own; one that ends it is quarantined, nothing else is
    lost.

    Reads: content, content_type, http_status, url, title, language, license, text (and robots, where there is one).
    Writes: text (large_string), title, language, license, published (ISO 8601), canonical_url, robots (string),
    block_count (int32), link_fraction (of the characters of the page, those in links; float32, 0..1),
    boilerplate_fraction (those left out). Drops: content, content_type, http_status.
    Rejects: http_error (status outside 200..299; value: status), too_large (value: bytes), not_html (detail: type),
    undecodable, too_many_attributes (of one tag; value: how many), too_many_nodes (value: elements, before parsing
    an estimate), too_deep (value: depth), empty_page, refused_by_robots (detail: directive).
    Cost: 0.026 CPU s per MB of HTML with corpusforge, 0.14 with trafilatura, 0.03 with resiliparse (one core).
    F1 of snippets / of full texts, on 345 pages of domains new to the model: corpusforge .929 / .826, trafilatura
    .930 / .826 by default and .927 / .831 for precision, resiliparse .857 / .828; mean share of an article's
    beginning that is found: .925, .890, .966 (tests/benchmarks/compare_extractors.py). So corpusforge is the default.
    Errors: an engine that fails on a page, or ends its process, raises InputError; the page is quarantined.
    Source: own; ideas of Kohlschütter et al. 2010 (features of blocks) and Readability (words of classes).
    Barbaresi 2021 (trafilatura); Bevendorff et al. 2018 (resiliparse).
    """

    reads: ClassVar[tuple[str, ...]] = (
        "content", "content_type", "http_status", "url", "title", "language", "license", "text",
    )  # fmt: skip
    writes: ClassVar[Mapping[str, pa.DataType]] = {
        "text": pa.large_string(),
        "title": pa.string(),
        "language": pa.string(),
        "license": pa.string(),
        "published": pa.string(),
        "canonical_url": pa.string(),
        "robots": pa.string(),
        "block_count": pa.int32(),
        "link_fraction": pa.float32(),
        "boilerplate_fraction": pa.float32(),
    }
    drops: ClassVar[tuple[str, ...]] = ("content", "content_type", "http_status")
    reasons: ClassVar[tuple[str, ...]] = (
        "http_error",
        "too_large",
        "not_html",
        "undecodable",
        "too_many_attributes",
        "too_many_nodes",
        "too_deep",
        "empty_page",
        "refused_by_robots",
    )
    version: ClassVar[int] = 2
    depends: ClassVar[tuple[str, ...]] = ("trafilatura", "lxml", "resiliparse", "charset-normalizer")
    costly: ClassVar[bool] = True
    memory_bytes: ClassVar[int] = 512 << 20

    engine: Engine = "corpusforge"
    form: Form = "plain"
    favour: Favour = "balanced"
    isolate: bool = True
    refuse_robots: tuple[str, ...] = ()  # directives, such as noarchive or noai, whose pages are rejected
    max_bytes: ByteSize = Field(ByteSize(10 << 20), ge=1)  # of the payload, after its content encodings
    max_nodes: int = Field(50_000, ge=1)  # elements; the largest of 697 article pages has 10,112
    max_depth: int = Field(200, ge=1, le=250)  # elements inside each other; 43 on the same pages

    @model_validator(mode="after")
    def _own_engine_only(self) -> "Html":
        if self.engine != "corpusforge" and (self.form, self.favour) != ("plain", "balanced"):
            raise ValueError(f"form and favour need the engine corpusforge, and the engine is {self.engine}")
        return self

    def _refused(self, robots: str | None) -> str | None:
        said = (robots or "").split(", ")
        return next((directive for directive in self.refuse_robots if directive.lower() in said), None)

    def files(self) -> tuple[str, ...]:
        """The model and its hints, where the own engine is asked for."""
        if self.engine != "corpusforge":
            return ()
        return (str(Path(__file__).with_name("main_text.npz")), str(resource("filters", "html")))

    def open(self) -> Kernel:
        """Return the kernel; the engine is loaded in the process that parses."""
        options = Options(self.engine, self.form, self.favour, self.max_nodes, self.max_depth)
        if self.isolate:
            process = page_process()
            extract: Extract = partial(process.extract, options=options)
        else:
            extract = open_engine(options)

        def judge(content: bytes, content_type: str | None, status: int | None, url: str | None) -> _Page:
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
                main = MainText(clean(decoded[0]))
            else:
                main = extract(decoded[0].encode("utf-8", "replace"), url)
            if main.too:
                return _Page(reason=main.too, value=main.number)
            return _Page(main, "" if main.text else "empty_page")

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            pages = [_Page()] * batch.num_rows
            todo = kept(batch) & batch["text"].is_null().to_numpy(zero_copy_only=False)
            for row in np.flatnonzero(todo):
                content = batch["content"][row].as_py() or b""
                given = (batch[name][row].as_py() for name in ("content_type", "http_status", "url"))
                pages[row] = judge(content, *given)
            mains = [page.main for page in pages]
            facts = [main.facts for main in mains]
            texts = pa.array([page.main.text or None for page in pages], pa.large_string())
            known = {name: pa.array([getattr(f, name) for f in facts], pa.string()) for name in PageFacts._fields}
            for name in ("title", "language", "license"):
                known[name] = pc.coalesce(batch[name], known[name])
            if "robots" in batch.schema.names:
                known["robots"] = pa.array(
                    map(_robots, batch["robots"].to_pylist(), known["robots"].to_pylist()), pa.string()
                )
            batch = with_columns(
                batch.drop_columns(list(self.drops)),
                text=pc.coalesce(batch["text"], texts),
                **known,
                block_count=pa.array([main.blocks for main in mains], pa.int32()),
                link_fraction=pa.array([main.link_fraction for main in mains], pa.float32()),
                boilerplate_fraction=pa.array([main.boilerplate_fraction for main in mains], pa.float32()),
            )
            values = pa.array([page.value for page in pages], pa.float64())
            details = pa.array([page.detail for page in pages], pa.string())
            for reason in self.reasons:
                batch = reject(batch, [page.reason == reason for page in pages], reason, values, details)
            if self.refuse_robots:
                refused = [self._refused(said) for said in batch["robots"].to_pylist()]
                batch = reject(batch, [said is not None for said in refused], self.reasons[-1], None, refused)
            return batch

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Pages that show every reason, and two that are kept."""
        stage = cls(max_bytes=ByteSize(40_000), max_nodes=500, max_depth=50)

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
            page(article + " " * 40_000, "too_large"),
            page("%PDF-1.7 ...", "not_html"),
            page(b"<p>" + bytes(range(0x80, 0x100)) * 9, "undecodable"),
            page("<p>word" * 600, "too_many_nodes"),
            page("<div>" * 60 + "word", "too_deep"),
            page("<p " + " ".join(f"a{n}" for n in range(5001)) + ">word", "too_many_attributes"),
            page("<script>x = 1</script>", "empty_page"),
            Example(
                cls(refuse_robots=("noarchive",)),
                {
                    "content": b"<meta name=robots content='NOARCHIVE, follow'>" + article.encode(),
                    "content_type": "text/html",
                    "http_status": 200,
                },
                "refused_by_robots",
                {"robots": "follow, noarchive", "rejected_detail": "noarchive"},
            ),
        )


def _robots(of_header: str | None, of_page: str | None) -> str | None:
    """Return the directives of both, sorted; those for one robot (`bot: noindex`) stand as they are."""
    parts = {part.strip().lower() for said in (of_header, of_page) for part in (said or "").split(",")}
    return ", ".join(sorted(parts - {""})) or None
