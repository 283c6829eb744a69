"""The HTTP response in a web archive record: status, type and the body as the browser would see it.

Archives hold bodies as they came over the wire or already decoded, often with the headers of the wire form kept,
so each encoding is undone only where the body really has it. Output is bounded at every step.
"""

import re
import zlib
from dataclasses import dataclass

from corpusforge.errors import InputError
from corpusforge.stages.read.archive_bytes import GZIP, ZSTD, ZstdFrame

STATUS_LINE = re.compile(rb"(?:HTTP/\d(?:\.\d+)?|ICY)[ \t]+(\d{3})(?!\d)")
BLANK_LINE = re.compile(rb"\n[ \t\r]*\n")  # some crawlers write \r\r\n
CHUNK_SIZE = re.compile(rb"\s{0,4}([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]{0,200})?\r?\n")
STEP_BYTES = 1 << 20
MAX_ENCODINGS = 5  # stacked encodings of one body; two are seen in practice


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded response."""

    status: int
    content_type: str | None  # with its parameters
    body: bytes
    location: str | None = None  # of a redirect
    robots: str | None = None  # X-Robots-Tag


def parse_response(block: bytes, max_bytes: int, truncated: bool = False) -> Payload:
    """Parse an HTTP response and undo its transfer and content encodings.

    Of a body that the crawler `truncated`, what there is of it is decoded. Raises InputError when there is no
    status line, an encoding is damaged or unknown, or the decoded body is larger than `max_bytes`.
    """
    block = block.lstrip(b"\r\n") if block[:1] in b"\r\n" else block
    line = STATUS_LINE.match(block)
    if line is None:
        raise InputError("the record holds no HTTP status line")
    end = BLANK_LINE.search(block)
    head, body = (block[: end.start()], block[end.end() :]) if end else (block, b"")
    headers = _headers(head)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _unchunk(body, truncated)
    encodings = [e.strip().lower() for e in headers.get("content-encoding", "").split(",") if e.strip()]
    if len(encodings) > MAX_ENCODINGS:
        raise InputError(f"the body has {len(encodings)} stacked content encodings")
    for encoding in reversed(encodings):
        body = _decode(body, encoding, max_bytes, truncated)
    if len(body) > max_bytes:
        raise InputError(f"record over {max_bytes} bytes")
    return Payload(
        int(line[1]),
        headers.get("content-type") or None,
        body,
        headers.get("location") or None,
        headers.get("x-robots-tag") or None,
    )


def _headers(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in head.decode("latin-1").split("\n")[1:]:
        if line[:1] in (" ", "\t") and name:  # a folded line
            found[name] += " " + line.strip()
            continue
        key, colon, value = line.partition(":")
        if colon:
            name = key.strip().lower()
            # Repeated encodings and directives add up; for the rest the first one counts, as in browsers.
            if name in found and (name.endswith("-encoding") or name == "x-robots-tag"):
                found[name] += ", " + value.strip()
            else:
                found.setdefault(name, value.strip())
    return found


def _unchunk(body: bytes, truncated: bool) -> bytes:
    size = CHUNK_SIZE.match(body)
    if size is None or (size.end() + int(size[1], 16) > len(body) and not truncated):
        return body  # stored without its chunks, though the header still announces them
    parts: list[bytes] = []
    at = 0
    while size := CHUNK_SIZE.match(body, at):
        length = int(size[1], 16)
        if length == 0:
            return b"".join(parts)
        part = body[size.end() : size.end() + length]
        parts.append(part)
        at = size.end() + length
        if len(part) < length and not truncated:
            raise InputError(f"the chunked body breaks off after {len(body)} bytes")
    if body[at:].strip() and not truncated:
        raise InputError(f"the chunked body is damaged at byte {at}")
    return b"".join(parts)  # without the closing chunk: some servers just close the connection


def _decode(body: bytes, encoding: str, max_bytes: int, truncated: bool) -> bytes:
    if encoding in ("identity", "none", "utf-8", "utf8", "binary", "8bit", "7bit") or not body:
        return body
    if encoding in ("gzip", "x-gzip"):
        return _inflate(body, (31,), max_bytes, "gzip", truncated) if body.startswith(GZIP[:2]) else body
    if encoding == "deflate":
        return _inflate(body, (15, -15), max_bytes, "deflate", truncated)
    if encoding == "br":
        return _unbrotli(body, max_bytes, truncated)
    if encoding == "zstd":
        return _unzstd(body, max_bytes, truncated) if body.startswith(ZSTD) else body
    if _looks_decoded(body):
        return body
    raise InputError(f"content encoding '{encoding[:40]}' is not supported")


def _inflate(body: bytes, windows: tuple[int, ...], max_bytes: int, name: str, truncated: bool) -> bytes:
    for window in windows:  # deflate is sent with and without the zlib header
        parts, size, rest = [], 0, body
        decoder = zlib.decompressobj(window)
        try:
            while not decoder.eof:
                part = decoder.decompress(rest, STEP_BYTES)
                rest = decoder.unconsumed_tail
                parts.append(part)
                size += len(part)
                if size > max_bytes:
                    raise InputError(f"record over {max_bytes} bytes after {name}")
                if not part and not rest and not decoder.eof:
                    break
        except zlib.error:
            if size:
                raise InputError(f"the {name} body is damaged after {size} bytes") from None
            continue
        if decoder.eof or (truncated and size):
            return b"".join(parts)
        raise InputError(f"the {name} body breaks off after {size} bytes")
    if _looks_decoded(body):
        return body
    raise InputError(f"the {name} body is damaged")


def _unbrotli(body: bytes, max_bytes: int, truncated: bool) -> bytes:
    import brotli

    decoder = brotli.Decompressor()
    parts, size, rest = [], 0, body
    try:
        while not decoder.is_finished():
            part = decoder.process(rest, output_buffer_limit=STEP_BYTES)
            rest = b""
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise InputError(f"record over {max_bytes} bytes after brotli")
            if not part and decoder.can_accept_more_data() and not decoder.is_finished():
                if truncated and size:
                    break
                if _looks_decoded(body):
                    return body
                raise InputError(f"the brotli body breaks off after {size} bytes")
    except brotli.error:
        if _looks_decoded(body):
            return body
        raise InputError("the brotli body is damaged") from None
    return b"".join(parts)


def _unzstd(body: bytes, max_bytes: int, truncated: bool) -> bytes:
    import zstandard

    decoder = ZstdFrame()
    parts, size, rest = [], 0, body
    try:
        while not decoder.eof:
            if not rest and truncated and size:
                break
            if not rest:
                raise InputError(f"the zstd body breaks off after {size} bytes")
            part = decoder.decompress(rest, STEP_BYTES)
            rest = decoder.unconsumed_tail
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise InputError(f"record over {max_bytes} bytes after zstd")
    except zstandard.ZstdError:
        raise InputError("the zstd body is damaged") from None
    return b"".join(parts)


def _looks_decoded(body: bytes) -> bool:
    """Say whether a body announced as compressed is plain text: no control characters at its beginning."""
    return not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", body[:512])
