"""Structs in Thrift's compact protocol, as the headers of Parquet pages are written.

Source: Apache Thrift, thrift-compact-protocol.md.
"""

from typing import Any


def read_struct(data: bytes, at: int) -> tuple[dict[int, Any], int]:
    """Return the fields of the struct at `at` by number, and where it ends.

    Raises IndexError when `data` ends before, TypeError and RecursionError for what is no struct.
    """
    fields: dict[int, Any] = {}
    number = 0
    while (head := data[at]) != 0:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _zigzag(data, at)
        fields[number], at = _value(data, at, head & 15)
    return fields, at + 1


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (1, 2):
        return kind == 1, at
    if kind == 3:
        return data[at], at + 1
    if kind in (4, 5, 6):
        return _zigzag(data, at)
    if kind == 7:
        return data[at : at + 8], at + 8
    if kind == 8:
        size, at = _varint(data, at)
        if at + size > len(data):
            raise IndexError
        return data[at : at + size], at + size
    if kind in (9, 10):
        size, inner = data[at] >> 4, data[at] & 15
        at += 1
        if size == 15:
            size, at = _varint(data, at)
        if inner in (1, 2):  # in a list a boolean is a byte
            return list(data[at : at + size]), at + size
        values = []
        for _ in range(size):
            value, at = _value(data, at, inner)
            values.append(value)
        return values, at
    if kind == 12:
        return read_struct(data, at)
    raise TypeError(f"no type {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise TypeError("a number of over 64 bits")


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def write_struct(fields: dict[int, Any], pad: int = 0) -> bytes:
    """Return a struct of 32-bit integers, booleans and structs, made longer by `pad` bytes (at most 129)."""
    out = bytearray()
    last = 0
    for number, value in sorted(fields.items()):
        kind = 12 if isinstance(value, dict) else 2 - value if isinstance(value, bool) else 5
        out.append((number - last) << 4 | kind)
        last = number
        if kind == 12:
            out += write_struct(value)
        elif kind == 5:
            value = value << 1 ^ value >> 31
            while value > 127:
                out.append(value & 127 | 128)
                value >>= 7
            out.append(value)
    if pad == 1:
        out.append(15 - last << 4 | 1)  # a boolean is its field's header alone
    elif pad:
        out += bytes([15 - last << 4 | 8, pad - 2]) + bytes(pad - 2)
    return bytes(out) + b"\0"
