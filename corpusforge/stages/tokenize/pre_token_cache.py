"""Remember the ids of pre-tokens: natural text repeats words, so most are found in one look-up.

Two open-addressing tables, which grow to a bound and are then emptied. Pre-tokens of up to 15 bytes are their own keys:
a slot of `short` is uint64[4], the bytes in two numbers, the length in the top byte of the second, then up to four ids,
or where more of them begin. A slot of `long` is (hash, place of the bytes, place of the ids, length << 32 | ids); the
bytes are compared. Pre-tokens above LONGEST bytes hardly repeat and are not kept. What is kept never changes an id.
The tokens of the vocabulary are remembered from the start.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from corpusforge.stages.tokenize.bpe import SHORT, encode_long, encode_short
from corpusforge.stages.tokenize.prefetch import prefetch
from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt32s, UInt64s
from corpusforge.text.blocks import load8, store8

LONGEST = 256
FIRST_SLOTS = 64  # so few that opening a tokenizer loads the kernels that let the tables grow
MAX_SLOTS = 1 << 21  # 64 MB; at 5/8 full 1.3 M pre-tokens, more than 200 MB of mixed text has
AHEAD = 64  # pieces whose slots are asked for at once
_DONE, _SHORT_FULL, _LONG_FULL, _IDS_FULL, _BYTES_FULL = range(5)
_K1, _K2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_LENGTH_SHIFT, _COUNT_SHIFT = np.uint64(56), np.uint64(60)
_KEY = np.uint64(0x0FFFFFFFFFFFFFFF)  # of the second number, all but the number of ids
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_MANY = 15  # number of ids: more than four, kept apart


class Merging(NamedTuple):
    """What encodes a pre-token that is not remembered: see bpe.py; and the tokens.

    Token `i` has the bytes `token_data[token_offsets[i]:token_offsets[i + 1]]`. `token_slots` int32: an open-addressing
    table of the ids of tokens by their bytes, of those that are taken whole; empty when only merges count.
    """

    byte_ids: Int32s
    first: UInt64s
    table: UInt64s
    sieve: UInt64s
    token_slots: Int32s
    token_data: UInt8s
    token_offsets: Int64s


class PreTokenCache:
    """Encodes pre-tokens and remembers them."""

    def __init__(self, merging: Merging, max_slots: int = MAX_SLOTS) -> None:
        self._merging = merging
        self._max_slots = max_slots
        offsets = merging.token_offsets
        sizes = np.diff(offsets)
        some = (sizes > 0) & (sizes < 16)
        self._tokens = offsets[:-1][some], offsets[1:][some]
        self._fits = 8 * len(self._tokens[0]) < 5 * max_slots
        self._reset(min(FIRST_SLOTS, max_slots))
        self._enter_tokens()

    def _enter_tokens(self) -> None:
        """Remember the ids of the tokens' own bytes; of the pre-tokens that are new every fifth is one token."""
        self._entered = False
        if self._fits:
            starts, ends = self._tokens
            self._fits = False  # for as long as it is not known: a table that is full is emptied
            self.encode(self._merging.token_data, starts, ends, np.array([0, len(starts)]))
            self._entered = self._fits = len(self) == len(starts)

    def _reset(self, slots: int) -> None:
        self._short, self._long = _empty(slots), _empty(slots)
        room = 2 * LONGEST  # the least in which any pre-token fits
        self._ids = np.empty(max(4 * slots, room), np.uint32)
        self._bytes = np.empty(max(8 * slots, room), np.uint8)
        self._used = np.zeros(4, np.int64)  # rows of short and of long, ids, bytes

    def __len__(self) -> int:
        return int(self._used[0] + self._used[1])

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        return self._short.nbytes + self._long.nbytes + self._ids.nbytes + self._bytes.nbytes

    def encode(self, data: UInt8s, starts: Int64s, ends: Int64s, offsets: Int64s) -> tuple[UInt32s, Int64s]:
        """Return the ids of the pieces data[starts[i]:ends[i]], and where those of each document begin.

        `offsets` int64[documents + 1]: document `d` has the pieces offsets[d] to offsets[d + 1].
        """
        out = np.empty(int((ends - starts).sum()) + 3, np.uint32)  # no id stands for less than a byte; four are written
        places = np.zeros(len(offsets), np.int64)
        state = np.zeros(3, np.int64)  # pieces done, ids made, document
        merges = np.empty(SHORT, np.int64), np.empty(SHORT, np.uint64)
        keys = np.empty((AHEAD, 2), np.uint64), np.empty(AHEAD, np.int64)
        while True:
            tables = self._short, self._long, self._ids, self._bytes, self._used
            rest: tuple[Any, ...] = (*tables, *self._merging, *merges, *keys, self._entered)
            full = _encode(data, starts, ends, offsets, out, places, state, *rest)
            if full == _DONE:
                return out[: state[1]], places
            self._make_room(full)

    def _make_room(self, full: int) -> None:
        if full == _SHORT_FULL and len(self._short) < self._max_slots:
            self._short = _rehashed_short(self._short, _empty(2 * len(self._short)))
        elif full == _LONG_FULL and len(self._long) < self._max_slots // 4:
            self._long = _rehashed_long(self._long, _empty(2 * len(self._long)))
        elif full == _IDS_FULL and len(self._ids) < 2 * self._max_slots:
            self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
        elif full == _BYTES_FULL and len(self._bytes) < 8 * self._max_slots:
            self._bytes = np.concatenate([self._bytes, np.empty_like(self._bytes)])
        else:
            self._short.fill(0)
            self._long.fill(0)
            self._used.fill(0)
            self._enter_tokens()


def _empty(slots: int) -> UInt64s:
    """Return a table of free slots; NumPy asks for huge pages for np.empty, not for np.zeros."""
    table = np.empty((slots, 4), np.uint64)
    table.fill(0)
    return table


@njit(cache=True, inline="always")
def _key(data: UInt8s, start: Any, length: Any) -> tuple[Any, Any]:
    """Return one to 15 bytes and their number as two uint64; without branches, as lengths cannot be foreseen."""
    if start + 16 <= len(data):
        low = load8(data, start) & (_ALL >> np.uint64(64 - 8 * min(length, 8)))
        high = load8(data, start + 8) & ((np.uint64(1) << np.uint64(8 * max(length - 8, 0))) - np.uint64(1))
    else:
        low, high = np.uint64(0), np.uint64(0)
        for k in range(min(length, 8)):
            low |= np.uint64(data[start + k]) << np.uint64(8 * k)
        for k in range(8, length):
            high |= np.uint64(data[start + k]) << np.uint64(8 * k - 64)
    return low, high | np.uint64(length) << _LENGTH_SHIFT


@njit(cache=True, inline="always")
def _mixed(low: Any, high: Any) -> Any:
    mixed = (low ^ (high * _K2)) * _K1
    return mixed ^ (mixed >> np.uint64(32))


@njit(cache=True)
def _hash_bytes(data: UInt8s, start: Any, end: Any) -> Any:
    """Hash at least eight bytes; never 0."""
    found = np.uint64(end - start)
    at = start
    while at + 8 < end:
        found = (found ^ load8(data, at)) * _K1
        found ^= found >> np.uint64(32)
        at += 8
    found = (found ^ load8(data, end - 8)) * _K2
    return (found ^ (found >> np.uint64(29))) | np.uint64(1) << np.uint64(63)


@njit(cache=True)
def _same(data: UInt8s, start: Any, other: UInt8s, place: Any, length: Any) -> Any:
    """Compare at least eight bytes."""
    at = 0
    while at + 8 < length:
        if load8(data, start + at) != load8(other, place + at):
            return False
        at += 8
    return load8(data, start + length - 8) == load8(other, place + length - 8)


@njit(cache=True)
def _encode(
    data: UInt8s,
    starts: Int64s,
    ends: Int64s,
    offsets: Int64s,
    out: UInt32s,
    places: Int64s,
    state: Int64s,
    short: UInt64s,
    long: UInt64s,
    kept_ids: UInt32s,
    kept_bytes: UInt8s,
    used: Int64s,
    byte_ids: Int32s,
    first: UInt64s,
    table: UInt64s,
    sieve: UInt64s,
    token_slots: Int32s,
    token_data: UInt8s,
    token_offsets: Int64s,
    ids: Int64s,
    ranks: UInt64s,
    keys: UInt64s,
    homes: Int64s,
    entered: bool,
) -> Any:
    piece, made, document = state[0], state[1], state[2]
    half = np.uint64(0xFFFFFFFF)
    mask = len(short) - 1
    status = _DONE
    begin, ahead = piece, piece  # pieces whose keys are made
    while piece < len(starts):
        if piece == ahead:
            # Most of the slots are not in the first-level cache, and a branch waits for what they hold.
            begin, ahead = piece, min(piece + len(homes), len(starts))
            for k in range(ahead - begin):
                start = starts[begin + k]
                keys[k, 0], keys[k, 1] = _key(data, start, min(ends[begin + k] - start, 15))
                homes[k] = np.int64(_mixed(keys[k, 0], keys[k, 1])) & mask
                prefetch(short, homes[k])
        while offsets[document + 1] == piece:
            document += 1
            places[document] = made
        start, end = starts[piece], ends[piece]
        length = end - start
        low, high = np.uint64(0), np.uint64(0)
        slot: Any = 0
        if length < 16:
            low, high, slot = keys[piece - begin, 0], keys[piece - begin, 1], homes[piece - begin]
            while short[slot, 1] and (short[slot, 0] != low or short[slot, 1] & _KEY != high):
                slot = (slot + 1) & mask
            if short[slot, 1]:
                known: Any = np.int64(short[slot, 1] >> _COUNT_SHIFT)
                a, b = short[slot, 2], short[slot, 3]
                if known <= 4:
                    store8(out, made, a)  # four, of which the next piece's take the place of those too many
                    store8(out, made + 2, b)
                    made += known
                else:
                    for k in range(np.int64(b)):
                        out[made + k] = kept_ids[np.int64(a) + k]
                    made += np.int64(b)
                piece += 1
                continue
            if 8 * used[0] >= 5 * len(short):
                status = _SHORT_FULL
                break
        elif length <= LONGEST:
            low = _hash_bytes(data, start, end)
            slot = np.int64(low & np.uint64(len(long) - 1))
            while long[slot, 0]:
                if (
                    long[slot, 0] == low
                    and np.int64(long[slot, 3] >> np.uint64(32)) == length
                    and _same(data, start, kept_bytes, np.int64(long[slot, 1]), length)
                ):
                    break
                slot = (slot + 1) & (len(long) - 1)
            if long[slot, 0]:
                place, many_ids = np.int64(long[slot, 2]), np.int64(long[slot, 3] & half)
                for k in range(many_ids):
                    out[made + k] = kept_ids[place + k]
                made += many_ids
                piece += 1
                continue
            if 8 * used[1] >= 5 * len(long):
                status = _LONG_FULL
                break
            if used[3] + length > len(kept_bytes):
                status = _BYTES_FULL
                break
        if used[2] + LONGEST > len(kept_ids):
            status = _IDS_FULL
            break

        token: Any = -1
        count: Any = 1
        if len(token_slots) and not (entered and length < 16):
            token = find_token(data, start, end, token_slots, token_data, token_offsets)
        if token >= 0:
            out[made] = token
        elif length <= SHORT:
            count = encode_short(data, start, end, byte_ids, first, table, sieve, ids, ranks, 1)
            for k in range(count):
                out[made + k] = np.uint32(ids[k])
        else:
            many = encode_long(data, start, end, byte_ids, first, table, sieve)
            count = len(many)
            for k in range(count):
                out[made + k] = np.uint32(many[k])
        if length < 16:
            short[slot, 0] = low
            used[0] += 1
            if count <= 4:
                short[slot, 1] = high | np.uint64(count) << _COUNT_SHIFT
                short[slot, 2] = np.uint64(out[made]) | (
                    np.uint64(out[made + 1]) << np.uint64(32) if count > 1 else np.uint64(0)
                )
                if count > 2:
                    short[slot, 3] = np.uint64(out[made + 2]) | (
                        np.uint64(out[made + 3]) << np.uint64(32) if count > 3 else np.uint64(0)
                    )
            else:
                short[slot, 1] = high | np.uint64(_MANY) << _COUNT_SHIFT
                short[slot, 2], short[slot, 3] = np.uint64(used[2]), np.uint64(count)
        elif length <= LONGEST:
            used[1] += 1
            long[slot, 0], long[slot, 1], long[slot, 2] = low, np.uint64(used[3]), np.uint64(used[2])
            long[slot, 3] = np.uint64(length) << np.uint64(32) | np.uint64(count)
            for k in range(length):
                kept_bytes[used[3] + k] = data[start + k]
            used[3] += length
        if length <= LONGEST and (length >= 16 or count > 4):
            for k in range(count):
                kept_ids[used[2] + k] = out[made + k]
            used[2] += count
        made += count
        piece += 1
    if status == _DONE:
        for d in range(document + 1, len(places)):
            places[d] = made
    state[0], state[1], state[2] = piece, made, document
    return status


@njit(cache=True)
def _rehashed_short(old: UInt64s, new: UInt64s) -> UInt64s:
    for row in range(len(old)):
        if old[row, 1]:
            slot = np.int64(_mixed(old[row, 0], old[row, 1] & _KEY)) & (len(new) - 1)
            while new[slot, 1]:
                slot = (slot + 1) & (len(new) - 1)
            new[slot] = old[row]
    return new


@njit(cache=True)
def _rehashed_long(old: UInt64s, new: UInt64s) -> UInt64s:
    for row in range(len(old)):
        if old[row, 0]:
            slot = np.int64(old[row, 0] & np.uint64(len(new) - 1))
            while new[slot, 0]:
                slot = (slot + 1) & (len(new) - 1)
            new[slot] = old[row]
    return new


@njit(cache=True)
def _hash_token(data: UInt8s, start: Any, end: Any) -> Any:
    found = np.uint64(end - start)
    for at in range(start, end):
        found = (found ^ np.uint64(data[at])) * _K1
    return found ^ (found >> np.uint64(32))


@njit(cache=True)
def find_token(data: UInt8s, start: Any, end: Any, slots: Int32s, token_data: UInt8s, token_offsets: Int64s) -> Any:
    """Return the id of the token with these bytes, or -1."""
    slot = np.int64(_hash_token(data, start, end)) & (len(slots) - 1)
    while slots[slot] >= 0:
        token = slots[slot]
        if token_offsets[token + 1] - token_offsets[token] == end - start:
            same = True
            for k in range(end - start):
                same &= data[start + k] == token_data[token_offsets[token] + k]
            if same:
                return np.int64(token)
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@njit(cache=True)
def _entered(slots: Int32s, token_data: UInt8s, token_offsets: Int64s) -> None:
    for token in range(len(token_offsets) - 1):
        start, end = token_offsets[token], token_offsets[token + 1]
        if start == end or find_token(token_data, start, end, slots, token_data, token_offsets) >= 0:
            continue
        slot = np.int64(_hash_token(token_data, start, end)) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = token


def token_table(tokens: list[bytes]) -> tuple[Int32s, UInt8s, Int64s]:
    """Return the table that finds a token by its bytes; `tokens` by id, b"" for those that no text spells."""
    data, offsets = token_bytes(tokens)
    size = 16
    while size < 2 * len(tokens):
        size *= 2
    slots = np.full(size, -1, np.int32)
    _entered(slots, data, offsets)
    return slots, data, offsets


def token_bytes(tokens: list[bytes]) -> tuple[UInt8s, Int64s]:
    """Return the bytes of tokens end to end, and where each one's begin, int64[tokens + 1]."""
    offsets = np.zeros(len(tokens) + 1, np.int64)
    np.cumsum([len(token) for token in tokens], out=offsets[1:])
    data = np.frombuffer(b"".join(tokens) or b"\0", np.uint8)
    return data, offsets


NO_TOKENS: tuple[Any, ...] = (np.zeros(0, np.int32), np.zeros(1, np.uint8), np.zeros(1, np.int64))
