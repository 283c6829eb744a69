"""Token ids of many rows, one after another in a plain file: what the binary formats have in common."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.errors import RecipeError, RunError


def id_type(schema: pa.Schema, writer: str) -> pa.DataType:
    """Return the integer type of `input_ids`; RecipeError when there are none."""
    kind = schema.field("input_ids").type if "input_ids" in schema.names else pa.null()
    if not pa.types.is_list(kind) or not pa.types.is_integer(kind.value_type):
        raise RecipeError(f"{writer} needs 'input_ids', a list of integers, not {kind}; tokenize.encode makes it")
    return kind.value_type


def write_ids(rows: Iterator[pa.RecordBatch], path: Path, dtype: np.dtype) -> Iterator[pa.RecordBatch]:
    """Write the ids of each batch to `path` and hand the batch on; RunError when an id does not fit into `dtype`."""
    largest = np.iinfo(dtype).max
    with open(path, "wb") as file:
        for batch in rows:
            ids = batch.column("input_ids").flatten().to_numpy()
            if len(ids) and ids.dtype.itemsize >= dtype.itemsize and int(ids.max()) > largest:
                raise RunError(f"{path}: token id {ids.max()} does not fit into {dtype}, whose largest is {largest}")
            file.write(np.ascontiguousarray(ids, dtype).data)
            yield batch


def lengths(column: pa.Array) -> np.ndarray:
    """Return the length of each list, int64; 0 for null."""
    found = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return np.asarray(found, np.int64)


def offsets(parts: list[np.ndarray]) -> np.ndarray:
    """Return where rows begin and end whose lengths come in `parts`, int64, one more than there are rows."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([np.empty(0, np.int64), *parts]))])
