"""normalize.book_pages: the pages of a book, put together."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from corpusforge.stage import Example, Kernel, Stage, with_columns


class BookPages(Stage):
    """Put the pages of a book together: without running heads, page numbers, contents, index and broken words.

    Lines are those of `text.split("\\n")`; they stay as they are wrapped, `normalize.unwrap` joins them. A document is
    judged by itself and as a whole, so give books, not pages.

    Running heads are lines of at most 70 characters that repeat three times with growing page numbers (five times
    without) and of which at least 20 % (30 %) cut a sentence in two: a small letter or comma before, a small letter
    after. A misread head (a quarter of its letters) is known by the heads around it. Page numbers are lines that are a
    number in a chain of six that grows, a quarter of which cut sentences. So titles, refrains, speakers' names and
    numbered sections stay, and so do all lines of scripts without small letters. Where a sentence was cut, its two
    halves stand in consecutive lines afterwards.

    A word broken at the margin is joined to the first of its two lines. The hyphen goes when the joined word is more
    frequent in the document than the hyphenated one, and stays when it is less. Without either, a fragment (a part that
    never stands alone) loses it, unless the decided cases of the document mostly keep theirs; two words keep it, unless
    those mostly lose it. Lines under 0.6 times the document's long lines (verse) are left alone.

    Lists of pages: five lines or more that end in a page number, numbers growing (contents); twenty or more of which
    most have page references (index). Numbers of verses at the ends of lines go where they count the lines.

    Null and empty texts stay as they are.

    Reads: text.   Writes: text.   Rejects: nothing.
    Cost: 0.02 CPU s per MB (measured, one core).
    Source: none known; tests/benchmarks/measure_books.py plants the noise of scans in books and counts. In chapters of
        12 books that it was not designed on it found 95 to 100 % of heads, page numbers and lines of contents, settled
        99.6 % of broken words right and 39 % of hyphenated ones (in whole books 99.9 and 81 %), and lost 0.05 % of the
        words; of 41 clean books it takes nothing but contents, an index and numbers of verses.

    >>> from corpusforge.testing import docs, run_stage
    >>> page = "This is an example of a line that ends in an exam-\\nple, and this is another of its length."
    >>> print(run_stage(BookPages(), docs(page))["text"][0])
    This is an example of a line that ends in an example,
    and this is another of its length.
    """

    writes: ClassVar = {"text": pa.large_string()}
    memory_bytes: ClassVar[int] = 256 << 20

    heads: bool = True  # running heads and page numbers
    hyphens: bool = True  # words broken at the ends of lines
    lists: bool = True  # contents, index
    verse_numbers: bool = True

    def open(self) -> Kernel:
        """Return the kernel; the first batch compiles it, or finds it compiled."""
        from corpusforge.stages.normalize import line_hyphens, page_furniture, page_lines, page_lists
        from corpusforge.stages.normalize.page_edits import apply, edits
        from corpusforge.text import segment
        from corpusforge.text.unicode import TABLE

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            column = batch.column("text")
            text = segment(column)
            raw = text.lines
            n = len(raw)
            stripped = raw.stripped
            lines = page_lines.Lines(
                stripped.starts,
                stripped.ends,
                np.zeros(n, np.int64),
                np.zeros(n, np.int64),
                np.zeros(n, np.uint64),
                np.zeros(n, np.bool_),
                np.zeros(n, np.bool_),
                np.zeros(n, np.bool_),
            )
            page_lines.describe(text.data, TABLE, *lines)
            dropped = np.zeros(n, np.bool_)
            if self.heads:
                dropped = page_furniture.mark(text.data, TABLE, raw.offsets, lines)
            if self.lists:
                page_lists.mark_lists(text.data, raw.offsets, lines, dropped)
            ends = page_lists.verse_numbers(text.data, raw.offsets, lines) if self.verse_numbers else lines.ends
            broken = np.zeros(n, np.int64)
            if self.hyphens:
                words = text.words
                broken = line_hyphens.decide(
                    text.data, TABLE, raw.offsets, raw.starts, lines, dropped,
                    words.offsets, words.starts, words.ends, words.hashes,
                )  # fmt: skip
            spans = edits(text.data, text.offsets, raw.offsets, raw.starts, lines, dropped, ends, broken)
            return with_columns(batch, text=apply(column, *spans)) if len(spans[0]) else batch

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Show a page that goes on, a word put together, and a text that stays."""
        page = "the people of the village had nothing to say to this and went\non with what they were doing until\n\n"
        book = "".join(f"{page}{number} THE HISTORY OF THE VILLAGE\n\n" for number in range(10, 18))
        clean = "".join([page.rstrip("\n") + "\n"] * 8)
        hyphen = "The first line of the page is an exam-\nple, and its second line is no longer one."
        return (
            Example(cls(), {"text": book + "it rained."}, None, {"text": clean + "it rained."}),
            Example(cls(), {"text": hyphen}, None, {"text": hyphen.replace("-\nple, ", "ple,\n")}),
            Example(cls(), {"text": "CHORUS\n\nSing!\n\nCHORUS\n"}, None, {"text": "CHORUS\n\nSing!\n\nCHORUS\n"}),
        )
