import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from corpusforge.errors import InputError
from corpusforge.source import Record, Split
from corpusforge.stage import reject
from corpusforge.stages.extract.html import Html
from corpusforge.stages.extract.main_text import Options, clean, open_engine
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
@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table><tr><td", "span", "blockquote"])
def test_a_page_of_100_000_nested_tags_costs_little_and_never_hangs(engine, tag):
    began = time.process_time()
    row = first(f"<{tag}>x" * (100_000 // len(tag.split("><"))), engine=engine)
    assert row["rejected"] in {"too_deep", "too_many_nodes"}
    assert time.process_time() - began < 10


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
