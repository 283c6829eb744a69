"""EPUB 2 and 3: the texts of a book in reading order, and what its package says of it.

Nothing is written to disk, no entity is resolved, nothing is fetched.
Source: EPUB 3.3 (W3C Recommendation 2023), Open Container Format 3.3 section 4, Packages section 5.
"""

import posixpath
import re
import zipfile
import zlib
from typing import Any, BinaryIO
from urllib.parse import unquote

from corpusforge.errors import InputError
from corpusforge.source import Record
from corpusforge.stages.read.xhtml_text import text_of

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
XHTML = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")
FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
CREATIVE_COMMONS = re.compile(r"creativecommons\.org/(?:licenses/([a-z-]+)|publicdomain/(zero|mark))/(\d\.\d)")
ISO_8601 = re.compile(r"\d{4}(-\d\d(-\d\d(T[\d:.]+(Z|[+-][\d:]+)?)?)?)?")
MAX_PACKAGE_BYTES = 8 << 20  # container.xml, encryption.xml, the package document
MAX_MEMBERS = 50_000
ISO_639_1 = {"eng": "en", "fre": "fr", "fra": "fr", "ger": "de", "deu": "de", "spa": "es", "ita": "it", "rus": "ru"}


def read_epub(file: BinaryIO, max_member_bytes: int, max_document_bytes: int) -> Record:
    """Return the one document of an EPUB file; InputError says why there is none.

    A text in the reading order that is missing, damaged, encrypted or too large makes the whole book unreadable: a
    book with a hole is worse than none.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if len(archive.filelist) > MAX_MEMBERS:
                raise InputError(f"the EPUB has over {MAX_MEMBERS} members")
            return _Book(archive, max_member_bytes, max_document_bytes).record()
    # NotImplementedError: zipfile does not know the compression that a (damaged) header names.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise InputError(f"damaged EPUB: {error}") from error


class _Book:
    def __init__(self, archive: zipfile.ZipFile, max_member_bytes: int, max_document_bytes: int) -> None:
        self._archive = archive
        self._names = frozenset(archive.namelist())
        self._max_member_bytes = max_member_bytes
        self._left_bytes = max_document_bytes

    def record(self) -> Record:
        if CONTAINER not in self._names:
            raise InputError(f"a zip archive without {CONTAINER}: no EPUB")
        root_file = self._xml(CONTAINER).find(".//{*}rootfile")
        if root_file is None or not root_file.get("full-path"):
            raise InputError(f"{CONTAINER} names no package document")
        where = unquote(root_file.get("full-path"))
        package = self._xml(where)
        encrypted = self._encrypted()
        texts = []
        for name in _reading_order(package, posixpath.dirname(where)):
            if name in encrypted:
                raise InputError("the EPUB is encrypted")
            texts.append(text_of(self._bytes(name, min(self._max_member_bytes, self._left_bytes))))
        if not texts:
            raise InputError("the package's spine has no XHTML document")
        found = Record("0", "\n\n".join(t for t in texts if t))
        _describe(found, package)
        return found

    def _bytes(self, name: str, limit: int) -> bytes:
        if name not in self._names:
            raise InputError(f"the EPUB lacks '{name[:100]}'")
        info = self._archive.getinfo(name)
        if info.flag_bits & 1:
            raise InputError("the EPUB is encrypted")
        with self._archive.open(info) as member:
            data = member.read(limit + 1)  # what the directory says of the size is not to be trusted
        if len(data) > limit:
            raise InputError(f"'{name[:100]}' is over {limit} bytes")
        self._left_bytes -= len(data)
        return data

    def _xml(self, name: str) -> Any:
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            return etree.fromstring(self._bytes(name, MAX_PACKAGE_BYTES), parser)
        except etree.XMLSyntaxError as error:
            raise InputError(f"'{name[:100]}' is not well-formed: {error.msg}") from error

    def _encrypted(self) -> set[str]:
        if ENCRYPTION not in self._names:
            return set()
        names = set()
        for data in self._xml(ENCRYPTION).iter("{*}EncryptedData"):
            method = data.find("{*}EncryptionMethod")
            if method is None or method.get("Algorithm") not in FONT_OBFUSCATION:
                names |= {unquote(r.get("URI", "")) for r in data.iter("{*}CipherReference")}
        return names


def _reading_order(package: Any, folder: str) -> list[str]:
    items = {item.get("id"): item for item in package.iterfind("{*}manifest/{*}item")}
    contents = {
        reference.get("href", "").partition("#")[0]
        for reference in package.iterfind("{*}guide/{*}reference")
        if (reference.get("type") or "").lower() == "toc"
    }
    names: dict[str, None] = {}  # each once, in order
    for reference in package.iterfind("{*}spine/{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type", "").lower() not in XHTML or not item.get("href"):
            continue
        if "nav" in (item.get("properties") or "").split() or item.get("href") in contents:
            continue
        names[posixpath.normpath(posixpath.join(folder, unquote(item.get("href").partition("#")[0])))] = None
    return list(names)


def _describe(found: Record, package: Any) -> None:
    def all_of(name: str) -> list[str]:
        values = (" ".join("".join(e.itertext()).split()) for e in package.iterfind(f"{{*}}metadata//{{*}}{name}"))
        return [value for value in values if value]

    titles, languages, dates, rights = all_of("title"), all_of("language"), all_of("date"), all_of("rights")
    found.title = titles[0] if titles else None
    tag = re.split("[-_]", languages[0].lower())[0] if languages else ""
    found.language = ISO_639_1.get(tag, tag) if re.fullmatch("[a-z]{2,3}", tag) and tag != "und" else None
    found.date = dates[0] if dates and ISO_8601.fullmatch(dates[0]) else None
    links = [e.get("href") or "" for e in package.iterfind("{*}metadata/{*}link") if e.get("rel") == "cc:license"]
    found.license = next((spdx for spdx in map(creative_commons, [*links[:1], *rights]) if spdx), None)
    known = {
        "author": "; ".join(all_of("creator")),
        "id": "; ".join(all_of("identifier")[:1]),
        "publisher": "; ".join(all_of("publisher")),
        "rights": " ".join(rights),
        "subject": "; ".join(all_of("subject")),
    }
    found.metadata = {name: value for name, value in known.items() if value}


def creative_commons(text: str) -> str | None:
    """Return the SPDX identifier of the Creative Commons address in `text`, None when there is none.

    >>> creative_commons("see http://creativecommons.org/licenses/by-sa/3.0/")
    'CC-BY-SA-3.0'
    """
    found = CREATIVE_COMMONS.search(text.lower())
    if not found:
        return None
    if found[2] == "mark":
        return None
    return f"CC0-{found[3]}" if found[2] else f"CC-{found[1].upper()}-{found[3]}"
