"""The files of one part: rows in their final order go through packing to the recipe's writer."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.rows import value_bytes
from corpusforge.engine.storage import checksum_range, whole_files
from corpusforge.engine.tally import tokens
from corpusforge.stages.write.packing import BEGUN, Pack, Packed, packed_schema, sequences
from corpusforge.writer import Writer


@dataclass
class Documents:
    """What came in: rows, bytes of their values, tokens."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0

    def counted(self, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `rows` and count them."""
        for batch in rows:
            self.documents += batch.num_rows
            self.bytes += int(value_bytes(batch).sum())
            counted = tokens(batch)
            self.tokens += 0 if counted is None else int(counted.sum())
            yield batch


@dataclass
class Sequences:
    """What a part of sequences holds: of the documents those that begin in it."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0
    sequences: int = 0
    padding_tokens: int = 0

    def counted(self, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `rows` without the column that only counts, and count them."""
        for batch in rows:
            self.documents += pc.sum(batch.column(BEGUN)).as_py() or 0
            batch = batch.drop_columns([BEGUN])
            tokens = pc.sum(batch.column("lengths").flatten()).as_py() or 0
            self.sequences += batch.num_rows
            self.bytes += int(value_bytes(batch).sum())
            self.tokens += tokens
            self.padding_tokens += len(batch.column("input_ids").flatten()) - tokens
            yield batch


def write_files(
    rows: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    folder: Path,
    stem: str,
    writer: Writer,
    pack: Pack | None,
    packed: bool = False,
) -> dict[str, Any]:
    """Write one part and return its entry in the manifest.

    `rows` hold the part's documents in their final order, with the columns of `schema`; `stem` is the part's name
    without a suffix, such as data/part-00007. The entry has `path`, `size` and `checksum` of the first file, `index`
    with those of the others if there are any, and what was counted: `documents`, `bytes` and `tokens`, and, of a packed
    part, also `sequences`, `padding_tokens`, `dropped_tokens` and `cut_documents` (`tokens` then are those written).
    With `packed` the rows are sequences already, with the column BEGUN; `documents` are those that begin in them.
    """
    before, after = Sequences() if packed else Documents(), Packed()
    rows = before.counted(rows)
    if packed:
        schema = schema.remove(schema.get_field_index(BEGUN))
    if pack is not None:
        rows, schema = sequences(rows, pack, after), packed_schema(schema, pack)
    names = [stem + suffix for suffix in writer.suffixes(schema)]
    with whole_files(*(folder / name for name in names)) as temporary:
        writer.write(rows, schema, temporary)
    first, *others = ({"path": n, **_stored(folder / n)} for n in names)
    counts = asdict(before) | (asdict(after) if pack is not None else {})
    return first | counts | ({"index": others} if others else {})


def _stored(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "checksum": checksum_range(str(path))}


def files_of(parts: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield path, size and checksum of every file of the manifest's `parts`."""
    for part in parts:
        yield part
        yield from part.get("index", ())
