"""Put one token before and one after the ids of every document."""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Bools, Int64s, UInt32s


def surrounded(
    ids: UInt32s, offsets: Int64s, wanted: Bools, before: int | None, after: int | None
) -> tuple[UInt32s, Int64s]:
    """Return ids and offsets with `before` and `after` (None: nothing) around those of the wanted documents.

    >>> surrounded(np.array([5, 6], np.uint32), np.array([0, 2, 2]), np.array([True, True]), 1, None)
    (array([1, 5, 6, 1], dtype=uint32), array([0, 3, 4]))
    """
    more = ((before is not None) + (after is not None)) * wanted
    places = np.zeros_like(offsets)
    np.cumsum(np.diff(offsets) + more, out=places[1:])
    return _surrounded(ids, offsets, places, wanted, -1 if before is None else before, -1 if after is None else after)


@njit(cache=True)
def _surrounded(
    ids: UInt32s, offsets: Int64s, places: Int64s, wanted: Bools, before: int, after: int
) -> tuple[UInt32s, Int64s]:
    out = np.empty(places[-1], np.uint32)
    for d in range(len(wanted)):
        at = places[d]
        if wanted[d] and before >= 0:
            out[at] = before
            at += 1
        for k in range(offsets[d], offsets[d + 1]):
            out[at] = ids[k]
            at += 1
        if wanted[d] and after >= 0:
            out[at] = after
    return out, places
