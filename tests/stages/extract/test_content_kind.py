import pytest

from corpusforge.stages.extract.content_kind import kind_of

PAGE = b"<!DOCTYPE html><html><body><p>x</p></body></html>"


@pytest.mark.parametrize(
    "content, claimed, kind",
    [
        (PAGE, "text/html", "html"),
        (PAGE, "TEXT/HTML;charset=utf-8", "html"),
        (PAGE, None, "html"),
        (PAGE, "application/octet-stream", "html"),
        (PAGE, "text/plain", "html"),
        (b'<?xml version="1.0"?>\n<!-- x --><html xmlns="x">', "application/xml", "html"),
        ("\ufeff<p>x".encode("utf-16"), "text/html", "html"),
        ("<p>日本語".encode("iso-2022-jp"), "text/html", "html"),
        ("<html>x".encode("utf-16-le"), "text/html; charset=utf-16", "html"),
        (b"no tags at all", "text/html", "html"),
        (b"a plain note", "text/plain", "text"),
        (b"# Title", "text/markdown", "text"),
        (b"[a link](b) [c]", "text/html", "html"),
    ],
)
def test_pages_and_plain_text_are_recognised(content, claimed, kind):
    assert kind_of(content, claimed)[0] == kind


@pytest.mark.parametrize(
    "content, claimed, found",
    [
        (b"%PDF-1.7\n...", "text/html", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "text/html", "image/png"),
        (bytes(range(256)) * 9, "text/html", "application/octet-stream"),
        (b' {"a": [1, 2]}\n', "text/html", "application/json"),
        (b'{"a": 1}', "application/json; charset=utf-8", "application/json"),
        (b"var a = '<html>'", "text/javascript", "text/javascript"),
        (b'<?xml version="1.0"?><rss><html/></rss>', "text/xml", "text/xml"),
        (b"a plain note", None, "unknown"),
    ],
)
def test_other_things_are_named(content, claimed, found):
    assert kind_of(content, claimed) == (None, found)
