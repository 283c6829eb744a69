"""From an XHTML page of a book to plain text: a block per paragraph, pronunciation left out, formulas in line."""

import re
from html.entities import html5
from typing import Any

from corpusforge.errors import InputError
from corpusforge.stages.read.charset import decode

BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form "  # noqa: SIM905
    "h1 h2 h3 h4 h5 h6 header hgroup hr li main ol p pre section summary table tbody tfoot thead tr ul".split()
)
DROPPED = frozenset("head script style rt rp rtc svg audio video object iframe template noscript nav".split())  # noqa: SIM905
NAMED_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,30});")
LINES = ("li", "tr", "dt", "dd")
EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
XML_ENTITIES = (b"amp", b"lt", b"gt", b"quot", b"apos")
SPACES = re.compile(r"[ \t\r\n\f]+")  # what XHTML collapses; U+00A0 and U+3000 stay
# Spaces that stay (of preformatted text, line breaks, cells) are these until a block is whole; XML has none of them.
HOLD = str.maketrans(" \n\t", "\0\1\2")
RELEASE = str.maketrans("\0\1\2", " \n\t")
LINE_BREAK, CELL_END = "\1", "\2"
NO_ALTERNATIVE = ("", "alternative text not available")


def text_of(data: bytes) -> str:
    """Return the text of one page: blocks separated by a blank line, lines of a list or table by a newline.

    `rt` and `rp` (pronunciation), scripts, styles, pictures and navigation are left out. A formula is its
    `alttext` or TeX annotation, or its symbols in line, as in `x^2 + y_1 = (a)/(b)`. A page that is not well-formed is
    read as HTML. InputError for a page nested deeper than 256 elements.

    >>> text_of(b"<p><ruby>\\xe8\\x8d\\x89<rt>kusa</rt></ruby>&nbsp;a</p><p>b <i>c</i></p>")
    '草\\xa0a\\n\\nb c'
    """
    root = _parse(data)
    blocks: list[str] = []
    line: list[str] = []
    if root is not None:
        _walk(root, line, blocks, False, False)
    _flush(line, blocks, "\n\n")
    return "".join(blocks).strip("\n")


def _parse(data: bytes) -> Any:
    from lxml import etree

    safe = {"resolve_entities": False, "no_network": True, "huge_tree": False}
    named = data if data.startswith((b"\xff\xfe", b"\xfe\xff")) else NAMED_ENTITY.sub(_character, data)
    try:
        return etree.fromstring(named, etree.XMLParser(load_dtd=False, remove_comments=True, remove_pis=True, **safe))
    except etree.XMLSyntaxError:
        return _parse_html(data)


def _parse_html(data: bytes) -> Any:
    from lxml import etree

    declared = re.match(rb"[^>]{0,200}\bencoding=[\"']([\w.-]{2,40})", data)
    data = decode(data, declared[1].decode() if declared else None)[0].encode("utf-8", "replace")
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):  # nothing in it
        return None
    fatal = [entry.message for entry in parser.error_log if entry.level == etree.ErrorLevels.FATAL]
    if fatal:  # the parser has stopped: the rest would be lost without a word
        raise InputError(f"an XHTML page cannot be parsed: {fatal[0]}"[:200])
    return root


def _character(found: re.Match[bytes]) -> bytes:
    # XHTML's names come from a DTD that is never loaded; the five of XML itself are left to the parser.
    if found[1] in XML_ENTITIES:
        return found[0]
    character = html5.get(found[1].decode() + ";")
    return "".join(f"&#{ord(c)};" for c in character).encode() if character else found[0]


def _walk(element: Any, line: list[str], blocks: list[str], tight: bool, pre: bool) -> None:
    tag = element.tag
    if not isinstance(tag, str):  # an entity that no one defined
        return
    name = tag.rpartition("}")[2].lower()
    if name in DROPPED or element.get(EPUB_TYPE) == "pagebreak":
        return
    if name == "math":
        line.append(_formula(element))
        return
    if name == "br":
        line.append(LINE_BREAK)
        return
    block = name in BLOCKS
    gap = "\n" if tight or name in LINES or (name == "div" and _follows_div(element)) else "\n\n"
    tight = tight or name in LINES
    pre = pre or name == "pre"
    if block:
        _flush(line, blocks, "\n" if tight else "\n\n")
    if element.text:
        line.append(_spaced(element.text, pre))
    for child in element:
        _walk(child, line, blocks, tight, pre)
        if child.tail:
            line.append(_spaced(child.tail, pre))
    if name in ("td", "th"):
        line.append(CELL_END)
    if block:
        _flush(line, blocks, gap)


def _follows_div(element: Any) -> bool:
    # Lines of verse are often divs side by side.
    before = element.getprevious()
    return before is not None and isinstance(before.tag, str) and before.tag == element.tag


def _spaced(text: str, pre: bool) -> str:
    return text.expandtabs().translate(HOLD) if pre else SPACES.sub(" ", text)


def _flush(line: list[str], blocks: list[str], gap: str) -> None:
    """Make what has gathered in `line` a block of its own, `gap` after the one before."""
    text = re.sub(" *([\1\2]) *", r"\1", re.sub("  +", " ", "".join(line))).strip(" ").translate(RELEASE)
    line.clear()
    text = text.strip("\n").rstrip()
    if text:
        blocks += [gap, text] if blocks else [text]


def _formula(math: Any) -> str:
    alternative = (math.get("alttext") or "").strip()
    if alternative.lower() not in NO_ALTERNATIVE:
        return SPACES.sub(" ", alternative)
    for note in math.iter("{*}annotation"):
        if "tex" in (note.get("encoding") or "").lower() and note.text:
            return SPACES.sub(" ", note.text.strip())
    return re.sub("  +", " ", _linear(math)).strip()


def _linear(node: Any) -> str:
    if not isinstance(node.tag, str):
        return ""
    name = node.tag.rpartition("}")[2]
    if name in ("mi", "mn", "mtext", "ms"):
        return SPACES.sub(" ", "".join(node.itertext())).strip(" ")
    if name == "mo":
        sign = "".join(node.itertext()).strip()
        return f" {sign} " if sign in OPERATORS else f"{sign} " if sign in (",", ";") else sign
    if name in ("annotation", "annotation-xml", "mphantom"):
        return ""
    if name == "mspace":
        return " "
    parts = [_linear(child) for child in node if isinstance(child.tag, str)]
    if name in JOINED and len(parts) >= 2:
        return JOINED[name].format(*[_grouped(p) for p in parts])
    if name == "msqrt":
        return f"√({''.join(parts).strip()})"
    if name == "mtable":
        return "; ".join(p.strip() for p in parts)
    if name in ("mtr", "mlabeledtr"):
        return " ".join(p.strip() for p in parts if p.strip())
    if name == "mfenced":
        separator = (node.get("separators", ",") or "").strip()[:1]
        inner = (separator + " " if separator else "").join(parts)
        return f"{node.get('open', '(')}{inner}{node.get('close', ')')}"
    return "".join(parts)


OPERATORS = frozenset("= + - − ± × ⋅ · ÷ < > ≤ ≥ ≠ ≈ ≡ ∈ ∉ ⊂ ⊆ ∪ ∩ → ⇒ ⇔ ↔ ↦ ∼ ∧ ∨ |".split())  # noqa: SIM905
JOINED = {
    "msup": "{0}^{1}",
    "msub": "{0}_{1}",
    "msubsup": "{0}_{1}^{2}",
    "mfrac": "{0}/{1}",
    "mroot": "√[{1}]{0}",
    "munder": "{0}_{1}",
    "mover": "{0}^{1}",
    "munderover": "{0}_{1}^{2}",
}


def _grouped(part: str) -> str:
    part = part.strip()
    return part if len(part) <= 1 or re.fullmatch(r"\w+|\(.*\)", part) else f"({part})"
