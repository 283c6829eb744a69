"""Keys: the 64-bit numbers that decide which copies of which documents are written, and where they stand.

`order_key(seed, doc_id, copy)` is XXH3-64 over seed (8 bytes, big-endian), doc_id (32 hex digits) and, except for
copy 0, copy (8 bytes, big-endian); copies are written in its order. `draw_key` is the order key put through a bijection
(the finalizer of MurmurHash3), and copies are drawn in its order: were one key to do both, the documents of a source
that is drawn in part would all stand at the beginning.

Compiled, since a mixture computes the keys of every document several times: 24 ns a key, 410 by way of
Python (measured).
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int64s, UInt8s, UInt64s

_LANE_SECRETS = np.frombuffer(  # the first 64 bytes of XXH3's secret
    bytes.fromhex(
        "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
        "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    ),
    "<u8",
)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@njit(cache=True, inline="always")
def _folded_product(a: np.uint64, b: np.uint64) -> np.uint64:
    # High half of the 128-bit product xor its low half.
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    a_low, a_high, b_low, b_high = a & mask, a >> half, b & mask, b >> half
    low, mid_a, mid_b, high = a_low * b_low, a_high * b_low, a_low * b_high, a_high * b_high
    carry = (low >> half) + (mid_a & mask) + mid_b
    return (high + (mid_a >> half) + (carry >> half)) ^ (a * b)


@njit(cache=True)
def _order_key(
    lanes: UInt64s, id_bytes: UInt8s, seed: np.uint64, copy: int, secret: UInt64s, digits: UInt8s
) -> np.uint64:  # fmt: skip
    # XXH3-64 of 40 or 48 bytes; `lanes` is scratch for them, six little-endian words.
    words = 6 if copy else 5
    lanes[0] = _swapped(seed)
    for word in range(4):
        lane = np.uint64(0)
        for k in range(4):
            byte = id_bytes[word * 4 + k]
            lane |= np.uint64(digits[byte >> 4]) << np.uint64(16 * k)
            lane |= np.uint64(digits[byte & 15]) << np.uint64(16 * k + 8)
        lanes[1 + word] = lane
    lanes[5] = _swapped(copy)
    total = np.uint64(8 * words) * np.uint64(0x9E3779B185EBCA87)
    total += _folded_product(lanes[2] ^ secret[4], lanes[3] ^ secret[5])
    total += _folded_product(lanes[words - 4] ^ secret[6], lanes[words - 3] ^ secret[7])
    total += _folded_product(lanes[0] ^ secret[0], lanes[1] ^ secret[1])
    total += _folded_product(lanes[words - 2] ^ secret[2], lanes[words - 1] ^ secret[3])
    total ^= total >> np.uint64(37)
    total *= np.uint64(0x165667919E3779F9)
    return total ^ (total >> np.uint64(32))


@njit(cache=True, inline="always")
def _swapped(value: int | np.uint64) -> np.uint64:
    swapped = np.uint64(0)
    for k in range(8):
        swapped |= ((np.uint64(value) >> np.uint64(8 * k)) & np.uint64(0xFF)) << np.uint64(56 - 8 * k)
    return swapped


@njit(cache=True, inline="always")
def _draw_key(key: np.uint64) -> np.uint64:
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xC4CEB9FE1A85EC53)
    return key ^ (key >> np.uint64(33))


@njit(cache=True)
def _histogram(
    ids: UInt8s, sizes: Int64s, copies: Int64s, seed: np.uint64, epoch: int, level: int, prefix: np.uint64,
    secret: UInt64s, digits: UInt8s,
) -> Int64s:  # fmt: skip
    found = np.zeros((2, 4096), np.int64)
    lanes = np.zeros(6, np.uint64)
    for d in range(len(ids)):
        for copy in range(epoch * copies[d], (epoch + 1) * copies[d]):
            key = _draw_key(_order_key(lanes, ids[d], seed, copy, secret, digits))
            if level and key >> np.uint64(64 - 12 * level) != prefix:
                continue
            bin_ = (key >> np.uint64(max(0, 52 - 12 * level))) & np.uint64(4095 if level < 5 else 15)
            found[0, bin_] += 1
            found[1, bin_] += sizes[d]
    return found


@njit(cache=True)
def _drawn(
    ids: UInt8s,
    copies: Int64s,
    seed: np.uint64,
    whole: int,
    last_key: np.uint64,
    some: bool,
    secret: UInt64s,
    digits: UInt8s,
) -> tuple[Int64s, UInt64s, UInt64s]:  # fmt: skip
    most = 0
    for d in range(len(ids)):
        most += (whole + 1) * copies[d]
    rows = np.empty(most, np.int64)
    numbers = np.empty(most, np.uint64)
    keys = np.empty(most, np.uint64)
    lanes = np.zeros(6, np.uint64)
    n = 0
    for d in range(len(ids)):
        for copy in range((whole + 1) * copies[d] if some else whole * copies[d]):
            key = _order_key(lanes, ids[d], seed, copy, secret, digits)
            if copy < whole * copies[d] or _draw_key(key) <= last_key:
                rows[n], numbers[n], keys[n] = d, copy, key
                n += 1
    return rows[:n], numbers[:n], keys[:n]


def histogram(
    ids: UInt8s, sizes: Int64s, copies: Int64s, seed: int, epoch: int, level: int = 0, prefix: int = 0
) -> Int64s:
    """Return copies and sizes of an epoch by draw key, int64[2, 4096].

    `ids` uint8[documents, 16], `copies` of each document in an epoch. At `level` 0 a bin is the first 12 bits of the
    key; at a deeper one the next 12 bits of the keys that begin with the 12 x level bits `prefix`.
    """
    return _histogram(
        ids, sizes, copies, np.uint64(seed), epoch, level, np.uint64(prefix), _LANE_SECRETS, _HEX
    )  # fmt: skip


def histogram_of_keys(keys: UInt64s, level: int = 0, prefix: int = 0) -> Int64s:
    """Return how many of `keys` fall into each bin, twice, int64[2, 4096]; bins as in `histogram`."""
    if level:
        keys = keys[keys >> np.uint64(64 - 12 * level) == np.uint64(prefix)]
    bins = (keys >> np.uint64(max(0, 52 - 12 * level))) & np.uint64(4095 if level < 5 else 15)
    return np.tile(np.bincount(bins.astype(np.int64), minlength=4096), (2, 1))


def drawn(ids: UInt8s, copies: Int64s, seed: int, whole: int, last_key: int) -> tuple[Int64s, UInt64s, UInt64s]:
    """Return row, copy number and order key of every copy that is written, by row and copy.

    Of each document all copies of `whole` epochs, and of the next epoch those whose draw key is at most `last_key`
    (-1: none).

    >>> rows, copies, keys = drawn(np.zeros((1, 16), np.uint8), np.array([2]), 0, 1, -1)
    >>> rows.tolist(), copies.tolist()
    ([0, 0], [0, 1])
    """
    return _drawn(
        ids, copies, np.uint64(seed), whole, np.uint64(max(last_key, 0)), last_key >= 0, _LANE_SECRETS, _HEX
    )  # fmt: skip


def order_key(seed: int, doc_id: str, copy: int = 0) -> int:
    """Return one order key; the compiled functions above compute the same."""
    import xxhash

    message = seed.to_bytes(8, "big") + doc_id.encode() + (copy.to_bytes(8, "big") if copy else b"")
    return int(xxhash.xxh3_64_intdigest(message))


def draw_key(seed: int, doc_id: str, copy: int = 0) -> int:
    """Return one draw key.

    >>> hex(draw_key(0, "00" * 16))
    '0x36bedda51bb5f3b8'
    """
    key, mask = order_key(seed, doc_id, copy), (1 << 64) - 1
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        key = ((key ^ (key >> 33)) * factor) & mask
    return key ^ (key >> 33)
