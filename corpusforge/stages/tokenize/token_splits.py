"""Which pairs of tokens make a token: the merges of a vocabulary that lists tokens by rank and no merges."""

import numpy as np
from numba import njit

from corpusforge.stages.tokenize.pre_token_cache import find_token
from corpusforge.text.arrays import Int32s, Int64s, UInt8s


@njit(cache=True)
def splits(slots: Int32s, data: UInt8s, offsets: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Return left, right and merged ids of all pairs of tokens whose bytes make a token, in the order of that token.

    `slots`, `data`, `offsets`: the table of tokens, see pre_token_cache.token_table. Where a text's tokens so far are
    spans of its bytes, two neighbours may be merged exactly if their bytes together are a token (tiktoken).
    """
    room = offsets[-1]
    left, right, merged = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    made = 0
    for token in range(len(offsets) - 1):
        start, end = offsets[token], offsets[token + 1]
        for middle in range(start + 1, end):
            a = find_token(data, start, middle, slots, data, offsets)
            if a < 0:
                continue
            b = find_token(data, middle, end, slots, data, offsets)
            if b >= 0:
                left[made], right[made], merged[made] = a, b, token
                made += 1
    return left[:made], right[:made], merged[:made]
