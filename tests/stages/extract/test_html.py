import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pyarrow as pa
import pytest

from corpusforge.errors import InputError
from corpusforge.source import Record, Split
from corpusforge.stage import cpu_seconds, reject
from corpusforge.stages.extract.html import Html
from corpusforge.stages.extract.main_text import Options, clean, open_engine
from corpusforge.stages.extract.page_process import page_process
from corpusforge.stages.read.warc import Warc
from corpusforge.testing import check_stage, docs, reasons

SENTENCE = "The quick brown fox jumps over the lazy dog, and so on. "
ARTICLE = f"<title> A  title </title><nav><a href=/>Home</a></nav><article><p>{SENTENCE * 9}</p></article>"


def pages(
    *contents: str | bytes | None, kind: str | None = "text/html; charset=utf-8", status: int | None = 200
) -> pa.RecordBatch:
    raw = [c.encode() if isinstance(c, str) else c for c in contents]
    rows = len(raw)
    return docs(
        *[None] * rows,
        content=pa.array(raw, pa.large_binary()),
        content_type=pa.array([kind] * rows, pa.string()),
        http_status=pa.array([status] * rows, pa.int16()),
    )


def run(batch: pa.RecordBatch, **fields: object) -> list[dict]:
    return Html(**fields).open()(batch).to_pylist()


def first(content: str | bytes | None, kind: str | None = "text/html; charset=utf-8", **fields: object) -> dict:
    return {"rejected": None} | run(pages(content, kind=kind), **fields)[0]


def test_the_stage_keeps_the_protocol():
    check_stage(Html)


@pytest.mark.parametrize("engine", ["corpusforge", "trafilatura", "resiliparse"])
def test_the_main_text_and_title_replace_the_payload(engine):
    row = first(ARTICLE, engine=engine)
    assert row["text"] == (SENTENCE * 9).strip()
    assert row["title"] == "A title"
    assert not {"content", "content_type", "http_status"} & set(row)


def test_a_title_of_the_reader_stays():
    batch = pages(ARTICLE)
    batch = batch.set_column(batch.schema.get_field_index("title"), "title", pa.array(["given"], pa.string()))
    assert run(batch)[0]["title"] == "given"


def test_og_title_stands_in_for_a_missing_title():
    assert first(f'<meta property="og:title" content="Other"><p>{SENTENCE * 9}')["title"] == "Other"


def test_rows_with_a_text_pass_unchanged_whatever_their_payload():
    batch = docs(
        "kept",
        "",
        content=pa.array([b"%PDF-", None], pa.large_binary()),
        content_type=pa.array(["text/html", None]),
        http_status=pa.array([404, None], pa.int16()),
    )
    out = Html().open()(batch)
    assert out["text"].to_pylist() == ["kept", ""]
    assert reasons(out) == [None, None]


def test_rejected_rows_are_not_extracted():
    out = Html().open()(reject(pages(ARTICLE, ARTICLE), [True, False], "earlier"))
    assert out["text"].to_pylist() == [None, (SENTENCE * 9).strip()]
    assert reasons(out) == ["earlier", None]


@pytest.mark.parametrize(
    "content", [None, b"", b" \r\n\0", b"<html></html>", b"<!-- only a comment -->", b"<img src=a>"]
)
def test_a_page_without_text_is_empty(content):
    assert first(content)["rejected"] == "empty_page"


@pytest.mark.parametrize(
    "status, reason", [(199, "http_error"), (200, None), (299, None), (301, "http_error"), (None, None)]
)
def test_only_success_is_extracted(status, reason):
    row = run(pages(ARTICLE, status=status))[0]
    assert row.get("rejected") == reason
    if reason:
        assert row["rejected_value"] == status


@pytest.mark.parametrize(
    "content, kind, found",
    [
        (b"%PDF-1.7 " + bytes(range(256)), "text/html", "application/pdf"),
        (bytes(range(256)) * 40, "text/html", "application/octet-stream"),
        (b'{"a": "<p>b</p>"}', "text/html", "application/json"),
        (b"body {}", "text/css", "text/css"),
    ],
)
def test_what_is_no_page_is_rejected_with_its_type(content, kind, found):
    row = first(content, kind)
    assert (row["rejected"], row["rejected_detail"], row["text"]) == ("not_html", found, None)


def test_plain_text_is_kept_whole():
    row = first("größer\r\nzweite Zeile <b>".encode("latin-1"), "text/plain; charset=iso-8859-1")
    assert row["text"] == "größer\nzweite Zeile <b>"
    assert row["title"] is None


def test_a_page_of_12_megabytes_is_too_large():
    row = first(ARTICLE + "x" * 12_000_000)
    assert (row["rejected"], row["rejected_value"]) == ("too_large", len(ARTICLE) + 12_000_000)
    assert first(ARTICLE, max_bytes=len(ARTICLE))["rejected"] is None


@pytest.mark.parametrize("engine", ["corpusforge", "trafilatura", "resiliparse"])
@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table><tr><td", "span", "blockquote", "template", "svg"])
def test_a_page_of_100_000_nested_tags_costs_little_and_never_hangs(engine, tag):
    began = cpu_seconds()
    row = first(f"<{tag}>x" * (100_000 // len(tag.split("><"))), engine=engine)
    assert row["rejected"] in {"too_deep", "too_many_nodes"}
    assert cpu_seconds() - began < 10


HOSTILE = {
    "50 MB": ("<p>word word " * 4_000_000, {}, "too_large"),
    "50 MB that the recipe lets in": ("<p>word word " * 4_000_000, {"max_bytes": 100 << 20}, "too_many_nodes"),
    "20 MB in one paragraph": (f"<p>{'word ' * 4_000_000}", {"max_bytes": 100 << 20}, None),
    "formatting that every paragraph opens again": (
        "".join(f"<b id={n}>" for n in range(5000)) + "<p>x" * 5000,
        {},
        "too_many_nodes",
    ),
    "100,000 attributes": ("<p " + " ".join(f"a{n}" for n in range(100_000)) + ">x", {}, "too_many_attributes"),
    "5 MB of open brackets": ("<" * 5_000_000, {}, None),
    "a comment that does not end": ("<!--" + "x-" * 4_000_000, {}, "empty_page"),
    "100,000 cells": ("<table><tr>" + "<td>x" * 100_000, {}, "too_many_nodes"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_has_bounded_time_and_memory(name):
    page, fields, reason = HOSTILE[name]
    began = cpu_seconds()
    row = first(page, **fields)
    assert row["rejected"] == reason
    assert cpu_seconds() - began < 10
    process = page_process()._process
    assert process is not None
    assert psutil.Process(process.pid).memory_info().rss < 1 << 30


def test_bounds_on_the_tree_are_inclusive():
    def nested(depth: int) -> str:
        return "<html><body>" + "<div>" * (depth - 2) + SENTENCE * 9 + "</div>" * (depth - 2)

    assert first(nested(40), max_depth=40)["rejected"] is None
    row = first(nested(41), max_depth=40)
    assert (row["rejected"], row["rejected_value"]) == ("too_deep", 41)
    page = "<html><body>" + f"<p>{SENTENCE}" * 10  # and the head that the parser adds
    assert first(page, max_nodes=13)["rejected"] is None
    row = first(page, max_nodes=12)
    assert (row["rejected"], row["rejected_value"]) == ("too_many_nodes", 13)


def test_entities_become_characters_and_invisible_ones_go():
    text = first("<article><p>" + "fish &amp; chips co&shy;op \u200bzero\ufeff &#8364;5. " * 9)["text"]
    assert text.startswith("fish & chips coop zero €5.")
    assert not set("\u00ad\u200b\ufeff") & set(text)


@pytest.mark.parametrize("engine", ["corpusforge", "trafilatura", "resiliparse"])
def test_joiners_that_carry_meaning_stay(engine):
    for written in ("می\u200cخواهم", "می&zwnj;خواهم", "می&#8204;خواهم", "می&#x200C;خواهم"):
        assert "می\u200cخواهم" in first(f"<article><p>{(written + ' ') * 40}", engine=engine)["text"]
    assert "👩\u200d👧" in first(f"<article><p>{SENTENCE * 5} 👩&zwj;👧 {SENTENCE}", engine=engine)["text"]


def test_zero_width_spaces_stay_between_letters_of_scripts_without_spaces():
    assert clean("ភាសា\u200bខ្មែរ a\u200bb") == "ភាសា\u200bខ្មែរ ab"


def test_a_tagline_taken_for_the_article_gives_way_to_a_much_longer_text(monkeypatch):
    for found, kept in (("A tagline.", SENTENCE * 9), (SENTENCE * 4, SENTENCE * 4)):
        monkeypatch.setattr(
            "trafilatura.core.bare_extraction", lambda *_, found=found, **__: SimpleNamespace(text=found)
        )
        assert open_engine(Options("trafilatura"))(ARTICLE.encode(), None).text == kept.strip()


def test_a_failure_of_the_engine_is_an_input_error_without_content(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret content")

    monkeypatch.setattr("trafilatura.core.bare_extraction", fail)
    with pytest.raises(InputError, match="trafilatura failed on this page: RuntimeError") as caught:
        open_engine(Options("trafilatura"))(b"<p>x", None)
    assert "secret" not in str(caught.value)


def real_pages(path: Path, count: int) -> list[Record]:
    split = Split("web", str(path), path.name, 0, 1, 1, 1)
    found = (r for r in Warc(paths=(str(path),)).read(split) if isinstance(r, Record))
    return [next(found) for _ in range(count)]


def test_a_page_gives_the_same_text_alone_and_after_50_others(shared):
    contents = [r.extra["content"] for r in real_pages(shared("web/trafilatura-eval-dev.warc.gz"), 51)]
    together = run(pages(*contents))
    again = run(pages(contents[-1], contents[7], contents[-1]))
    assert [again[0]["text"], again[1]["text"], again[2]["text"]] == [together[i]["text"] for i in (-1, 7, -1)]
    alone = Html().open()(pages(contents[-1]))
    assert alone["text"][0].as_py() == together[-1]["text"]


HASH = """
import json, sys
sys.path.insert(0, sys.argv[2])
from test_html import Path, digest_of
print(digest_of(Path(sys.argv[1])))
"""


def digest_of(path: Path) -> str:
    rows = run(pages(*[r.extra["content"] for r in real_pages(path, 100)]))
    return hashlib.sha256(json.dumps([[r["text"], r["title"]] for r in rows]).encode()).hexdigest()


def test_fresh_processes_with_other_hash_seeds_give_the_same_bytes(shared):
    path = shared("web/trafilatura-eval-dev.warc.gz")
    command = [sys.executable, "-c", HASH, str(path), str(Path(__file__).parent)]
    running = [
        subprocess.Popen(command, env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE) for seed in "12"
    ]
    digests = {process.communicate()[0] for process in running}
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def test_quality_on_pages_with_known_text_stays_above_its_floor(shared):
    """Snippets of 60 pages: those that must be in the text are, those that must not are not."""
    import io

    import zstandard

    raw = zstandard.ZstdDecompressor().stream_reader(shared("web/trafilatura-eval-dev-gold.jsonl.zst").open("rb"))
    gold = [json.loads(line) for line in io.TextIOWrapper(raw, "utf-8")][:60]
    found = real_pages(shared("web/trafilatura-eval-dev.warc.gz"), 60)
    rows = run(pages(*[r.extra["content"] for r in found]))
    texts = [row["text"] or "" for row in rows]
    assert [r.url for r in found] == [g["url"] for g in gold]
    hits = sum(s in text for text, g in zip(texts, gold, strict=True) for s in g["with"])
    missed = sum(s not in text for text, g in zip(texts, gold, strict=True) for s in g["with"])
    wrong = sum(s in text for text, g in zip(texts, gold, strict=True) for s in g["without"])
    assert 2 * hits / (2 * hits + missed + wrong) > 0.88


FACTS = (
    "<html lang=de-AT><title>T</title><link rel=canonical href=/a><link rel=license "
    "href=https://creativecommons.org/licenses/by/4.0/><meta name=robots content=noarchive>"
    f"<meta property=article:published_time content=2024-05-06><nav><a href=/>Home</a></nav><p>{SENTENCE * 9}"
)


def test_what_a_page_says_of_itself_is_in_columns():
    row = first(FACTS)
    found = {name: row[name] for name in ("language", "license", "published", "canonical_url", "robots", "date")}
    assert found == {
        "language": "de",
        "license": "CC-BY-4.0",
        "published": "2024-05-06",
        "canonical_url": "/a",
        "robots": "noarchive",
        "date": None,
    }


def test_what_the_reader_gave_stays_and_directives_for_robots_add_up():
    batch = pages(FACTS, b"plain text", kind="text/html")
    given = {"language": ["nl", "nl"], "license": ["MIT", None], "url": ["https://example.org/x/", None]}
    for name, values in given.items():
        batch = batch.set_column(batch.schema.get_field_index(name), name, pa.array(values, pa.string()))
    batch = batch.append_column("robots", pa.array(["NOINDEX, noarchive", "nofollow"], pa.string()))
    row, plain = run(batch)
    assert (row["language"], row["license"]) == ("nl", "MIT")
    assert (row["canonical_url"], row["robots"]) == ("https://example.org/a", "noarchive, noindex")
    assert plain["robots"] == "nofollow"


def test_the_blocks_of_a_page_are_counted_by_the_own_engine():
    row = first(f"<p><a href=/>{'link ' * 20}</a><p>{'word ' * 60}<p>{SENTENCE * 20}")
    assert row["block_count"] == 3
    assert row["link_fraction"] == pytest.approx(99 / (99 + 299 + len(SENTENCE) * 20 - 1), abs=0.01)
    assert 0 <= row["boilerplate_fraction"] < 1
    assert first(ARTICLE, engine="resiliparse")["block_count"] is None


def test_an_article_inside_an_object_without_an_end_is_read_and_what_an_object_says_beside_one_is_not():
    article = f"<article><h2>Storm</h2><p>{'It rained all night, and the river rose. ' * 12}</p></article>"
    plugin = "<object data=film.swf><p>Please install the player to see this film of ours.</p>"
    assert "the river rose" in first(f"<body>{plugin}{article}")["text"]
    beside = first(f"<body>{plugin}</object>{article}")["text"]
    assert "the river rose" in beside and "install" not in beside


def test_markdown_marks_what_plain_text_only_sets_in_lines():
    page = f"<article><h2>Steps</h2><p>{SENTENCE * 9}<ol><li>{SENTENCE}<li>{SENTENCE}</ol><p>{SENTENCE * 3}</article>"
    plain, marked = first(page)["text"], first(page, form="markdown")["text"]
    assert f"- {SENTENCE.strip()}\n- {SENTENCE.strip()}" in plain
    assert f"1. {SENTENCE.strip()}\n2. {SENTENCE.strip()}" in marked


def test_recall_keeps_at_least_what_precision_keeps(shared):
    batch = pages(*[r.extra["content"] for r in real_pages(shared("web/trafilatura-eval-dev.warc.gz"), 20)])
    kept = {favour: run(batch, favour=favour) for favour in ("precision", "balanced", "recall")}
    shares = {favour: sum(row["boilerplate_fraction"] for row in rows) for favour, rows in kept.items()}
    assert shares["precision"] > shares["balanced"] > shares["recall"]


@pytest.mark.parametrize("fields", [{"form": "markdown"}, {"favour": "recall"}])
def test_options_of_the_own_engine_are_refused_for_others(fields):
    with pytest.raises(ValueError, match="need the engine corpusforge, and the engine is trafilatura"):
        Html(engine="trafilatura", **fields)


def test_pages_in_this_process_give_the_same():
    assert first(FACTS, isolate=False) == first(FACTS)
