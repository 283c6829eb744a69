"""Thrift structs: what is written is read, and bytes that are none end in an error and soon."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.stages.read.thrift import read_struct, write_struct

VALUES = st.integers(-(1 << 31), (1 << 31) - 1) | st.booleans()
FIELDS = st.dictionaries(st.integers(1, 14), VALUES | st.dictionaries(st.integers(1, 15), VALUES), max_size=6)


@given(FIELDS, st.integers(0, 129))
def test_a_struct_is_read_as_it_was_written_whatever_its_padding(fields: dict[int, Any], pad: int) -> None:
    plain, padded = write_struct(fields), write_struct(fields, pad)
    assert read_struct(plain + b"rest", 0) == (fields, len(plain))
    found, end = read_struct(padded, 0)
    assert len(padded) == end == len(plain) + pad
    assert {name: value for name, value in found.items() if name != 15} == fields


@given(st.binary(max_size=60))
def test_bytes_that_are_no_struct_raise_what_is_documented(data: bytes) -> None:
    try:
        fields, end = read_struct(data, 0)
    except (IndexError, TypeError):
        return
    assert end <= len(data) and isinstance(fields, dict)


HOSTILE = {
    "a list of 2^60 booleans": b"\x19\xf1" + b"\xff" * 8 + b"\x0f",
    "an endless number": b"\x15" + b"\xff" * 9_000_000,
    "structs nested 100,000 deep": b"\x1c" * 100_000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_headers_end_soon(data: bytes) -> None:
    begun = time.process_time()
    with pytest.raises((IndexError, TypeError, RecursionError)):
        read_struct(data, 0)
    assert time.process_time() - begun < 1
