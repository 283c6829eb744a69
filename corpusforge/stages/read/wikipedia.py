"""Wikipedia and other MediaWiki XML dumps."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import ByteSize, Field

from corpusforge.errors import InputError
from corpusforge.source import Found, Reader, Record, Skipped, Split, Unreadable
from corpusforge.stages.read.bounded import BoundedBytes
from corpusforge.stages.read.wikitext import CATEGORIES, FILES, plain_text

REDIRECT = re.compile(r"\s*#[^\s\[]{2,30}\s*:?\s*\[\[[^\]\n]{1,500}\]\]")  # dumps of before 2010 have no <redirect/>
MEDIA, FILE, CATEGORY = "-2", "6", "14"  # numbers of namespaces
ELEMENTS = ("{*}mediawiki", "{*}siteinfo", "{*}revision", "{*}page")


class Wikipedia(Reader):
    """Read MediaWiki XML dumps (pages-articles), plain or compressed; each page is a document.

    `text` is the page's last revision as plain text: paragraphs, headings and list items as lines, links as their
    labels; templates (but those that stand for running text), tables, references, files and categories left out.
    `title`, `url` (from the dump's base address), `date` (of the revision, ISO 8601), `language` (of the dump);
    `metadata` has `id`, `revision_id` and the namespace when it is not 0. The origin is the page's ordinal in the
    dump, from 0. One page is in memory at a time.

    Skipped by type: redirect, `namespace N` (those not in `namespaces`), `model M` (pages that are no wikitext).
    Unreadable: the rest of a dump that breaks off or is not well-formed (its good pages come first).

    Cost: 0.35 CPU s per MB of text from bzip2, 95 MB per worker process (measured, one core, articles of 28 kB).

    Example:
        read.wikipedia: {paths: "dewiki-*-pages-articles*.xml.bz2"}

    Source: MediaWiki export schema 0.3 to 0.11 (mediawiki.org/xml).
    """

    suffixes: ClassVar[tuple[str, ...]] = (".xml", *(f".xml.{packed}" for packed in ("bz2", "gz", "zst", "xz", "lz4")))
    depends: ClassVar[tuple[str, ...]] = ("lxml",)

    namespaces: tuple[int, ...] = (0,)
    max_dump_bytes: ByteSize = Field(ByteSize(1 << 40), ge=1)  # decompressed

    def read(self, split: Split) -> Iterator[Found]:
        """Stream the pages of one dump."""
        from lxml import etree

        site = _Site()
        page = 0
        with split.open() as file:
            stream = BoundedBytes(file, split.size, self.max_dump_bytes)
            try:
                for event, element in etree.iterparse(
                    stream,
                    events=("start", "end"),
                    tag=ELEMENTS,
                    resolve_entities=False,
                    no_network=True,
                    load_dtd=False,
                    huge_tree=False,
                    remove_comments=True,
                    remove_pis=True,
                ):
                    name = element.tag.rpartition("}")[2]
                    if event == "start":
                        if name == "mediawiki":
                            site.language = element.get("{http://www.w3.org/XML/1998/namespace}lang")
                    elif name == "siteinfo":
                        site.describe(element)
                    elif name == "revision":
                        # Dumps with the whole history hold thousands: only the last so far is kept.
                        while (before := element.getprevious()) is not None and before.tag == element.tag:
                            element.getparent().remove(before)
                    elif name == "page":
                        yield self._found(element, str(page), site)
                        page += 1
                        element.clear()
                        while element.getprevious() is not None:
                            del element.getparent()[0]
            except (etree.XMLSyntaxError, InputError) as error:
                message = str(error) if isinstance(error, InputError) else f"not well-formed: {error.msg}"
                yield Unreadable(str(page), f"the dump breaks off: {message}"[:200])

    def _found(self, page: Any, origin: str, site: "_Site") -> Found:
        namespace = page.findtext("{*}ns") or "0"
        if namespace not in map(str, self.namespaces):
            return Skipped(f"namespace {namespace[:8]}")
        wikitext = page.findtext("{*}revision/{*}text")
        if page.find("{*}redirect") is not None or REDIRECT.match(wikitext or ""):
            return Skipped("redirect")
        model = page.findtext("{*}revision/{*}model") or "wikitext"
        if model != "wikitext":
            return Skipped(f"model {model[:20]}")
        found = Record(origin)
        found.text = None if wikitext is None else plain_text(wikitext, site.dropped_namespaces)
        found.title = page.findtext("{*}title")
        found.url = site.address(found.title)
        found.date = page.findtext("{*}revision/{*}timestamp")
        found.language = site.language
        numbers = {"id": page.findtext("{*}id"), "revision_id": page.findtext("{*}revision/{*}id")}
        found.metadata = {name: int(n) for name, n in numbers.items() if n and n.isdecimal()}
        if namespace != "0":
            found.metadata = {**found.metadata, "namespace": int(namespace)}
        return found


class _Site:
    """What the head of a dump says of its wiki."""

    def __init__(self) -> None:
        self.language: str | None = None
        self.dropped_namespaces = FILES | CATEGORIES
        self._base: str | None = None

    def describe(self, siteinfo: Any) -> None:
        main_page = siteinfo.findtext("{*}base")
        self._base = main_page.rpartition("/")[0] + "/" if main_page else None
        names = {n.get("key"): (n.text or "").lower() for n in siteinfo.iterfind("{*}namespaces/{*}namespace")}
        self.dropped_namespaces = FILES | CATEGORIES | {names[k] for k in (MEDIA, FILE, CATEGORY) if names.get(k)}

    def address(self, title: str | None) -> str | None:
        return self._base + quote(title.replace(" ", "_"), safe="/:,;()!*@$'~") if self._base and title else None
