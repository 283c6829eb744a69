import gzip
import random
import struct
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import brotli
import pyarrow as pa
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusforge.source import Found, Record, Skipped, Split, Unreadable
from corpusforge.stages.read.warc import Warc

PAGE = b"<html><body><p>Some text.</p></body></html>"


def http(body: bytes = PAGE, *headers: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, "Content-Type: text/html; charset=utf-8", *headers, "", ""]).encode() + body


def warc(content: bytes, kind: str = "response", url: str = "http://a.example/", **headers: str) -> bytes:
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:1>",
        "WARC-Date": "2024-05-18T01:58:10Z",
        "WARC-Target-URI": url,
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(content)),
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + content + b"\r\n\r\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Found]]:
    def run(data: bytes, **fields: int) -> list[Found]:
        path = tmp_path / "in.warc"
        path.write_bytes(data)
        return found_in(path, **fields)

    return run


def found_in(path: Path, **fields: int) -> list[Found]:
    size = path.stat().st_size
    split = Split("web", str(path), path.name, 0, size, size, 1)
    return list(Warc(paths=(str(path),), **fields).read(split))


def records(found: Sequence[Found]) -> list[Record]:
    return [f for f in found if isinstance(f, Record)]


def errors(found: Sequence[Found]) -> list[str]:
    return [f.error for f in found if isinstance(f, Unreadable)]


def bodies(found: Sequence[Found]) -> list[bytes]:
    return [r.extra["content"] for r in records(found)]


THREE = [
    warc(b"software: test", "warcinfo", Content_Type="application/warc-fields"),
    warc(http(b"<p>one")),
    warc(http(b"<p>two"), url="<http://b.example/>"),
]


def with_dictionary(parts: Sequence[bytes]) -> bytes:
    dictionary = zstandard.ZstdCompressionDict(b"WARC/1.0 WARC-Type: response Content-Type: application/http" * 9)
    raw = zstandard.ZstdCompressor().compress(dictionary.as_bytes())
    frames = [zstandard.ZstdCompressor(dict_data=dictionary).compress(part) for part in parts]
    return b"\x5d\x2a\x4d\x18" + struct.pack("<I", len(raw)) + raw + b"".join(frames)


COMPRESSIONS: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "none": b"".join,
    "gzip per record": lambda parts: b"".join(map(gzip.compress, parts)),
    "one gzip": lambda parts: gzip.compress(b"".join(parts)),
    "gzip cut anywhere": lambda parts: b"".join(
        gzip.compress(b"".join(parts)[i : i + 100]) for i in range(0, len(b"".join(parts)), 100)
    ),
    "zstd per record": lambda parts: b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(p) for p in parts),
    "zstd with dictionary": with_dictionary,
    "lz4 per record": lambda parts: b"".join(pa.compress(part, "lz4", asbytes=True) for part in parts),
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_compression_gives_the_same_documents_at_distinct_positions(compression, read):
    found = read(COMPRESSIONS[compression](THREE))
    assert bodies(found) == [b"<p>one", b"<p>two"]
    assert [f.type for f in found if isinstance(f, Skipped)] == ["warcinfo"]
    assert not errors(found)
    assert len({r.origin for r in records(found)}) == 2


def test_a_position_is_the_stored_offset_of_the_record(read):
    plain, packed = b"".join(THREE), [gzip.compress(p) for p in THREE]
    assert [r.origin for r in records(read(plain))] == [str(len(THREE[0])), str(len(THREE[0] + THREE[1]))]
    offsets = [len(packed[0]), len(packed[0]) + len(packed[1])]
    assert [r.origin for r in records(read(b"".join(packed)))] == [str(o) for o in offsets]


def test_fields_of_a_document(read):
    (record,) = records(
        read(warc(http(), url="<http://b.example/ä>", WARC_Payload_Digest="sha1:A", WARC_IP_Address="1.2.3.4"))
    )
    assert (record.url, record.date, record.text) == ("http://b.example/ä", "2024-05-18T01:58:10Z", None)
    kind = "text/html; charset=utf-8"
    assert record.extra == {"content": PAGE, "content_type": kind, "http_status": 200, "robots": None}
    assert record.metadata == {
        "record_id": "<urn:uuid:1>",
        "warc_type": "response",
        "payload_digest": "sha1:A",
        "ip": "1.2.3.4",
    }


def test_a_date_that_is_not_iso_8601_goes_to_the_metadata(read):
    (record,) = records(read(warc(http(), WARC_Date="2019-08-15T14")))
    assert record.date is None
    assert record.metadata["date"] == "2019-08-15T14"


def test_conversion_records_give_text_and_no_content(read):
    (record,) = records(read(warc("größer".encode(), "conversion", Content_Type="text/plain")))
    assert record.text == "größer"
    assert record.extra["content"] is None
    assert "not UTF-8" in errors(read(warc(b"gr\xf6\xdfer", "conversion", Content_Type="text/plain")))[0]


def test_resource_records_give_their_block(read):
    (record,) = records(read(warc(b"\x89PNG", "resource", Content_Type="image/png")))
    assert record.extra == {"content": b"\x89PNG", "content_type": "image/png", "http_status": None, "robots": None}


def test_conversion_and_response_records_have_the_same_columns(read):
    found = records(read(warc(b"text", "conversion", Content_Type="text/plain") + warc(http())))
    assert set(found[0].extra) == set(found[1].extra) == set(Warc.writes)


def test_a_redirect_is_a_document_with_its_status_and_target(read):
    (record,) = records(read(warc(http(b"", "Location: /new", status="HTTP/1.1 301 Moved"))))
    assert (record.extra["http_status"], record.metadata["location"]) == (301, "/new")


def test_directives_for_robots_are_a_column(read):
    headers = ("X-Robots-Tag: noarchive", "x-robots-tag: otherbot: noindex")
    (record,) = records(read(warc(http(PAGE, *headers))))
    assert record.extra["robots"] == "noarchive, otherbot: noindex"


LONG = random.Random(1).randbytes(400_000)
CUT_SHORT = {
    "gzip": (gzip.compress(LONG), "Content-Encoding: gzip"),
    "deflate": (zlib.compress(LONG), "Content-Encoding: deflate"),
    "brotli": (brotli.compress(LONG), "Content-Encoding: br"),
    "zstd": (zstandard.ZstdCompressor().compress(LONG), "Content-Encoding: zstd"),
    "chunked": (b"%x\r\n%s\r\n0\r\n\r\n" % (len(LONG), LONG), "Transfer-Encoding: chunked"),
    "plain": (LONG, "Server: x"),
}


@pytest.mark.parametrize("coding", CUT_SHORT)
def test_what_there_is_of_a_body_that_the_crawler_truncated_is_decoded(coding, read):
    body, header = CUT_SHORT[coding]
    short = body[: len(body) * 3 // 4]
    (record,) = records(read(warc(http(short, header), WARC_Truncated="length")))
    assert record.metadata["truncated"] == "length"
    assert LONG.startswith(record.extra["content"])
    assert len(record.extra["content"]) > 1000


def test_other_types_are_skipped_by_type(read):
    kinds = ["request", "warcinfo", "metadata", "revisit", "continuation", "my-own"]
    found = read(b"".join(warc(b"x", kind) for kind in kinds))
    assert found == [Skipped(kind) for kind in kinds]


def chunked(body: bytes, size: int = 5) -> bytes:
    cut = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in cut) + b"0\r\n\r\n"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


CODED = {
    "chunked": (chunked(PAGE), ["Transfer-Encoding: chunked"]),
    "announced as chunked but stored without": (PAGE, ["Transfer-Encoding: chunked"]),
    "chunked, connection closed early": (chunked(PAGE)[:-5], ["Transfer-Encoding: chunked"]),
    "gzip": (gzip.compress(PAGE), ["Content-Encoding: gzip"]),
    "announced as gzip but stored decoded": (PAGE, ["Content-Encoding: gzip"]),
    "gzip in chunks": (chunked(gzip.compress(PAGE)), ["Transfer-Encoding: chunked", "Content-Encoding: x-gzip"]),
    "deflate": (zlib.compress(PAGE), ["Content-Encoding: deflate"]),
    "raw deflate": (raw_deflate(PAGE), ["Content-Encoding: deflate"]),
    "announced as deflate but stored decoded": (PAGE, ["Content-Encoding: deflate"]),
    "brotli": (brotli.compress(PAGE), ["Content-Encoding: br"]),
    "announced as brotli but stored decoded": (PAGE, ["Content-Encoding: br"]),
    "zstd": (zstandard.ZstdCompressor().compress(PAGE), ["Content-Encoding: zstd"]),
    "two encodings": (brotli.compress(gzip.compress(PAGE)), ["Content-Encoding: gzip, br"]),
    "unknown encoding of readable text": (PAGE, ["Content-Encoding: sdch"]),
}


@pytest.mark.parametrize("coding", CODED)
def test_encodings_of_the_body_are_undone(coding, read):
    body, headers = CODED[coding]
    assert bodies(read(warc(http(body, *headers)))) == [PAGE]


BROKEN = {
    "gzip body breaks off": (gzip.compress(PAGE * 9)[:-9], "Content-Encoding: gzip"),
    "gzip body is damaged": (gzip.compress(PAGE * 9)[:-8] + bytes(8), "Content-Encoding: gzip"),
    "brotli body breaks off": (brotli.compress(bytes(range(256)))[:-9], "Content-Encoding: br"),
    "zstd body breaks off": (zstandard.ZstdCompressor().compress(PAGE)[:-9], "Content-Encoding: zstd"),
    "chunked body breaks off": (chunked(PAGE)[:-9], "Transfer-Encoding: chunked"),
    "chunked body is damaged": (chunked(PAGE).replace(b"\r\n5\r\n", b"\r\nxx\r\n", 1), "Transfer-Encoding: chunked"),
    "content encoding 'sdch' is not supported": (b"\0\1\2", "Content-Encoding: sdch"),
    "6 stacked content encodings": (PAGE, "Content-Encoding: " + ",".join(["gzip"] * 6)),
}


@pytest.mark.parametrize("reason", BROKEN)
def test_a_body_that_cannot_be_decoded_costs_only_its_record(reason, read):
    body, header = BROKEN[reason]
    found = read(warc(http(body, header)) + THREE[1])
    assert bodies(found) == [b"<p>one"]
    assert len(errors(found)) == 1
    assert reason in errors(found)[0]


@pytest.mark.parametrize(
    "body, header",
    [
        (gzip.compress(bytes(64 << 20), mtime=0), "Content-Encoding: gzip"),
        (zlib.compress(bytes(64 << 20)), "Content-Encoding: deflate"),
        (brotli.compress(bytes(64 << 20), quality=1), "Content-Encoding: br"),
        (zstandard.ZstdCompressor().compress(bytes(64 << 20)), "Content-Encoding: zstd"),
    ],
    ids=["gzip", "deflate", "brotli", "zstd"],
)
def test_a_decompression_bomb_is_refused_in_bounded_memory(body, header, read):
    data = warc(http(body, header)) + THREE[1]
    tracemalloc.start()
    found = read(data, max_record_bytes=4 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "over 4194304 bytes" in errors(found)[0]
    assert bodies(found) == [b"<p>one"]
    assert peak < 45 << 20


def test_a_record_over_the_limit_is_refused_without_holding_it(read):
    big = warc(http(bytes(60 << 20)))
    data = gzip.compress(big, 1) + gzip.compress(THREE[1])
    tracemalloc.start()
    found = read(data, max_record_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert errors(found) == ["response record: record over 1048576 bytes"]
    assert next(f.bytes for f in found if isinstance(f, Unreadable)) > 60 << 20
    assert bodies(found) == [b"<p>one"]
    assert peak < 10 << 20


def test_a_large_file_is_read_one_record_at_a_time(tmp_path):
    path = tmp_path / "big.warc.gz"
    path.write_bytes(gzip.compress(warc(http(bytes(4 << 20))), 1) * 40)
    split = Split("web", str(path), path.name, 0, 1, 1, 1)
    tracemalloc.start()
    assert sum(1 for _ in Warc(paths=(str(path),)).read(split)) == 40
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 << 20


MANY = [warc(http(b"<p>page %d" % i), url=f"http://a.example/{i}") for i in range(6)]


@pytest.mark.parametrize("compression", ["none", "gzip per record", "zstd per record", "one gzip"])
def test_a_file_cut_anywhere_gives_its_whole_records_and_at_most_one_unreadable(compression, read):
    whole = COMPRESSIONS[compression](MANY[:3])
    for size in range(1, len(whole), 7 if compression == "none" else 3):
        found = read(whole[:size])
        good = bodies(found)
        assert good == [b"<p>page %d" % i for i in range(len(good))]
        assert len(errors(found)) <= 1
        if compression.endswith("per record"):
            boundaries = [len(COMPRESSIONS[compression](MANY[:i])) for i in range(4)]
            assert len(errors(found)) == (size not in boundaries)
            # A member that lacks only the end of its checksum still gives its record.
            assert len(good) - (sum(size >= b for b in boundaries) - 1) in (0, 1)


@settings(max_examples=150, deadline=None)
@example(3, 0.953125, 15, "gzip per record")
@given(
    st.integers(0, 5), st.floats(0, 0.999), st.integers(1, 255), st.sampled_from(["gzip per record", "zstd per record"])
)
def test_one_changed_byte_costs_at_most_its_own_record(tmp_path_factory, member, where, change, compression):
    members = [bytearray(COMPRESSIONS[compression]([part])) for part in MANY]
    members[member][int(where * len(members[member]))] ^= change
    path = tmp_path_factory.mktemp("warc") / "in"
    path.write_bytes(b"".join(members))
    found = found_in(path)
    others = [b"<p>page %d" % i for i in range(6) if i != member]
    if member == 0 and not records(found):  # the compression of the file is told by its first bytes
        assert errors(found)
    else:
        # The changed record may still be read, even as another page's text ("page 3" as "page 2").
        left = bodies(found)
        assert left == others or others in [left[:i] + left[i + 1 :] for i in range(len(left))]
        assert len(left) + len(errors(found)) >= 6


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 3))
def test_any_bytes_between_records_are_noticed(tmp_path_factory, garbage, after):
    path = tmp_path_factory.mktemp("warc") / "in"
    path.write_bytes(b"".join(MANY[:after]) + garbage + b"".join(MANY[after:]))
    found = found_in(path)
    magic = garbage[:2] in (b"\x1f\x8b", b"\x28\xb5", b"\x04\x22") or garbage[1:4] == b"\x2a\x4d\x18"
    if not garbage.strip(b"\r\n\0 \t"):
        assert len(bodies(found)) == 6
    elif after or not magic:  # the first bytes of a file tell its compression
        assert bodies(found) == [b"<p>page %d" % i for i in range(6)]
        assert errors(found) == ["bytes that belong to no WARC record"]


def test_a_content_length_that_is_too_large_costs_its_record_and_no_other(read):
    long = warc(http(b"<p>x"), Content_Length="300")
    for compression in ("none", "gzip per record"):
        found = read(COMPRESSIONS[compression]([long, *MANY]))
        assert bodies(found) == [b"<p>page %d" % i for i in range(6)]
        assert len(errors(found)) == 1
        assert "the record ends after" in errors(found)[0]
    endless = warc(http(b"<p>x"), Content_Length=str(10**15))
    found = read(COMPRESSIONS["gzip per record"]([MANY[0], endless, *MANY]))
    assert len(bodies(found)) == 7
    assert len(errors(found)) == 1


def test_a_content_length_that_is_too_small_leaves_bytes_that_are_reported(read):
    found = read(warc(http(b"<p>abcdef"), Content_Length=str(len(http(b"<p>abc")))) + MANY[0])
    assert bodies(found) == [b"<p>abc", b"<p>page 0"]
    assert errors(found) == ["bytes that belong to no WARC record"]


def test_broken_headers_cost_their_record(read):
    broken = {
        "Content-Length is ''": warc(http(), Content_Length=""),
        "Content-Length is 'many'": warc(http(), Content_Length="many"),
        "no WARC-Type": warc(http(), kind=""),
        "no HTTP status line": warc(b"<html>" + PAGE),
        "header does not end": b"WARC/1.0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    }
    for reason, record in broken.items():
        found = read(MANY[0] + record + MANY[1])
        assert bodies(found) == [b"<p>page 0", b"<p>page 1"], reason
        assert len(errors(found)) == 1
        assert reason in errors(found)[0]


def test_a_file_that_is_no_archive_is_one_unreadable(read):
    for data in (
        b"hello world\n" * 99,
        gzip.compress(b"hello"),
        b"\x1f\x8b\x08broken",
        b"\x28\xb5\x2f\xfd??",
        b"\x04\x22\x4d\x18??",
    ):
        found = read(data)
        assert len(found) == 1
        assert isinstance(found[0], Unreadable)
        assert "hello" not in found[0].error
    assert errors(read(b"")) == ["the file is empty"]


def arc(url: str, content: bytes, fields: str = "1.2.3.4 20140216050221 text/html") -> bytes:
    return f"{url} {fields} {len(content)}\n".encode() + content + b"\n"


def arc_file(version: str, *parts: bytes, fields: str = "0.0.0.0 20140216050221 text/plain") -> list[bytes]:
    about = f"{version} 0 Test\nURL IP-address Archive-date Content-type Archive-length\n".encode()
    return [arc("filedesc://a.arc", about, fields), *parts]


@pytest.mark.parametrize("compression", ["none", "gzip per record", "one gzip"])
def test_arc_files_are_read(compression, read):
    parts = arc_file(
        "1", arc("http://a.example/a b c", http(b"<p>one")), arc("dns:a.example", b"a", "1.2.3.4 20140216 text/dns")
    )
    found = read(COMPRESSIONS[compression](parts))
    assert not errors(found)
    assert found[0] == Skipped("filedesc")
    page, dns = records(found)
    assert (page.url, page.date, page.extra["content"]) == ("http://a.example/a b c", "2014-02-16T05:02:21Z", b"<p>one")
    assert (dns.url, dns.extra["content_type"], dns.extra["content"]) == ("dns:a.example", "text/dns", b"a")


def test_arc_version_2_is_read(read):
    extra = "200 sum - 0 a.arc"
    page = arc("http://a.example/x y", http(b"<p>one"), f"1.2.3.4 20140216050221 text/html {extra}")
    found = read(b"".join(arc_file("2", page, fields=f"0.0.0.0 20140216050221 text/plain {extra}")))
    assert [(r.url, r.extra["content"]) for r in records(found)] == [("http://a.example/x y", b"<p>one")]


def test_a_broken_arc_record_costs_only_itself(read):
    good = arc("http://a.example/", http(b"<p>one"))
    broken = b"http://a.example/ 1.2.3.4 20140216050221 text/html -1\nrubbish\n"
    found = read(b"".join(arc_file("1", good, broken, good)))
    assert bodies(found) == [b"<p>one", b"<p>one"]
    assert len(errors(found)) == 1


# Per file: documents, unreadable, skipped. The counts of records agree with warcio's except where it stops early.
REAL = {
    "warc-malformed/pywb/missing-status-text.warc": (1, 0, 0),
    "warc-malformed/ukwa/ip-host-testcase.warc.gz": (3, 0, 3),
    "warc-malformed/ukwa/transfer_compression_brotli.warc": (2, 0, 3),
    "warc-malformed/ukwa/transfer_compression_brotli.warc.gz": (2, 0, 3),
    "warc-malformed/ukwa/truncated_datetime.warc": (2, 0, 3),
    "warc-malformed/warcio/bad.arc": (0, 3, 1),
    "warc-malformed/warcio/example-bad-non-chunked.warc.gz": (1, 0, 5),
    "warc-malformed/warcio/example-bad.warc.gz.bad": (2, 0, 4),
    "warc-malformed/warcio/example-space-in-target-uri.warc.gz": (1, 0, 1),
    "warc-malformed/warcio/example-space-in-url.arc": (0, 1, 1),
    "warc-malformed/warcio/example-trunc.warc": (0, 1, 3),
    "warc-malformed/warcio/example-wget-bad-target-uri.warc.gz": (3, 0, 3),
    "warc-malformed/warcio/example-wrong-chunks.warc.gz": (1, 0, 1),
    "web/warc-samples/commoncrawl-whirlwind/whirlwind.warc": (1, 0, 3),
    "web/warc-samples/commoncrawl-whirlwind/whirlwind.warc.gz": (1, 0, 3),
    "web/warc-samples/commoncrawl-whirlwind/whirlwind.warc.wat": (0, 0, 2),
    "web/warc-samples/commoncrawl-whirlwind/whirlwind.warc.wat.gz": (0, 0, 2),
    "web/warc-samples/commoncrawl-whirlwind/whirlwind.warc.wet": (1, 0, 1),
    "web/warc-samples/commoncrawl-whirlwind/whirlwind.warc.wet.gz": (1, 0, 1),
    "web/warc-samples/pywb/dupes.warc.gz": (3, 0, 22),
    "web/warc-samples/pywb/example-extra.warc": (1, 1, 4),
    "web/warc-samples/pywb/example-url-agnostic-orig.warc.gz": (1, 0, 1),
    "web/warc-samples/pywb/example-url-agnostic-revisit.warc.gz": (0, 0, 2),
    "web/warc-samples/pywb/example-wget-1-14.warc.gz": (4, 0, 2),
    "web/warc-samples/pywb/example-wpull.warc.gz": (2, 0, 2),
    "web/warc-samples/pywb/example.warc": (2, 1, 4),
    "web/warc-samples/pywb/example.warc.gz": (2, 0, 4),
    "web/warc-samples/pywb/example2.warc.gz": (1, 0, 2),
    "web/warc-samples/pywb/httpbin-resource.warc.gz": (1, 0, 0),
    "web/warc-samples/pywb/iana.warc.gz": (48, 0, 295),
    "web/warc-samples/ukwa/BL-20140325121225068-00000-32090~opera~8443.warc.gz": (65, 0, 125),
    "web/warc-samples/ukwa/BL-20140325122341434-00000-32090~opera~8443.warc.gz": (10, 0, 180),
    "web/warc-samples/ukwa/flashfrozen-jwat-recompressed.warc.gz": (42, 0, 40),
    "web/warc-samples/ukwa/transfer_compression_gzip.warc": (2, 0, 3),
    "web/warc-samples/ukwa/transfer_compression_gzip.warc.gz": (2, 0, 3),
    "web/warc-samples/ukwa/transfer_compression_none.warc": (2, 0, 3),
    "web/warc-samples/ukwa/transfer_compression_none.warc.gz": (2, 0, 3),
    "web/warc-samples/warcio/example-digest.warc": (0, 0, 4),
    "web/warc-samples/warcio/example-iana.org-chunked.warc": (1, 0, 2),
    "web/warc-samples/warcio/example-resource.warc.gz": (1, 0, 2),
    "web/warc-samples/warcio/example.arc": (1, 0, 1),
    "web/warc-samples/warcio/example.arc.gz": (1, 0, 1),
    "web/warc-samples/warcio/example.warc": (1, 0, 5),
    "web/warc-samples/warcio/example.warc.gz": (1, 0, 5),
    "web/warc-samples/warcio/post-test.warc.gz": (3, 0, 3),
}


@pytest.mark.parametrize("name", REAL)
def test_real_archives_are_read_or_quarantined_record_by_record(name, shared):
    found = found_in(shared(name))
    counts = Counter(type(f) for f in found)
    assert (counts[Record], counts[Unreadable], counts[Skipped]) == REAL[name]
    positions = [f.origin for f in found if isinstance(f, (Record, Unreadable))]
    assert len(set(positions)) == len(positions)


def test_every_real_archive_is_in_the_table(shared):
    folder = shared("web").parent
    files = {p for part in ("warc-malformed", "web/warc-samples") for p in (folder / part).rglob("*") if p.is_file()}
    assert {str(p.relative_to(folder)) for p in files} == set(REAL)
