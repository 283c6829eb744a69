"""normalize.unwrap: lines that a margin broke, joined."""

from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from corpusforge.stage import Example, Kernel, Stage, with_columns


class Unwrap(Stage):
    r"""Join the lines of each paragraph of prose; verse, tables and what is indented stay as they are.

    A paragraph is two lines or more between blank lines. It is prose when all its lines but the last have at least 0.6
    times the characters of the document's long lines (the ninth decile of lines with text) and none but the first is
    indented beyond the document's margin (the median indentation). Lines are joined by a space, after `-` and `—` by
    nothing: put `normalize.book_pages` before it, which settles the hyphens. Without it a model learns to wrap at 70
    characters. Null and empty texts stay as they are.

    Reads: text.   Writes: text.   Rejects: nothing.
    Cost: 0.003 CPU s per MB (measured, one core).
    Source: none; the wrapping of Project Gutenberg's books.

    >>> from corpusforge.testing import docs, run_stage
    >>> page = "The quick brown fox jumps over\nthe lazy dog, which sleeps on.\n\nO rose,\nthou art sick!"
    >>> print(run_stage(Unwrap(), docs(page))["text"][0])
    The quick brown fox jumps over the lazy dog, which sleeps on.
    <BLANKLINE>
    O rose,
    thou art sick!
    """

    writes: ClassVar = {"text": pa.large_string()}
    memory_bytes: ClassVar[int] = 128 << 20

    def open(self) -> Kernel:
        """Return the kernel; the first batch compiles it, or finds it compiled."""
        from corpusforge.stages.normalize.page_edits import apply
        from corpusforge.stages.normalize.wrapped_lines import joints
        from corpusforge.text import segment

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            column = batch.column("text")
            text = segment(column)
            lines = text.lines
            stripped = lines.stripped
            spans = joints(
                text.data, lines.offsets, lines.starts, stripped.starts, stripped.ends, stripped.lengths_chars
            )
            return with_columns(batch, text=apply(column, *spans)) if len(spans[0]) else batch

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Show prose joined and verse left alone."""
        prose = "It was the best of times, it\nwas the worst of times, and so\non."
        verse = "Tyger Tyger, burning bright,\n  In the forests"
        return (
            Example(cls(), {"text": f"{prose}\n\n{verse}"}, None, {"text": prose.replace("\n", " ") + f"\n\n{verse}"}),
            Example(cls(), {"text": "No lines to join."}, None, {"text": "No lines to join."}),
        )
