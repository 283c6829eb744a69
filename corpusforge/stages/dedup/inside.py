"""dedup.inside: lines, paragraphs or sentences that a document says twice."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from corpusforge.stage import Example, Kernel, Stage, with_columns


class Inside(Stage):
    """Remove lines, paragraphs or sentences that repeat an earlier one of the same document.

    The first of equal pieces stays. Pieces are compared in a normal form: `compare: words` (lower case, digits as 0,
    one space for whatever stands between words) or `text` (the bytes between the whitespace at both ends); only those
    with at least `min_chars` characters in that form. A text loses pieces with the line breaks or spaces behind
    them, and never all of them. Null and empty texts stay as they are. Needs no exchange.

    Reads: text.
    Writes: text; repeats_removed (int32).
    Rejects: nothing.
    Cost: 0.005 CPU s per MB (measured, one core).
    Source: none; the repetition rules of Gopher (Rae et al. 2021) reject such documents, this mends them.

    >>> from corpusforge.testing import docs, run_stage
    >>> page = docs("Subscribe to our newsletter!\\nNews.\\nSubscribe to our newsletter.")
    >>> run_stage(Inside(), page)["text"].to_pylist()
    ['Subscribe to our newsletter!\\nNews.']
    """

    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.large_string(), "repeats_removed": pa.int32()}

    unit: Literal["line", "paragraph", "sentence"] = "line"
    compare: Literal["text", "words"] = "words"
    min_chars: int = Field(20, ge=1)  # of the normal form; shorter pieces (list items, code, refrains) stay

    def open(self) -> Kernel:
        """Return the kernel."""
        from corpusforge.stages.dedup.repeats import cut, piece_digests, remove, repeats
        from corpusforge.text import segment

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            text = segment(batch.column("text"))
            pieces = cut(text, self.unit)
            gone = repeats(pieces, *piece_digests(pieces, self.compare), self.min_chars)
            batch = with_columns(batch, repeats_removed=pa.array(pieces.sum(gone).astype(np.int32)))
            if not gone.any():
                return batch
            return with_columns(batch, text=remove(batch.column("text"), pieces, gone))

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A line, a paragraph and a sentence said twice; a short one."""
        notice = "Subscribe to our newsletter."
        return (
            Example(cls(), {"text": f"{notice}\nNews.\n{notice}\nEnd."}, None, {"text": f"{notice}\nNews.\nEnd."}),
            Example(cls(), {"text": "Yes.\nNo.\nYes."}, None, {"repeats_removed": 0}),
            Example(
                cls(unit="sentence"), {"text": f"{notice} {notice.upper()} End."}, None, {"text": f"{notice} End."}
            ),
        )
