"""How well tokenizers fit texts: fertility and compression by source and language."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusforge.errors import RecipeError
from corpusforge.stages.tokenize.blank_words import blank_words
from corpusforge.stages.tokenize.encoder import open_encoder
from corpusforge.stages.tokenize.tokenizer_file import vocabulary
from corpusforge.stages.tokenize.unknown import unknown_id

BATCH_ROWS = 2_000


@dataclass
class Fit:
    """Sums over some documents; what they come to are ratios of these."""

    documents: int = 0
    bytes: int = 0
    words: int = 0  # between white space
    tokens: int = 0
    unknown: int = 0

    def add(self, other: "Fit") -> None:
        """Add the sums of other documents."""
        self.documents += other.documents
        self.bytes += other.bytes
        self.words += other.words
        self.tokens += other.tokens
        self.unknown += other.unknown

    def ratios(self) -> dict[str, float | None]:
        """Return fertility (tokens per word), bytes per token and the fraction of unknown tokens; None without any."""
        return {
            "tokens_per_word": self.tokens / self.words if self.words else None,
            "bytes_per_token": self.bytes / self.tokens if self.tokens else None,
            "unknown_fraction": self.unknown / self.tokens if self.tokens else None,
        }


def fits(
    tokenizers: Sequence[str], texts: Sequence[str], pattern: str | None = None, max_bytes: int | None = None
) -> dict[str, dict[tuple[str, str], Fit]]:
    """Return tokenizer -> (source, language) -> sums, over the Parquet files or outputs of runs in `texts`.

    `pattern`: how rank files cut texts. `max_bytes`: of the text of each file or output, from its beginning.
    """
    encoders = {}
    for one in tokenizers:
        applies = pattern if vocabulary_is_ranks(one, pattern) else None
        encoders[one] = open_encoder(one, True, applies), unknown_id(one, applies)
    found: dict[str, dict[tuple[str, str], Fit]] = {one: {} for one in tokenizers}
    for batch in _batches(texts, max_bytes):
        column = pc.fill_null(batch.column("text").cast(pa.large_string()), "")
        sizes = pc.binary_length(column).to_numpy()
        words = blank_words(column).counts
        groups: dict[tuple[str, str], list[int]] = {}
        for row, key in enumerate(zip(*(_names(batch, name) for name in ("source", "language")), strict=True)):
            groups.setdefault(key, []).append(row)
        for one, (encode, unknown) in encoders.items():
            ids, offsets = encode(column)
            missed = np.concatenate([[0], np.cumsum(ids == unknown)]) if unknown is not None else None
            for key, rows in groups.items():
                at = np.array(rows)
                tokens = int((offsets[at + 1] - offsets[at]).sum())
                lost = 0 if missed is None else int((missed[offsets[at + 1]] - missed[offsets[at]]).sum())
                more = Fit(len(rows), int(sizes[at].sum()), int(words[at].sum()), tokens, lost)
                found[one].setdefault(key, Fit()).add(more)
    return found


def vocabulary_is_ranks(path: str, pattern: str | None) -> bool:
    """Is the file a rank file, the only kind that needs a pattern."""
    try:
        return vocabulary(path, pattern).kind == "ranks"
    except RecipeError:
        return vocabulary(path).kind == "ranks"


def totals(groups: Mapping[tuple[str, str], Fit], by: int | None) -> dict[str, Fit]:
    """Add groups up by source (0), by language (1), or all."""
    found: dict[str, Fit] = {}
    for key, fit in sorted(groups.items()):
        found.setdefault("all" if by is None else key[by], Fit()).add(fit)
    return found


def _names(batch: pa.RecordBatch, column: str) -> list[str]:
    if column not in batch.schema.names:
        return ["-"] * batch.num_rows
    return [name or "-" for name in batch.column(column).to_pylist()]


def _batches(texts: Sequence[str], max_bytes: int | None) -> Iterator[pa.RecordBatch]:
    for place in texts:
        path = Path(place)
        files = (
            sorted((path / "data").rglob("*.parquet")) if (path / "data").is_dir() else sorted(path.glob("*.parquet"))
        )
        files = [path] if path.is_file() else files
        if not files:
            raise RecipeError(f"'{place}' is neither a Parquet file nor a folder with data/*.parquet")
        left = max_bytes
        for file in files:
            parquet = pq.ParquetFile(file)
            if "text" not in parquet.schema_arrow.names:
                raise RecipeError(f"'{file}' has no column text; its columns are {parquet.schema_arrow.names}")
            columns = [name for name in ("text", "source", "language") if name in parquet.schema_arrow.names]
            for batch in parquet.iter_batches(BATCH_ROWS, columns=columns):
                if left is not None and left <= 0:
                    break
                yield batch
                if left is not None:
                    left -= int(pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0)
