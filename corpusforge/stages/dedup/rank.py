"""Ranks: which of several documents stays, as bytes that sort best first.

A rank is 26 bytes, compared as a big-endian number: the source's priority (2), the `keep` column in an
order-preserving encoding (8), the doc_id (16). It depends on the document alone, never on reading order, so the
same text stays however the work was split.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.errors import RecipeError

RANK = pa.binary(26)
DOC_ID = pa.binary(16)

_WORST = np.uint64(2**64 - 1)  # nulls; values stop one short of it
_SIGN = np.uint64(1 << 63)
_ISO_8601 = (
    r"^\s*(?P<year>\d{4})(?:-?(?P<month>\d\d)(?:-?(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d))?)?)?)?)?(?:\D|$)"
)


def keep_column(keep: str) -> str:
    """Return the column that `keep` reads: text for "longest", date for "newest", else the column it names."""
    return {"longest": "text", "newest": "date"}.get(keep, keep)


def ranks(batch: pa.RecordBatch, keep: str = "longest", priority: Sequence[str] = ()) -> pa.FixedSizeBinaryArray:
    """Return each document's rank, fixed_size_binary(26); smaller bytes are better.

    `priority` names sources, best first; a source it leaves out comes after them, in the recipe's order (the
    `source_order` column). `keep` is "longest" (characters of text), "newest" (`date`, ISO 8601; time zones and
    fractions of a second do not count) or a column of numbers, booleans, dates or times whose largest value is best.
    Nulls, NaN and dates in another form come last. The doc_id breaks ties.

    Raises RecipeError when `keep` names a column of another type.
    """
    rows = batch.num_rows
    out = np.empty((rows, RANK.byte_width), np.uint8)
    out[:, :2] = _big_endian(_priorities(batch, priority).astype(np.uint16))
    out[:, 2:10] = _big_endian(_keep_codes(batch, keep))
    out[:, 10:] = doc_id_bytes(batch.column("doc_id"))
    return fixed_binary(out)


def doc_id_bytes(ids: pa.Array) -> NDArray[np.uint8]:
    """Return the 16 bytes of each doc_id (32 lower-case hex digits), uint8 of shape (rows, 16)."""
    rows = len(ids)
    offsets = np.frombuffer(ids.buffers()[1], np.int32, rows + 1, ids.offset * 4) if rows else np.zeros(1, np.int32)
    assert ids.null_count == 0 and bool((np.diff(offsets) == 32).all()), "a doc_id is not 32 hex digits"
    if not rows:
        return np.empty((0, 16), np.uint8)
    digits = np.frombuffer(ids.buffers()[2], np.uint8, rows * 32, int(offsets[0]))
    values = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0")).reshape(rows, 16, 2)
    assert bool((values < 16).all()), "a doc_id is not lower-case hex"
    return (values[:, :, 0] << 4 | values[:, :, 1]).astype(np.uint8)


def doc_id_strings(ids: NDArray[np.uint8]) -> pa.StringArray:
    """Return doc_ids (uint8 of shape (rows, 16)) as 32 hex digits; the inverse of `doc_id_bytes`.

    >>> doc_id_strings(np.arange(16, dtype=np.uint8).reshape(1, 16)).to_pylist()
    ['000102030405060708090a0b0c0d0e0f']
    """
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.stack([digits[ids >> 4], digits[ids & 15]], axis=-1).reshape(-1)
    offsets = np.arange(0, 32 * len(ids) + 1, 32, dtype=np.int32)
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(text))


def fixed_binary(values: NDArray[np.uint8]) -> pa.FixedSizeBinaryArray:
    """Return a uint8 array of shape (rows, width) as fixed_size_binary(width)."""
    rows, width = values.shape
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), rows, [None, data])


def binary_bytes(column: pa.FixedSizeBinaryArray) -> NDArray[np.uint8]:
    """Return a fixed_size_binary(width) column without nulls as uint8 of shape (rows, width), without copying."""
    width = column.type.byte_width
    if not len(column):
        return np.empty((0, width), np.uint8)
    return np.frombuffer(column.buffers()[1], np.uint8, len(column) * width, column.offset * width).reshape(-1, width)


def _big_endian(values: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
    return values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(len(values), values.itemsize)


def _priorities(batch: pa.RecordBatch, priority: Sequence[str]) -> NDArray[np.int64]:
    order = np.asarray(batch.column("source_order")).astype(np.int64)
    if not priority:
        return order
    listed = pc.index_in(batch.column("source"), pa.array(priority, pa.string()))
    place = np.asarray(pc.fill_null(listed, -1)).astype(np.int64)
    return np.where(place >= 0, place, np.minimum(len(priority) + order, 65_535))


def _keep_codes(batch: pa.RecordBatch, keep: str) -> NDArray[np.uint64]:
    column = batch.column(keep_column(keep))
    if keep == "longest":
        numbers = pc.utf8_length(column)
    elif keep == "newest" and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        numbers = _seconds_like(column)
    else:
        numbers = _as_number(column, keep)
    rising, missing = rising_codes(numbers)
    falling = np.minimum(~rising, _WORST - np.uint64(1))
    return np.where(missing, _WORST, falling)


def rising_codes(numbers: pa.Array) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return numbers (floats or integers) as codes that rise with them, and which of them are null or NaN.

    >>> codes, missing = rising_codes(pa.array([2.5, -1.0, None]))
    >>> bool(codes[1] < codes[0]), missing.tolist()
    (True, [False, False, True])
    """
    missing = numbers.is_null(nan_is_null=True)
    if pa.types.is_floating(numbers.type):
        values = np.asarray(pc.fill_null(numbers, 0.0)).astype(np.float64) + 0.0  # -0.0 equals 0.0
        bits = values.view(np.uint64)
        rising = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    elif numbers.type == pa.uint64():
        rising = np.asarray(pc.fill_null(numbers, 0)).astype(np.uint64)
    else:
        rising = np.asarray(pc.fill_null(numbers, 0)).astype(np.int64).view(np.uint64) ^ _SIGN
    return rising, np.asarray(missing)


def _as_number(column: pa.Array, keep: str) -> pa.Array:
    kind = column.type
    if pa.types.is_boolean(kind):
        return column.cast(pa.uint8())
    if pa.types.is_integer(kind):
        return column
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("ms")).cast(pa.int64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.int64())
    if pa.types.is_null(kind):
        return column.cast(pa.int64())
    raise RecipeError(
        f"keep: {keep} needs a column of numbers, booleans, dates or times, and '{keep_column(keep)}' is {kind}"
    )


def _seconds_like(dates: pa.Array) -> pa.Array:
    # year, month, ... as one decimal number: sorts like the time, without a calendar
    parts = pc.extract_regex(dates, _ISO_8601)
    number = pa.nulls(len(dates), pa.int64())
    for i, name in enumerate(("year", "month", "day", "hour", "minute", "second")):
        digits = pc.struct_field(parts, name)
        digits = pc.if_else(pc.equal(pc.binary_length(digits), 0), "0", digits).cast(pa.int64())
        number = digits if i == 0 else pc.add(pc.multiply(number, 100), digits)
    return number
