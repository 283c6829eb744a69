"""Blocks of bytes: 8 or 64 of a text at a time, in one operation, and bytes copied from text to text.

Positions are not checked: the caller knows that all bytes exist.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


def _compiled(function: Any) -> Any:
    """Numba's `intrinsic`, without a type: the result is called without the first argument."""
    return intrinsic(function)


def _address(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


@_compiled
def spaces64(typing: Any, data: Any, at: Any) -> Any:
    """Return 64 bits: which of the 64 bytes from `at` are ASCII whitespace, as str.isspace() says."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(_BYTE, 64)
        address = builder.bitcast(_address(context, builder, signature.args[0], *args), kind.as_pointer())
        block = builder.load(address, align=1)

        def among(first: int, count: int) -> Any:
            moved = builder.sub(block, ir.Constant(kind, [first] * 64))
            return builder.icmp_unsigned("<", moved, ir.Constant(kind, [count] * 64))

        return builder.bitcast(builder.or_(among(9, 5), among(28, 5)), _WORD)  # \t to \r; \x1c to space

    return types.uint64(data, types.int64), generate


@_compiled
def wide64(typing: Any, data: Any, at: Any) -> Any:
    """Return 64 bits: which of the 64 bytes from `at` are not ASCII."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(_BYTE, 64)
        address = builder.bitcast(_address(context, builder, signature.args[0], *args), kind.as_pointer())
        block = builder.load(address, align=1)
        return builder.bitcast(builder.icmp_signed("<", block, ir.Constant(kind, [0] * 64)), _WORD)

    return types.uint64(data, types.int64), generate


@_compiled
def load8(typing: Any, data: Any, at: Any) -> Any:
    """Return the eight bytes from `at` as a number, the lowest first."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = builder.bitcast(_address(context, builder, signature.args[0], *args), _WORD.as_pointer())
        return builder.load(address, align=1)

    return types.uint64(data, types.int64), generate


@_compiled
def store8(typing: Any, data: Any, at: Any, number: Any) -> Any:
    """Write the eight bytes of `number` from `at`, the lowest first."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = builder.bitcast(_address(context, builder, signature.args[0], *args[:2]), _WORD.as_pointer())
        builder.store(args[2], address, align=1)
        return context.get_dummy_value()

    return types.void(data, types.int64, types.uint64), generate


@_compiled
def copy(typing: Any, data: Any, at: Any, length: Any, out: Any, place: Any) -> Any:
    """Copy data[at:at + length] to out[place:place + length], another array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = _address(context, builder, signature.args[0], args[0], args[1])
        target = _address(context, builder, signature.args[3], args[3], args[4])
        write: Any = cgutils.raw_memcpy
        write(builder, target, source, args[2], 1)
        return context.get_dummy_value()

    return types.void(data, types.int64, types.int64, out, types.int64), generate
