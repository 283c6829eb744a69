"""Kernels over token n-grams: the most frequent one of a document, and what repeats.

n-grams are compared by 64-bit hashes; two of a million differ yet collide with probability 1e-7. Most n-grams of a
text occur once: cheap tests set them aside before any table is asked (28 -> 18 CPU ms per MB for all nine measures).
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt16s, UInt64s
from corpusforge.text.blocks import store8
from corpusforge.text.fasttext_wide import load8
from corpusforge.text.spans import mix, table_size

SHORTEST, LONGEST = 5, 10  # the n of duplicate_characters()
TOPS = 4  # the largest n of top_characters()
WINDOW_BYTES, LONG_BYTES = 12, 20


@njit(cache=True)
def _concatenate(
    data: UInt8s, starts: Int64s, ends: Int64s, joined: UInt8s, places: Int64s, sums: UInt64s, scales: UInt64s
) -> None:
    """Write the bytes of all tokens without what stands between them to `joined`, and three arrays [tokens + 1].

    Token `i` begins at `joined[places[i]]`; seven bytes after the last may be written too. The hash of the bytes of
    the tokens i to j - 1 is `(sums[j] - sums[i]) * scales[i]`, a polynomial modulo 2**64: where a token ends makes no
    difference.
    """
    base = np.uint64(0xD1342543DE82EF95)
    inverse = np.uint64(0x572B5EE77A54E3BD)  # base * inverse = 1 modulo 2**64
    letters = np.empty(256, np.uint64)
    for byte in range(256):
        letters[byte] = mix(np.uint64(byte + 1))
    powers = np.ones(9, np.uint64)
    inverses = np.ones(9, np.uint64)
    for k in range(8):
        powers[k + 1] = powers[k] * base
        inverses[k + 1] = inverses[k] * inverse
    place = 0
    total = np.uint64(0)
    scale = np.uint64(1)
    unscale = np.uint64(1)
    for i in range(len(starts)):
        places[i] = place
        sums[i] = total
        scales[i] = scale
        at = starts[i]
        while at < ends[i]:
            step = min(ends[i] - at, 8)
            if at + 8 <= len(data):
                store8(joined, place, load8(data, at))
            else:
                joined[place : place + step] = data[at : at + step]
            part = np.uint64(0)
            for k in range(step):
                part += letters[data[at + k]] * inverses[k]
            total += part * unscale
            scale *= powers[step]
            unscale *= inverses[step]
            place += step
            at += step
    places[len(starts)] = place
    sums[len(starts)] = total
    scales[len(starts)] = scale


@njit(cache=True)
def _find_candidates(
    count: int,
    places: Int64s,
    joined: UInt8s,
    counts: UInt8s,
    long_counts: UInt8s,
    hashes: Int64s,
    long_hashes: Int64s,
    candidates: Int64s,
) -> int:
    """Write which of `count` tokens an n-gram, n >= SHORTEST, may begin with that repeats; return how many do.

    Equal n-grams have equal first bytes: left out are tokens where WINDOW_BYTES bytes begin that begin at no other
    token of the document, unless the n-grams there may be shorter; likewise LONG_BYTES, which fewer share. `counts`
    (windows with a hash: 0, 1, 2 = more) and `hashes` are scratch of the size of the largest table.
    """
    n = 0
    begins = count - SHORTEST + 1
    size = table_size(begins)
    counts[:size] = 0
    long_counts[:size] = 0
    for i in range(begins):
        place = places[i]
        low = load8(joined, place)
        middle = load8(joined, place + 8)
        high = load8(joined, place + 16) & np.uint64(0xFFFFFFFF)
        first = low * np.uint64(0x9E3779B97F4A7C15)
        key = (first ^ (middle & np.uint64(0xFFFFFFFF))) * np.uint64(0xD6E8FEB86659FD93)
        at = np.int64(key >> np.uint64(32)) & (size - 1)
        hashes[i] = at
        counts[at] = min(counts[at] + 1, 2)
        key = ((first ^ middle) * np.uint64(0xD6E8FEB86659FD93) ^ high) * np.uint64(0x9E3779B97F4A7C15)
        at = np.int64(key >> np.uint64(32)) & (size - 1)
        long_hashes[i] = at
        long_counts[at] = min(long_counts[at] + 1, 2)
    for i in range(begins):
        candidates[n] = i
        length = places[i + SHORTEST] - places[i]
        again = (counts[hashes[i]] > 1) | (length < WINDOW_BYTES)
        n += again & ((long_counts[long_hashes[i]] > 1) | (length < LONG_BYTES))
    return n


@njit(cache=True)
def duplicate_characters(
    data: UInt8s, offsets: Int64s, starts: Int64s, ends: Int64s, lengths: Int32s, longest_bytes: int, slots: int
) -> Int64s:
    """Return the characters in repeated n-grams, n-grams being compared without spaces: int64[n - SHORTEST, documents].

    Left to right: an n-gram that was met before counts whole and is jumped over; else it is remembered, and the
    next begins one token later. `longest_bytes` of tokens of a document; `slots` of the largest table.
    """
    found = np.zeros((LONGEST + 1 - SHORTEST, len(offsets) - 1), np.int64)
    joined = np.empty(longest_bytes + 32, np.uint8)
    places, sums, scales = np.empty(slots, np.int64), np.empty(slots, np.uint64), np.empty(slots, np.uint64)
    counts, long_counts = np.empty(slots, np.uint8), np.empty(slots, np.uint8)
    hashes, long_hashes, candidates = np.empty(slots, np.int64), np.empty(slots, np.int64), np.empty(slots, np.int64)
    keys = np.empty(slots, np.uint64)  # 0: free
    for d in range(len(offsets) - 1):
        begin, end = offsets[d], offsets[d + 1]
        if end - begin <= SHORTEST:
            continue
        _concatenate(data, starts[begin:end], ends[begin:end], joined, places, sums, scales)
        some = _find_candidates(end - begin, places, joined, counts, long_counts, hashes, long_hashes, candidates)
        if some < 2:
            continue
        last = table_size(some) - 1
        for n in range(SHORTEST, LONGEST + 1):
            keys[: last + 1] = 0
            free = 0  # the first token that no counted n-gram covers
            total = 0
            for c in range(some):
                i = candidates[c]
                if i + n > end - begin:
                    break
                if i < free:
                    continue
                key = mix((sums[i + n] - sums[i]) * scales[i]) | np.uint64(1)
                at = np.int64(key >> np.uint64(8)) & last
                while keys[at] != 0 and keys[at] != key:
                    at = (at + 1) & last
                if keys[at] == 0:
                    keys[at] = key
                else:
                    free = i + n
                    for token in range(begin + i, begin + free):
                        total += lengths[token]
            found[n - SHORTEST, d] = total
    return found


@njit(cache=True)
def top_characters(
    offsets: Int64s,
    hashes: UInt64s,
    lengths: Int32s,
    repeats: UInt8s,
    scratch: tuple[UInt16s, UInt64s, Int64s, Int64s, Int64s],
) -> Int64s:
    """Return length times count of the most frequent n-gram, n = 2 to TOPS, tokens being joined by one space.

    int64[n - 2, documents]. Among equally frequent ones the first that was met; overlapping occurrences count.
    """
    found = np.zeros((TOPS - 1, len(offsets) - 1), np.int64)
    # repeats: 1 at least where an n-gram begins that occurs twice, for the last n.
    # counts: of n-grams with a hash, never less than those of one n-gram, up to 65535; keys, starts: of the items;
    # table: 1 + the first item with the key, 0: free; exact: how many have it.
    counts, keys, starts, table, exact = scratch
    for d in range(len(offsets) - 1):
        begin = offsets[d]
        repeats[: offsets[d + 1] - begin] = 1
        for n in range(2, TOPS + 1):
            stop = offsets[d + 1] - n
            if stop < begin:
                break
            items = 0
            for i in range(begin, stop + 1):
                starts[items] = i
                items += repeats[i - begin] & repeats[i + 1 - begin]
            size = table_size(items)
            counts[:size] = 0
            for k in range(items):
                state = np.uint64(0)
                for token in range(starts[k], starts[k] + n):
                    state = (state + hashes[token]) * np.uint64(0xD6E8FEB86659FD93)
                keys[k] = state ^ (state >> np.uint64(32))
                at = np.int64(keys[k]) & (size - 1)
                counts[at] = min(counts[at] + 1, 65535)
            repeats[: offsets[d + 1] - begin] = 0
            most = 1
            likely = np.uint64(0)
            repeated = 0  # items that may occur twice are moved to the front
            for k in range(items):
                count = counts[np.int64(keys[k]) & (size - 1)]
                starts[repeated] = starts[k]
                keys[repeated] = keys[k]
                repeats[starts[k] - begin] = count > 1
                repeated += count > 1
                if count > most:
                    most = count
                    likely = keys[k]
            least = 0  # no n-gram that occurs less often can be the answer
            for k in range(repeated):
                least += keys[k] == likely
            least = min(max(least, 2), 65535)
            best = 1
            first = begin
            if repeated:
                table[:size] = 0
            for k in range(repeated):
                if counts[np.int64(keys[k]) & (size - 1)] < least:
                    continue
                at = np.int64(keys[k] >> np.uint64(32)) & (size - 1)
                while table[at] != 0 and keys[table[at] - 1] != keys[k]:
                    at = (at + 1) & (size - 1)
                if table[at] == 0:
                    table[at] = k + 1
                    exact[at] = 0
                exact[at] += 1
                start = starts[table[at] - 1]
                if exact[at] > best or (exact[at] == best > 1 and start < first):
                    best = exact[at]
                    first = start
            length = n - 1
            for token in range(first, first + n):
                length += lengths[token]
            found[n - 2, d] = length * best
    return found
