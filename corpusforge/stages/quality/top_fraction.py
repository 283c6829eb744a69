"""quality.top_fraction: the best share of the corpus by a number, exactly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from corpusforge.stage import CorpusKernel, CorpusStage, Example, Pass, reject
from corpusforge.stages.quality.cutoffs import Cutoffs, cutoff_pass


class TopFraction(CorpusStage):
    """Keep the best share of the documents by a column of numbers, such as the top tenth by a classifier's score.

    `fraction` (0..1) of the documents that reach the stage and have a value are kept: of n documents the whole number
    nearest to fraction x n, halves up. `best` says whether the highest or the lowest values stay (perplexity: lowest).
    Of documents with equal values those with the smaller doc_id, which is a hash, stay. With `by` (columns such as
    language or source) the share is taken in each group on its own; null is a group like any other. Null and NaN
    have no rank and do not count: `missing` says whether such documents are rejected or kept.

    The cut-off is that of the documents which reach the stage: put it after the stages that reject documents, and
    before tokenization.

    Reads: doc_id, `column`, and the columns of `by`.   Writes: nothing.
    Rejects: outside_top_fraction (value: the document's; detail: the value of the last document kept),
    no_value (with missing: reject).
    Cost: 2 µs of CPU per document (0.0004 CPU s per MB of 5 kB documents), 0.6 of them in one process; memory a row
    per group.
    Errors: a column that holds no numbers.

    Example:
        quality.top_fraction: {column: classifier_score, fraction: 0.1, by: [language]}

    Source: DCLM-Baseline (Li et al. 2024, arXiv:2406.11794, section 4.4) keeps the top tenth by a fastText classifier,
    as a fixed score found beforehand; here the cut-off is that of the corpus itself.
    """

    column: str
    fraction: float = Field(gt=0, le=1)
    best: Literal["highest", "lowest"] = "highest"
    by: tuple[str, ...] = ()
    missing: Literal["reject", "keep"] = "reject"

    @field_validator("by", mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def columns_read(self) -> tuple[str, ...]:
        """The doc_id, the column, and those that make groups."""
        return ("doc_id", self.column, *self.by)

    def rejection_reasons(self) -> tuple[str, ...]:
        """Documents without a value are rejected only if asked."""
        return ("outside_top_fraction", "no_value") if self.missing == "reject" else ("outside_top_fraction",)

    def passes(self) -> tuple[Pass, ...]:
        """One pass: the value at the asked rank of each group."""
        return (cutoff_pass(self.column, self.by, (self.fraction,), self.best == "highest"),)

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Load the cut-offs."""
        cutoffs = Cutoffs(artifacts["cutoffs"], self.column, self.by, (self.fraction,), self.best == "highest")

        def kernel(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
            beyond, missing, last = cutoffs.place(batch)
            if self.missing == "reject":
                batch = reject(batch, missing, "no_value")
            column = batch.column(self.column)
            cutoff = pa.array(last, mask=np.isnan(last))
            if pa.types.is_floating(column.type):
                cutoff = cutoff.cast(column.type)  # so that 0.9 is not spelt 0.8999999761581421
            outside = (beyond > 0) & ~missing
            return reject(
                batch, outside, "outside_top_fraction", column.cast(pa.float64(), safe=False), cutoff.cast(pa.string())
            )

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """One of four stays; one of two in each language; a text without a value is no part of the share."""
        quarter = cls(column="score", fraction=0.25)
        halves = cls(column="score", fraction=0.5, by=("language",), best="lowest", missing="keep")
        return (
            Example(quarter, {"text": "a", "score": 0.9}, None),
            Example(quarter, {"text": "b", "score": 0.8}, "outside_top_fraction", {"rejected_detail": "0.9"}),
            Example(quarter, {"text": "c", "score": 0.1}, "outside_top_fraction", {"rejected_value": 0.1}),
            Example(quarter, {"text": "d", "score": 0.2}, "outside_top_fraction"),
            Example(quarter, {"text": "e", "score": None}, "no_value"),
            Example(halves, {"text": "a", "score": 0.9, "language": "en"}, "outside_top_fraction"),
            Example(halves, {"text": "b", "score": 0.8, "language": "en"}, None),
            Example(halves, {"text": "c", "score": 2.0, "language": "de"}, None),
            Example(halves, {"text": "d", "score": 3.0, "language": "de"}, "outside_top_fraction"),
            Example(halves, {"text": "e", "score": None, "language": "de"}, None),
        )
