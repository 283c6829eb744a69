"""Arrow columns as one JSON object per row: the metadata of documents that come as tables."""

import base64
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as kinds


def json_rows(batch: pa.RecordBatch, taken: Sequence[str] = ()) -> pa.Array:
    """Return a string array: each row of `batch` as a JSON object in the order of its columns.

    Nulls and the dotted names in `taken` are left out; a row with nothing left is null. Times and decimals are
    strings, durations numbers in their unit, binary values base64.

    >>> json_rows(pa.record_batch({"id": [1, None], "tags": [["a"], None]})).to_pylist()
    ['{"id":1,"tags":["a"]}', None]
    """
    import orjson

    names = batch.schema.names
    columns = [_plain(column).to_pylist() for column in batch.columns]
    rows: list[bytes | None] = []
    for values in zip(*columns, strict=True):
        row = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for name in taken:
            take(row, name)
        rows.append(orjson.dumps(row, default=_base64) if row else None)
    return pa.array(rows, pa.binary()).cast(pa.string())


def take(document: dict[str, Any], name: str) -> Any:
    """Remove the field `name`, maybe dotted, from nested objects and return its value, None when there is none.

    >>> document = {"meta": {"url": "http://a.example/"}, "id": 7}
    >>> take(document, "meta.url"), document
    ('http://a.example/', {'id': 7})
    """
    if name in document or "." not in name:
        return document.pop(name, None)
    head, _, rest = name.partition(".")
    inner = document.get(head)
    if not isinstance(inner, dict):
        return None
    value = take(inner, rest)
    if not inner:
        del document[head]
    return value


def _plain(column: pa.Array) -> pa.Array:
    kind = _plain_type(column.type)
    return column if kind == column.type else column.cast(kind)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if kinds.is_duration(kind):
        return pa.int64()
    if kinds.is_temporal(kind) or kinds.is_decimal(kind):
        return pa.string()  # to_pylist loses nanoseconds, and needs pandas for them
    if kinds.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if kinds.is_struct(kind):
        return pa.struct([f.with_type(_plain_type(f.type)) for f in kind])
    if kinds.is_map(kind):
        return pa.map_(_plain_type(kind.key_type), _plain_type(kind.item_type))
    if kinds.is_large_list(kind):
        return pa.large_list(_plain_type(kind.value_type))
    if kinds.is_list(kind) or kinds.is_fixed_size_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    return kind


def _base64(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"no JSON for {type(value).__name__}")
