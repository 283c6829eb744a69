"""Samples of what was rejected: a few documents of every stage and reason, masked, for the report.

Each split of a segment keeps the rows whose doc_ids come first by their second half, which is a hash: whatever the
number of workers and the size of batches, the same documents are shown. What a split keeps lies in the run's work
folder, as its texts do; only what `gather` returns, masked and shortened, outlives the run.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.rows import RowsFile, RowsWriter
from corpusforge.schema import CORE
from corpusforge.stage import Kernel, kept

MOST_FILES = 512  # read at the end of a run; a recipe has fewer than 100 reasons, and a split has samples of most
READ_CHARS = 4000  # masked with what stands around the snippet, so that no value is cut in half
SHOWN_CHARS = 600
STATED = ("doc_id", "source", "origin", "url", "language", "stage", "reason", "value", "detail")
FREE = ("origin", "url", "detail", "text")  # columns in which personal data may stand
# Texts of these are not shown: stages that judge by offensive words, and rules that say so by their names.
WITHHELD_STAGES = ("quality.toxicity", "quality.words")
WITHHELD_REASONS = re.compile("toxic|offensive|obscen|flagged|bad_?word|curse|nsfw|porn|hate", re.IGNORECASE)


class Samples:
    """Collects, for each stage and reason, the `most` documents that come first by the second half of their doc_id."""

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self.most = most
        self._held: pa.Table | None = None
        self._bar: dict[str, str] = {}  # stage NUL reason -> the key from which on documents are too late

    def add(self, gone: pa.RecordBatch) -> None:
        """Take in rejected rows: the columns of STATED, and `text`."""
        if not self.most:
            return
        group = pc.binary_join_element_wise(gone.column("stage"), gone.column("reason"), "\0")
        key = pc.utf8_slice_codeunits(gone.column("doc_id"), 16, 32)
        if self._bar:
            bars = pa.array([self._bar.get(name, "~") for name in group.dictionary_encode().dictionary.to_pylist()])
            early = pc.less(key, bars.take(group.dictionary_encode().indices))
            if not pc.any(early).as_py():
                return
            gone, group, key = gone.filter(early), group.filter(early), key.filter(early)
        short = pc.utf8_slice_codeunits(gone.column("text"), 0, READ_CHARS)
        gone = gone.set_column(gone.schema.get_field_index("text"), "text", short)
        new = pa.Table.from_batches([gone]).append_column("_group", [group]).append_column("_key", [key])
        self._held = first(pa.concat_tables([self._held, new]) if self._held is not None else new, self.most)
        sizes = self._held.group_by("_group").aggregate([("_key", "count"), ("_key", "max")]).to_pylist()
        self._bar = {row["_group"]: row["_key_max"] for row in sizes if row["_key_count"] == self.most}

    def close(self) -> RowsFile | None:
        """Write what was collected; None when there was nothing."""
        writer = RowsWriter(self.path)
        if self._held is not None:
            for batch in self._held.combine_chunks().to_batches():
                writer.write(batch)
        return writer.close()


def first(table: pa.Table, most: int) -> pa.Table:
    """Return, of each `_group`, the `most` rows with the smallest `_key`, sorted by both."""
    table = table.take(pc.sort_indices(table, [("_group", "ascending"), ("_key", "ascending")])).combine_chunks()
    groups = table["_group"].combine_chunks().dictionary_encode().indices.to_numpy()
    starts = np.searchsorted(groups, groups)  # sorted, so equal names have equal, rising codes
    return table.filter(pa.array(np.arange(len(groups)) - starts < most))


def gather(files: Sequence[RowsFile], most: int) -> list[dict[str, Any]]:
    """Return the run's samples, masked: the columns of STATED, `text` (null: none yet, or withheld) and `withheld`."""
    held: pa.Table | None = None
    step = max(1, -(-len(files) // MOST_FILES))
    for file in files[::step]:
        read = pa.Table.from_batches(list(file.read()))
        held = first(pa.concat_tables([held, read]) if held is not None else read, most)
    return masked(held.drop_columns(["_group", "_key"]).to_pylist()) if held is not None else []


def masked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of STATED and `text` as they may be shown: personal data as tags, offensive texts withheld.

    >>> row = {"doc_id": "", "stage": "x", "reason": "y", "text": "Write to jane@web.org.", "url": None}
    >>> masked([row])[0]["text"]
    'Write to <EMAIL>.'
    """
    hidden = _offensive(rows)
    for name in FREE:
        places = [i for i, row in enumerate(rows) if row.get(name)]
        for i, said in zip(places, _mask([rows[i] for i in places], name), strict=True):
            rows[i] = {**rows[i], name: said[:SHOWN_CHARS] if name == "text" else said}
    return [
        {**row, "withheld": hide, "text": None if hide else row.get("text")}
        for row, hide in zip(rows, hidden, strict=True)
    ]


def mask(texts: Sequence[str]) -> list[str]:
    """Return texts with every type of personal data as its tag."""
    return _mask([{"text": text} for text in texts], "text")


def withheld(stage: str | None, reason: str | None) -> bool:
    """Say whether texts that `stage` rejected for `reason` are not shown; None of a text that was kept."""
    return stage in WITHHELD_STAGES or bool(WITHHELD_REASONS.search(reason or ""))


def _offensive(rows: list[dict[str, Any]]) -> list[bool]:
    named = [withheld(row["stage"], row["reason"]) for row in rows]
    places = [i for i, row in enumerate(rows) if row.get("text") and not named[i]]
    if places:  # rejected for another reason, and the toxicity stage may never have seen it
        judged = kept(_kernels()[1](_batch([rows[i] for i in places], "text")))
        for i, harmless in zip(places, judged.tolist(), strict=True):
            named[i] = not harmless
    return named


def _mask(rows: list[dict[str, Any]], name: str) -> list[str]:
    return list(_kernels()[0](_batch(rows, name)).column("text").to_pylist()) if rows else []


def _batch(rows: list[dict[str, Any]], name: str) -> pa.RecordBatch:
    columns = {f.name: pa.array([row.get(f.name) for row in rows], f.type) for f in CORE if f.name != "text"}
    return pa.RecordBatch.from_pydict({**columns, "text": pa.array([row[name] for row in rows], pa.large_string())})


@cache
def _kernels() -> tuple[Kernel, Kernel]:
    from corpusforge.stages.privacy.pii import Pii
    from corpusforge.stages.quality.toxicity import Toxicity

    return Pii().open(), Toxicity().open()
