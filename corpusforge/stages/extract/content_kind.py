"""What a web payload is: HTML, plain text, or neither; by its first bytes before the type it claims."""

import json
import re
from typing import Literal

from corpusforge.stages.extract.encoding import BOMS, HEADER_CHARSET, codec_of

Kind = Literal["html", "text"]

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
TEXT_TYPES = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
UNKNOWN_TYPES = frozenset(
    {"", "application/octet-stream", "application/xml", "text/xml", "application/unknown", "text"}
)
SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "application/riff"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\xd0\xcf\x11\xe0", "application/msword"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS", "application/postscript"),
)
TAG = re.compile(
    rb"<(?:!doctype\s+html|(?:html|head|body|title|meta|div|p|table|script|h1|h2|a|br|span|article)[\s>/])",
    re.IGNORECASE,
)
DOCUMENT = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html[\s>])", re.I | re.S
)
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
SNIFF_BYTES = 2048
MAX_CONTROL_FRACTION = 0.01  # of the first SNIFF_BYTES; text has none, a stray one happens


def media_type(content_type: str | None) -> str:
    """Return the type without its parameters, in lower case; empty when there is none.

    >>> media_type("Text/HTML; charset=utf-8")
    'text/html'
    """
    return (content_type or "").partition(";")[0].partition(",")[0].strip().lower()


def kind_of(content: bytes, content_type: str | None) -> tuple[Kind | None, str]:
    """Return (kind, type): kind None for what is neither HTML nor plain text, and the type that was decided on.

    >>> kind_of(b"%PDF-1.4 ...", "text/html")
    (None, 'application/pdf')
    """
    claimed = media_type(content_type)
    head = content[:SNIFF_BYTES]
    for signature, found in SIGNATURES:
        if head.startswith(signature):
            return None, found
    wide = head.startswith(tuple(mark for mark, codec in BOMS if codec != "utf-8")) or _says_utf16(content_type)
    if not wide and len(CONTROL.findall(head)) > MAX_CONTROL_FRACTION * len(head):
        return None, "application/octet-stream"
    if claimed in HTML_TYPES:
        return (None, "application/json") if _is_json(content) else ("html", claimed)
    if claimed in TEXT_TYPES:
        return ("html", "text/html") if DOCUMENT.match(head) else ("text", claimed)
    if claimed in UNKNOWN_TYPES:
        marked = DOCUMENT.match(head) if claimed.endswith("xml") else TAG.search(head)
        return ("html", "text/html") if marked else (None, claimed or "unknown")
    return None, claimed[:100]


def _says_utf16(content_type: str | None) -> bool:
    label = HEADER_CHARSET.search(content_type or "")
    return label is not None and (codec_of(label[1]) or "").startswith("utf-16")


def _is_json(content: bytes) -> bool:
    first = content[:SNIFF_BYTES].lstrip()
    if first[:1] not in (b"{", b"[") or content[-SNIFF_BYTES:].rstrip()[-1:] not in (b"}", b"]"):
        return False
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True
