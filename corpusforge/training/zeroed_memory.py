"""Memory that begins as zeros, for a library that forgets to write it.

With one thread fastText (0.9.2 and later) draws the first tenth of its input matrix at random and leaves the rest as
the allocator gave it: with what was there before, training differs from run to run or ends in NaN (measured: 7 of 9
runs after other work in the process). With zeros there, equal inputs give equal bytes.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_M_PERTURB = -6  # glibc's mallopt: fill new memory with the complement of this byte
_ALL_ONES = 255


@contextmanager
def zeroed_memory() -> Iterator[bool]:
    """Let malloc return zeroed memory inside; yields False where the C library cannot (it is not glibc)."""
    library = ctypes.CDLL(None)
    done = hasattr(library, "mallopt") and library.mallopt(_M_PERTURB, _ALL_ONES) == 1
    try:
        yield done
    finally:
        if done:
            library.mallopt(_M_PERTURB, 0)
