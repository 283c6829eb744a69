"""Eight to 64 bytes or numbers at a time: the few machine operations that Numba does not write by itself.

Each is one LLVM operation or loop, for any processor. Positions are not checked: the caller knows that they exist.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

NO_BYTE = 256
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
def widen16(typing: Any, data: Any, at: Any, planes: Any, to: Any) -> Any:
    """Write the 16 bytes from `at`, with their signs, to planes[to:]; return 16 bits, which of them are not ASCII."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        few = ir.VectorType(_BYTE, 16)
        units = builder.load(_pointer(context, builder, signature.args[0], args[0], args[1], few), align=1)
        kind = ir.VectorType(ir.IntType(32), 16)
        place = _pointer(context, builder, signature.args[2], args[2], args[3], kind)
        builder.store(builder.sext(units, kind), place, align=4)
        negative = builder.icmp_signed("<", units, ir.Constant(few, [0] * 16))
        return builder.zext(builder.bitcast(negative, ir.IntType(16)), _WORD)

    return types.uint64(data, types.int64, planes, types.int64), generate


@_compiled
def empty16(typing: Any, states: Any) -> Any:
    """Set states[:16] to fastText's hash of nothing."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(32), 16)
        place = _pointer(context, builder, signature.args[0], args[0], ir.Constant(_WORD, 0), kind)
        builder.store(ir.Constant(kind, [2166136261] * 16), place, align=4)
        return context.get_dummy_value()

    return types.void(states), generate


@_compiled
def hash16(typing: Any, planes: Any, at: Any, stride: Any, widest: Any, states: Any) -> Any:
    """Take 16 states of fastText's hash, states[:16], one character further: those from planes[at].

    Byte k of character c is planes[k * stride + c], a byte with its sign, or NO_BYTE; k is less than `widest`.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        planes, at, stride, widest, states = args
        kind = ir.VectorType(ir.IntType(32), 16)
        place = _pointer(context, builder, signature.args[4], states, ir.Constant(_WORD, 0), kind)
        with cgutils.for_range(builder, widest) as loop:
            first = builder.add(at, builder.mul(loop.index, stride))
            units = builder.load(_pointer(context, builder, signature.args[0], planes, first, kind), align=4)
            state = builder.load(place, align=4)
            next_state = builder.mul(builder.xor(state, units), ir.Constant(kind, [16777619] * 16))
            none = builder.icmp_unsigned("==", units, ir.Constant(kind, [NO_BYTE] * 16))
            builder.store(builder.select(none, state, next_state), place, align=4)
        return context.get_dummy_value()

    return types.void(planes, types.int64, types.int64, types.int64, states), generate


@_compiled
def buckets16(typing: Any, states: Any, to: Any, bucket: Any, reciprocal: Any) -> Any:
    """Write states[:16] % bucket to states[to:]; `reciprocal` is 2^32 // bucket, and bucket more than 1."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        states, to, bucket, reciprocal = args
        kind, wide = ir.VectorType(ir.IntType(32), 16), ir.VectorType(_WORD, 16)

        def spread(value: Any, of: Any) -> Any:
            one = builder.insert_element(ir.Constant(of, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16)
            return builder.shuffle_vector(one, ir.Constant(of, ir.Undefined), zeros)

        zero = ir.Constant(_WORD, 0)
        state = builder.load(_pointer(context, builder, signature.args[0], states, zero, kind), align=4)
        product = builder.mul(builder.zext(state, wide), spread(reciprocal, wide))
        quotient = builder.trunc(builder.lshr(product, ir.Constant(wide, [32] * 16)), kind)  # or one less
        divisor = spread(builder.trunc(bucket, ir.IntType(32)), kind)
        rest = builder.sub(state, builder.mul(quotient, divisor))
        rest = builder.select(builder.icmp_unsigned("<", rest, divisor), rest, builder.sub(rest, divisor))
        builder.store(rest, _pointer(context, builder, signature.args[0], states, to, kind), align=4)
        return context.get_dummy_value()

    return types.void(states, types.int64, types.int64, types.int64), generate


@_compiled
def present16(typing: Any, bits: Any, numbers: Any, at: Any) -> Any:
    """Return 16 bits: of which of numbers[at:at + 16] the bit is set in `bits`, 32 in a number."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits, numbers, at = args
        kind = ir.VectorType(ir.IntType(32), 16)
        number = builder.load(_pointer(context, builder, signature.args[1], numbers, at, kind), align=4)
        places = builder.lshr(number, ir.Constant(kind, [5] * 16))
        found = ir.Constant(kind, ir.Undefined)
        for i in range(16):
            lane = ir.Constant(ir.IntType(32), i)
            place = builder.zext(builder.extract_element(places, lane), _WORD)
            address = _pointer(context, builder, signature.args[0], bits, place, ir.IntType(32))
            found = builder.insert_element(found, builder.load(address, align=4), lane)
        moved = builder.lshr(found, builder.and_(number, ir.Constant(kind, [31] * 16)))
        return builder.zext(
            builder.bitcast(builder.trunc(moved, ir.VectorType(ir.IntType(1), 16)), ir.IntType(16)), _WORD
        )

    return types.uint64(bits, numbers, types.int64), generate


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
