"""Rows of what a run left, all of them or an even sample: what a report reads does not grow with the run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from corpusforge.engine.storage import StoredPath
from corpusforge.errors import RunError
from corpusforge.report.lookup import parquet

MOST_ROWS = 500_000  # read of a kind of part, 2 s; shares estimated from as many are good to 0.2 percentage points
MOST_PARTS = 200
BATCH_ROWS = 1 << 15


class SampledRows:
    """The rows of parts of one kind, `parts` being a list of the manifest.

    With more than `most` rows or MOST_PARTS parts an even choice of parts is read, each to the same number of rows.
    """

    def __init__(self, output: StoredPath, parts: Sequence[Mapping[str, Any]], most: int = MOST_ROWS) -> None:
        self.output = output
        self.total = sum(part["documents"] for part in parts)
        readable = [part for part in parts if part["path"].endswith(".parquet") and part["documents"]]
        step = max(1, -(-len(readable) // MOST_PARTS))
        self.parts = readable[::step]
        held = sum(part["documents"] for part in self.parts)
        self.each = 1.0 if held <= most else most / held  # share of a part that is read
        self.read = 0

    @property
    def scale(self) -> float:
        """What a count over the rows read is to be multiplied by; 1 when all were read."""
        return self.total / self.read if self.read else 1.0

    @property
    def whole(self) -> bool:
        """Say whether every row was read."""
        return bool(self.read == self.total)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows with those of `columns` that exist; a part whose `columns` are all missing is passed over."""
        for part in self.parts:
            left = max(1, round(part["documents"] * self.each))
            try:
                file = parquet(self.output / part["path"])
                present = [name for name in columns if name in file.schema_arrow.names]
                if not present:
                    continue
                for batch in file.iter_batches(BATCH_ROWS, columns=present, use_threads=False):
                    batch = batch.slice(0, left)
                    left -= batch.num_rows
                    self.read += batch.num_rows
                    yield batch
                    if left <= 0:
                        break
            except (OSError, pa.ArrowException) as error:
                said = str(error).splitlines()[0]
                raise RunError(
                    f"{self.output / part['path']} cannot be read ({said}); see corpusforge verify {self.output}"
                ) from error
