"""What read.books promises: the book without its frame, in the right character set, or a reason."""

import bz2
import gzip
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from corpusforge.errors import InputError
from corpusforge.source import Found, Record, Split, Unreadable
from corpusforge.stages.read.books import Books
from corpusforge.stages.read.charset import decode
from corpusforge.stages.read.gutenberg import cut, unwrap
from corpusforge.stages.read.xhtml_text import text_of

HEADER = """The Project Gutenberg EBook of The Ferry, by A. Writer

Title: The Ferry
Author: A. Writer
Release Date: March 8, 2006 [EBook #99999]
Language: German
Character set encoding: ISO-8859-1

{start}

Produced by Nobody and the Online Team

"""
BOOK = "THE FERRY\n\nThe müller said:\nnothing."
START = "*** START OF THIS PROJECT GUTENBERG EBOOK THE FERRY ***"
END = "\n\n*** END OF THIS PROJECT GUTENBERG EBOOK THE FERRY ***\n\n" + "Licence. " * 500


def read(folder: Path, name: str, data: bytes, **options: object) -> Found:
    path = folder / name
    path.write_bytes(data)
    split = Split("books", str(path), name, 0, len(data), len(data), 1)
    (found,) = Books(paths=(str(path),), **options).read(split)
    return found


def gutenberg(start: str = START, end: str = END) -> str:
    return HEADER.format(start=start) + BOOK + end


def test_the_header_goes_to_columns_and_neither_it_nor_the_licence_stays(tmp_path: Path) -> None:
    found = read(tmp_path, "a.txt", gutenberg().replace("\n", "\r\n").encode())
    assert isinstance(found, Record)
    assert (found.text, found.origin) == (BOOK, "0")
    assert (found.title, found.language, found.date) == ("The Ferry", "de", "2006-03-08")
    assert found.metadata is not None
    assert found.metadata["id"] == "99999" and found.metadata["author"] == "A. Writer"
    assert found.metadata["credits"].startswith("Produced by Nobody")


@pytest.mark.parametrize(
    "start",
    [
        START,
        "***START OF THE PROJECT GUTENBERG EBOOK THE FERRY***",
        "*** START OF THE PROJECT GUTENBERG EBOOK THE FERRY, OR, A LONG\nTITLE ON TWO LINES ***",
        "*** START OF THE PROJECT GUTENBERG ETEXT OF THE FERRY ***",
        "*** START OF THE COPYRIGHTED PROJECT GUTENBERG EBOOK THE FERRY ***",
        "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nlaw\n"
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
    ],
)
def test_every_start_mark_of_five_decades_is_known(start: str) -> None:
    assert cut(gutenberg(start=start)).text == BOOK


@pytest.mark.parametrize(
    "end",
    [
        END,
        "\n***END OF THE PROJECT GUTENBERG EBOOK THE FERRY***\n",
        "\nEnd of the Project Gutenberg EBook of The Ferry, by\nA. Writer\n" + END,
        "\nEnd of Project Gutenberg's The Ferry, by A. Writer\n",
        "\nEnd of The Project Gutenberg Etext of The Ferry\n",
    ],
)
def test_every_end_mark_is_known(end: str) -> None:
    assert cut(gutenberg(end=end)).text == BOOK


def test_a_footer_line_inside_the_header_does_not_hide_the_start() -> None:
    start = "******This file should be named ferry.txt or ferry.zip******\n\n" + START
    assert cut(gutenberg(start=start)).text == BOOK


def test_an_end_mark_far_from_the_end_belongs_to_the_book() -> None:
    text = gutenberg(end="\nEnd of Project Gutenberg's first part\n" + "word " * 20_000)
    assert cut(text).text.endswith("word")


def test_a_text_without_marks_is_kept_whole() -> None:
    text = "\n\n  A poem\n\nTitle: none\n"
    assert cut(text).text == text


def test_a_declared_character_set_is_used_and_named(tmp_path: Path) -> None:
    found = read(tmp_path, "a.txt", gutenberg().encode("latin-1"))
    assert isinstance(found, Record) and found.text == BOOK
    assert found.metadata is not None and found.metadata["encoding"] == "cp1252"


def test_a_byte_order_mark_goes_before_the_declaration(tmp_path: Path) -> None:
    found = read(tmp_path, "a.txt", gutenberg().encode("utf-16"))
    assert isinstance(found, Record) and found.text == BOOK


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Съешь ещё этих мягких французских булок, да выпей же чаю. " * 30, "cp1251"),
        ("Съешь ещё этих мягких французских булок, да выпей же чаю. " * 30, "koi8-r"),
        ("An English text about a café, and little else. " * 30, "cp1252"),
        ("Voilà l'été, où les élèves rêvent déjà à Noël. " * 30, "cp1252"),
        ("山路を登りながら、こう考えた。智に働けば角が立つ。情に棹させば流される。" * 30, "shift_jis"),
    ],
)
def test_an_undeclared_character_set_is_detected(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == (text, encoding)


def test_one_damaged_byte_does_not_make_utf8_another_character_set() -> None:
    text, encoding = decode("Größe ".encode() * 50 + b"\xff")
    assert encoding == "utf-8" and text == "Größe " * 50 + "\ufffd"


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.txt.gz", gzip.compress), ("a.bz2", bz2.compress), ("a", zstandard.ZstdCompressor().compress)],
)
def test_compression_is_told_by_content(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    found = read(tmp_path, name, pack(gutenberg().encode()))
    assert isinstance(found, Record) and found.text == BOOK


def test_a_cut_file_is_unreadable_as_a_whole(tmp_path: Path) -> None:
    found = read(tmp_path, "a.txt.gz", gzip.compress(gutenberg().encode())[:-20])
    assert isinstance(found, Unreadable) and "breaks off" in found.error


def test_what_is_larger_than_allowed_or_no_text_is_unreadable(tmp_path: Path) -> None:
    large = read(tmp_path, "a.txt", b"x" * 100, max_document_bytes=99)
    binary = read(tmp_path, "b.txt", b"\x7fELF\0\0\0")
    assert isinstance(large, Unreadable) and isinstance(binary, Unreadable)


def test_unwrap_joins_prose_and_leaves_verse() -> None:
    prose = (
        "The ferry crossed the river twice a day until\nthe bridge was built, and after that it carried\nonly sheep."
    )
    verse = "O rose,\nthou art\nsick."
    indented = "    A line set in\n    by hand."
    joined = prose.replace("\n", " ")
    assert unwrap(f"{prose}\n\n{verse}\n\n{indented}\n\n{prose}") == f"{joined}\n\n{verse}\n\n{indented}\n\n{joined}"


def test_one_endless_line_is_read_in_linear_time() -> None:
    begun = time.process_time()
    for piece in (" ", "*", "*** START OF ", "by "):
        unwrap(cut("*** START OF THE PROJECT GUTENBERG EBOOK X ***\n" + piece * 100_000).text + piece * 100_000 + "x")
    assert time.process_time() - begun < 5  # 0.3 measured; a quadratic step takes minutes


# ------------------------------------------------------------------------------------------------ EPUB


def epub(spine: tuple[str, ...] = ("c2", "nav", "c1"), extra: dict[str, bytes] | None = None) -> bytes:
    package = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata
        xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Ferry</dc:title><dc:creator>A. Writer</dc:creator>
        <dc:language>de-AT</dc:language><dc:date>2001-05</dc:date>
        <link rel="cc:license" href="http://creativecommons.org/licenses/by/4.0/"/></metadata><manifest>
        <item id="c1" href="text/one%20.xhtml" media-type="application/xhtml+xml"/>
        <item id="c2" href="text/two.xhtml" media-type="application/xhtml+xml"/>
        <item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
        <item id="css" href="a.css" media-type="text/css"/>
        <item id="lost" href="lost.xhtml" media-type="application/xhtml+xml"/></manifest>
        <spine>SPINE</spine></package>""".replace("SPINE", "".join(f'<itemref idref="{i}"/>' for i in spine))
    container = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile'
    members = {
        "META-INF/container.xml": f'{container} full-path="OPS/b.opf"/></rootfiles></container>'.encode(),
        "OPS/b.opf": package.encode(),
        "OPS/nav.xhtml": b"<html><body>CONTENTS</body></html>",
        "OPS/text/one .xhtml": b"<html xmlns='http://www.w3.org/1999/xhtml'><p>One&nbsp;&amp; all.</p></html>",
        "OPS/text/two.xhtml": b"<html><body><h1>Two</h1><p>The <ruby>x<rt>y</rt></ruby>.</p></body></html>",
        **(extra or {}),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        for name, data in members.items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def test_an_epub_is_read_in_spine_order_without_its_contents(tmp_path: Path) -> None:
    found = read(tmp_path, "not-named-epub", epub())
    assert isinstance(found, Record)
    assert found.text == "Two\n\nThe x.\n\nOne\xa0& all."
    assert (found.title, found.language, found.date, found.license) == ("The Ferry", "de", "2001-05", "CC-BY-4.0")
    assert found.metadata == {"author": "A. Writer"}


def encryption(algorithm: str, name: str) -> bytes:
    return f"""<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><e:EncryptedData
        xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptionMethod Algorithm="{algorithm}"/><e:CipherData>
        <e:CipherReference URI="{name}"/></e:CipherData></e:EncryptedData></encryption>""".encode()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (epub(spine=("c1", "lost")), "lacks 'OPS/lost.xhtml'"),
        (epub(spine=("css",)), "no XHTML"),
        (epub(extra={"OPS/b.opf": b"<package"}), "not well-formed"),
        (epub(extra={"META-INF/encryption.xml": encryption("aes256", "OPS/text/two.xhtml")}), "encrypted"),
        (epub()[:900], "damaged EPUB"),
        (epub(extra={"OPS/text/two.xhtml": b"<p>" + b" " * 5000}), "over 4000 bytes"),
        (b"PK\x05\x06" + bytes(18), "no EPUB"),
    ],
)
def test_an_epub_that_cannot_be_read_whole_is_unreadable(tmp_path: Path, data: bytes, error: str) -> None:
    found = read(tmp_path, "a.epub", data, max_member_bytes=4000)
    assert isinstance(found, Unreadable) and error in found.error


def test_obfuscated_fonts_do_not_make_a_book_encrypted(tmp_path: Path) -> None:
    data = epub(extra={"META-INF/encryption.xml": encryption("http://www.idpf.org/2008/embedding", "OPS/a.ttf")})
    assert isinstance(read(tmp_path, "a.epub", data), Record)


def test_entities_of_a_page_are_never_expanded() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;"><!ENTITY d SYSTEM "file:///etc/passwd">]><a>x&c;&d;y</a>'
    assert text_of(bomb) == "xy"


def test_a_formula_is_written_in_line() -> None:
    page = b"""<p>If <math xmlns="http://www.w3.org/1998/Math/MathML"><msup><mi>x</mi><mn>2</mn></msup><mo>=</mo><mfrac>
        <mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac></math>, stop.</p>"""
    assert text_of(page) == "If x^2 = a/(b + 1), stop."


def test_a_page_that_is_not_well_formed_is_read_as_html() -> None:
    assert text_of("<p>one<br>tw\u00f6<p>three & four".encode()) == "one\ntw\u00f6\n\nthree & four"
    latin = "<?xml version='1.0' encoding='ISO-8859-1'?><p>tw\u00f6<br>".encode("latin-1")
    assert text_of(latin) == "tw\u00f6"


def test_a_page_nested_too_deep_is_an_error_and_not_a_shorter_text() -> None:
    with pytest.raises(InputError, match="depth"):
        text_of(b"<div>" * 5000 + b"x" + b"</div>" * 5000)


def test_verse_lists_and_preformatted_text_keep_their_lines() -> None:
    page = b"<body><div>Roses</div><div>are</div><ul><li><p>a</p></li><li>b</li></ul><pre>x  y\n z</pre></body>"
    assert text_of(page) == "Roses\nare\na\nb\n\nx  y\n z"


@pytest.mark.parametrize("name", ["gutenberg", "epub"])
def test_no_real_book_keeps_a_library_mark(shared: Callable[[str], Path], name: str) -> None:
    books = sorted(shared(f"books/{name}").iterdir())
    assert books
    for path in books:
        split = Split("books", str(path), path.name, 0, path.stat().st_size, path.stat().st_size, 1)
        (found,) = Books(paths=(str(path),)).read(split)
        assert isinstance(found, Record) and found.text and len(found.text) > 10_000, path
        assert "PROJECT GUTENBERG EBOOK" not in found.text, path
        assert found.title and found.language, path
