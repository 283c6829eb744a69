"""The main text of one HTML page, by an engine that sees only pages of bounded work.

What bounds the work is counted, not timed, so that a page has the same fate on every machine: what its tags ask of a
parser, elements, and depth of the tree. With 50,000 elements at depth 195, the worst shape found, trafilatura takes 13
CPU seconds; its quadratic fallbacks (readability took 98 s for 30,000 nested `div`) stay off.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from corpusforge.errors import InputError

if TYPE_CHECKING:  # Numba is loaded when an engine is opened
    from corpusforge.stages.extract.page_blocks import PageBlocks
    from corpusforge.stages.extract.page_tree import PageTree

Engine = Literal["corpusforge", "trafilatura", "resiliparse"]
Form = Literal["plain", "markdown"]
Favour = Literal["balanced", "precision", "recall"]
Extract = Callable[[bytes, str | None], "MainText"]

# Joiners carry meaning (Persian, Indic scripts, emoji); trafilatura drops them as unprintable, so they go
# through it as letters of a dead script. U+00AD, U+2060 and U+FEFF mean nothing in running text.
JOINERS = {"\u200c": "\U00010920", "\u200d": "\U00010921"}
JOINER_REFERENCES = re.compile(r"&(zwn?j|#0*820[45]|#[xX]0*200[cdCD]);?")
INVISIBLE = re.compile("[\u00ad\u2060\ufeff]|(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b")
EMPTY_LINES = re.compile("\n{3,}")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CONTROL_BYTES = bytes(n for n in (*range(32), 127) if n not in (9, 10, 13))


# Trafilatura sometimes finds only a tagline. Where it gives fewer characters than this and resiliparse more than
# three times as many, resiliparse's answer counts: 26 of 697 pages, F1 on Readability's texts .807 -> .832, on
# trafilatura's snippets .915 -> .917. Trafilatura's own fallbacks give .812 and .919 at 1.5 times its cost.
SHORT_CHARS = 1000
RESCUE_RATIO = 3
REOPENED = 20  # the estimate of elements before parsing may be this many times max_nodes; 697 pages stay below 4.5
# Probability from which a block is main text.
LEAST: dict[str, float] = {"balanced": 0.45, "precision": 0.65, "recall": 0.25}
_Engine: TypeAlias = "Callable[[bytes, PageTree, PageBlocks, MainText], MainText]"


class PageFacts(NamedTuple):
    """What a page says of itself; null where it says nothing."""

    title: str | None = None
    published: str | None = None  # ISO 8601
    language: str | None = None  # ISO 639, of the html element
    canonical_url: str | None = None  # absolute
    license: str | None = None  # SPDX of Creative Commons licences, else the address
    robots: str | None = None  # directives, lower case, sorted, comma between


class MainText(NamedTuple):
    """What a page gave; `too` names the bound it broke, with the number that did."""

    text: str = ""
    too: Literal["", "too_deep", "too_many_nodes", "too_many_attributes"] = ""
    number: int = 0
    facts: PageFacts = PageFacts()
    blocks: int | None = None  # of the whole page; only the own engine counts them
    link_fraction: float | None = None  # of the characters of all blocks
    boilerplate_fraction: float | None = None  # characters in blocks that were left out


class Options(NamedTuple):
    """How a page is extracted."""

    engine: Engine = "corpusforge"
    form: Form = "plain"
    favour: Favour = "balanced"
    max_nodes: int = 50_000
    max_depth: int = 200


def open_engine(options: Options) -> Extract:
    """Return the function (page in UTF-8, URL or None) -> MainText. It raises InputError when the engine fails."""
    from resiliparse.parse.html import HTMLTree

    from corpusforge.stages.extract.page_blocks import blocks
    from corpusforge.stages.extract.page_facts import facts
    from corpusforge.stages.extract.page_tree import tree
    from corpusforge.stages.extract.page_work import MAX_ATTRIBUTES, work

    engines = {"corpusforge": _own, "trafilatura": _trafilatura, "resiliparse": _resiliparse}
    engine = engines[options.engine](options)

    def extract(page: bytes, url: str | None = None) -> MainText:
        try:
            return bounded(page.translate(None, CONTROL_BYTES), url)
        except MemoryError:
            raise
        except Exception as error:
            raise InputError(f"{options.engine} failed on this page: {type(error).__name__}") from error

    def bounded(page: bytes, url: str | None) -> MainText:
        nodes, attributes, templates = work(page)
        if attributes > MAX_ATTRIBUTES:
            return MainText(too="too_many_attributes", number=attributes)
        if templates > options.max_depth:
            return MainText(too="too_deep", number=templates)
        if nodes > REOPENED * options.max_nodes:
            return MainText(too="too_many_nodes", number=nodes)
        parsed = tree(str(HTMLTree.parse_from_bytes(page, "utf-8")).encode("utf-8", "replace"))
        if len(parsed.tags) - 1 > options.max_nodes:
            return MainText(too="too_many_nodes", number=len(parsed.tags) - 1)
        if parsed.depth > options.max_depth:
            return MainText(too="too_deep", number=parsed.depth)
        cut = blocks(parsed)
        return engine(page, parsed, cut, MainText(facts=facts(parsed, cut.hints, url)))

    return extract


def _own(options: Options) -> _Engine:
    """Trees over features of blocks choose; the chosen ones are written out."""
    import numpy as np

    from corpusforge.stages.extract.block_features import features
    from corpusforge.stages.extract.block_model import choose, main_probability, model
    from corpusforge.stages.extract.page_blocks import LENGTH, LINK_LENGTH
    from corpusforge.stages.extract.page_text import text

    trees = model()
    least = LEAST[options.favour]

    def engine(page: bytes, parsed: PageTree, cut: PageBlocks, known: MainText) -> MainText:
        lengths = cut.counts[:, LENGTH]
        total = lengths.sum(dtype=np.float64)
        if not total:
            return known
        chosen = choose(main_probability(parsed, cut, features(parsed, cut), trees), lengths, least)
        return known._replace(
            text=clean(text(parsed, cut, chosen, options.form == "markdown")),
            blocks=len(lengths),
            link_fraction=float(cut.counts[:, LINK_LENGTH].sum(dtype=np.float64) / total),
            boilerplate_fraction=float(1 - lengths[chosen].sum(dtype=np.float64) / total),
        )

    return engine


def clean(text: str) -> str:
    """Return `text` without invisible characters that carry no meaning, line ends as newlines, ends trimmed.

    White space at line ends goes and several empty lines become one: a page's layout leaves lines of blanks, which
    rules on repeated lines would count (78 of 170 lines of a cooking page).

    >>> clean("co\\u00adop\\r\\n  \\r\\n\\t\\r\\nmore")
    'coop\\n\\nmore'
    """
    text = CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = (text if text.isascii() else INVISIBLE.sub("", text)).strip()
    return EMPTY_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.split("\n")))


def _trafilatura(options: Options) -> _Engine:
    import lxml.etree
    import lxml.html
    from trafilatura.core import bare_extraction

    rescue = _resiliparse(options)
    deeper = lxml.etree.XPath("boolean(/*" + "/*" * options.max_depth + ")")
    # It warns on standard error about every page without text, which is counted as empty_page here.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)

    def engine(page: bytes, parsed: PageTree, cut: PageBlocks, known: MainText) -> MainText:
        written = page.decode("utf-8", "replace")
        shown = _show_joiners(written)
        parser = lxml.html.HTMLParser(
            encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True, huge_tree=True
        )
        try:
            tree = lxml.html.document_fromstring(shown.encode("utf-8", "replace"), parser=parser)
        except lxml.etree.ParserError:  # nothing but blanks or comments
            return known
        # This parser does not move misplaced elements, so its tree can be deeper than the one that was bounded.
        if any(entry.type == lxml.etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log) or deeper(tree):
            return MainText(too="too_deep", number=_depth(tree))
        found: Any = bare_extraction(tree, fast=True, include_comments=False, deduplicate=False)
        text = found.text or "" if found is not None else ""
        text = clean(_hide_joiners(text) if shown != written else text)
        if len(text) < SHORT_CHARS:
            other = rescue(page, parsed, cut, known).text
            text = other if len(other) > RESCUE_RATIO * len(text) else text
        return known._replace(text=text)

    return engine


def _resiliparse(options: Options) -> _Engine:
    from resiliparse.extract.html2text import extract_plain_text

    def engine(page: bytes, parsed: PageTree, cut: PageBlocks, known: MainText) -> MainText:
        return known._replace(
            text=clean(extract_plain_text(page.decode("utf-8", "replace"), main_content=True, alt_texts=False))
        )

    return engine


def _show_joiners(page: str) -> str:
    if any(letter in page for letter in JOINERS.values()):
        return page
    if "&zw" in page or "&#" in page:
        page = JOINER_REFERENCES.sub(lambda m: "\u200c" if m[1][-1] in "4cC" or m[1] == "zwnj" else "\u200d", page)
    for joiner, letter in JOINERS.items():
        page = page.replace(joiner, letter)
    return page


def _hide_joiners(text: str) -> str:
    for joiner, letter in JOINERS.items():
        text = text.replace(letter, joiner)
    return text


def _depth(tree: Any) -> int:
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for element in level for child in element]
    return depth
