"""What a page says of itself: title, date, language, canonical address, licence, and what robots may do with it."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin

import numpy as np

from corpusforge.stages.extract.main_text import PageFacts
from corpusforge.stages.extract.page_hints import REL_LICENSE
from corpusforge.stages.extract.page_tree import CODE, TAGS, TEXT, PageTree
from corpusforge.text.arrays import Int64s

ATTRIBUTE = re.compile(r'([^\s="]+)="([^"]*)"')
DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
JSON_DATE = re.compile(rb'\s*:\s*"([^"]{8,40})"')
JSON_LICENSE = re.compile(rb'\s*:\s*"(https?:[^"]{8,200})"')
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?=[-_]|$)")
CREATIVE_COMMONS = re.compile(r"creativecommons\.org/(licenses/([a-z-]+)/(\d\.\d)|publicdomain/(zero|mark)/1\.0)", re.I)
# In the order of trust; names and properties in lower case.
DATES = str.split(
    "article:published_time datepublished og:article:published_time date dc.date.issued dcterms.created dc.date "
    "dcterms.date citation_publication_date publishdate pubdate parsely-pub-date sailthru.date article.published"
)
ROBOTS = frozenset({"robots", "ccbot", "gptbot", "googlebot", "google-extended"})
WANTED = frozenset({*DATES, *ROBOTS, "og:title", "og:url", "og:locale", "content-language"})
NAME = re.compile(rb'(?:name|property|itemprop|http-equiv)="([^"]{1,60})"', re.IGNORECASE)
MAX_CHARS = 2000


def facts(page: PageTree, hints: Int64s, url: str | None) -> PageFacts:
    """Read the facts from the head of a page, its html element, JSON-LD, and links with rel=license."""
    found: dict[str, str] = {}
    links: dict[str, str] = {}
    robots: set[str] = set()
    language = None
    for tag, values in _heads(page):
        if tag == "html":
            language = language or values.get("lang") or values.get("xml:lang")
        elif tag == "link":
            for relation in values.get("rel", "").lower().split():
                links.setdefault(relation, values.get("href", ""))
        else:
            name = (values.get("property") or values.get("name") or values.get("itemprop") or "").lower()
            found.setdefault(name, values.get("content", ""))
            found.setdefault(values.get("http-equiv", "").lower(), values.get("content", ""))
            if name in ROBOTS:
                robots |= {part.strip() for part in values.get("content", "").lower().split(",")}
    raw = page.html.tobytes()
    licensed = links.get("license") or next(_licence_links(page, hints), None)
    licensed = licensed or _in_json(b'"license"', JSON_LICENSE, raw)
    declared = LANGUAGE.match((language or found.get("content-language") or found.get("og:locale") or "").strip())
    canonical = _line(links.get("canonical")) or _line(found.get("og:url"))
    return PageFacts(
        _title(page) or _line(found.get("og:title")),
        next((date for name in DATES if (date := _date(found.get(name)))), None)
        or _date(_in_json(b'"datePublished"', JSON_DATE, raw))
        or _time(page),
        declared[0].lower() if declared else None,
        _join(url, canonical) if canonical else None,
        _licence(_join(url, licensed)) if licensed else None,
        ", ".join(sorted(robots - {""})) or None,
    )


def _attributes(page: PageTree, element: int) -> dict[str, str]:
    start, end = page.attributes[element]
    written = page.html[start:end].tobytes().decode("utf-8", "replace")
    return {name.lower(): unescape(value) for name, value in ATTRIBUTE.findall(written)}


def _heads(page: PageTree) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the elements that may tell something; of 48 in a page's head 12 do, and reading attributes takes time."""
    of_interest = (page.tags == CODE["html"]) | (page.tags == CODE["meta"]) | (page.tags == CODE["link"])
    for element in np.flatnonzero(of_interest)[:500].tolist():
        tag = TAGS[page.tags[element]]
        if tag != "html":
            written = page.html[slice(*page.attributes[element])].tobytes()
            if tag == "link" and b"canonical" not in written and b"license" not in written:
                continue
            if tag == "meta" and not any(name.decode("latin-1").lower() in WANTED for name in NAME.findall(written)):
                continue
        yield tag, _attributes(page, element)


def _title(page: PageTree) -> str | None:
    for element in np.flatnonzero(page.tags == CODE["title"]):
        if page.tags[page.parents[element]] != CODE["head"]:
            continue  # of an svg
        tokens = np.flatnonzero((page.elements == element) & (page.kinds == TEXT))
        text = "".join(page.html[slice(*page.spans[t])].tobytes().decode("utf-8", "replace") for t in tokens)
        return _line(unescape(text))
    return None


def _time(page: PageTree) -> str | None:
    """Return the date of the only `time` with a datetime, or of the first that is marked as the page's."""
    times = [_attributes(page, int(e)) for e in np.flatnonzero(page.tags == CODE["time"])[:50]]
    marked = [t for t in times if "pubdate" in t or t.get("itemprop", "").lower() == "datepublished"]
    dates = [t.get("datetime") for t in marked[:1] or (times if len(times) == 1 else [])]
    return _date(dates[0]) if dates else None


def _licence_links(page: PageTree, hints: Int64s) -> Iterator[str]:
    for element in np.flatnonzero(hints & REL_LICENSE):
        if address := _attributes(page, int(element)).get("href"):
            yield address


def _licence(address: str) -> str:
    match = CREATIVE_COMMONS.search(address)
    if match is None:
        return address
    if match[4]:
        return "CC0-1.0" if match[4].lower() == "zero" else "CC-PDM-1.0"
    return f"CC-{match[2].upper()}-{match[3]}"


def _in_json(name: bytes, value: re.Pattern[bytes], raw: bytes) -> str | None:
    at = raw.find(name)  # ten times as fast as the pattern with the name in it
    match = value.match(raw, at + len(name)) if at >= 0 else None
    return match[1].decode("utf-8", "replace").replace("\\/", "/") if match else None


def _date(value: str | None) -> str | None:
    match = DATE.match((value or "").strip().replace("/", "-"))
    return match[0].replace(" ", "T") if match and "1990" <= match[0][:4] <= "2099" else None


def _line(value: str | None) -> str | None:
    return " ".join((value or "").split())[:MAX_CHARS] or None


def _join(url: str | None, address: str) -> str:
    try:
        return urljoin(url or "", address.strip())[:MAX_CHARS]
    except ValueError:  # an IPv6 address that is none
        return address.strip()[:MAX_CHARS]
