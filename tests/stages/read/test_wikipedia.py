"""What read.wikipedia promises: prose of articles, every page accounted for, no page that hangs."""

import bz2
import gzip
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.source import Found, Record, Skipped, Split, Unreadable
from corpusforge.stages.read.wikipedia import Wikipedia
from corpusforge.stages.read.wikitext import plain_text

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de"><siteinfo>
<base>https://de.wikipedia.org/wiki/Wikipedia:Hauptseite</base><namespaces><namespace key="0" />
<namespace key="6">Datei</namespace><namespace key="14">Kategorie</namespace></namespaces></siteinfo>"""


def page(title: str, text: str, namespace: int = 0, extra: str = "", model: str = "wikitext") -> str:
    return f"""<page><title>{title}</title><ns>{namespace}</ns><id>7</id>{extra}<revision><id>70</id>
    <timestamp>2020-01-02T03:04:05Z</timestamp><model>{model}</model><text>{text}</text></revision></page>"""


def read(folder: Path, data: bytes, name: str = "dump.xml", **options: object) -> list[Found]:
    path = folder / name
    path.write_bytes(data)
    split = Split("wiki", str(path), name, 0, len(data), len(data), 1)
    return list(Wikipedia(paths=(str(path),), **options).read(split))


def dump(*pages: str) -> bytes:
    return (HEAD + "".join(pages) + "</mediawiki>").encode()


def test_a_page_has_its_title_address_date_and_language(tmp_path: Path) -> None:
    (found,) = read(tmp_path, dump(page("Ä &amp; B", "Eins [[Datei:x.png|mini|zwei]] drei.[[Kategorie:K]]")))
    assert isinstance(found, Record)
    assert (found.text, found.title, found.origin) == ("Eins drei.", "Ä & B", "0")
    assert found.url == "https://de.wikipedia.org/wiki/%C3%84_%26_B"
    assert (found.date, found.language) == ("2020-01-02T03:04:05Z", "de")
    assert found.metadata == {"id": 7, "revision_id": 70}


def test_what_is_no_article_is_skipped_and_still_counts_in_the_origin(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        dump(
            page("A", "x", extra='<redirect title="B"/>'),
            page("B", "#WEITERLEITUNG [[C]]"),
            page("Hilfe:C", "x", namespace=12),
            page("D", "{}", model="json"),
            page("E", "prose"),
        ),
    )
    assert [r.type for r in found if isinstance(r, Skipped)] == ["redirect", "redirect", "namespace 12", "model json"]
    assert isinstance(found[-1], Record) and found[-1].origin == "4"
    asked = read(tmp_path, dump(page("Hilfe:C", "x", namespace=12)), namespaces=(0, 12))
    assert isinstance(asked[0], Record) and asked[0].metadata == {"id": 7, "revision_id": 70, "namespace": 12}


@pytest.mark.parametrize("name", ["dump.xml.bz2", "dump.gz", "dump.xml"])
def test_compressed_and_utf16_dumps_give_the_same_pages(tmp_path: Path, name: str) -> None:
    data = dump(page("A", "Größe"))
    if name == "dump.xml":
        data = data.decode().encode("utf-16")
    found = read(tmp_path, bz2.compress(data) if "bz2" in name else gzip.compress(data) if "gz" in name else data)
    assert [r.text for r in found if isinstance(r, Record)] == ["Größe"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_cut_dump_gives_its_good_pages_then_one_unreadable(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    data = pack(dump(*(page(f"P{i}", f"text {i * 7919} " * 400) for i in range(100))))
    found = read(tmp_path, data[: len(data) // 2])
    assert all(isinstance(r, Record) for r in found[:-1]) and len(found) > 20
    assert isinstance(found[-1], Unreadable) and found[-1].origin == str(len(found) - 1)


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE m [<!ENTITY a "aa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    found = read(tmp_path, bomb.encode() + dump(page("A", "x&b;&c;y")))
    assert "root" not in str(found) and "aaaa" not in str(found)


def test_of_a_page_with_history_the_last_revision_counts(tmp_path: Path) -> None:
    older = "<revision><id>1</id><timestamp>2001-01-01T00:00:00Z</timestamp><text>old</text></revision>" * 3
    (found,) = read(tmp_path, dump(page("A", "new", extra=older)))
    assert isinstance(found, Record) and (found.text, found.date) == ("new", "2020-01-02T03:04:05Z")


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("'''A''' is ''b'' and '''''c''''', l'''or'''.", "A is b and c, lor."),
        (
            "[[Town|the town]] and [[river]]s, [[Help:Paris (Texas)|]], [[:File:x]]",
            "the town and rivers, Paris, File:x",
        ),
        ("A{{Infobox|a={{b|c}}|d=[[e|f]]}}B{{lang|fr|mot}} {{convert|5|km|mi}}", "ABmot 5 km"),
        ("x\n{|class=a\n|-\n|cell {{a|}}\n{|\n|inner\n|}\n|}\ny", "x\n\ny"),
        ("a<ref name=x>no {{b}}</ref>b<ref name=x />c<!-- no -->d", "abcd"),
        ("H<sub>2</sub>O, 10<sup>-6</sup>, <math>x^{2}</math>", "H₂O, 10⁻⁶, $x^{2}$"),
        ("<nowiki>[[x]]</nowiki> <source lang=c>\n# a\n* b</source>", "[[x]] \n# a\n* b"),
        ("== A ==\ntext\n=== B ===\n{{c}}\n== D ==\n=== E ===\nmore\n== F ==\n", "A\n\ntext\n\nD\n\nE\n\nmore"),
        ("* one\n## two\n: three\n;four", "- one\n- two\nthree\nfour"),
        ("[http://a.b label] [http://a.b] http://c.d [x]", "label http://c.d [x]"),
        ("He ({{lang-el|x}}; {{IPA|y}}) ({{IPA|z}}, born 1900) ({{a}})", "He (x) (born 1900)"),
        ("a [[b {{c|d}} e}} f", "a [[b e}} f"),
        ("{{a|[[b}} c", "c"),
        ("-{zh-hans:鼠标; zh-hant:滑鼠}- [[de:Maus]] __TOC__ &amp;&nbsp;x", "鼠标 & x"),
    ],
)
def test_markup_becomes_prose(wikitext: str, expected: str) -> None:
    assert plain_text(wikitext) == expected


HOSTILE = [
    "{{a|[[",
    "''a '''b ",
    "<div><b>",
    "<!--",
    "<ref>",
    "{|\n",
    "[",
    "[http://a ",
    "}}",
    "{{{",
    "[[a|",
    "-{",
    "( ",
    "=",
    "*#",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_markup_takes_more_than_linear_time(piece: str) -> None:
    begun = time.process_time()
    for before, after in (("", ""), ("=a", "b="), ("(", ")"), ("[[", "|]]")):
        plain_text(before + piece * (50_000 // len(piece)) + after)
    assert time.process_time() - begun < 2  # 0.3 measured; a quadratic step takes minutes


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*HOSTILE, "]]", "|}", "|", "\n", "</ref>", "word ", "</table>", "<table>", "\x7f0\x7f"]))
)
def test_any_mixture_of_markup_gives_a_text(pieces: list[str]) -> None:
    text = plain_text("".join(pieces))
    assert "\x7f" not in text and len(text) <= 2 * len("".join(pieces))


def test_real_dumps_are_read_whole(shared: Callable[[str], Path]) -> None:
    counts: dict[str, Counter[str]] = {}
    for path in sorted(shared("wiki").iterdir()):
        split = Split("wiki", str(path), path.name, 0, path.stat().st_size, path.stat().st_size, 1)
        found = list(Wikipedia(paths=(str(path),)).read(split))
        counts[path.name.partition("-")[0]] = counts.get(path.name.partition("-")[0], Counter()) + Counter(
            type(r).__name__ for r in found
        )
        for record in found:
            if isinstance(record, Record):
                assert record.text and "{{" not in record.text and "[[" not in record.text, record.title
    assert counts == {"bgwiki": {"Record": 1, "Skipped": 2}, "enwiki": {"Record": 38, "Skipped": 36}}
