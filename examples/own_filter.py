"""A stage of one's own: reject texts that shout. Used by examples/own_filter.yaml as `own_filter:Shouting`.

PYTHONPATH=examples corpusforge run examples/own_filter.yaml
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge import Example, Kernel, Stage, reject


class Shouting(Stage):
    """Reject texts in which too many of the letters are capitals.

    The share of upper-case letters (Unicode, Lu) among all letters, 0..1; null and texts without letters have 0.

    Reads: text.   Writes: nothing.
    Rejects: shouting (value: the share).
    """

    reasons = ("shouting",)

    max_capital_fraction: float = 0.3  # inclusive

    def open(self) -> Kernel:
        """Return the kernel."""

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            text = pc.fill_null(batch.column("text"), "")
            capitals = pc.count_substring_regex(text, r"\p{Lu}").to_numpy()
            letters = pc.count_substring_regex(text, r"\p{L}").to_numpy()
            share = capitals / np.maximum(letters, 1)
            return reject(batch, share > self.max_capital_fraction, "shouting", value=share)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """One text that shouts, one that does not."""
        return (
            Example(cls(), {"text": "BUY NOW, it is free"}, "shouting"),
            Example(cls(), {"text": "The NATO summit ended in the afternoon."}, None),
        )
