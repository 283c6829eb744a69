"""Write shards as plain arrays of token ids that NumPy and torch map into memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import orjson
import pyarrow as pa

from corpusforge.stages.write import token_file
from corpusforge.writer import Writer


class Memmap(Writer):
    """Write the token ids of the kept documents to OUTPUT/data as plain little-endian arrays with an index.

    The files of a part:

        part-00000.bin           the ids of all rows, one after another; nothing else
        part-00000.offsets.npy   int64, rows + 1: row i is bin[offsets[i]:offsets[i + 1]]
        part-00000.pieces.npy    packed parts only: int64, (pieces, 2), where each document's piece begins and ends in
                                 the .bin; what is in no piece is padding
        part-00000.doc_ids.npy   uint8, (documents or pieces, 16): doc_ids as bytes
        part-00000.json          {"dtype": "uint16", "tokens": ..., "rows": ..., "pieces": ...}

    A row is a document, or a sequence of `layout: pack`. Ids are uint16 where `input_ids` is, else uint32;
    `dtype: uint16` asks for it (what nanoGPT and its kind expect), and a run in which an id does not fit fails.
    `shard_bytes` counts all columns; `tokenize.encode: {write_text: false}` leaves the text out earlier.

    Read it back:

        ids = numpy.memmap("OUTPUT/data/part-00000.bin", dtype="uint16", mode="r")
        offsets = numpy.load("OUTPUT/data/part-00000.offsets.npy", mmap_mode="r")
        torch.from_numpy(ids[offsets[0]:offsets[1]].astype("int64"))

    Reads: input_ids, doc_id.
    Cost: 0.003 CPU s per million tokens of documents, 0.0015 of sequences (measured, one core, local disk).
    Errors: RecipeError without input_ids.
    Source: Karpathy, nanoGPT, data/openwebtext/prepare.py (the .bin).
    """

    depends: ClassVar[tuple[str, ...]] = ("numpy",)

    dtype: Literal["auto", "uint16", "uint32"] = "auto"

    def columns_read(self) -> tuple[str, ...]:
        """Return the one column that readers do not make."""
        return ("input_ids",)

    def check_schema(self, schema: pa.Schema) -> None:
        """Hold input_ids to its type."""
        token_file.id_type(schema, "write.memmap")

    def suffixes(self, schema: pa.Schema) -> tuple[str, ...]:
        """Return those of the arrays that the columns fill; the description comes last."""
        packed = (".pieces.npy",) if "lengths" in schema.names else ()
        ids = (".doc_ids.npy",) if {"doc_id", "doc_ids"} & set(schema.names) else ()
        return (".bin", ".offsets.npy", *packed, *ids, ".json")

    def write(self, rows: Iterator[pa.RecordBatch], schema: pa.Schema, paths: Sequence[Path]) -> None:
        """Write the ids as they come, then the index: 24 bytes a document, in memory until then."""
        name = self.dtype
        if name == "auto":
            name = "uint16" if token_file.id_type(schema, "write.memmap") == pa.uint16() else "uint32"
        at = dict(zip(self.suffixes(schema), paths, strict=True))
        sizes: list[np.ndarray] = []
        pieces: list[np.ndarray] = []
        ids: list[np.ndarray] = []
        begin = 0
        for batch in token_file.write_ids(rows, at[".bin"], np.dtype(name).newbyteorder("<")):
            sizes.append(token_file.lengths(batch.column("input_ids")))
            if ".pieces.npy" in at:
                pieces.append(begin + _pieces(sizes[-1], batch.column("lengths")))
            if ".doc_ids.npy" in at:
                ids.append(_doc_ids(batch))
            begin += int(sizes[-1].sum())
        offsets = token_file.offsets(sizes)
        about = {"dtype": name, "tokens": int(offsets[-1]), "rows": len(offsets) - 1}
        _save(at[".offsets.npy"], offsets)
        if ".pieces.npy" in at:
            _save(at[".pieces.npy"], np.concatenate([np.empty((0, 2), np.int64), *pieces]))
            about["pieces"] = sum(map(len, pieces))
        if ".doc_ids.npy" in at:
            _save(at[".doc_ids.npy"], np.concatenate([np.empty((0, 16), np.uint8), *ids]))
        at[".json"].write_bytes(orjson.dumps(about))

    @classmethod
    def count(cls, paths: Sequence[Path]) -> int:
        """Return the rows of the offsets, after holding them to the size of the ids and to the description."""
        about: dict[str, Any] = orjson.loads(paths[-1].read_bytes())
        offsets = np.load(paths[1], mmap_mode="r", allow_pickle=False)
        stored = paths[0].stat().st_size
        if stored != offsets[-1] * np.dtype(about["dtype"]).itemsize:
            raise ValueError(f"the offsets end at {offsets[-1]} ids, {paths[0]} has {stored} bytes")
        if (about["tokens"], about["rows"]) != (offsets[-1], len(offsets) - 1):
            raise ValueError(f"{paths[-1]} does not say what the offsets say")
        return len(offsets) - 1


def _pieces(sizes: np.ndarray, column: pa.Array) -> np.ndarray:
    """Return where the pieces of each row begin and end, counted from the first row of the batch."""
    tokens = column.flatten().to_numpy().astype(np.int64)
    counts = token_file.lengths(column)
    ends = np.cumsum(tokens)
    before = np.concatenate([[0], ends])[np.cumsum(counts) - counts]  # tokens of pieces in earlier rows
    moved = np.repeat(np.cumsum(sizes) - sizes - before, counts)
    return np.stack([ends - tokens + moved, ends + moved], axis=1)


def _doc_ids(batch: pa.RecordBatch) -> np.ndarray:
    column = batch.column("doc_id") if "doc_id" in batch.schema.names else batch.column("doc_ids").flatten()
    hexed = "".join(column.to_pylist())
    return np.frombuffer(bytes.fromhex(hexed), np.uint8).reshape(-1, 16)


def _save(path: Path, array: np.ndarray) -> None:
    with open(path, "wb") as file:
        np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
