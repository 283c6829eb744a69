"""Write shards as the indexed datasets of Megatron-LM and NeMo."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from corpusforge.stages.write import token_file
from corpusforge.writer import Writer

MAGIC = b"MMIDIDX\0\0"
VERSION = 1
HEADER = struct.Struct("<9sQBQQ")  # magic, version, code of the type, sequences, documents + 1
CODES = {"uint8": 1, "int8": 2, "int16": 3, "int32": 4, "int64": 5, "uint16": 8}


class Megatron(Writer):
    """Write the token ids of the kept documents to OUTPUT/data as pairs of .bin and .idx, as Megatron-LM reads them.

    One pair a part: the .bin holds the ids of all documents one after another, the .idx their lengths, places and
    number (IndexedDataset, version 1). Each document is one sequence of the index; of a packed part (`layout: pack`),
    each packed sequence is. Ids are uint16 where `input_ids` is, else int32; `dtype: uint16` or `int32` asks for one,
    and a run in which an id does not fit fails. The training of Megatron-LM joins documents and tells them apart
    by an end-of-text token alone, so give `tokenize.encode` an `eos`. Of the other columns nothing is written, and
    `shard_bytes` counts them; `tokenize.encode: {write_text: false}` leaves the text out earlier. With
    `partition_by: source` each source has pairs of its own, which Megatron-LM can blend by weights.

    Read it back, and train on it:

        from megatron.core.datasets.indexed_dataset import IndexedDataset
        ids = IndexedDataset("OUTPUT/data/part-00000")[0]
        pretrain_gpt.py --data-path OUTPUT/data/part-00000 OUTPUT/data/part-00001

    Reads: input_ids.
    Cost: 0.0015 CPU s per million tokens (measured, one core, local disk).
    Errors: RecipeError without input_ids.
    Source: Megatron-LM, megatron/core/datasets/indexed_dataset.py.
    """

    depends: ClassVar[tuple[str, ...]] = ()

    dtype: Literal["auto", "uint16", "int32"] = "auto"

    def columns_read(self) -> tuple[str, ...]:
        """Return the one column."""
        return ("input_ids",)

    def check_schema(self, schema: pa.Schema) -> None:
        """Hold input_ids to its type."""
        token_file.id_type(schema, "write.megatron")

    def suffixes(self, schema: pa.Schema) -> tuple[str, ...]:
        """Return the pair."""
        return (".bin", ".idx")

    def write(self, rows: Iterator[pa.RecordBatch], schema: pa.Schema, paths: Sequence[Path]) -> None:
        """Write the ids as they come, then the index: 20 bytes a row, in memory until then."""
        name = self.dtype
        if name == "auto":
            name = "uint16" if token_file.id_type(schema, "write.megatron") == pa.uint16() else "int32"
        ids, index = paths
        parts = [token_file.lengths(b.column("input_ids")) for b in token_file.write_ids(rows, ids, np.dtype(name))]
        offsets = token_file.offsets(parts)
        count = len(offsets) - 1
        with open(index, "wb") as file:
            file.write(HEADER.pack(MAGIC, VERSION, CODES[name], count, count + 1))
            file.write(np.diff(offsets).astype("<i4").data)
            file.write((offsets[:-1] * np.dtype(name).itemsize).astype("<i8").data)
            file.write(np.arange(count + 1, dtype="<i8").data)

    @classmethod
    def count(cls, paths: Sequence[Path]) -> int:
        """Return the sequences of the index, after holding it to its own size and to that of the ids."""
        ids, index = paths
        stored = index.read_bytes()
        if len(stored) < HEADER.size:
            raise ValueError("the index is shorter than its header")
        magic, version, code, sequences, documents = HEADER.unpack_from(stored)
        if (magic, version) != (MAGIC, VERSION) or code not in CODES.values():
            raise ValueError("the index does not begin like one of version 1")
        if len(stored) != HEADER.size + 12 * sequences + 8 * documents:
            raise ValueError(f"the index has {len(stored)} bytes, which are not {sequences} sequences")
        size = np.dtype(next(name for name, known in CODES.items() if known == code)).itemsize
        tokens = int(np.frombuffer(stored, "<i4", sequences, HEADER.size).sum(dtype=np.int64))
        if ids.stat().st_size != tokens * size:
            raise ValueError(f"the index names {tokens} ids, {ids} has {ids.stat().st_size} bytes")
        return int(sequences)
