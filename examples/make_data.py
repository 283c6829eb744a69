"""Make examples/data: a small crawl, three books, a source archive, a wiki dump and an evaluation set.

    python examples/make_data.py [FOLDER]

All of it was written for this purpose (examples/material); people, firms and numbers are invented. The result is
committed; running this again gives the same content.
"""

import base64
import bz2
import gzip
import hashlib
import io
import json
import math
import sys
import tarfile
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from material.pages import Page, pages, png

HERE = Path(__file__).parent
MATERIAL = HERE / "material"
CRAWLED = datetime(2024, 3, 1, 10, 0, 0, tzinfo=UTC)

LEAKED = {  # evaluation items that two of the pages contain
    ("en", "tidal-pools"): "A sailor leaves the harbour two hours before high water and rows at three knots against "
    "a stream of one knot; how many nautical miles has he gone when the water turns?",
    ("en", "library-van"): "Which of these four materials would you choose to line the inside of a box that has to "
    "keep bread warm for at least six hours without any source of heat?",
}
QUESTIONS = (
    (LEAKED["en", "tidal-pools"], ["two", "four", "six", "eight"], "four"),
    (LEAKED["en", "library-van"], ["glass", "wool", "copper", "slate"], "wool"),
    (
        "If every one of nine carpenters shakes hands with every other carpenter exactly once before the work begins, "
        "how many handshakes will the foreman have counted?",
        ["18", "36", "72", "81"],
        "36",
    ),
    (
        "A clock loses four minutes in every hour and is put right at noon; what time does it show when the church "
        "tower nearby strikes six in the evening?",
        ["5:24", "5:36", "5:48", "6:24"],
        "5:36",
    ),
    (
        "Why does a lake with fresh water freeze from the top downwards while the fish near the bottom go on living "
        "through the whole winter?",
        ["wind", "density", "salt", "light"],
        "density",
    ),
)


def main(folder: Path) -> None:
    """Write everything below `folder`."""
    crawl = pages(LEAKED)
    _write(folder / "web" / "crawl-00000.warc.gz", warc(crawl[0::2], 0))
    _write(folder / "web" / "crawl-00001.warc.gz", warc(crawl[1::2], 1))
    lamplighter = (MATERIAL / "books" / "lamplighter.txt").read_text(encoding="utf-8")
    _write(folder / "books" / "lamplighter.txt", ("\ufeff" + lamplighter).replace("\n", "\r\n").encode())
    brunnen = (MATERIAL / "books" / "brunnen.txt").read_text(encoding="utf-8")
    _write(folder / "books" / "brunnen.txt.gz", gzip.compress(brunnen.encode("latin-1"), mtime=0))
    _write(
        folder / "books" / "estaciones.epub", epub((MATERIAL / "books" / "estaciones.txt").read_text(encoding="utf-8"))
    )
    _write(folder / "code" / "tidewatch-1.0.tar.gz", source_archive(MATERIAL / "code" / "tidewatch"))
    _write(
        folder / "wiki" / "tidewiki-pages-articles.xml.bz2",
        bz2.compress((MATERIAL / "wiki" / "tidewiki.xml").read_bytes()),
    )
    items = [{"id": f"q{i}", "question": q, "choices": c, "answer": a} for i, (q, c, a) in enumerate(QUESTIONS, 1)]
    _write(folder / "evals" / "questions.jsonl", "".join(json.dumps(item) + "\n" for item in items).encode())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# ------------------------------------------------------------------------------------------------------ WARC


def warc(crawl: list[Page], number: int) -> bytes:
    """Return a WARC file: warcinfo, then a request and a response for every page, each record a gzip member."""
    about = b"software: corpusforge examples\r\nformat: WARC File Format 1.1\r\n"
    records = [_record("warcinfo", "", CRAWLED, "application/warc-fields", about)]
    for i, page in enumerate(crawl):
        when = CRAWLED + timedelta(seconds=37 * (2 * i + number))
        host, _, path = page.url.removeprefix("https://").partition("/")
        request = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: corpusforge-examples\r\n\r\n".encode()
        records.append(_record("request", page.url, when, "application/http; msgtype=request", request))
        header = (
            f"HTTP/1.1 {page.status}\r\nContent-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n\r\n"
        )
        response = header.encode() + page.body
        records.append(_record("response", page.url, when, "application/http; msgtype=response", response, page.body))
    return b"".join(gzip.compress(record, mtime=0) for record in records)


def _record(
    kind: str, url: str, when: datetime, content_type: str, content: bytes, payload: bytes | None = None
) -> bytes:
    lines = [
        "WARC/1.1",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {url} {when}')}>",
        f"WARC-Date: {when:%Y-%m-%dT%H:%M:%SZ}",
        *([f"WARC-Target-URI: {url}"] if url else []),
        *(
            [f"WARC-Payload-Digest: sha1:{base64.b32encode(hashlib.sha1(payload).digest()).decode()}"]
            if payload
            else []
        ),
        f"Content-Type: {content_type}",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n\r\n"


# ------------------------------------------------------------------------------------------------ book, code


def epub(text: str) -> bytes:
    """Return an EPUB 3 whose chapters stand in the archive, and by name, in another order than they are read in."""
    chapters = []
    for block in text.removeprefix("== ").split("\n== "):
        head, _, body = block.partition("\n")
        slug, _, title = head.partition(" | ")
        chapters.append((slug, title, [p.strip() for p in body.strip().split("\n\n")]))
    files = {f"texto/{(3 - i) % 3}-{slug}.xhtml": (slug, t, ps) for i, (slug, t, ps) in enumerate(chapters)}
    manifest = "".join(f'<item id="{v[0]}" href="{k}" media-type="application/xhtml+xml"/>' for k, v in files.items())
    spine = "".join(f'<itemref idref="{slug}"/>' for slug, _, _ in chapters)
    package = f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" xml:lang="es" unique-identifier="uid">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="uid">urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}</dc:identifier>
<dc:title>Tres estaciones</dc:title><dc:creator>Elena Rivas</dc:creator>
<dc:language>es</dc:language><dc:date>2021-09-14</dc:date>
<link rel="cc:license" href="https://creativecommons.org/licenses/by/4.0/"/>
<meta property="dcterms:modified">2024-01-01T00:00:00Z</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>{manifest}
</manifest>
<spine><itemref idref="nav"/>{spine}</spine>
</package>"""
    container = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"""
    links = "".join(f'<li><a href="{k}">{v[1]}</a></li>' for k, v in files.items())
    members = {
        "META-INF/container.xml": container,
        "EPUB/package.opf": package,
        "EPUB/nav.xhtml": _xhtml("Contenido", f'<nav epub:type="toc"><ol>{links}</ol></nav>'),
    }
    for name in sorted(files):
        _, title, paragraphs = files[name]
        body = f"<h1>{title}</h1>" + "".join(f"<p>{p}</p>" for p in paragraphs)
        members[f"EPUB/{name}"] = _xhtml(title, body)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip")
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _xhtml(title: str, body: str) -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="es">
<head><title>{title}</title></head><body>{body}</body></html>"""


def source_archive(tree: Path) -> bytes:
    """Return the example project as tar.gz, with a minified script, a table of numbers and a picture added."""
    found = [p for p in tree.rglob("*") if p.is_file() and p.suffix != ".pyc"]
    files = {p.relative_to(tree).as_posix(): p.read_bytes() for p in found}
    lines = files["web/chart.js"].decode().split("\n")
    short = "".join(line.strip() for line in lines if not line.strip().startswith("//"))
    files["web/chart.min.js"] = "".join(short.replace("drawTide", f"d{i}") for i in range(8)).encode()
    stations = {
        f"station-{n:02d}": {
            "mean": n / 10,
            "amplitudes": [round(1.5 * math.cos(n + k) ** 2, 3) for k in range(30)],
            "phases": [(37 * n + 101 * k) % 360 for k in range(30)],
        }
        for n in range(24)
    }
    files["data/stations.json"] = json.dumps(stations, indent=1).encode()
    files["web/icon.png"] = png(16, 16)
    names = sorted(files, key=lambda name: (name == "LICENSE", name))  # the licence last, as a reader must expect
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            info = tarfile.TarInfo(f"tidewatch-1.0/{name}")
            info.size, info.mode = len(files[name]), 0o755 if name.startswith("scripts/") else 0o644
            info.mtime = int(CRAWLED.timestamp())
            archive.addfile(info, io.BytesIO(files[name]))
    return gzip.compress(buffer.getvalue(), mtime=0)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "data")
