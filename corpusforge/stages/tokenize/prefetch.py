"""Ask for memory before it is needed."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


def _compiled(function: Any) -> Any:
    """Numba's `intrinsic`, without a type: the result is called without the first argument."""
    return intrinsic(function)


@_compiled
def prefetch(typing: Any, rows: Any, at: Any) -> Any:
    """Begin to load row `at` of a table into the first-level cache, for reading; nothing waits for it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        size = builder.mul(args[1], builder.extract_value(array.strides, 0))
        start = builder.ptrtoint(array.data, ir.IntType(64))
        pointer = ir.IntType(8).as_pointer()
        address = builder.inttoptr(builder.add(start, size), pointer)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        declared: Any = cgutils.get_or_insert_function
        load = declared(builder.module, kind, "llvm.prefetch.p0")
        builder.call(load, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(rows, types.int64), generate
