"""dedup.lines: lines or paragraphs that occur again anywhere in the corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from corpusforge.stage import CorpusKernel, CorpusStage, Example, Pass, reject, with_columns
from corpusforge.stages.dedup.copies import Within
from corpusforge.stages.dedup.rank import keep_column


class Lines(CorpusStage):
    """Remove lines, or paragraphs, that occur again in the corpus: menus, notices, boilerplate.

    Pieces are compared in a normal form: `compare: words` (lower case, digits as 0, one space for whatever stands
    between words) or `text` (the bytes between the whitespace at both ends), by 128-bit hashes. A piece takes part with
    at least `min_chars` characters in that form, and goes when it occurs at least `min_count` times, the same document
    included. With `copies: first` the best-ranked copy stays (source priority, then `keep`, then doc_id, then place in
    the document); with `none` every copy goes, as CCNet does. Nothing depends on reading order.

    A text loses its pieces with the line breaks behind them. One that has nothing left is rejected, and one that lost
    more than `max_removed_fraction` of its characters; null and empty texts are left alone. Put it before
    dedup.minhash.

        - dedup.lines: {unit: paragraph, copies: none, min_chars: 1}     # CCNet

    Reads: text, doc_id, source (and the column `keep` names).
    Writes: text; lines_removed (int32).
    Rejects: no_text_left; removed_fraction_above_max (value: share of the characters that went, 0..1).
    Cost: 0.02 CPU s per MB (measured, one core, 57 MB of mixed text); 62 bytes of exchange per line.
    Errors: RecipeError when `keep` names a column that cannot be ordered.
    Source: Wenzek et al. 2020 (CCNet), section 3.1, paragraphs, where all copies go (as its published code does) and
    accents stay; it compares within groups of 50 shards, here the whole corpus. ASCII digits alone become 0.

    >>> from corpusforge.testing import docs, run_stage
    >>> pages = docs("Our harbour at night\\nAll rights reserved by us.", "All rights reserved by us!\\nFish and chips")
    >>> run_stage(Lines(), pages)["text"].to_pylist()
    ['Our harbour at night\\nAll rights reserved by us.', 'Fish and chips']
    """

    reads: ClassVar[tuple[str, ...]] = ("text", "doc_id", "source")
    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.large_string(), "lines_removed": pa.int32()}
    reasons: ClassVar[tuple[str, ...]] = ("no_text_left", "removed_fraction_above_max")

    unit: Literal["line", "paragraph"] = "line"
    compare: Literal["text", "words"] = "words"
    min_chars: int = Field(20, ge=1)  # of the normal form; shorter pieces (list items, code, dialogue) stay
    min_count: int = Field(2, ge=2)
    copies: Literal["first", "none"] = "first"  # which of them stay
    max_removed_fraction: float = Field(1.0, ge=0, le=1)  # of a text's characters
    within: Within = "corpus"
    keep: str = "longest"
    priority: tuple[str, ...] = ()  # sources, best first; default: the recipe's order

    def columns_read(self) -> tuple[str, ...]:
        """The text, and what ranks it."""
        return tuple(dict.fromkeys((*self.reads, keep_column(self.keep))))

    def passes(self) -> tuple[Pass, ...]:
        """One pass: equal pieces meet, those that go are found."""
        from corpusforge.stages.dedup.repeats import combine_repeats

        combine = combine_repeats(self.min_count, self.copies == "first")
        return (Pass("same", self._emit, "hash", ("rest", "rank", "piece"), combine, to="findings"),)

    def _emit(self, batch: pa.RecordBatch, _: Mapping[str, pa.RecordBatch]) -> pa.RecordBatch | None:
        from corpusforge.stages.dedup.repeats import piece_rows

        return piece_rows(batch, self.unit, self.compare, 1, self.min_chars, self.within, self.keep, self.priority)

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Return the kernel that takes the pieces out."""
        from corpusforge.stages.dedup.repeats import cut, gone_pieces, remove
        from corpusforge.text import segment

        def kernel(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
            text = segment(batch.column("text"))
            pieces = cut(text, self.unit)
            gone = gone_pieces(findings, batch.column("row"), pieces, 1)
            removed = pieces.sum(gone)
            batch = with_columns(batch, lines_removed=pa.array(removed.astype(np.int32)))
            if not gone.any():
                return batch
            batch = with_columns(batch, text=remove(batch.column("text"), pieces, gone))
            lost = pieces.sum(gone * pieces.lengths_chars) / np.maximum(text.chars, 1)
            batch = reject(batch, (removed > 0) & (segment(batch.column("text")).lengths_bytes == 0), self.reasons[0])
            return reject(batch, lost > self.max_removed_fraction, self.reasons[1], lost)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A line that two pages share, a page of nothing else, short lines, CCNet's variant."""
        notice = "Please accept all our cookies."
        strict = cls(max_removed_fraction=0.5)
        ccnet = cls(unit="paragraph", copies="none")
        return (
            Example(cls(), {"text": f"A long first page of text.\n{notice}"}, None, {"lines_removed": 0}),
            Example(cls(), {"text": f"{notice.upper()}\nA page."}, None, {"text": "A page.", "lines_removed": 1}),
            Example(cls(), {"text": notice}, "no_text_left"),
            Example(cls(), {"text": "A page.\nOh yes."}, None, {"lines_removed": 0}),
            Example(strict, {"text": f"A long first page of text.\n{notice}"}, None),
            Example(strict, {"text": f"A page.\n{notice}"}, "removed_fraction_above_max"),
            Example(ccnet, {"text": f"One page.\n\n{notice}\n\nIts end."}, None, {"text": "One page.\n\nIts end."}),
            Example(ccnet, {"text": f"{notice}\n\nAnother."}, None, {"text": "Another."}),
        )
