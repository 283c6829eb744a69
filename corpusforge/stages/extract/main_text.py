"""The main text of one HTML page, by an engine that sees only pages of bounded work.

What bounds the work is counted, not timed, so that a page has the same fate on every machine: elements and
depth of the tree. With 50,000 elements at depth 195, the worst shape found, trafilatura takes 13 CPU seconds;
its quadratic fallbacks (readability took 98 s for 30,000 nested `div`) stay off.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from corpusforge.errors import InputError

Engine = Literal["trafilatura", "resiliparse"]
Extract = Callable[[str], "MainText"]

# Joiners carry meaning (Persian, Indic scripts, emoji); trafilatura drops them as unprintable, so they go
# through it as letters of a dead script. U+00AD, U+2060 and U+FEFF mean nothing in running text.
JOINERS = {"\u200c": "\U00010920", "\u200d": "\U00010921"}
JOINER_REFERENCES = re.compile(r"&(zwn?j|#0*820[45]|#[xX]0*200[cdCD]);?")
INVISIBLE = re.compile("[\u00ad\u2060\ufeff]|(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b")
EMPTY_LINES = re.compile("\n{3,}")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


# Trafilatura sometimes finds only a tagline. Where it gives fewer characters than this and resiliparse more than
# three times as many, resiliparse's answer counts: 26 of 697 pages, F1 on Readability's texts .807 -> .832, on
# trafilatura's snippets .915 -> .917. Trafilatura's own fallbacks give .812 and .919 at 1.5 times its cost.
SHORT_CHARS = 1000
RESCUE_RATIO = 3


class MainText(NamedTuple):
    """What a page gave; `too` names the bound it broke, with the number that did."""

    text: str = ""
    title: str | None = None
    too: Literal["", "too_deep", "too_many_nodes"] = ""
    number: int = 0


def open_engine(engine: Engine, max_nodes: int, max_depth: int) -> Extract:
    """Return the function decoded page -> MainText. It raises InputError when the engine fails on a page."""
    import lxml.etree
    import lxml.html

    main_text = _trafilatura() if engine == "trafilatura" else _resiliparse()
    count = lxml.etree.XPath("count(//*)")
    deeper = lxml.etree.XPath("boolean(/*" + "/*" * max_depth + ")")

    def extract(page: str) -> MainText:
        page = CONTROL.sub("", page)
        parser = lxml.html.HTMLParser(
            encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True, huge_tree=True
        )
        try:
            tree = lxml.html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
        except lxml.etree.ParserError:  # nothing but blanks or comments
            return MainText()
        if any(entry.type == lxml.etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
            return MainText(too="too_deep", number=_depth(tree))
        if (nodes := int(count(tree))) > max_nodes:
            return MainText(too="too_many_nodes", number=nodes)
        if deeper(tree):
            return MainText(too="too_deep", number=_depth(tree))
        title = _title(tree)
        try:
            text = main_text(page, tree)
        except MemoryError:
            raise
        except Exception as error:
            raise InputError(f"{engine} failed on this page: {type(error).__name__}") from error
        return MainText(clean(text), title)

    return extract


def clean(text: str) -> str:
    """Return `text` without invisible characters that carry no meaning, line ends as newlines, ends trimmed.

    White space at line ends goes and several empty lines become one: a page's layout leaves lines of blanks, which
    rules on repeated lines would count (78 of 170 lines of a cooking page).

    >>> clean("co\\u00adop\\r\\n  \\r\\n\\t\\r\\nmore")
    'coop\\n\\nmore'
    """
    text = INVISIBLE.sub("", CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()
    return EMPTY_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.split("\n")))


def _trafilatura() -> Callable[[str, Any], str]:
    import lxml.html
    from trafilatura.core import bare_extraction

    rescue = _resiliparse()
    # It warns on standard error about every page without text, which is counted as empty_page here.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)

    def main_text(page: str, tree: Any) -> str:
        shown = _show_joiners(page)
        if shown != page:
            parser = lxml.html.HTMLParser(encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True)
            tree = lxml.html.document_fromstring(shown.encode("utf-8", "replace"), parser=parser)
        found: Any = bare_extraction(tree, fast=True, include_comments=False, deduplicate=False)
        text = found.text or "" if found is not None else ""
        text = _hide_joiners(text) if shown != page else text
        if len(text) < SHORT_CHARS:
            other = rescue(page, tree)
            text = other if len(other) > RESCUE_RATIO * len(text) else text
        return text

    return main_text


def _resiliparse() -> Callable[[str, Any], str]:
    from resiliparse.extract.html2text import extract_plain_text

    def main_text(page: str, tree: Any) -> str:
        return str(extract_plain_text(page, main_content=True, alt_texts=False))

    return main_text


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


def _title(tree: Any) -> str | None:
    for path in ("string((//head/title)[1])", "string((//meta[@property='og:title']/@content)[1])"):
        if title := " ".join(clean(str(tree.xpath(path))).split()):
            return title
    return None


def _depth(tree: Any) -> int:
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for element in level for child in element]
    return depth
