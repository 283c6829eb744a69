"""Web archives: WARC, WET and ARC files."""

import re
from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa
from pydantic import ByteSize, Field

from corpusforge.errors import InputError
from corpusforge.source import Found, Reader, Record, Skipped, Split, Unreadable
from corpusforge.stages.read.archive_bytes import ArchiveBytes
from corpusforge.stages.read.archive_records import ArchiveRecord, records
from corpusforge.stages.read.http_payload import parse_response

DOCUMENTS = ("response", "resource", "conversion")
ISO_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z)?)?)?", re.ASCII)
METADATA = {
    "warc-record-id": "record_id",
    "warc-type": "warc_type",
    "warc-payload-digest": "payload_digest",
    "warc-ip-address": "ip",
    "warc-truncated": "truncated",
    "warc-identified-content-language": "identified_languages",
}


class Warc(Reader):
    """Read web archives: WARC 1.0 and 1.1, WET (conversion records), and ARC.

    Plain, gzip, zstd or lz4, known by content. One record is in memory at a time. `response` and `resource` records
    give `content` (body with chunks and content encodings undone), `content_type` and `http_status`, and a null
    text; `conversion` records of a text type give `text` and a null content. Other types are skipped by type:
    revisit too, since its content was archived under the record it refers to. `robots` is the response's
    X-Robots-Tag; extract.html adds what the page itself says. All formats have the same columns, null where a
    format cannot know them. `date` is WARC-Date; `metadata` has the record id, type, payload digest, IP address,
    the Location of a redirect (whose status extract.html rejects), and why the crawler truncated the record; what
    there is of a truncated body is decoded. The position is the offset of the record's compressed member in the
    file, with `+` and the offset inside where a member holds several records (for lz4, the offset in the
    decompressed stream).

    Records that cannot be read cost only themselves: a larger one than `max_record_bytes` (as stored, or after
    decoding), a broken HTTP header or encoding, a length that does not fit, a damaged member, bytes between records.

    An opt-out list is `quality.urls` (blocked_domains), and what was fetched twice goes by `dedup.url` and
    `dedup.exact: {compare: payload}`; before extract.html they save its time.

    Writes: content (large_binary), content_type (string), http_status (int16), robots (string).
    Cost: 300 MB of uncompressed records per CPU second from gzip (mean page 104 kB), one core.
    Source: ISO 28500:2017; Common Crawl WET; Internet Archive ARC 1 and 2.
    """

    splits_by: ClassVar = "file"
    version: ClassVar[int] = 2
    suffixes: ClassVar[tuple[str, ...]] = tuple(
        kind + packed for kind in (".warc", ".wet", ".arc") for packed in ("", ".gz", ".zst", ".lz4")
    )
    writes: ClassVar = {
        "content": pa.large_binary(),
        "content_type": pa.string(),
        "http_status": pa.int16(),
        "robots": pa.string(),
    }
    memory_bytes: ClassVar[int] = 192 << 20  # a record as stored, its body, and the decoded body

    max_record_bytes: ByteSize = Field(ByteSize(32 << 20), ge=1)  # of one record, as stored and after decoding

    def read(self, split: Split) -> Iterator[Found]:
        """Stream the records of one archive."""
        with split.open() as file:
            for record in records(ArchiveBytes(file), self.max_record_bytes):
                yield self._found(record)

    def _found(self, record: ArchiveRecord) -> Found:
        kind = record.header.get("warc-type", "").lower()
        if record.error is not None:
            return Unreadable(
                record.position, f"{kind} record: {record.error}" if kind else record.error, record.length
            )
        if not kind:
            return Unreadable(record.position, "the WARC header has no WARC-Type", record.length)
        if kind not in DOCUMENTS:
            return Skipped(kind[:40])
        try:
            return self._document(record, kind)
        except InputError as error:
            return Unreadable(record.position, f"{kind} record: {error}", record.length)

    def _document(self, record: ArchiveRecord, kind: str) -> Record:
        header = record.header
        found = Record(record.position)
        found.url = header.get("warc-target-uri", "").strip("<> \t") or None
        found.metadata = {name: header[field] for field, name in METADATA.items() if field in header}
        stamp = header.get("warc-date", "")
        if ISO_DATE.fullmatch(stamp):
            found.date = stamp
        elif stamp:
            found.metadata = {**found.metadata, "date": stamp}
        content_type = header.get("content-type")
        status, body, robots = None, record.content, None
        if content_type is not None and content_type.lower().startswith("application/http"):
            payload = parse_response(record.content, self.max_record_bytes, "warc-truncated" in header)
            status, content_type, body, robots = payload.status, payload.content_type, payload.body, payload.robots
            if payload.location:
                found.metadata = {**found.metadata, "location": payload.location}
        if kind == "conversion" and (content_type or "text/plain").lower().startswith("text/plain"):
            found.text = _utf8(body)
            found.extra = {"content": None, "content_type": content_type, "http_status": None, "robots": None}
        else:
            found.extra = {"content": body, "content_type": content_type, "http_status": status, "robots": robots}
        return found


def _utf8(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"the text is not UTF-8 at byte {error.start}") from None
