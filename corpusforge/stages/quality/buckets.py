"""quality.buckets: a label for each document by given cut-offs of a number."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator, model_validator

from corpusforge.stage import Example, Kernel, Stage, reject, with_columns


class Buckets(Stage):
    """Label documents by cut-offs of a column of numbers, such as head, middle and tail by perplexity.

    A value below the first cut-off gets the first label, one from there to below the second the second, and so on;
    the last label is of values at or above the last cut-off. With `by`, a column of strings, `table` holds the
    cut-offs for each of its values, as lists of the same length; documents with another value (or null) go by
    `cutoffs`, and get the label `other` when there are none. Null and NaN in `column` get the label null. `keep`
    names the labels that stay; when it is empty all stay, and so do documents without a label.

    Reads: `column`, and the column `by`.
    Writes: `write` (string; default bucket).
    Rejects: wrong_bucket (value: the document's; detail: its label).
    Cost: 0.2 µs of CPU per document.
    Errors: labels that are not one more than the cut-offs; cut-offs that do not rise; a column without numbers.

    Example:
        quality.buckets: {column: perplexity, by: language, table: {en: [340, 520], de: [370, 590]},
                          labels: [head, middle, tail], other: all, keep: [head, all]}

    Source: CCNet (Wenzek et al. 2020, arXiv:1911.00359): head is below the 30th percentile of the perplexities of the
    language, middle below the 60th (cc_net/data/cutoff.csv), tail above, `all` a language without a model.
    """

    reasons: ClassVar[tuple[str, ...]] = ("wrong_bucket",)

    column: str
    cutoffs: tuple[float, ...] = ()
    by: str | None = None
    table: tuple[tuple[str, tuple[float, ...]], ...] = ()  # in a recipe a map
    labels: tuple[str, ...] = ("head", "middle", "tail")
    other: str | None = None
    write: str = "bucket"
    keep: tuple[str, ...] = ()

    @field_validator("table", mode="before")
    @classmethod
    def _from_map(cls, value: Any) -> Any:
        return tuple(value.items()) if isinstance(value, dict) else value

    @field_validator("keep", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> "Buckets":
        if not self.cutoffs and not self.table:
            raise ValueError("give cutoffs, or by and a table of cut-offs; quality.quantile_buckets finds them itself")
        if bool(self.table) != (self.by is not None):
            raise ValueError("by and table belong together: the column, and the cut-offs for each of its values")
        known = (*self.labels, *([self.other] if self.other else []))
        if self.cutoffs:
            check_labels("cutoffs", self.cutoffs, self.labels, self.keep, known)
        for value, cutoffs in self.table:
            check_labels(f"table: {value}", cutoffs, self.labels, self.keep, known)
        return self

    def columns_read(self) -> tuple[str, ...]:
        """The column, and the one that chooses cut-offs."""
        return (self.column, self.by) if self.by else (self.column,)

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """The label's column."""
        return {self.write: pa.string()}

    def rejection_reasons(self) -> tuple[str, ...]:
        """Nothing is rejected unless labels are chosen."""
        return self.reasons if self.keep else ()

    def open(self) -> Kernel:
        """Return the kernel."""
        names = pa.array([value for value, _ in self.table], pa.string())
        none = (np.nan,) * (len(self.labels) - 1)
        cutoffs = np.array([*(given for _, given in self.table), self.cutoffs or none], np.float64)
        labels = pa.array([*self.labels, self.other], pa.string())

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            numbers = batch.column(self.column).cast(pa.float64(), safe=False)
            values = pc.fill_null(numbers, np.nan).to_numpy()
            row = np.full(batch.num_rows, -1)
            if self.by:
                found = pc.index_in(batch.column(self.by).cast(pa.string()), names)
                row = pc.fill_null(found, -1).to_numpy()
            mine = cutoffs[row]
            place = (values[:, None] >= mine).sum(axis=1)
            place[np.isnan(mine).any(axis=1)] = len(self.labels)  # the label of others
            found = labels.take(pa.array(place, mask=np.isnan(values)))
            return label(batch, self.write, found, self.column, self.keep)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Cut-offs by language as CCNet has them, and one cut-off for all."""
        table = (("de", (370.0, 590.0)), ("en", (340.0, 520.0)))
        ccnet = cls(column="perplexity", by="language", table=table, other="all", keep=("head", "all"))
        halves = cls(column="score", cutoffs=(0.5,), labels=("low", "high"), write="half")
        return (
            Example(ccnet, {"text": "a", "language": "en", "perplexity": 339.0}, None, {"bucket": "head"}),
            Example(ccnet, {"text": "b", "language": "de", "perplexity": 370.0}, "wrong_bucket", {"bucket": "middle"}),
            Example(ccnet, {"text": "c", "language": "en", "perplexity": 520.0}, "wrong_bucket", {"bucket": "tail"}),
            Example(ccnet, {"text": "d", "language": "eo", "perplexity": 100.0}, None, {"bucket": "all"}),
            Example(ccnet, {"text": "", "language": "en", "perplexity": None}, None, {"bucket": None}),
            Example(halves, {"text": "e", "score": 0.5}, None, {"half": "high"}),
            Example(halves, {"text": "f", "score": 0.4}, None, {"half": "low"}),
        )


def label(batch: pa.RecordBatch, write: str, labels: pa.Array, column: str, keep: Sequence[str]) -> pa.RecordBatch:
    """Write the labels and reject those that are not to be kept; null stays."""
    batch = with_columns(batch, **{write: labels})
    if not keep:
        return batch
    wrong = pc.invert(pc.is_in(labels, pa.array(keep, pa.string())))
    value = pc.fill_null(batch.column(column).cast(pa.float64(), safe=False), np.nan)
    return reject(batch, pc.and_(wrong, labels.is_valid()), "wrong_bucket", value, labels)


def check_labels(
    field: str, cuts: Sequence[float], labels: Sequence[str], keep: Sequence[str], known: Sequence[str] | None = None
) -> None:
    """Raise ValueError unless cuts rise, labels are one more than cuts, and kept labels exist."""
    if list(cuts) != sorted(set(cuts)):
        raise ValueError(f"{field} must rise, not {list(cuts)}")
    if len(labels) != len(cuts) + 1:
        raise ValueError(f"{field}: {len(cuts)} cuts make {len(cuts) + 1} buckets, and there are {len(labels)} labels")
    known = known or labels
    for name in keep:
        if name not in known:
            raise ValueError(f"keep: there is no label '{name}'; labels are {', '.join(known)}")
