"""Find added tokens in texts as HF tokenizers does: leftmost, the longest of those that begin there, without overlaps.

A special token that counts as text is found all the same, so that it hides what it overlaps, and then left in the text.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from corpusforge.stages.tokenize.pre_token_cache import find_token, token_table
from corpusforge.text.arrays import Bools, Int32s, Int64s, UInt8s
from corpusforge.text.blocks import load8
from corpusforge.text.fasttext_wide import trailing_zeros

TEXT = -1  # the id of a span that is text
HIDDEN = -2  # of a token that is left in the text
OTHERWISE = -3  # of a token that takes the white space around it, or is one only as a word: left to the reference
FEW = 4  # first bytes of tokens that are looked for in eight bytes at a time
_EACH_BYTE, _TOP_BITS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)


class AddedTokens(NamedTuple):
    """Tokens to find, by their bytes, and the id of each, or HIDDEN, or OTHERWISE."""

    ids: Int64s
    pairs: Bools  # by `first byte << 8 | second`: does a token begin so
    lengths: Int64s  # of tokens, descending
    slots: Int32s
    data: UInt8s
    offsets: Int64s


def added_tokens(contents: Sequence[bytes], ids: Sequence[int]) -> AddedTokens:
    """Return the table of some tokens, none of them empty."""
    pairs = np.zeros(1 << 16, bool)
    for content in contents:
        if len(content) == 1:
            pairs[content[0] << 8 : (content[0] + 1) << 8] = True
        else:
            pairs[content[0] << 8 | content[1]] = True
    lengths = np.array(sorted({len(content) for content in contents}, reverse=True), np.int64)
    return AddedTokens(np.array(ids, np.int64), pairs, lengths, *token_table(list(contents)))


def spans(
    data: UInt8s, starts: Int64s, ends: Int64s, kinds: Int64s, tokens: AddedTokens
) -> tuple[Int64s, Int64s, Int64s, Int64s] | None:
    """Cut spans whose kind is TEXT at the tokens; None when there is no token in any.

    Returns starts, ends, kinds (an id, or TEXT, or OTHERWISE), and where those of each span begin, int64[spans + 1].
    """
    count = _find(data, starts, ends, kinds, *tokens, np.zeros((0, 3), np.int64), np.zeros(0, np.int64))
    if not count:
        return None
    found = np.empty((2 * count + len(starts), 3), np.int64)
    offsets = np.zeros(len(starts) + 1, np.int64)
    _find(data, starts, ends, kinds, *tokens, found, offsets)
    found = found[: offsets[-1]]
    return (*(np.ascontiguousarray(found[:, k]) for k in range(3)), offsets)  # type: ignore[return-value]


@njit(cache=True)
def _find(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    kinds: Int64s,
    ids: Int64s,
    pairs: Bools,
    lengths: Int64s,
    slots: Int32s,
    token_data: UInt8s,
    token_offsets: Int64s,
    found: Int64s,
    offsets: Int64s,
) -> Any:
    """Return how many tokens there are; write the spans when there is room for any."""
    firsts = np.zeros(256, np.bool_)
    for code in range(1 << 16):
        firsts[code >> 8] |= pairs[code]
    heads = np.flatnonzero(firsts).astype(np.uint64) * _EACH_BYTE
    count, made = 0, 0
    for span in range(len(starts)):
        i, end = starts[span], ends[span]
        begin = i
        while i < end and kinds[span] == TEXT:
            if len(heads) <= FEW and i + 8 <= end:  # most tokens begin with "<": look at eight bytes at a time
                block, hits = load8(data, i), np.uint64(0)
                for k in range(len(heads)):
                    differ = block ^ heads[k]
                    hits |= (differ - _EACH_BYTE) & ~differ & _TOP_BITS  # the lowest is where a byte is the same
                if not hits:
                    i += 8
                    continue
                i += trailing_zeros(hits) >> 3
            if not firsts[data[i]] or not (i + 1 == end or pairs[np.int64(data[i]) << 8 | np.int64(data[i + 1])]):
                i += 1
                continue
            token = -1
            for length in lengths:
                if i + length <= end:
                    token = find_token(data, i, i + length, slots, token_data, token_offsets)
                    if token >= 0:
                        break
            if token < 0:
                i += 1
                continue
            to = i + token_offsets[token + 1] - token_offsets[token]
            if ids[token] != HIDDEN:
                count += 1
                if len(found):
                    if begin < i:
                        found[made, 0], found[made, 1], found[made, 2] = begin, i, TEXT
                        made += 1
                    found[made, 0], found[made, 1], found[made, 2] = i, to, ids[token]
                    made += 1
                begin = to
            i = to
        if len(found):
            if begin < end:
                found[made, 0], found[made, 1], found[made, 2] = begin, end, kinds[span]
                made += 1
            offsets[span + 1] = made
    return count
