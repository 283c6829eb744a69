"""Eight to 64 bytes or numbers at a time: the few machine operations that Numba does not write by itself.

Each is one LLVM operation or loop, for any processor. Positions are not checked: the caller knows that they exist.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


def _compiled(function: Any) -> Any:
    """Numba's `intrinsic`, without a type: the result is called without the first argument."""
    return intrinsic(function)


def _pointer(context: Any, builder: Any, kind: Any, value: Any, at: Any, to: Any) -> Any:
    """The address of `value[at]` of a one-dimensional array, as a pointer `to` something."""
    return builder.bitcast(builder.gep(context.make_array(kind)(context, builder, value).data, [at]), to.as_pointer())


@_compiled
def load8(typing: Any, data: Any, at: Any) -> Any:
    """Return the eight bytes from `at` as one number, the first byte lowest."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], args[0], args[1], _WORD), align=1)

    return types.uint64(data, types.int64), generate


@_compiled
def separators(typing: Any, data: Any, at: Any) -> Any:
    """Return 64 bits: which of the 64 bytes from `at` end a word (space, control whitespace, NUL)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(_BYTE, 64)
        data = builder.load(_pointer(context, builder, signature.args[0], args[0], args[1], kind), align=1)

        def fixed(value: int) -> Any:
            return ir.Constant(kind, [value] * 64)

        control = builder.icmp_unsigned("<", builder.sub(data, fixed(9)), fixed(5))
        space = builder.icmp_unsigned("==", data, fixed(32))
        nul = builder.icmp_unsigned("==", data, fixed(0))
        return builder.bitcast(builder.or_(builder.or_(control, space), nul), _WORD)

    return types.uint64(data, types.int64), generate


@_compiled
def trailing_zeros(typing: Any, bits: Any) -> Any:
    """Return the place of the lowest bit that is set; 64 for none."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@_compiled
def count_bits(typing: Any, bits: Any) -> Any:
    """Return how many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


@_compiled
def high_product(typing: Any, a: Any, b: Any) -> Any:
    """Return the upper 64 of the 128 bits of a * b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), _WORD)

    return types.uint64(types.uint64, types.uint64), generate


@_compiled
def copy10(typing: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """Copy ten numbers of an int32 array: source[at:at + 10] to target[to:to + 10]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(32), 10)
        numbers = builder.load(_pointer(context, builder, signature.args[0], args[0], args[1], kind), align=4)
        builder.store(numbers, _pointer(context, builder, signature.args[2], args[2], args[3], kind), align=4)
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64), generate


def _add_columns(columns: int) -> Any:
    @_compiled
    def add(typing: Any, matrix: Any, rows: Any, count: Any, vector: Any, width: Any, column: Any) -> Any:
        """Add the matrix rows rows[:count], one after the other, to some columns of `vector`, kept in registers.

        `matrix` holds the bytes of float32 rows of `width` numbers.
        """

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            matrix, rows, count, vector, width, column = args
            kind = ir.VectorType(ir.FloatType(), columns)
            allocate: Any = cgutils.alloca_once
            total = allocate(builder, kind)  # LLVM keeps it in registers
            place = _pointer(context, builder, signature.args[3], vector, column, kind)
            builder.store(builder.load(place, align=4), total)
            with cgutils.for_range(builder, count) as loop:
                row = builder.load(_pointer(context, builder, signature.args[1], rows, loop.index, ir.IntType(32)))
                number = builder.add(builder.mul(builder.zext(row, _WORD), width), column)
                first = builder.shl(number, ir.Constant(_WORD, 2))
                address = _pointer(context, builder, signature.args[0], matrix, first, kind)
                builder.store(builder.fadd(builder.load(total), builder.load(address, align=1)), total)
            builder.store(builder.load(total), place, align=4)
            return context.get_dummy_value()

        return types.void(matrix, rows, types.int64, vector, types.int64, types.int64), generate

    return add


add_64_columns, add_16_columns, add_1_column = _add_columns(64), _add_columns(16), _add_columns(1)
