"""One document of each text, of each sequence of words, of each address."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusforge.stage import with_columns
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.url import Url, normal_form
from corpusforge.testing import docs, reasons, run_corpus_stage

TEXTS = st.sampled_from(["A cat.", "a  cat", "a, CAT!", "cat a", "...", "", None, "a cat\n"])


def normalised(text: str) -> tuple[str, ...]:
    return tuple("".join(c if c.isalnum() else " " for c in text).lower().split())


@given(st.lists(TEXTS, max_size=9), st.integers(1, 3), st.integers(1, 4))
def test_by_words_the_best_ranked_of_each_sequence_stays(
    texts: list[str | None], partitions: int, batch_rows: int
) -> None:
    batch = docs(*texts)
    rank = sorted(range(len(texts)), key=lambda i: (-len(texts[i] or ""), batch["doc_id"][i].as_py()))
    stays: dict[tuple[str, ...], int] = {}
    for i in rank:
        if texts[i] is not None and normalised(texts[i] or ""):
            stays.setdefault(normalised(texts[i] or ""), i)
    gone = {i for i in rank if texts[i] is not None and stays.get(normalised(texts[i] or ""), i) != i}
    found = run_corpus_stage(Exact(compare="words"), [batch], partitions, batch_rows)[0]
    assert {i for i, reason in enumerate(reasons(found)) if reason} == gone


@pytest.mark.parametrize("stage", [Exact(within="source"), Url(within="source")])
def test_within_source_copies_in_other_sources_stay(stage: Exact | Url) -> None:
    batch = docs(*["one"] * 4, url=["http://a.org/x"] * 4, source=["web", "books", "web", "books"])
    left = batch.filter(run_corpus_stage(stage, [batch])[0]["rejected"].is_null())
    assert sorted(left["source"].to_pylist()) == ["books", "web"]


@pytest.mark.parametrize(
    "other",
    [
        "http://example.org/a/b?x=1&y=2",
        "https://www.example.org/a/b/?y=2&x=1",
        "HTTPS://EXAMPLE.ORG:443/a/b?x=1&y=2#part",
        "https://example.org/a/b/index.php?x=1&y=2&utm_campaign=z&fbclid=3",
        "//me@example.org/a/b?x=1&y=2",
    ],
)
def test_addresses_of_one_page_have_one_form(other: str) -> None:
    assert normal_form(other) == normal_form("https://example.org/a/b?x=1&y=2")


@pytest.mark.parametrize(
    "other",
    [
        "https://example.org/a/B?x=1&y=2",
        "https://example.org/a/b?x=1",
        "https://example.org/a/b?x=1&y=3",
        "https://m.example.org/a/b?x=1&y=2",
        "https://example.org/a/b?x=1&y=2#!/page/3",
        "https://example.org/a?x=1&y=2",
    ],
)
def test_addresses_of_other_pages_have_another_form(other: str) -> None:
    assert normal_form(other) != normal_form("https://example.org/a/b?x=1&y=2")


def test_what_names_no_host_is_nobodys_copy() -> None:
    urls = [None, "", " ", "/index.html", "/", "#top", "http://", "?page=2"]
    assert reasons(run_corpus_stage(Url(), [docs(*"ab" * len(urls), url=urls + urls)])[0]) == [None] * 16


@given(st.text(max_size=40))
@example("http://[::1")
@example("http://a.org:port/")
@example("https://a.org/\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))
def test_any_text_has_a_form(url: str) -> None:
    assert isinstance(normal_form(url), str)


def test_the_newest_crawl_of_a_page_stays_unless_another_column_decides() -> None:
    batch = docs("a", "bb", "c", url=["http://a.org/"] * 3, date=["2021", "2023-01-01", "2023-06-01T00:00:00Z"])
    batch = with_columns(batch, score=pa.array([3.0, 1.0, None]))
    for stage, stays in ((Url(), 2), (Url(keep="longest"), 1), (Url(keep="score"), 0)):
        found = run_corpus_stage(stage, [batch])[0]
        assert [i for i, reason in enumerate(reasons(found)) if reason is None] == [stays]
        assert set(found["rejected_detail"].drop_null().to_pylist()) == {batch["doc_id"][stays].as_py()}
