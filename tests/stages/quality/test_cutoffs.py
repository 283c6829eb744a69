"""Exact shares of the corpus by a number, and labels by cut-offs."""

import math
from collections import Counter
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from corpusforge.engine.verify import verify
from corpusforge.errors import RecipeError
from corpusforge.pipeline import Pipeline, RunOptions, Source, Step
from corpusforge.stage import CorpusStage
from corpusforge.stages.quality.buckets import Buckets
from corpusforge.stages.quality.quantile_buckets import QuantileBuckets
from corpusforge.stages.quality.top_fraction import TopFraction
from corpusforge.stages.read.parquet import Parquet as ReadParquet
from corpusforge.stages.write.parquet import Parquet
from corpusforge.testing import docs, judge, reasons, run_corpus_stage, run_stage

VALUES = st.one_of(st.none(), st.floats(width=32), st.integers(-3, 3).map(float))
SHARES = st.integers(1, 100).map(lambda n: n / 100)


def ranked(batch: pa.RecordBatch, highest: bool) -> dict[str | None, list[int]]:
    """Return, for each language, the rows that have a value, best first."""
    rows: dict[str | None, list[int]] = {}
    for i, row in enumerate(batch.select(["score", "language"]).to_pylist()):
        if row["score"] is not None and not math.isnan(row["score"]):
            rows.setdefault(row["language"], []).append(i)
    ids, scores = batch["doc_id"].to_pylist(), batch["score"].to_pylist()
    for group in rows.values():
        group.sort(key=lambda i: ((-scores[i] if highest else scores[i]), ids[i]))
    return rows


def share_of(share: float, documents: int) -> int:
    """Return the nearest whole number of documents, halves up, in decimal arithmetic."""
    return int((Decimal(str(share)) * documents).quantize(Decimal(1), ROUND_HALF_UP))


def corpus(values: list[tuple[float | None, str | None]]) -> pa.RecordBatch:
    """Return documents with a score and a language."""
    scores = pa.array([v for v, _ in values], pa.float32())
    return docs(*["x"] * len(values), score=scores, language=[language for _, language in values])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(VALUES, st.sampled_from(["en", "de", None])), max_size=60),
    SHARES,
    st.sampled_from(["highest", "lowest"]),
    st.integers(1, 7),
    st.integers(1, 9),
)
def test_the_share_kept_is_exact_in_each_group(
    values: list[tuple[float | None, str | None]], share: float, best: Any, split_rows: int, batch_rows: int
) -> None:
    batch = corpus(values)
    expected = {i for rows in ranked(batch, best == "highest").values() for i in rows[: share_of(share, len(rows))]}
    stage = TopFraction(column="score", fraction=share, best=best, by=("language",))
    splits = [batch.slice(i, split_rows) for i in range(0, batch.num_rows, split_rows)]
    judged = [r for b in run_corpus_stage(stage, splits, batch_rows=batch_rows) for r in reasons(b)]
    assert {i for i, reason in enumerate(judged) if reason is None} == expected


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(VALUES, st.just("en")), max_size=60), st.sets(st.integers(1, 99), min_size=1, max_size=4))
def test_buckets_hold_the_documents_between_two_quantiles(
    values: list[tuple[float | None, str | None]], percent: set[int]
) -> None:
    batch = corpus(values)
    quantiles = [p / 100 for p in sorted(percent)]
    labels = tuple(str(i) for i in range(len(quantiles) + 1))
    rows = ranked(batch, highest=False).get("en", [])
    ends = [0, *(share_of(q, len(rows)) for q in quantiles), len(rows)]
    expected: list[str | None] = [None] * batch.num_rows
    for name, start, end in zip(labels, ends, ends[1:], strict=False):
        for i in rows[start:end]:
            expected[i] = name
    stage = QuantileBuckets(column="score", quantiles=tuple(quantiles), labels=labels)
    assert run_stage(stage, batch)["bucket"].to_pylist() == expected


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.int8(), pa.float16(), pa.float64()])
def test_any_column_of_numbers_can_be_ranked(kind: pa.DataType) -> None:
    numbers = np.arange(10).astype(kind.to_pandas_dtype())
    batch = docs(*["x"] * 10, score=pa.array(numbers, kind))
    kept = [r is None for r in reasons(run_stage(TopFraction(column="score", fraction=0.3), batch))]
    assert kept == [False] * 7 + [True] * 3


def test_integers_beyond_the_precision_of_floats_are_told_apart() -> None:
    batch = docs("a", "b", score=pa.array([2**60, 2**60 + 1]))
    assert reasons(run_stage(TopFraction(column="score", fraction=0.5), batch)) == ["outside_top_fraction", None]


def test_documents_rejected_before_do_not_count() -> None:
    batch = docs("a", "b", "c", "d", score=[4.0, 3.0, 2.0, 1.0], rejected=pa.array(["earlier", None, "earlier", None]))
    for name, kind in (("rejected_value", pa.float64()), ("rejected_detail", pa.string())):
        batch = batch.append_column(name, pa.nulls(4, kind))
    judged = reasons(run_stage(TopFraction(column="score", fraction=0.5), batch))
    assert judged == ["earlier", None, "earlier", "outside_top_fraction"]


def test_a_small_group_may_lose_all_its_documents_or_none() -> None:
    batch = docs("a", "b", score=[1.0, 2.0], language=["en", "de"])
    tenth = TopFraction(column="score", fraction=0.1, by=("language",))
    assert reasons(run_stage(tenth, batch)) == ["outside_top_fraction"] * 2
    half = TopFraction(column="score", fraction=0.5, by=("language",))
    assert reasons(run_stage(half, batch)) == [None, None]


def test_a_column_without_numbers_is_refused() -> None:
    with pytest.raises(RecipeError, match="column 'title' is string"):
        judge(TopFraction(column="title", fraction=0.5), "a", title=["b"])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"quantiles": (0.5, 0.2)}, "must rise"),
        ({"quantiles": (0.5,)}, "1 cuts make 2 buckets, and there are 3 labels"),
        ({"quantiles": (0.5, 1.5)}, "between 0 and 1"),
        ({"keep": ("heat",)}, "no label 'heat'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        QuantileBuckets(column="score", **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "give cutoffs"),
        ({"cutoffs": (1.0, 2.0), "by": "language"}, "belong together"),
        ({"by": "language", "table": {"en": (1.0,)}}, "table: en: 1 cuts"),
    ],
)
def test_cutoffs_that_do_not_fit_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Buckets(column="score", **fields)


def test_a_recipe_gives_the_table_of_cutoffs_as_a_map() -> None:
    stage = Buckets.model_validate({"column": "p", "by": "language", "table": {"en": [1.0, 2.0]}})
    assert stage.table == (("en", (1.0, 2.0)),)
    assert Buckets.model_validate(stage.model_dump(mode="json")) == stage


# ------------------------------------------------------------------------------------- in the engine


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """Three Parquet files, 1,000 documents with scores of two decimals (many ties), some null, in two languages."""
    draw = np.random.default_rng(5)
    scores = [None if x > 0.95 else round(float(x), 2) for x in draw.random(1000)]
    table = pa.table(
        {
            "text": [f"document {i}" for i in range(1000)],
            "language": [("en", "de")[i % 3 == 0] for i in range(1000)],
            "score": pa.array(scores, pa.float32()),
        }
    )
    for part, rows in enumerate((0, 200, 700)):
        stop = (200, 700, 1000)[part]
        pq.write_table(table.slice(rows, stop - rows), tmp_path / f"part{part}.parquet", row_group_size=100)
    return tmp_path


def run(scored: Path, name: str, stage: CorpusStage, **options: Any) -> tuple[dict[str, Any], pa.Table]:
    """Run a pipeline of one stage; return the manifest and what was kept."""
    reader = ReadParquet.model_validate({"paths": f"{scored}/part*.parquet", "keep": {"score": "float32"}})
    given = {"workers": 1, "split_bytes": 2_000, **options}
    pipeline = Pipeline(
        (Source("web", "read.parquet", reader),),
        (Step("stage", stage),),
        Parquet(path=str(scored / name)),
        options=RunOptions.model_validate(given),
    )
    outcome = pipeline.run()
    assert verify(outcome.path) == []
    return outcome.manifest, pq.read_table(outcome.path / "data")


Run = Callable[..., tuple[dict[str, Any], pa.Table]]


def test_two_ray_workers_keep_exactly_the_share_that_one_keeps(scored: Path, ray_session: None) -> None:
    stage = TopFraction(column="score", fraction=0.1, by=("language",))
    one, kept = run(scored, "one", stage, batch_bytes="1kB")
    two, _ = run(scored, "two", stage, workers=2)
    assert one["content_checksum"] == two["content_checksum"]
    assert one["documents"]["read"] == 1000
    given = pq.read_table(sorted(scored.glob("part*.parquet")))
    ranked = given.filter(given["score"].is_valid())["language"].to_pylist()
    expected = {language: share_of(0.1, count) for language, count in Counter(ranked).items()}
    assert Counter(kept["language"].to_pylist()) == expected
    for language in expected:
        best = sorted(kept.filter(pa.compute.equal(kept["language"], language))["score"].to_pylist())
        others = given.filter(pa.compute.equal(given["language"], language))["score"].drop_null().to_pylist()
        assert best == sorted(others)[-len(best) :]


def test_a_recipe_can_cut_after_labelling(scored: Path) -> None:
    manifest, kept = run(scored, "head", QuantileBuckets(column="score", quantiles=(0.25, 0.5), keep=("head",)))
    labels = Counter(kept["bucket"].to_pylist())
    missing = labels.pop(None)
    assert labels == {"head": share_of(0.25, 1000 - missing)}
    assert manifest["documents"]["kept"] == kept.num_rows
