"""What a page says of itself."""

import pytest
from resiliparse.parse.html import HTMLTree

from corpusforge.stages.extract.page_blocks import blocks
from corpusforge.stages.extract.page_facts import facts
from corpusforge.stages.extract.page_tree import tree


def said(html: str, url: str | None = "https://example.org/a/b") -> dict:
    page = tree(str(HTMLTree.parse(html)).encode())
    return facts(page, blocks(page).hints, url)._asdict()


@pytest.mark.parametrize(
    "html, name, expected",
    [
        ("<title> A \n &amp; b</title>", "title", "A & b"),
        ("<svg><title>icon</title></svg><meta property='og:title' content='T &quot;q&quot;'>", "title", 'T "q"'),
        ("<p>nothing", "title", None),
        ("<html lang=de-AT>", "language", "de"),
        ("<html lang='english'>", "language", None),
        ("<meta http-equiv=content-language content=fr>", "language", "fr"),
        ("<link rel=canonical href='/c?x=1&amp;y=2'>", "canonical_url", "https://example.org/c?x=1&y=2"),
        ("<meta property=og:url content='https://example.org/d'>", "canonical_url", "https://example.org/d"),
        ("<link rel=canonical href='http://[bad'>", "canonical_url", "http://[bad"),
        ("<meta property=article:published_time content='2020-01-02T03:04:05+01:00'>", "published",
        "2020-01-02T03:04:05+01:00"),
        ("<meta itemprop=datePublished content='2020/01/02'>", "published", "2020-01-02"),
        ("<script type='application/ld+json'>{\"datePublished\": \"2021-05-06\"}</script>", "published", "2021-05-06"),
        ("<time datetime=2019-03-04>x</time>", "published", "2019-03-04"),
        ("<time datetime=2019-03-04>x</time><time datetime=2020-03-04>y</time>", "published", None),
        ("<meta name=date content='yesterday'>", "published", None),
        ("<p><a rel=license href='//creativecommons.org/licenses/by-sa/4.0/deed.de'>cc</a>", "license", "CC-BY-SA-4.0"),
        ("<link rel=license href='https://creativecommons.org/publicdomain/zero/1.0/'>", "license", "CC0-1.0"),
        ("<a rel='license' href='/terms'>x</a>", "license", "https://example.org/terms"),
        ("<meta name=ROBOTS content='NOINDEX, noarchive'><meta name=ccbot content=nofollow>", "robots",
        "noarchive, nofollow, noindex"),
        ("<meta name=robots content=''>", "robots", None),
    ],
)  # fmt: skip
def test_a_page_says(html: str, name: str, expected: str | None) -> None:
    assert said(html)[name] == expected


def test_a_page_without_address_keeps_relative_ones() -> None:
    assert said("<link rel=canonical href=/c>", None)["canonical_url"] == "/c"
