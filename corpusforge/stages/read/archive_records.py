"""Records of WARC and ARC archives, framed so that no byte between two records goes unnoticed.

A wrong Content-Length, a cut file or a damaged member costs its own record, which comes out with an `error`;
reading goes on at the next record that can be found.

Source: ISO 28500:2017 (WARC 1.1); Internet Archive, ARC file format (1996).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from corpusforge.stages.read.archive_bytes import ArchiveBytes

HEADER_BYTES = 64 << 10
WARC_VERSION = re.compile(rb"WARC/[01]\.\d{1,2}[ \t\r]*\n")
EMBEDDED_RECORD = re.compile(rb"\n(?=WARC/[01]\.\d{1,2}[ \t\r]*\n)")
# URL, IP, date of 8 digits or more, type, then length; version 2 has five more fields before the length.
ARC_RECORD = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:[^\n]{0,8000} \S{3,64} \d{8,20} \S{1,200}(?: \S{1,4000}){1,6}\r?\n")
NEXT_ARC_RECORD = re.compile(rb"(?<=\n)" + ARC_RECORD.pattern)
NOTHING = re.compile(rb"(?!)")
ARC_LINE_BYTES = 16 << 10
PIECE_BYTES = 1 << 20


@dataclass(slots=True)
class ArchiveRecord:
    """One record: header names in lower case, content as stored. With an `error` it could not be framed."""

    position: str
    header: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    length: int = 0  # bytes; of the content, or of what was passed over
    error: str | None = None


def is_record(data: bytes) -> bool:
    """Say whether `data` begins like a WARC or ARC record."""
    return bool(WARC_VERSION.match(data) or ARC_RECORD.match(data))


def records(stream: ArchiveBytes, max_record_bytes: int) -> Iterator[ArchiveRecord]:
    """Yield every record of a WARC or ARC stream, and one with an `error` for every stretch that is none."""
    if stream.empty:
        yield ArchiveRecord("0", error="the file is empty")
        return
    _skip_blank(stream)
    if ARC_RECORD.match(stream.peek(ARC_LINE_BYTES)):
        yield from _arc_records(stream, max_record_bytes)
    elif WARC_VERSION.search(stream.peek(PIECE_BYTES)) or stream.failure:
        yield from _warc_records(stream, max_record_bytes)
    else:
        record = ArchiveRecord(stream.position, error="this is neither a WARC nor an ARC file")
        record.length = stream.skip_to(NOTHING)
        yield record


def _warc_records(stream: ArchiveBytes, max_record_bytes: int) -> Iterator[ArchiveRecord]:
    while True:
        _skip_blank(stream)
        position = stream.position
        if not stream.peek(1):
            if stream.failure is None:
                return
            record = ArchiveRecord(position)
            _give_up(stream, record)
            yield record
        elif not WARC_VERSION.match(stream.peek(256)):
            record = ArchiveRecord(position, error="bytes that belong to no WARC record")
            record.length = stream.skip_to(WARC_VERSION)
            if not stream.peek(1) and stream.failure is not None:
                _give_up(stream, record)
            yield record
        else:
            yield _warc_record(stream, position, max_record_bytes)


def _warc_record(stream: ArchiveBytes, position: str, max_record_bytes: int) -> ArchiveRecord:
    record = ArchiveRecord(position)
    if not _read_header(stream, record):
        return record
    stated = record.header.get("content-length", "")
    if not re.fullmatch(r"[0-9]{1,18}", stated):
        record.length = stream.skip_to(WARC_VERSION)
        record.error = f"the WARC header's Content-Length is '{stated[:40]}'"
        return record
    _read_content(stream, record, int(stated), max_record_bytes, WARC_VERSION)
    if record.error is None:
        blank = _skip_blank(stream)
        if stream.peek(1) and not WARC_VERSION.match(stream.peek(256)):
            # Either bytes follow that belong to nothing, or the stated length swallowed the next record's header.
            inside = EMBEDDED_RECORD.search(record.content)
            if inside:
                stream.back(record.content[inside.end() :] + blank)
                _shorten(record, inside.end())
    return record


def _read_header(stream: ArchiveBytes, record: ArchiveRecord) -> bool:
    """Read the lines up to the blank one into `record.header`; on failure set the error and return False."""
    stream.line(256)  # the version
    size, name = 0, ""
    while size < HEADER_BYTES:
        line = stream.line(HEADER_BYTES - size)
        size += len(line)
        if not line.endswith(b"\n"):
            break
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            return True
        if text[0] in " \t" and name:  # a folded line
            record.header[name] += " " + text.strip()
            continue
        name, _, value = text.partition(":")
        name = name.strip().lower()
        record.header.setdefault(name, value.strip())
    if stream.failure is not None:
        _give_up(stream, record)
    else:
        record.length = size + stream.skip_to(WARC_VERSION)
        record.error = "the WARC header does not end"
    return False


def _read_content(
    stream: ArchiveBytes, record: ArchiveRecord, length: int, max_record_bytes: int, start: re.Pattern[bytes]
) -> None:
    begin, left, parts = stream.offset, length, []
    while left > 0 and (piece := stream.take(min(left, PIECE_BYTES))):
        for member in stream.members_between(begin, stream.offset):
            inside = len(piece) - (stream.offset - member)
            if inside >= 0 and start.match(piece[inside:] + stream.peek(256)):
                stream.back(piece[inside:])
                record.length = left = length - left + inside
                record.error = f"the record ends after {record.length} of {length} bytes"
                return
        left -= len(piece)
        if length <= max_record_bytes:
            parts.append(piece)
    record.content = b"".join(parts)
    record.length = length - left
    if left and stream.failure is not None:
        _give_up(stream, record)
    elif left and (inside_match := EMBEDDED_RECORD.search(record.content)):
        stream.back(record.content[inside_match.end() :])
        _shorten(record, inside_match.end())
    elif left:
        record.error = f"the file breaks off after {record.length} of the record's {length} bytes"
    elif length > max_record_bytes:
        record.error = f"record over {max_record_bytes} bytes"


def _shorten(record: ArchiveRecord, size: int) -> None:
    record.error = f"the record ends after {size} of {record.length} bytes"
    record.content, record.length = record.content[:size], size


def _give_up(stream: ArchiveBytes, record: ArchiveRecord) -> None:
    record.error = stream.failure
    record.length = stream.recover(is_record)


def _skip_blank(stream: ArchiveBytes) -> bytes:
    passed = b""
    while byte := stream.peek(64):
        blank = byte[: len(byte) - len(byte.lstrip(b"\r\n\0 \t"))]
        passed += stream.take(len(blank))
        if len(blank) < len(byte):
            break
    return passed


def _arc_records(stream: ArchiveBytes, max_record_bytes: int) -> Iterator[ArchiveRecord]:
    """Frame `URL IP date type length` lines, each followed by that many bytes; the first describes the file."""
    fields = 5
    while True:
        _skip_blank(stream)
        record = ArchiveRecord(stream.position)
        if not stream.peek(1):
            if stream.failure is None:
                return
            _give_up(stream, record)
        elif not ARC_RECORD.match(stream.peek(ARC_LINE_BYTES)):
            record.length = stream.skip_to(NEXT_ARC_RECORD, ARC_LINE_BYTES)
            record.error = "bytes that belong to no ARC record"
        else:
            line = stream.line(ARC_LINE_BYTES).decode("utf-8", "replace").split()
            if line[0].startswith("filedesc:"):
                about = stream.peek(PIECE_BYTES).split(b"\n", 1)[0]
                fields = 10 if about.startswith(b"2 ") else 5
                record.header = {"warc-type": "filedesc"}
                if not line[-1].isdecimal():  # some writers leave -1: three lines of description, the last one blank
                    stream.line(ARC_LINE_BYTES)
                    stream.line(ARC_LINE_BYTES)
                    yield record
                    continue
            else:
                record.header = _arc_header(line, fields)
            if line[-1].isdecimal():
                _read_content(stream, record, int(line[-1]), max_record_bytes, ARC_RECORD)
            else:
                record.error = f"the ARC record's length is '{line[-1][:40]}'"
                _skip_blank(stream)
                if not ARC_RECORD.match(stream.peek(ARC_LINE_BYTES)):
                    record.length = stream.skip_to(NEXT_ARC_RECORD, ARC_LINE_BYTES)
        yield record


def _arc_header(line: list[str], fields: int) -> dict[str, str]:
    """Return a URL-record line as the WARC header that says the same; the URL itself may hold spaces."""
    fields = min(fields, len(line))
    url = " ".join(line[: len(line) - fields + 1])
    address, stamp, kind = line[len(line) - fields + 1 : len(line) - fields + 4]
    web = url.lower().startswith(("http:", "https:"))
    return {
        "warc-type": "response",
        "warc-target-uri": url,
        "warc-ip-address": address,
        "warc-date": f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[8:10]}:{stamp[10:12]}:{stamp[12:14]}Z",
        "content-type": "application/http" if web else kind,
    }
