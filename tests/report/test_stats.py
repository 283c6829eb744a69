"""What a corpus consists of: equal to counting its rows by ordinary Python, whatever the format."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.cli import main
from corpusforge.engine import tally as tallies
from corpusforge.engine.tally import Tally
from corpusforge.report import stats as reports
from corpusforge.report.card import card
from corpusforge.report.figures import figures
from corpusforge.report.stats import DomainCounts, stats
from corpusforge.stages.write.megatron import Megatron
from corpusforge.stages.write.memmap import Memmap
from corpusforge.stages.write.parquet import Parquet
from tests.engine.mixed import mixed, write_corpus, written

LAYOUT = {"order": "shuffled", "upsample": {"copies": {3: 2}}, "validation": {"fraction": 0.2}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("counted"), {"web": 120, "books": 40})


def plainly(rows: list[dict[str, Any]], group: str) -> dict[Any, list[int]]:
    """Return documents, bytes and tokens by a column."""
    found: dict[Any, list[int]] = {}
    for row in rows:
        counts = found.setdefault(row[group], [0, 0, 0])
        for place, size in enumerate((1, len(row["text"].encode()), row["token_count"])):
            counts[place] += size
    return found


@pytest.mark.parametrize("validation", [False, True])
def test_counts_are_those_of_the_rows(folder: Path, tmp_path: Path, validation: bool) -> None:
    output = mixed(folder, tmp_path / "out", LAYOUT).run().path
    rows = written(output, "validation" if validation else "data").to_pylist()
    found = stats(output, validation=validation)
    for group in ("source", "language"):
        assert {row["value"]: [row["documents"], row["bytes"], row["tokens"]] for row in found[group]} == plainly(
            rows, group
        )
    assert found["documents"] == len(rows)
    assert found["tokens"] == sum(row["token_count"] for row in rows)
    lengths = Counter(row["token_count"].bit_length() for row in rows)
    assert [one["documents"] for one in found["lengths"]["tokens"]] == [lengths[n] for n in range(max(lengths) + 1)]
    assert all(one["tokens"] <= one["max"] * one["documents"] for one in found["lengths"]["tokens"])


@pytest.mark.parametrize(
    ("writer", "pack"),
    [
        (Memmap, None),
        (Megatron, None),
        (Parquet, {"length_tokens": 64}),
        (Memmap, {"length_tokens": 64, "shuffle": True}),
    ],
)
def test_every_format_tells_the_same_but_for_domains(
    folder: Path, tmp_path: Path, writer: Callable[..., Any], pack: dict[str, Any] | None
) -> None:
    mixed(folder, tmp_path / "plain", LAYOUT).run()
    mixed(folder, tmp_path / "out", {**LAYOUT, "pack": pack}, writer(path=str(tmp_path / "out"))).run()
    plain, found = stats(tmp_path / "plain"), stats(tmp_path / "out")
    for name in ("documents", "bytes", "tokens", "source", "language", "license", "lengths"):
        assert found[name] == plain[name], name
    assert "domains are not known" in found["notes"][0] and not found["domains"]
    assert ("packed" in found) == (pack is not None)
    for name in ("sources", "languages"):  # of the report and the card
        assert figures(tmp_path / "out")[name] == figures(tmp_path / "plain")[name]
    assert "| not named by the files |" in card(tmp_path / "out")
    assert "| not stated |" in card(tmp_path / "plain")


def test_what_shows_rows_says_that_token_ids_have_none(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(mixed(folder, tmp_path / "out", LAYOUT, Megatron(path=str(tmp_path / "out"))).run().path)
    for arguments in (["head", out], ["head", out, "--kind", "validation"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        assert (ended.value.code, said.out) == (1, "") and "token ids" in said.err


@pytest.mark.parametrize("pack", [None, {"length_tokens": 64}])
def test_runs_whose_shards_name_no_documents_are_compared_but_for_those(
    folder: Path, tmp_path: Path, pack: dict[str, Any] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = str(mixed(folder, tmp_path / "plain", LAYOUT).run().path)
    writer = None if pack else Megatron(path=str(tmp_path / "out"))
    out = str(mixed(folder, tmp_path / "out", {**LAYOUT, "pack": pack}, writer).run().path)
    with pytest.raises(SystemExit) as ended:
        main(["compare", plain, out, "--page", str(tmp_path / "page.html")])
    said = capsys.readouterr().out
    assert ended.value.code == 0 and "read.parquet (web)" in said and "same fate" not in said
    for where in (said, (tmp_path / "page.html").read_text()):
        assert "changed sides is not known" in where and "/out/data/part-00000." in where


URLS = st.sampled_from(
    [None, "", "no address", "https://www.Example.org/a", "http://me@news.bbc.co.uk:80/x", "https://192.168.0.1/", "ftp://[::1]/"]
)  # fmt: skip


@given(st.lists(st.tuples(URLS, st.integers(0, 9)), max_size=20), st.integers(0, 20))
def test_domains_are_registered_ones_or_hosts(rows: list[tuple[str | None, int]], cut: int) -> None:
    domain = {
        "https://www.Example.org/a": "example.org",
        "http://me@news.bbc.co.uk:80/x": "bbc.co.uk",
        "https://192.168.0.1/": "192.168.0.1",
        "ftp://[::1]/": "[::1]",
    }
    batch = pa.record_batch(
        {"url": pa.array([u for u, _ in rows], pa.string()), "token_count": pa.array([n for _, n in rows], pa.int64())}
    )
    counts = DomainCounts()
    counts.add(batch.slice(0, cut))
    counts.add(batch.slice(cut))
    due: dict[str | None, list[int]] = {}
    for url, number in rows:
        entry = due.setdefault(domain.get(url or ""), [0, 0])
        entry[0] += 1
        entry[1] += number
    assert counts.domains == due


def test_memory_for_domains_is_bounded_and_what_is_lost_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_DOMAINS", 50)
    draw = np.random.default_rng(2)
    numbers = (draw.zipf(1.2, 20_000) % 5_000).tolist()
    counts = DomainCounts()
    for start in range(0, len(numbers), 100):
        urls = [f"https://host{n}.example{n}.org/" for n in numbers[start : start + 100]]
        counts.add(pa.record_batch({"url": urls}))
    truth = Counter(numbers)
    assert len(counts.domains) <= 100
    assert counts.dropped > 0
    for name, (found, _) in counts.domains.items():
        assert name is not None
        due = truth[int(name.removeprefix("example").removesuffix(".org"))]
        assert due - counts.dropped <= found <= due
    assert next(iter(sorted(counts.domains.values(), reverse=True)))[0] > truth.most_common(1)[0][1] - counts.dropped


def test_a_group_of_too_many_values_keeps_its_largest_and_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MOST", 3)
    tally = Tally()
    for number in range(20):
        lots = 100 if number < 3 else 1
        tally.add(pa.record_batch({"source": [f"s{number}"], "text": ["x" * lots], "token_count": [lots]}))
    again = Tally()
    again.merge(tally.report())
    report = again.report()
    assert [row[0] for row in report["source"]][:3] == ["s0", "s1", "s2"]
    listed = np.array([row[1:] for row in report["source"]]).sum(axis=0) + report["other_source"]
    assert listed.tolist() == [20, 317, 317]


def test_the_command_prints_tables_and_json(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = mixed(folder, tmp_path / "out", {"pack": {"length_tokens": 64}})
    pipeline.run()

    def say(*options: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["stats", str(tmp_path / "out"), *options])
        printed = capsys.readouterr()
        assert ended.value.code == 0, printed.err
        return printed.out

    out = say()
    assert "packed: " in out and "zh/Hant" in out and "(empty)" in out and "tokens in a document" in out
    assert orjson.loads(say("--json"))["documents"] == 160


def test_what_is_not_there_is_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixed(folder, tmp_path / "out", {}).run()
    for arguments, said in (
        (["nothing"], "no folder nothing"),
        ([str(tmp_path / "out"), "--validation"], "no layout.val"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["stats", *arguments])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
