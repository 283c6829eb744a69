"""Bytes of a page to text: which character encoding it is in, by evidence before declaration.

Order: byte order mark; valid UTF-8 (other encodings are practically never valid UTF-8 by accident); the HTTP
header; the meta element or XML declaration; detection from the bytes. A blanket `iso-8859-1` header, which servers
send by default, gives way to a meta element that says otherwise. Labels mean what browsers take them for
(latin-1 is windows-1252, gb2312 is gb18030).

Source: WHATWG Encoding Standard (labels); RFC 9110, section 8.3 (header).
"""

import codecs
import re
from collections.abc import Iterator

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
LABELS = {"x-mac-cyrillic": "mac_cyrillic", "hz-gb-2312": "hz"}  # those the label table below lacks
# Codecs that decode more than their namesakes, as browsers do.
WIDER = {
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso8859-11": "cp874",
}
MULTIBYTE = frozenset({"gb18030", "big5hkscs", "cp949", "cp932", "euc_jp"})
HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:+-]{1,40})", re.IGNORECASE | re.ASCII)
META_CHARSET = re.compile(rb"<meta\b[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:+-]{1,40})", re.IGNORECASE)
XML_ENCODING = re.compile(rb"\s{0,99}<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([\w.:+-]{1,40})", re.IGNORECASE)
META_BYTES = 4096  # the standard looks at 1024; pages with long comments first are common
DETECTION_BYTES = 32 << 10
MAX_REPLACED_FRACTION = 0.1  # of the characters that are not ASCII
ACCIDENTAL_BYTES = 8  # fewer bytes beyond ASCII may be valid UTF-8 by accident in a two-byte encoding


def decode_page(content: bytes, content_type: str | None) -> tuple[str, str] | None:
    """Return (text, codec) of a page, without its byte order mark; None when no encoding fits.

    Where a few bytes do not fit the encoding they become U+FFFD: at most a tenth of the characters beyond ASCII.

    >>> decode_page("größer".encode("latin-1"), "text/html; charset=iso-8859-1")
    ('größer', 'cp1252')
    """
    for mark, codec in BOMS:
        if content.startswith(mark):
            return _lossy(content[len(mark) :], codec)
    if content.isascii() and not (b"\x1b" in content or b"~{" in content):
        return content.decode("ascii"), "utf-8"
    declared = declared_encodings(content, content_type)
    if found := _utf8(content, declared):
        return found
    for codec in declared:
        if found := _strict(content, codec):
            return found
    for codec in [*declared, "utf-8"]:
        if found := _lossy(content, codec):
            return found
    for codec in _detected(content):
        if found := _strict(content, codec) or _lossy(content, codec):
            return found
    return None


def declared_encodings(content: bytes, content_type: str | None) -> list[str]:
    """Return the codecs that header, meta element and XML declaration name, the most trusted first."""
    labels = [m[1] for m in [HEADER_CHARSET.search(content_type or "")] if m]
    for pattern in (META_CHARSET, XML_ENCODING):
        if match := pattern.search(content[:META_BYTES]):
            labels.append(match[1].decode("ascii", "replace"))
    codecs_named = [c for c in map(codec_of, labels) if c is not None]
    # UTF-16 cannot be declared in ASCII; such pages are UTF-8.
    named = list(dict.fromkeys("utf-8" if c.startswith("utf-16") and b"\0" not in content else c for c in codecs_named))
    if len(named) > 1 and named[0] == "cp1252":
        named = [*named[1:], named[0]]
    return named


def codec_of(label: str) -> str | None:
    """Return the Python codec that browsers would use for an encoding label, None for an unknown one.

    >>> codec_of("latin1"), codec_of("x-sjis"), codec_of("klingon")
    ('cp1252', 'cp932', None)
    """
    from resiliparse.parse.encoding import map_encoding_to_html5

    label = label.strip().lower()
    name = LABELS.get(label) or map_encoding_to_html5(label, fallback_utf8=False)
    return WIDER.get(name, name) if name else None


def _utf8(content: bytes, declared: list[str]) -> tuple[str, str] | None:
    found = _strict(content, "utf-8")
    if found and declared and declared[0] in MULTIBYTE and not content.isascii():
        beyond_ascii = len(content) - len(content.decode("ascii", "ignore"))
        return found if beyond_ascii >= ACCIDENTAL_BYTES else None
    if found and content.isascii() and declared and declared[0] in ("iso2022_jp", "hz"):
        return None  # these two write everything in ASCII bytes
    return found


def _strict(content: bytes, codec: str) -> tuple[str, str] | None:
    try:
        return content.decode(codec), codec
    except UnicodeDecodeError:
        return None


def _lossy(content: bytes, codec: str) -> tuple[str, str] | None:
    text = content.decode(codec, "replace")
    replaced = text.count("\ufffd")
    if replaced == 0:
        return text, codec
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return (text, codec) if replaced <= MAX_REPLACED_FRACTION * beyond_ascii else None


def _detected(content: bytes) -> Iterator[str]:
    from resiliparse.parse.encoding import detect_encoding

    if codec := codec_of(detect_encoding(content) or ""):
        yield codec
    # Knows more encodings and is 50 times slower, so only the pages that are left get here.
    from charset_normalizer import from_bytes

    if best := from_bytes(content[:DETECTION_BYTES]).best():
        yield WIDER.get(best.encoding, best.encoding)
