"""Books: plain text with or without Project Gutenberg's frame, and EPUB."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import ByteSize, Field

from corpusforge.errors import InputError
from corpusforge.source import Found, Reader, Record, Split, Unreadable
from corpusforge.stages.read.bounded import BoundedBytes
from corpusforge.stages.read.charset import decode
from corpusforge.stages.read.epub import read_epub
from corpusforge.stages.read.gutenberg import cut, declared_charset, unwrap

ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class Books(Reader):
    """Read books, one document each: plain text as Project Gutenberg stores it, and EPUB 2 and 3.

    The kind is told by content. Text may be compressed (gzip, zstd, bzip2, lz4, xz); its character set is found by
    byte order mark, UTF-8, the header's declaration, detection, in this order (`metadata.encoding` when not UTF-8).
    Line ends become newlines. Project Gutenberg's header, credits and licence are removed by their marks and what they
    say goes to `title`, `language` (ISO 639), `date` (release of the electronic text) and `metadata` (author,
    translator, credits, id: the e-book number). A file without marks is kept whole. Lines stay as they are wrapped;
    `unwrap: true` joins the lines of prose paragraphs and leaves verse.

    Of an EPUB, the XHTML texts in the spine's order, tables of contents left out; ruby annotations and page numbers
    dropped, formulas written in line. `title`, `language`, `date`, `license` (Creative Commons links) and `metadata`
    (author, rights, ...) come from the package. The origin is 0 for every book.

    Unreadable: a compressed file that breaks off, a book over `max_document_bytes`, bytes that are no text (NUL), a
    zip archive that is no EPUB, an EPUB that is encrypted, or of which a text is missing, damaged or over
    `max_member_bytes`.

    Cost: 0.02 CPU s per MB of plain text, 0.05 per MB of XHTML, 115 MB per worker process (measured, one core).

    Example:
        read.books: {paths: "books/*", unwrap: true}

    Source: Project Gutenberg's files of 1991 to 2024; EPUB 3.3 (W3C 2023).
    """

    suffixes: ClassVar[tuple[str, ...]] = (
        ".epub", ".txt", *(f".txt.{packed}" for packed in ("gz", "zst", "bz2", "lz4", "xz"))
    )  # fmt: skip
    memory_bytes: ClassVar[int] = 256 << 20
    depends: ClassVar[tuple[str, ...]] = ("lxml", "resiliparse")

    unwrap: bool = False
    max_document_bytes: ByteSize = Field(ByteSize(64 << 20), ge=1)  # of text, or of all XHTML of an EPUB
    max_member_bytes: ByteSize = Field(ByteSize(16 << 20), ge=1)  # of one XHTML file

    def read(self, split: Split) -> Iterator[Found]:
        """Give the one document of the file."""
        try:
            with split.open() as file:
                head = file.read(4)
                file.seek(0)
                if head in ZIP:
                    yield read_epub(file, self.max_member_bytes, self.max_document_bytes)
                else:
                    yield self._text(BoundedBytes(file, split.size, self.max_document_bytes).read())
        except InputError as error:
            yield Unreadable("0", str(error), split.size)

    def _text(self, data: bytes) -> Record:
        text, encoding = decode(data, declared_charset(data))
        if "\0" in text:
            raise InputError(f"no text: a NUL at character {text.index(chr(0))}")
        book = cut(text.replace("\r\n", "\n").replace("\r", "\n"))
        found = Record("0", unwrap(book.text) if self.unwrap else book.text)
        found.title, found.language, found.date = book.title, book.language, book.date
        found.metadata = book.metadata if encoding == "utf-8" else {**book.metadata, "encoding": encoding}
        return found
