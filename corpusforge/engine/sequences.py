"""Sequences in shuffled order: every part is packed as it would be, then its sequences are exchanged by key.

The id of a sequence is XXH3-128 over the layout's seed (8 bytes, big-endian) and PART#NUMBER, such as
data/part-00003#17; its key is the first half of it. So their order depends on the documents and the layout alone.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash

from corpusforge.engine.exchange import RunWriter
from corpusforge.engine.layout import ordered_rows
from corpusforge.engine.part_files import Documents
from corpusforge.engine.tally import Tally
from corpusforge.engine.units import Report, SequencesUnit, file_entry
from corpusforge.stage import with_columns
from corpusforge.stages.write.packing import Packed, sequences


def write_sequences(unit: SequencesUnit) -> Report:
    """Write the sequences of the documents of one part as a sorted run, and report what was counted."""
    part = replace(unit.part, folder=unit.folder)
    assert part.pack is not None
    before, after, tally = Documents(), Packed(), Tally()
    writer = RunWriter(Path(unit.folder) / "sequences.arrow", "_key", ("_id",), compress=True)
    rows = before.counted(tally.counted(ordered_rows(part, pa.ipc.read_schema(pa.BufferReader(part.schema)))))
    number = 0
    for batch in sequences(rows, part.pack, after):
        names = (f"{part.name}#{n}" for n in range(number, number + batch.num_rows))
        writer.write(with_columns(batch, **_keys(unit.seed, names)))
        number += batch.num_rows
    return {"run": file_entry(writer.close()), "packed": asdict(before) | asdict(after), "tally": tally.report()}


def _keys(seed: int, names: Iterator[str]) -> dict[str, pa.Array]:
    start = seed.to_bytes(8, "big")
    ids = [xxhash.xxh3_128_digest(start + name.encode()) for name in names]
    keys = np.frombuffer(b"".join(ids), ">u8")[::2].astype(np.uint64)
    return {"_key": pa.array(keys), "_id": pa.array(ids, pa.binary(16))}
