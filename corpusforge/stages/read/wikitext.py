"""From wikitext to plain text, in time proportional to the length of the page.

One pass over the brackets with a stack of open templates, links and tables, at most MAX_DEPTH deep; deeper openers are
plain characters. The general parser tried first (mwparserfromhell 0.7) read articles at 1.2 MB per CPU second and took
15 CPU seconds for 30 kB of nothing but open brackets; this reads 6 MB and takes 0.02.
"""

import html
import re
from dataclasses import dataclass, field

from corpusforge.stages.read.wiki_lines import tidy
from corpusforge.stages.read.wiki_templates import render_template

MAX_DEPTH = 40  # real articles nest templates up to about 10 deep
FILES = frozenset(
    "file image media bild datei fichier archivo imagen ficheiro imagem immagine afbeelding bestand plik grafika fil "  # noqa: SIM905
    "файл изображение картинка зображення 文件 圖像 图像 ファイル 画像 파일".split()
)
CATEGORIES = frozenset(
    "category kategorie catégorie categoría categoria kategoria категория категорія 分类 分類 カテゴリ 분류".split()  # noqa: SIM905
)
DROPPED = "ref|references|gallery|timeline|score|imagemap|templatedata|mapframe|maplink|graph|hiero|inputbox"
LITERAL = ("nowiki", "pre", "source", "syntaxhighlight", "math", "chem", "ce")
TOKEN = re.compile(
    r"<!--"
    rf"|<(?P<whole>{DROPPED}|{'|'.join(LITERAL)})\b[^<>]*>"
    r"|</?(?P<tag>[a-zA-Z][a-zA-Z0-9]*)(?:[\s/][^<>]*)?>"
    r"|\{\{\{(?!\{)|\{\{|\}\}\}|\}\}|\[\[|\]\]|\]|\[(?=(?:https?:)?//[^\n\]]{1,2000}\])"
    r"|^[ \t:]*\{\||^[ \t]*\|\}(?!\})|\|",
    re.M | re.I,
)
SUPERSCRIPTS = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
SUBSCRIPTS = str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋")
RAISED = re.compile(r"<(su[pb])>([0-9+\-−n]{1,6})</su[pb]>", re.I)
VARIANT = re.compile(r"-\{([^{}]{0,500})\}-")
OPENERS = {"{{": "template", "{{{": "argument", "[[": "link", "[": "address"}
INTERLANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,10}){0,2}|simple|zh-min-nan|be-x-old|roa-rup")
BREAKS = {"br": "\n", "p": "\n\n", "blockquote": "\n\n", "div": "\n", "li": "\n* ", "tr": "\n", "poem": "\n"}
MARK = "\x7f"  # around the number of a literal piece, until the lines are tidy


@dataclass
class _Open:
    """An opener not yet closed: what it is, how it was written, and its parts so far, cut at `|`."""

    kind: str
    written: str
    parts: list[list[str]] = field(default_factory=lambda: [[]])

    def texts(self) -> list[str]:
        return ["".join(part) for part in self.parts]


def plain_text(wikitext: str, dropped_namespaces: frozenset[str] = FILES | CATEGORIES) -> str:
    """Return the prose of a page: headings and list items as lines, links as their labels.

    Templates (but those that stand for running text, such as `lang` or `convert`), tables, references, files,
    categories, galleries and comments are left out; formulas stay as TeX between dollar signs. Headings left
    with nothing below them go too. `dropped_namespaces` are lower-case names of file and category namespaces.

    >>> plain_text("'''Jo''' is a [[town (place)|town]]{{cn}} on [[Oder]].<ref>x</ref>\\n== Notes ==\\n{{reflist}}")
    'Jo is a town on Oder.'
    """
    return _Page(wikitext.replace(MARK, ""), dropped_namespaces).text()


class _Page:
    def __init__(self, source: str, dropped_namespaces: frozenset[str]) -> None:
        self._source = VARIANT.sub(_variant, RAISED.sub(_raised, source))
        self._dropped = dropped_namespaces
        self._stack = [_Open("page", "")]
        self._open_count = dict.fromkeys(("template", "argument", "link", "address", "table", "html_table"), 0)
        self._literals: list[str] = []
        self._unclosed: set[str] = set()  # tags that are not closed from some point on

    def text(self) -> str:
        source, at = self._source, 0
        while (token := TOKEN.search(source, at)) is not None:
            if token.start() > at:
                self._put(source[at : token.start()])
            at = self._take(token)
        self._put(source[at:])
        while len(self._stack) > 1:
            self._give_up()
        prose = "".join(self._stack[0].texts())
        lines = tidy(html.unescape(prose).replace("\xa0", " "))
        return re.sub(rf"{MARK}(\d+){MARK}", lambda m: self._literals[int(m[1])], lines).strip()

    def _put(self, text: str) -> None:
        self._stack[-1].parts[-1].append(text)

    def _take(self, token: re.Match[str]) -> int:
        """Act on one token; return where to go on."""
        written = token[0]
        if written == "<!--":
            end = self._source.find("-->", token.end())
            return len(self._source) if end < 0 else end + 3
        if token["whole"]:
            return self._whole_tag(token, token["whole"].lower())
        if token["tag"]:
            self._tag(written, token["tag"].lower())
        elif written == "|":
            self._bar()
        elif written.endswith("{|"):
            self._push("table", written)
        elif written.endswith("|}"):
            if self._stack[-1].kind != "table":
                self._put(written[:-2])
                self._bar()
                return token.end() - 1
            self._close("table")
        elif written in OPENERS:
            self._push(OPENERS[written], written)
        else:
            return token.start() + self._closer(written)
        return token.end()

    def _bar(self) -> None:
        top = self._stack[-1]
        if top.kind in ("template", "argument", "link"):
            top.parts.append([])
        else:
            self._put("|")

    def _push(self, kind: str, written: str) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._put(written)
            return
        self._stack.append(_Open(kind, written))
        self._open_count[kind] += 1

    def _closer(self, written: str) -> int:
        """Close what `written` closes, giving up unclosed openers inside it; return the characters used."""
        top = self._stack[-1].kind
        if written == "}}}" and top != "argument":
            written = "}}"
        if written.startswith("]") and top == "address":
            written = "]"
        kind = {"}}}": "argument", "}}": "template", "]]": "link", "]": "address"}[written]
        reachable = top == kind or (kind == "template" and self._open_count[kind] > 0)
        if not reachable:
            self._put(written)
        else:
            while self._stack[-1].kind != kind:
                self._give_up()
            self._close(kind)
        return len(written)

    def _close(self, kind: str) -> None:
        done = self._stack.pop()
        self._open_count[kind] -= 1
        if kind == "template":
            self._put(render_template(done.texts()))
        elif kind == "argument":
            self._put(done.texts()[1] if len(done.parts) > 1 else "")
        elif kind == "link":
            self._put(self._link(done.texts()))
        elif kind == "address":
            self._put(done.texts()[0].partition(" ")[2])

    def _give_up(self) -> None:
        # The opener was never closed: it is text, but for a table, whose cells are not prose.
        lost = self._stack.pop()
        self._open_count[lost.kind] -= 1
        if lost.kind not in ("table", "html_table"):
            self._put(lost.written + "|".join(lost.texts()))

    def _link(self, parts: list[str]) -> str:
        target, shown = parts[0].strip(), "|".join(parts[1:]).strip()
        space, colon, page = target.partition(":")
        if colon and space:
            space = space.strip().lower()
            if space in self._dropped or (not shown and INTERLANGUAGE.fullmatch(space)):
                return ""
        if shown:
            return shown
        target = target.removeprefix(":")
        if len(parts) > 1:  # the pipe trick: [[Help:Paris (Texas)|]] shows Paris
            return re.sub(r" ?\([^()]*\)$", "", page if colon and space else target)
        return target.replace("_", " ").partition("#")[0] or target

    def _whole_tag(self, token: re.Match[str], name: str) -> int:
        if token[0].endswith("/>"):
            return token.end()
        end = None if name in self._unclosed else re.compile(rf"</{name}\s*>", re.I).search(self._source, token.end())
        if end is None:
            self._unclosed.add(name)
            return token.end()
        if name in LITERAL:
            content = self._source[token.end() : end.start()]
            if name in ("math", "chem", "ce"):
                content = f"${' '.join(content.split())}$"
            elif name == "nowiki":
                content = html.unescape(content)
            self._literals.append(content)
            self._put(f"{MARK}{len(self._literals) - 1}{MARK}")
        return end.end()

    def _tag(self, written: str, name: str) -> None:
        if name == "table":
            if not written.startswith("</"):
                self._push("html_table", written)
            elif self._open_count["html_table"]:
                while self._stack[-1].kind != "html_table":
                    self._give_up()
                self._close("html_table")
        elif name in BREAKS:
            self._put(BREAKS[name] if not written.startswith("</") else BREAKS[name].rstrip("* "))


def _raised(found: re.Match[str]) -> str:
    return found[2].translate(SUPERSCRIPTS if found[1].lower() == "sup" else SUBSCRIPTS)


def _variant(found: re.Match[str]) -> str:
    # Chinese conversion marks: -{flags|zh-hans:a; zh-hant:b}- or -{text}-; the first variant is taken.
    flags, bar, text = found[1].rpartition("|")
    if bar and not set(flags) <= {"R", "-", ";", " "}:
        return ""
    first = re.match(r"\s*zh[a-z-]*:([^;]*)", text)
    return first[1] if first else text
