"""Peak memory and time with giant documents, decompression bombs and huge files: each read in a fresh process.

    python tests/benchmarks/giant_inputs.py [--only NAME ...] [--list] [--giant 2000000000] [--bomb 10000000000]

Every case is one input, most of them with a good document before and one after the giant, through a reader alone (no
stage, one worker). A line says: bytes of the file, what was kept and quarantined and why, the peak of `own` memory
(RssAnon, pages of this process that belong to no file) above that of the same run over a small input, and seconds.
Inputs are made by streaming, one at a time, and deleted.
"""

import argparse
import bz2
import io
import json
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from measure_memory import sampled

MB = 1 << 20
LINE = b'{"text": "a good line"}\n'
WORDS = (b"words of no meaning that fill a very long text and never come to an end " * 15_000)[:MB]


class Case(NamedTuple):
    """An input: the reader and its fields, the name of the file, and what writes it (size in bytes of the giant)."""

    reader: str
    fields: dict[str, Any]
    name: str
    write: Callable[[BinaryIO, int], None]


def blocks(size: int, block: bytes = WORDS) -> Iterator[bytes]:
    """Yield `size` bytes."""
    while size > 0:
        yield block[:size]
        size -= len(block)


def plain(file: BinaryIO, size: int) -> None:
    """Write nothing but text, without a line end."""
    file.writelines(blocks(size))


def json_lines(file: BinaryIO, size: int) -> None:
    """Write a giant line between good ones."""
    file.write(LINE + b'{"text": "')
    plain(file, size)
    file.write(b'"}\n' + LINE)


def text_lines(file: BinaryIO, size: int) -> None:
    """Write a giant line between good ones."""
    file.write(b"good\n")
    plain(file, size)
    file.write(b"\ngood\n")


class Gzip(io.RawIOBase):
    """A gzip stream of what is written, fast."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._deflate = file, zlib.compressobj(1, wbits=31)

    def write(self, data: Any, /) -> int:
        """Add bytes."""
        self._file.write(self._deflate.compress(data))
        return len(data)

    def close(self) -> None:
        """End the stream."""
        if not self.closed:
            self._file.write(self._deflate.flush())
        super().close()


def gzipped(write: Callable[[BinaryIO, int], None]) -> Callable[[BinaryIO, int], None]:
    """Return a function that writes the same through gzip."""

    def written(file: BinaryIO, size: int) -> None:
        with Gzip(file) as stream:
            write(stream, size)  # type: ignore[arg-type]

    return written


def repeated(compress: Callable[[bytes], bytes], good: bytes) -> Callable[[BinaryIO, int], None]:
    """Return a function that writes streams of zeros end to end, which decoders take for one, after a good line."""

    def written(file: BinaryIO, size: int) -> None:
        file.write(compress(good))
        packed = compress(b"\0" * (64 * MB))
        for _ in range(size // (64 * MB)):
            file.write(packed)
        file.write(compress(b"\n" + good))

    return written


def zeros(file: BinaryIO, size: int) -> None:
    """Write a line of zeros between good ones."""
    file.write(LINE)
    file.writelines(blocks(size, b"\0" * MB))
    file.write(b"\n" + LINE)


def parquet_row(file: BinaryIO, size: int) -> None:
    """Write a giant row among 1,000 good ones in one row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = min(size, (1 << 31) - 4096)  # a page is at most 2 GiB
    good = pa.array(["a good text"] * 500, pa.large_string())
    giant = pa.LargeStringArray.from_buffers(
        1, pa.py_buffer(struct.pack("<2q", 0, size)), pa.py_buffer(b"".join(blocks(size)))
    )
    pq.write_table(pa.table({"text": pa.chunked_array([good, giant, good])}), file, compression="zstd")


def parquet_group(file: BinaryIO, size: int) -> None:
    """Write texts of 4 kB in one row group of `size` bytes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = np.random.default_rng(0)
    rows = max(1, size // 4096)
    data = draw.integers(97, 123, rows * 4096, np.uint8)
    ends = np.arange(rows + 1, dtype=np.int64) * 4096
    text = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(data))
    pq.write_table(pa.table({"text": text}), file, compression="zstd", row_group_size=rows)


def warc_head(size: int, kind: str, content_type: str) -> bytes:
    """Return the header of a record."""
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Type: {content_type}\r\nContent-Length: {size}\r\n\r\n"
    return head.encode()


def wet(file: BinaryIO, size: int) -> None:
    """Write a giant conversion record between good ones."""
    good = warc_head(4, "conversion", "text/plain") + b"good\r\n\r\n"
    file.write(good + warc_head(size, "conversion", "text/plain"))
    plain(file, size)
    file.write(b"\r\n\r\n" + good)


def response(file: BinaryIO, size: int) -> None:
    """Write a response whose body unpacks to `size` bytes between good ones."""
    body = io.BytesIO()
    with Gzip(body) as stream:
        for block in blocks(size, b"\0" * MB):
            stream.write(block)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n"
    good = warc_head(4, "conversion", "text/plain") + b"good\r\n\r\n"
    content = head + body.getvalue()
    file.write(good + warc_head(len(content), "response", "application/http") + content + b"\r\n\r\n" + good)


class _Endless(io.RawIOBase):
    """A file of `size` bytes that is nowhere."""

    def __init__(self, size: int, block: bytes) -> None:
        self._blocks, self._held = blocks(size, block), b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        while len(self._held) < size and (block := next(self._blocks, b"")):
            self._held += block
        given, self._held = self._held[:size], self._held[size:]
        return given


def tar(file: BinaryIO, size: int, block: bytes = WORDS) -> None:
    """Write a giant member between good ones."""
    with tarfile.open(fileobj=file, mode="w|") as archive:
        for name, length in (("a.py", 6), ("big.py", size), ("b.py", 6)):
            header = tarfile.TarInfo(name)
            header.size = length
            archive.addfile(header, io.BytesIO(b"a = 1\n") if length == 6 else _Endless(size, block))  # type: ignore[arg-type]


def zipped(file: BinaryIO, size: int, name: str = "big.py", block: bytes = WORDS) -> None:
    """Write a giant member between good ones."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.py", b"a = 1\n")
        with archive.open(name, "w", force_zip64=True) as member:
            for piece in blocks(size, block):
                member.write(piece)
        archive.writestr("b.py", b"a = 1\n")


def nested(file: BinaryIO, size: int) -> None:
    """Write an archive that holds nothing but a bomb."""
    inner = io.BytesIO()
    zipped(inner, size, block=b"\0" * MB)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.py", b"a = 1\n")
        archive.writestr("inner.zip", inner.getvalue())


def epub(file: BinaryIO, size: int) -> None:
    """Write a book with a giant page."""
    container = b'<container><rootfiles><rootfile full-path="o.opf"/></rootfiles></container>'
    package = b"""<package><metadata/><manifest><item id="p" href="p.xhtml" media-type="application/xhtml+xml"/>
        </manifest><spine><itemref idref="p"/></spine></package>"""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("o.opf", package)
        with archive.open("p.xhtml", "w", force_zip64=True) as page:
            for block in blocks(size, b"<p>a</p>" * (MB // 8)):
                page.write(block)


def wiki(file: BinaryIO, size: int) -> None:
    """Write a dump with a giant page after a good one."""
    page = b"<page><title>A</title><ns>0</ns><id>1</id><revision><id>2</id><text>"
    end = b"</text></revision></page>"
    file.write(b"<mediawiki>" + page + b"Eins." + end + page)
    plain(file, size)
    file.write(end + b"</mediawiki>")


def many_lines(file: BinaryIO, size: int) -> None:
    """Write JSON Lines of 4 kB, each of its own."""
    text = WORDS[:4000].decode()
    for number in range(size // 4096):
        file.write(f'{{"text":"{number} {text}"}}\n'.encode())


def cases() -> dict[str, tuple[Case, str]]:
    """Return all cases by name, each with which size it takes."""
    import lz4.frame
    import zstandard

    zstd, stored = zstandard.ZstdCompressor(level=1), {"text": "a.txt", "line": {"per": "line"}}
    zero = b"\0" * MB
    giants = {
        "text file": Case("read.text", {}, str(stored["text"]), plain),
        "line of text": Case("read.text", {"per": "line"}, "a.txt", text_lines),
        "JSON line": Case("read.jsonl", {}, "a.jsonl", json_lines),
        "JSON line in gzip": Case("read.jsonl", {}, "a.jsonl.gz", gzipped(json_lines)),
        "Parquet row": Case("read.parquet", {}, "a.parquet", parquet_row),
        "WET record": Case("read.warc", {}, "a.wet", wet),
        "WET record in gzip": Case("read.warc", {}, "a.wet.gz", gzipped(wet)),
        "tar member": Case("read.code", {}, "a.tar", tar),
        "tar.gz member": Case("read.code", {}, "a.tar.gz", gzipped(tar)),
        "zip member": Case("read.code", {}, "a.zip", zipped),
        "book as text": Case("read.books", {}, "a.txt", plain),
        "book as EPUB": Case("read.books", {}, "a.epub", epub),
        "Wikipedia page": Case("read.wikipedia", {}, "a.xml", wiki),
    }
    bombs = {
        "gzip bomb": Case("read.jsonl", {}, "a.jsonl.gz", gzipped(zeros)),
        "zstd bomb": Case("read.jsonl", {}, "a.jsonl.zst", repeated(zstd.compress, LINE)),
        "bzip2 bomb": Case("read.jsonl", {}, "a.jsonl.bz2", repeated(bz2.compress, LINE)),
        "xz bomb": Case("read.jsonl", {}, "a.jsonl.xz", repeated(lambda d: lzma.compress(d, preset=0), LINE)),
        "lz4 bomb": Case("read.jsonl", {}, "a.jsonl.lz4", repeated(lz4.frame.compress, LINE)),
        "gzip bomb of one text": Case("read.text", {}, "a.txt.gz", gzipped(zeros)),
        "gzip bomb as a book": Case("read.books", {}, "a.txt.gz", gzipped(zeros)),
        "tar.gz bomb": Case("read.code", {}, "a.tar.gz", gzipped(lambda f, n: tar(f, n, zero))),
        "zip bomb": Case("read.code", {}, "a.zip", lambda f, n: zipped(f, n, block=zero)),
        "zip bomb in a zip": Case("read.code", {}, "a.zip", nested),
        "EPUB bomb": Case("read.books", {}, "a.epub", epub),
        "gzip bomb in a response": Case("read.warc", {"max_record_bytes": "64MB"}, "a.warc", response),
        "gzip bomb as Wikipedia": Case("read.wikipedia", {}, "a.xml.gz", gzipped(wiki)),
    }
    huge = {
        "JSON lines": Case("read.jsonl", {}, "a.jsonl", many_lines),
        "JSON lines in gzip": Case("read.jsonl", {}, "a.jsonl.gz", gzipped(many_lines)),
        "Parquet row group": Case("read.parquet", {}, "a.parquet", parquet_group),
    }
    kinds = {"giant": giants, "bomb": bombs, "huge": huge}
    return {f"{kind}: {name}": (case, kind) for kind, found in kinds.items() for name, case in found.items()}


def main() -> None:
    """Make each input, read it, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of names")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--giant", type=int, default=2_000_000_000, help="bytes of a giant document")
    parser.add_argument("--bomb", type=int, default=10_000_000_000, help="bytes that a bomb unpacks to")
    parser.add_argument("--huge", type=int, default=3_000_000_000, help="bytes of a huge file")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        child(arguments.child, arguments.folder)
        return
    chosen = {name: found for name, found in cases().items() if any(part in name for part in arguments.only)}
    if arguments.list:
        print("\n".join(chosen))
        return
    folder = Path(tempfile.mkdtemp(prefix="giants-", dir=arguments.folder))
    try:
        small: dict[str, int] = {}
        for name, (case, kind) in chosen.items():
            if case.reader not in small:
                small[case.reader] = _measured(name, case, folder, 10)["own"]
            found = _measured(name, case, folder, getattr(arguments, kind))
            print(
                f"{name:32} {found['bytes'] / 1e6:9.1f} MB  kept {found['kept']}, quarantined {found['quarantined']}, "
                f"skipped {found['skipped']}; own memory {(found['own'] - small[case.reader]) >> 20:+5} MB; "
                f"{found['seconds']:.1f} s; {found['errors']}",
                flush=True,
            )
    finally:
        shutil.rmtree(folder)


def _measured(name: str, case: Case, folder: Path, size: int) -> dict[str, Any]:
    (folder / "in").mkdir()
    path = folder / "in" / case.name
    with open(path, "wb") as file:
        case.write(file, size)
    command = [sys.executable, __file__, "--child", name, "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    peak = sampled(process)[process.pid]
    assert process.stdout is not None
    said = process.stdout.read().splitlines()
    if process.wait():
        found = {"kept": "?", "quarantined": "?", "skipped": "?", "seconds": 0, "errors": f"died: {process.returncode}"}
    else:
        found = json.loads(said[-1])
    size = os.path.getsize(path)
    shutil.rmtree(folder / "in")
    shutil.rmtree(folder / "out", ignore_errors=True)
    return {**found, **peak, "bytes": size}


def child(name: str, folder: Path) -> None:
    """Read the one input in this process and print what came of it as JSON."""
    import pyarrow.parquet as pq

    from corpusforge.engine.run import run
    from corpusforge.pipeline import Pipeline, RunOptions, Source
    from corpusforge.registry import find
    from corpusforge.stages.write.parquet import Parquet

    case, _ = cases()[name]
    reader = find(case.reader).model_validate({**case.fields, "paths": str(folder / "in" / case.name)})  # type: ignore[arg-type]
    options = RunOptions(workers=1, max_error_fraction=1)
    begun = time.time()
    made = run(Pipeline((Source("one", case.reader, reader),), (), Parquet(path=str(folder / "out")), options=options))
    lost = [row["error"] for p in (folder / "out/quarantine").glob("*") for row in pq.read_table(p).to_pylist()]
    result = {
        **{name: made.manifest["documents"][name] for name in ("kept", "quarantined")},
        "skipped": made.manifest["skipped"],
        "seconds": time.time() - begun,
        "errors": lost[:2],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
