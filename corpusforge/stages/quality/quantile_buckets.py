"""quality.quantile_buckets: a label for each document by where its number stands in the corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from corpusforge.stage import CorpusKernel, CorpusStage, Example, Pass
from corpusforge.stages.quality.buckets import check_labels, label
from corpusforge.stages.quality.cutoffs import Cutoffs, cutoff_pass


class QuantileBuckets(CorpusStage):
    """Label documents by quantiles of a column of numbers: head, middle and tail of the corpus, or finer.

    `quantiles` (0..1, rising) cut the documents, sorted by value, into as many buckets as there are `labels`, the
    lowest values first. The buckets are exact: of n documents the first holds the whole number nearest to
    quantile x n, halves up, and so on; documents of equal value are told apart by their doc_id, which is a hash. With
    `by` (columns such as language or source) each group has quantiles of its own; null is a group like any other.
    Null and NaN have no rank, do not count and get the label null. `keep` names the labels that stay; when it is
    empty all stay, and so does null.

    Reads: doc_id, `column`, and the columns of `by`.
    Writes: `write` (string; default bucket).
    Rejects: wrong_bucket (value: the document's; detail: its label).
    Cost: 2 µs of CPU per document (0.0004 CPU s per MB of 5 kB documents), 0.6 of them in one process; memory a row
    per group and quantile.
    Errors: labels that are not one more than the quantiles; quantiles that do not rise; a column without numbers.

    Example:
        quality.quantile_buckets: {column: perplexity, quantiles: [0.3, 0.6], by: [language], keep: [head, middle]}

    Source: head, middle and tail of CCNet (Wenzek et al. 2020, arXiv:1911.00359), whose cut-offs are fixed in advance
    for each language (see quality.buckets); here they are those of the corpus itself.
    """

    reasons: ClassVar[tuple[str, ...]] = ("wrong_bucket",)

    column: str
    quantiles: tuple[float, ...] = Field((1 / 3, 2 / 3), min_length=1)
    labels: tuple[str, ...] = ("head", "middle", "tail")
    by: tuple[str, ...] = ()
    write: str = "bucket"
    keep: tuple[str, ...] = ()

    @field_validator("by", "keep", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> "QuantileBuckets":
        if not all(0 < q < 1 for q in self.quantiles):
            raise ValueError(f"quantiles lie between 0 and 1, not {list(self.quantiles)}")
        check_labels("quantiles", self.quantiles, self.labels, self.keep)
        return self

    def columns_read(self) -> tuple[str, ...]:
        """The doc_id, the column, and those that make groups."""
        return ("doc_id", self.column, *self.by)

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """The label's column."""
        return {self.write: pa.string()}

    def rejection_reasons(self) -> tuple[str, ...]:
        """Nothing is rejected unless labels are chosen."""
        return self.reasons if self.keep else ()

    def passes(self) -> tuple[Pass, ...]:
        """One pass: the values at the quantiles of each group."""
        return (cutoff_pass(self.column, self.by, self.quantiles, falling=False),)

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Load the cut-offs."""
        cutoffs = Cutoffs(artifacts["cutoffs"], self.column, self.by, self.quantiles, falling=False)

        def kernel(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
            beyond, missing, _ = cutoffs.place(batch)
            labels = pa.array(self.labels, pa.string()).take(pa.array(beyond, mask=missing))
            return label(batch, self.write, labels, self.column, self.keep)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Thirds of three documents; halves of which only the lower one is kept."""
        thirds = cls(column="perplexity")
        lower = cls(column="perplexity", quantiles=(0.5,), labels=("low", "high"), write="half", keep=("low",))
        return (
            Example(thirds, {"text": "a", "perplexity": 90.5}, None, {"bucket": "head"}),
            Example(thirds, {"text": "b", "perplexity": 4000.0}, None, {"bucket": "tail"}),
            Example(thirds, {"text": "c", "perplexity": 300.0}, None, {"bucket": "middle"}),
            Example(thirds, {"text": "", "perplexity": None}, None, {"bucket": None}),
            Example(lower, {"text": "a", "perplexity": 90.5}, None, {"half": "low"}),
            Example(lower, {"text": "b", "perplexity": 4000.0}, "wrong_bucket", {"rejected_detail": "high"}),
        )
