"""Hostile inputs: each kind is quarantined with its reason or refused with a clear error, and its neighbours stay."""

import bz2
import gzip
import io
import lzma
import os
import random
import re
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpusforge.engine import segment
from corpusforge.errors import RecipeError, RunError
from corpusforge.pipeline import Pipeline, RunOptions, Source
from corpusforge.source import Reader
from corpusforge.stages.read.books import Books
from corpusforge.stages.read.code import Code
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.read.parquet import Parquet
from corpusforge.stages.read.text import Text
from corpusforge.stages.read.warc import Warc
from corpusforge.stages.read.wikipedia import Wikipedia
from corpusforge.stages.write.parquet import Parquet as WriteParquet

MB = 1 << 20
LINE = b'{"text": "a good line"}\n'
SWELLS = b"\0" * (40 * MB)
NOISE = random.Random(5).randbytes(40_000)
NOISE_LINE = b'{"text": "%s"}\n' % NOISE.hex().encode()


def tar(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            header = tarfile.TarInfo(name)
            header.size, header.type, header.linkname = len(data), kind, link
            archive.addfile(header, io.BytesIO(data))
    return out.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def epub(page: bytes, doctype: str = "", spine: str = "p") -> bytes:
    container = b'<container><rootfiles><rootfile full-path="o.opf"/></rootfiles></container>'
    package = f"""{doctype}<package><metadata/><manifest><item id="p" href="p.xhtml"
        media-type="application/xhtml+xml"/></manifest><spine><itemref idref="{spine}"/></spine></package>"""
    return zipped(("META-INF/container.xml", container), ("o.opf", package.encode()), ("p.xhtml", page))


def warc(
    content: bytes, kind: str = "conversion", length: int | None = None, content_type: str = "text/plain"
) -> bytes:
    length = len(content) if length is None else length
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + content + b"\r\n\r\n"


def response(body: bytes, *headers: str) -> bytes:
    head = "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: text/html", *headers, "", ""]).encode()
    return warc(head + body, "response", content_type="application/http")


def table(columns: dict[str, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def deep(kind: str, depth: int) -> bytes:
    opening, closing = ("[", "]") if kind == "array" else ('{"a":', "}")
    return b'{"text": "deep", "x": ' + (opening * depth + "1" + closing * depth).encode() + b"}\n"


def damaged(data: bytes, at: float) -> bytes:
    where = int(len(data) * at)
    return data[:where] + bytes(b ^ 0xFF for b in data[where : where + 20]) + data[where + 20 :]


def flipped_method(data: bytes) -> bytes:
    # Both headers name a way of compression that does not exist.
    for magic, at in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        where = data.index(magic) + at
        data = data[:where] + struct.pack("<H", 77) + data[where + 2 :]
    return data


def encrypted(data: bytes) -> bytes:
    for magic, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        where = data.index(magic) + at
        data = data[:where] + b"\1" + data[where + 1 :]
    return data


def wiki(text: bytes, doctype: bytes = b"") -> bytes:
    page = b"<page><title>A</title><ns>0</ns><id>1</id><revision><id>2</id><text>%s</text></revision></page>"
    return doctype + b"<mediawiki>" + page % b"Eins." + page % text + b"</mediawiki>"


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "lol">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]>"  # fmt: skip
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@dataclass(frozen=True)
class Hostile:
    """One hostile file of a reader: what it is, its bytes, the error in quarantine, the documents it still gives."""

    kind: str
    name: str
    data: bytes
    error: str  # part of the reason; empty: nothing is quarantined
    kept: int = 0
    times: int = 1  # how often the error comes


GOOD: dict[str, tuple[Reader, str, bytes]] = {
    "jsonl": (Jsonl(paths=(), max_line_bytes=MB), "good.jsonl", LINE),
    "text": (Text(paths=(), max_document_bytes=MB), "good.txt", b"A good text.\n"),
    "lines": (Text(paths=(), per="line", max_document_bytes=MB), "good.txt", b"A good line.\n"),
    "parquet": (Parquet(paths=()), "good.parquet", table({"text": ["good"]})),
    "warc": (Warc(paths=(), max_record_bytes=MB), "good.warc", warc(b"good")),
    "books": (Books(paths=(), max_document_bytes=4 * MB, max_member_bytes=2 * MB), "good.txt", b"A good book.\n"),
    "code": (Code(paths=(), max_archive_bytes=8 * MB), "good.tar", tar(("a.py", b"good = 1\n"))),
    "wikipedia": (Wikipedia(paths=(), max_dump_bytes=4 * MB), "good.xml", wiki(b"Zwei.")),
}

THREE = LINE * 3
TWO = table({"text": ["one", "two"]})
ZSTD = zstandard.ZstdCompressor(write_checksum=True)
NOISY_TAR = tar(("a.py", b"a = 1\n"), ("b.bin", NOISE), ("c.py", b"c = 1\n"))
NOISY_ZIP = zipped(("a.py", b"a = 1\n"), ("b.py", b"# " + NOISE.hex().encode()))

HOSTILE: dict[str, tuple[Hostile, ...]] = {
    "jsonl": (
        Hostile("gzip bomb of one line", "bomb.jsonl.gz", gzip.compress(SWELLS, 9), "line of 41943040 bytes"),
        Hostile("zstd bomb", "bomb.jsonl.zst", ZSTD.compress(SWELLS), "line of 41943040 bytes"),
        Hostile("xz bomb", "bomb.jsonl.xz", lzma.compress(SWELLS, preset=0), "line of 41943040 bytes"),
        Hostile("bzip2 bomb", "bomb.jsonl.bz2", bz2.compress(SWELLS), "line of 41943040 bytes"),
        Hostile(
            "huge line among good ones", "long.jsonl", LINE + b'{"text": "%s"}\n' % (b"x" * MB) + LINE, "over max", 2
        ),
        Hostile("arrays nested 300 deep", "deep.jsonl", LINE + deep("array", 300) + LINE, "nested deeper", 2),
        Hostile("objects nested 300 deep", "deeper.jsonl", LINE + deep("object", 300) + LINE, "nested deeper", 2),
        Hostile("arrays nested 100,000 deep", "abyss.jsonl", LINE + deep("array", 100_000) + LINE, "not JSON", 2),
        Hostile("broken UTF-8", "latin.jsonl", LINE + b'{"text": "caf\xe9"}\n' + LINE, "not UTF-8 at byte 13", 2),
        Hostile("UTF-16", "utf16.jsonl", THREE.decode().encode("utf-16"), "not UTF-8", 0, 4),
        Hostile("lone surrogate", "lone.jsonl", LINE + b'{"text": "\\ud800"}\n', "not JSON", 1),
        Hostile("NUL bytes between lines", "nul.jsonl", LINE + b"\0\0\0\n" + LINE, "not JSON", 2),
        Hostile("escaped NUL in a text", "escaped.jsonl", b'{"text": "a\\u0000b"}\n', "", 1),
        Hostile("NaN", "nan.jsonl", b'{"text": "a", "x": NaN}\n' + LINE, "not JSON", 1),
        Hostile(
            "a number of 10,000 digits",
            "digits.jsonl",
            b'{"text": "a", "x": %s}\n' % (b"9" * 10_000) + LINE,
            "infinity",
            1,
        ),
        Hostile("an array instead of an object", "array.jsonl", b"[1]\n" + LINE, "an array, not an object", 1),
        Hostile("text that is a number", "number.jsonl", b'{"text": 1}\n' + LINE, "no string in field 'text'", 1),
        Hostile("cut gzip", "cut.jsonl.gz", gzip.compress(LINE + NOISE_LINE)[:-900], "breaks off", 1),
        Hostile("corrupt zstd", "corrupt.jsonl.zst", damaged(ZSTD.compress(LINE + NOISE_LINE), 0.6), "corrupt zstd"),
        Hostile("gzip with rubbish after it", "tail.jsonl.gz", gzip.compress(THREE) + b"rubbish", "corrupt gzip", 3),
        Hostile("empty file", "empty.jsonl", b"", ""),
    ),
    "text": (
        Hostile("bomb of a text", "bomb.txt.gz", gzip.compress(SWELLS), "over max_document_bytes"),
        Hostile("text of another character set", "latin.txt", "Käse".encode("latin-1"), "not UTF-8 at byte 1"),
    ),
    "lines": (
        Hostile("a line of broken UTF-8", "latin.txt", b"good\nK\xe4se\ngood\n", "not UTF-8", 2),
        Hostile("cut xz", "cut.txt.xz", lzma.compress(b"good\n" + NOISE.hex().encode())[:-200], "breaks off", 1),
    ),
    "parquet": (
        Hostile("text that is a number", "number.parquet", table({"text": [1]}), "is int64, not a string"),
        Hostile("text that is a list", "list.parquet", table({"text": [["a"]]}), "not a string"),
        Hostile("text that is a struct", "struct.parquet", table({"text": [{"a": "b"}]}), "not a string"),
        Hostile("no text column", "other.parquet", table({"txt": ["a"]}), "Did you mean 'txt'"),
        Hostile("zero row groups", "none.parquet", table({"text": pa.array([], pa.string())}), ""),
        Hostile("cut Parquet", "cut.parquet", TWO[:-20], "not readable as Parquet"),
        Hostile("Parquet with a damaged footer", "foot.parquet", damaged(TWO, 0.7), "not readable as Parquet"),
        Hostile("empty Parquet", "empty.parquet", b"", "not readable as Parquet"),
        Hostile(
            "strings that are not UTF-8",
            "latin.parquet",
            table({"text": [b"a", b"\xff", b"c"]}),
            "not UTF-8 at byte 0",
            2,
        ),
        Hostile(
            "corrupt page",
            "page.parquet",
            damaged(
                table({"text": [NOISE.hex()]}, compression="NONE", write_page_checksum=True, use_dictionary=False), 0.3
            ),
            "rows 0 to 0",
        ),
        Hostile("nested metadata", "nested.parquet", table({"text": ["a"], "x": [[{"y": [[1], None]}]]}), "", 1),
    ),
    "warc": (
        Hostile(
            "gzip bomb in a response", "bomb.warc", response(gzip.compress(SWELLS), "Content-Encoding: gzip"), "over"
        ),
        Hostile(
            "bomb of a record", "record.warc.gz", gzip.compress(warc(SWELLS)) + gzip.compress(warc(b"g")), "over", 1
        ),
        Hostile("length that is too large", "long.warc", warc(b"a", length=900) + warc(b"good"), "ends after", 1),
        Hostile("length that is no number", "nan.warc", warc(b"a").replace(b"h: 1", b"h: x") + warc(b"g"), "Length", 1),
        Hostile(
            "cut WARC", "cut.warc.gz", gzip.compress(warc(b"g")) + gzip.compress(warc(NOISE))[:-900], "breaks off", 1
        ),
        Hostile(
            "damaged member",
            "hurt.warc.gz",
            damaged(gzip.compress(warc(NOISE)), 0.5) + gzip.compress(warc(b"g")),
            "damaged",
            1,
        ),
        Hostile("WET that is not UTF-8", "latin.wet", warc(b"caf\xe9") + warc(b"good"), "not UTF-8 at byte 3", 1),
        Hostile(
            "record without a type",
            "type.warc",
            warc(b"a").replace(b"WARC-Type: conversion\r\n", b"") + warc(b"g"),
            "no WARC-Type",
            1,
        ),
        Hostile("six stacked encodings", "stack.warc", response(b"x", "Content-Encoding: " + "gzip," * 6), "stacked"),
        Hostile(
            "cut ARC",
            "cut.arc",
            b"http://a.b/ 1.2.3.4 20200101000000 text/html 500\nHTTP/1.0 200 OK\r\n\r\nabc",
            "breaks off",
        ),
        Hostile("empty WARC", "empty.warc", b"", "the file is empty"),
        Hostile("no WARC at all", "noise.warc", NOISE, "neither a WARC nor an ARC"),
    ),
    "books": (
        Hostile("EPUB page that swells", "bomb.epub", epub(SWELLS), "bytes"),
        Hostile(
            "EPUB with a billion laughs", "laughs.epub", epub(b"<html><body>a</body></html>", LAUGHS.decode()), "", 1
        ),
        Hostile(
            "EPUB page with an outside entity",
            "xxe.epub",
            epub(OUTSIDE + b"<html><body><p>A &a; B</p></body></html>"),
            "",
            1,
        ),
        Hostile("EPUB that names a text outside", "up.epub", epub(b"<html/>").replace(b"p.xhtml", b"../p.xh"), "lacks"),
        Hostile("EPUB with an unknown compression", "method.epub", flipped_method(epub(b"<html/>")), "damaged EPUB"),
        Hostile("EPUB without a page of its spine", "spine.epub", epub(b"<html/>", spine="q"), "spine has no XHTML"),
        Hostile("cut EPUB", "cut.epub", epub(NOISE)[:-60], "damaged EPUB"),
        Hostile("text with NUL", "nul.txt", b"a\0b" * 99, "a NUL at character 1"),
        Hostile("book that swells", "bomb.txt.gz", gzip.compress(SWELLS), "over 4194304 bytes"),
        Hostile("cut Gutenberg text", "cut.txt.bz2", bz2.compress(NOISE.hex().encode())[:-99], "breaks off"),
    ),
    "code": (
        Hostile(
            "tar bomb", "bomb.tar.gz", gzip.compress(tar(("a.py", b"a = 1\n"), ("b", SWELLS))), "content is over", 1
        ),
        Hostile(
            "zip bomb",
            "bomb.zip",
            zipped(("a.py", b"a = 1\n"), *((f"{n}.py", b" " * MB) for n in range(9))),
            "too large",
            8,
        ),
        Hostile("member that climbs out", "climb.tar", tar(("../../etc/cron.d/x", b"x = 1\n")), "", 1),
        Hostile("member with an absolute path", "root.zip", zipped(("/etc/passwd2", b"x = 1\n")), "", 1),
        Hostile("link to /etc/passwd", "link.tar", tar(("a", b""), kind=tarfile.SYMTYPE, link="/etc/passwd"), ""),
        Hostile("device in an archive", "device.tar", tar(("a", b""), kind=tarfile.CHRTYPE), ""),
        Hostile("pipe in an archive", "pipe.tar", tar(("a", b""), kind=tarfile.FIFOTYPE), ""),
        Hostile("cut tar", "cut.tar", NOISY_TAR[:9_000], "breaks off", 1),
        Hostile("corrupt tar header", "header.tar", damaged(NOISY_TAR, 0.0), "damaged header at byte 0"),
        Hostile("cut tar.xz", "cut.tar.xz", lzma.compress(NOISY_TAR)[:-200], "breaks off", 1),
        Hostile("damaged member of a zip", "hurt.zip", damaged(NOISY_ZIP, 0.5), "damaged", 1),
        Hostile("encrypted zip", "secret.zip", encrypted(zipped(("a.py", b"a = 1\n"))), "encrypted"),
        Hostile("zip with an unknown compression", "method.zip", flipped_method(zipped(("a.py", b"a"))), "damaged"),
        Hostile("cut zip", "cut.zip", NOISY_ZIP[:-30], "breaks off", 2),
        Hostile("name with a newline and broken UTF-8", "name.tar", tar(("a\nb\udcff.py", b"x = 1\n")), "", 1),
    ),
    "wikipedia": (
        Hostile("cut bzip2 dump", "cut.xml.bz2", bz2.compress(wiki(NOISE.hex().encode()))[:-99], "breaks off"),
        Hostile("dump with a billion laughs", "laughs.xml", wiki(b"&i;", LAUGHS), "entity amplification", 1),
        Hostile("dump with an outside entity", "xxe.xml", wiki(b"&a;", OUTSIDE), "", 2),
        Hostile("dump that is not well-formed", "broken.xml", wiki(b"<b>"), "not well-formed", 1),
        Hostile(
            "dump that swells", "bomb.xml.gz", gzip.compress(wiki(b" " * 9 * MB)), "content is over|well-formed", 1
        ),
        Hostile(
            "elements nested 10,000 deep", "deep.xml", wiki(b"<a>" * 10_000 + b"</a>" * 10_000), "not well-formed", 1
        ),
        Hostile("empty dump", "empty.xml", b"", "not well-formed"),
        Hostile("NUL in a dump", "nul.xml", wiki(b"a\0b"), "not well-formed", 1),
    ),
}
KINDS = [(reader, hostile) for reader, found in HOSTILE.items() for hostile in found]


def pipeline(reader: Reader, paths: str, output: Path, **options: Any) -> Pipeline:
    return Pipeline(
        sources=(Source("s", "reader", reader.model_copy(update={"paths": (paths,)})),),
        steps=(),
        writer=WriteParquet(path=str(output)),
        options=RunOptions.model_validate({"workers": 1, "max_error_fraction": 1.0, **options}),
    )


@dataclass
class Ran:
    """What a run over all hostile files of a reader and a good one left."""

    errors: dict[str, list[str]]
    kept: dict[str, list[str | None]]


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ran]:
    """Return a function from a reader's name to what the one run over its hostile files left."""
    done: dict[str, Ran] = {}

    def run(name: str) -> Ran:
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            reader, good, data = GOOD[name]
            (folder / "in").mkdir()
            (folder / "in" / good).write_bytes(data)
            for hostile in HOSTILE[name]:
                (folder / "in" / hostile.name).write_bytes(hostile.data)
            outcome = pipeline(reader, f"{folder}/in/*", folder / "out").run()
            done[name] = Ran({}, {})
            for kind, column, found in (("quarantine", "error", done[name].errors), ("data", "text", done[name].kept)):
                for part in outcome.manifest["shards" if kind == "data" else kind]:
                    for row in pq.read_table(outcome.path / part["path"]).to_pylist():
                        found.setdefault(row["origin"].split("#")[0], []).append(row[column])
            counts = outcome.manifest["documents"]
            assert counts["read"] == counts["kept"] + counts["quarantined"]
        return done[name]

    return run


@pytest.mark.parametrize(("name", "hostile"), KINDS, ids=[f"{r}: {h.kind}" for r, h in KINDS])
def test_a_hostile_file_is_quarantined_with_its_reason_and_its_good_documents_kept(
    name: str, hostile: Hostile, ran: Callable[[str], Ran]
) -> None:
    left = ran(name)
    errors = left.errors.get(hostile.name, [])
    assert len(errors) == (hostile.times if hostile.error else 0), errors
    assert not errors or re.search(hostile.error, errors[0]), errors
    texts = left.kept.get(hostile.name, [])
    assert len(texts) == hostile.kept
    assert not any("lollol" in (text or "") for text in texts)
    assert not any(Path("/etc/hostname").read_text().strip() in (text or "") for text in texts)


@pytest.mark.parametrize("name", GOOD)
def test_the_good_file_beside_hostile_ones_loses_nothing(name: str, ran: Callable[[str], Ran]) -> None:
    good = GOOD[name][1]
    assert good not in ran(name).errors
    assert len(ran(name).kept[good]) == (2 if name == "wikipedia" else 1)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def open_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # an address holds 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


PLACES: dict[str, tuple[Callable[[Path], None], str]] = {
    "named pipe": (pipe, "is a pipe, not a file"),
    "device without an end": (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
    "socket": (open_socket, "is a socket, not a file"),
    "link to itself": (lambda path: path.symlink_to(path), "is a link that leads nowhere"),
    "link to nothing": (lambda path: path.symlink_to(path.parent / "gone"), "is a link that leads nowhere"),
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("pattern", ["*", "bad.jsonl", "**/*.jsonl", ""])
def test_what_is_no_file_is_refused_before_anything_runs(kind: str, pattern: str, tmp_path: Path) -> None:
    make, error = PLACES[kind]
    (tmp_path / "good.jsonl").write_bytes(LINE)
    make(tmp_path / "bad.jsonl")
    with pytest.raises(RecipeError, match=error):
        pipeline(Jsonl(paths=()), f"{tmp_path}/{pattern}".rstrip("/"), tmp_path / "out").run()
    assert not (tmp_path / "out").exists()


def test_a_file_without_permission_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINE)
    (tmp_path / "b.jsonl").write_bytes(LINE)
    (tmp_path / "b.jsonl").chmod(0)
    if os.geteuid() == 0:  # root may read everything
        monkeypatch.setattr(os, "access", lambda path, mode: bool(os.stat(path).st_mode & 0o444))
    with pytest.raises(RecipeError, match=r"b\.jsonl' cannot be read: permission denied"):
        pipeline(Jsonl(paths=()), f"{tmp_path}/*", tmp_path / "out").run()


def test_a_folder_named_like_a_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "in" / "b.jsonl").mkdir(parents=True)
    (tmp_path / "in" / "a.jsonl").write_bytes(LINE)
    manifest = pipeline(Jsonl(paths=()), f"{tmp_path}/in/*", tmp_path / "out").run().manifest
    assert manifest["documents"] == {"read": 1, "kept": 1, "rejected": 0, "quarantined": 0}


def test_links_in_a_circle_are_entered_once(tmp_path: Path) -> None:
    inner = tmp_path / "in" / "inner"
    inner.mkdir(parents=True)
    (inner / "a.jsonl").write_bytes(LINE)
    for number in range(20):  # 2 ** 20 ways around
        (inner / f"up{number}").symlink_to(tmp_path / "in")
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside" / "b.jsonl").write_bytes(LINE)
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "aside")
    outcome = pipeline(Jsonl(paths=()), f"{tmp_path}/in/**/*.jsonl", tmp_path / "out").run()
    assert [i["path"] for i in outcome.manifest["inputs"]] == ["inner/a.jsonl", "linked/b.jsonl"]


def test_names_that_are_no_text_give_distinct_origins(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "in")
    os.mkdir(folder)
    for name in (b"a\nb.jsonl", b"caf\xe9.jsonl", b"caf\xe8.jsonl", b" .jsonl", b"'\".jsonl"):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(LINE)
    outcome = pipeline(Jsonl(paths=()), f"{tmp_path}/in/*", tmp_path / "out").run()
    rows = pq.read_table(outcome.path / "data").to_pylist()
    assert len({row["doc_id"] for row in rows}) == 5
    assert {row["origin"] for row in rows} >= {"caf\\xe9.jsonl#0", "caf\\xe8.jsonl#0", "a\nb.jsonl#0"}


@pytest.mark.parametrize("change", ["grown", "other content", "only touched", "gone"])
def test_a_file_that_changes_while_it_is_read_is_not_used_as_it_was_planned(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE)
    os.utime(path, (1, 1))
    changes: dict[str, Callable[[], object]] = {
        "grown": lambda: path.write_bytes(LINE * 2),
        "other content": lambda: path.write_bytes(LINE.replace(b"good", b"evil")),
        "only touched": path.touch,
        "gone": path.unlink,
    }
    read = segment.read_splits

    def changing(*given: Any) -> Any:
        changes[change]()
        return read(*given)

    monkeypatch.setattr(segment, "read_splits", changing)
    made = pipeline(Jsonl(paths=()), str(path), tmp_path / "out")
    with pytest.raises(RunError, match=r"a\.jsonl.*(changed while|No such file)"):
        made.run()
    monkeypatch.setattr(segment, "read_splits", read)
    path.write_bytes(LINE * 3)
    assert made.run().manifest["documents"]["kept"] == 3
