"""quality.signals: measure texts and their lines, and judge nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import field_validator, model_validator

from corpusforge import signals as measures
from corpusforge.registry import shipped
from corpusforge.schema import SIGNAL_PREFIX
from corpusforge.stage import Example, Kernel, Stage, with_columns
from corpusforge.stages.quality import signal_sets

LINE_PREFIX = "line_signal."


class Signals(Stage):
    """Measure signals of every text and of every line, as columns; nothing is rejected.

    `signals` and `line_signals` name signals (`corpusforge list signals`), sets of them (filters/signals/*.yaml such as
    redpajama_v2, or a path), or `all`. A signal of a line is the signal of a text that is this line. `cut` says what a
    line is: `newline` (text.split("\\n")), `unicode` (text.splitlines()) or `ended` (each with the newline that ends
    it, so that together they are the text); without it, what the set of `line_signals` says, else `newline`. Null and
    empty texts have the value 0 in every signal; cut by `newline` they have one line, otherwise none.

    Inside a run the signals of texts leave through signals/, joined by doc_id, for rejected documents too if they
    reached this stage; those of lines stay beside the text, so put this after what edits it. Neighbouring
    quality.rules share what is measured here.

    Reads: text.
    Writes: signal.<name> (float64), line_signal.<name> (list of float32, one a line).
    Rejects: nothing.
    Cost: redpajama_v2: 0.05 CPU s per MB of English for texts and 0.02 for lines (measured, one core); 400 MB per
        worker with batches of 8 MB.
    Errors: RecipeError for an unknown signal or set, with the nearest name.
    Source: Weber et al. 2024 (RedPajama-v2), which publishes signals instead of verdicts; the signals name theirs.

    >>> from corpusforge.testing import docs, run_stage
    >>> stage = Signals(signals="word_count_normalized", line_signals=["longest_line_chars"])
    >>> out = run_stage(stage, docs("A line.\\nAnother line."))
    >>> out["signal.word_count_normalized"].to_pylist(), out["line_signal.longest_line_chars"].to_pylist()
    ([4.0], [[7.0, 13.0]])
    """

    block: ClassVar[str] = "rules"
    memory_bytes: ClassVar[int] = 400 << 20

    signals: tuple[str, ...] = ()
    line_signals: tuple[str, ...] = ()
    cut: Literal["newline", "unicode", "ended"] | None = None

    @field_validator("signals", "line_signals", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _something(self) -> "Signals":
        if not self.signals and not self.line_signals:
            raise ValueError("name `signals`, `line_signals` or both: signals, sets such as redpajama_v2, or all")
        return self

    def _chosen(self) -> tuple[list[str], list[str], str]:
        """Return the signals of texts, those of lines, and the cut."""
        texts = signal_sets.names(self.signals, "signals")
        lines = signal_sets.names(self.line_signals, "line_signals")
        cuts = [one.cut for one in signal_sets.among(self.line_signals) if one.cut]
        return texts, lines, self.cut or (cuts[0] if cuts else "newline")

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """One column for each signal."""
        texts, lines, _ = self._chosen()
        columns: dict[str, pa.DataType] = {SIGNAL_PREFIX + name: pa.float64() for name in texts}
        return {**columns, **{LINE_PREFIX + name: pa.list_(pa.float32()) for name in lines}}

    def files(self) -> tuple[str, ...]:
        """The sets, and the word lists that signals count."""
        sets = [one.path for one in signal_sets.among((*self.signals, *self.line_signals))]
        lists = [path for kind in ("stop", "ldnoobw") for path in (shipped("filters") / "words").glob(f"{kind}.*.txt")]
        return tuple(str(path) for path in (*dict.fromkeys(sets), *sorted(lists)))

    def open(self) -> Kernel:
        """Resolve the signals; the first batch compiles their kernels, or finds them compiled."""
        from corpusforge.text import segment
        from corpusforge.text.pieces import Pieces

        texts, lines, cut = self._chosen()
        of_texts = {SIGNAL_PREFIX + name: measures.find(name) for name in texts}
        of_lines = {LINE_PREFIX + name: measures.find(name) for name in lines}
        spans = {"newline": "lines", "unicode": "unicode_lines", "ended": "ended_lines"}[cut]

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            text = segment(batch.column("text"))
            columns: dict[str, pa.Array] = {}
            for column, measure in of_texts.items():
                if column not in batch.schema.names:  # else a neighbour has measured it
                    columns[column] = pa.array(measure(text), pa.float64())
            if of_lines:
                found = getattr(text, spans)
                pieces = Pieces.cut(text, found, of_lines=cut == "unicode")
                offsets = pa.array(found.offsets.astype(np.int32))
                for column, measure in of_lines.items():
                    values = pa.array(pieces.measure(measure).astype(np.float32))
                    columns[column] = pa.ListArray.from_arrays(offsets, values)
            return with_columns(batch, **columns)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """The set of RedPajama-v2, and lines cut in each way."""
        text = "BUY NOW!\n\nSee more..."
        lines = {"line_signals": ("longest_line_chars",)}
        return (
            Example(
                cls(signals=("redpajama_v2",), line_signals=("redpajama_v2",)),
                {"text": text},
                None,
                {"signal.word_count_normalized": 4.0, "line_signal.word_count_normalized": [2.0, 0.0, 2.0]},
            ),
            Example(
                cls(**lines), {"text": "ab\r\n\nc\n"}, None, {"line_signal.longest_line_chars": [2.0, 0.0, 1.0, 0.0]}
            ),
            Example(
                cls(**lines, cut="unicode"), {"text": "ab\r\nc\n"}, None, {"line_signal.longest_line_chars": [2.0, 1.0]}
            ),
            Example(
                cls(line_signals=("curly_bracket_char_fraction",), cut="ended"),
                {"text": "{\n"},
                None,
                {"line_signal.curly_bracket_char_fraction": [0.5]},
            ),
        )
