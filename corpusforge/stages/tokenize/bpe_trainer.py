"""Learn byte-pair merges from words and how often each occurs.

The result is that of HF tokenizers' BpeTrainer over the same words: the pair with the largest count is merged, of equal
counts the one with the smaller ids; a pair counts as often as it stands in the words, overlaps (`aaa`) included. A
merge that spells a token that is already there reuses its id, and the vocabulary does not grow. Its bookkeeping around
such tokens is followed too, since it decides later merges: the count of a merged pair is never taken back, and a pair
that comes into being a second time waits as a second entry of the queue, which knows its own words only.

Words lie end to end in one array of ids, one place a byte. A token's id stands at its first and at its last byte, so
that both neighbours are found from it without links. An entry of the queue lists the places where its pair came into
being; places that have changed since are passed over, and a count that has changed is put right when its entry comes
up. Each merge in a word makes at most two new places, so the work, and the memory, grow with the bytes of the distinct
words: 28 bytes each at most, and about 60 for each distinct pair (57 MB of mixed text, 32,000 tokens: 4.1 MB of
distinct words).
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from corpusforge.errors import RunError
from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt64s

WORD_END, INSIDE = -1, -2  # places between words, and inside a token
MAX_PLACES = (1 << 31) - 1


class Merges(NamedTuple):
    """Tokens in the order of their ids as bytes (b"" for special tokens), and the pairs of ids to merge, in order."""

    tokens: list[bytes]
    pairs: list[tuple[int, int]]


def learn(
    data: UInt8s,
    offsets: Int64s,
    counts: Int64s,
    tokens: list[bytes],
    vocab_size: int,
    min_frequency: int,
    max_token_bytes: int | None = None,
) -> Merges:
    """Return the merges for words (`data[offsets[i]:offsets[i + 1]]` occurs `counts[i]` times, none is empty).

    `tokens` are what the vocabulary begins with, by id: the 256 single bytes in any order, others as the bytes they
    stand for; b"" for a token that no merge can spell. A pair that occurs less than `min_frequency` times, or less than
    once, is not merged. RunError when the words have more than 2^31 bytes.

    >>> words = [b"low", b"lower", b"slow"]
    >>> data, offsets = np.frombuffer(b"".join(words), np.uint8), np.array([0, 3, 8, 12])
    >>> found = learn(data, offsets, np.array([3, 2, 1]), [bytes([i]) for i in range(256)], 258, 1)
    >>> found.tokens[256:], found.pairs
    ([b'lo', b'low'], [(108, 111), (256, 119)])
    """
    if len(data) + len(counts) + 1 > MAX_PLACES:
        raise RunError(
            f"the distinct words have {len(data) / 1e9:.1f} GB, and training takes 2; lower max_words or sample_bytes"
        )
    given = np.frombuffer(b"".join(tokens), np.uint8)
    everything = np.concatenate([data, given])
    limit = max(vocab_size, len(tokens)) + 1
    starts, lengths = np.zeros(limit, np.int64), np.zeros(limit, np.int64)
    lengths[: len(tokens)] = [len(token) for token in tokens]
    starts[: len(tokens)] = len(data) + np.cumsum(lengths[: len(tokens)]) - lengths[: len(tokens)]
    ids = {token: number for number, token in reversed(list(enumerate(tokens)))}
    byte_ids = np.array([ids[bytes([byte])] for byte in range(256)], np.int32)
    longest = MAX_PLACES if max_token_bytes is None else max_token_bytes
    merged, size = _learn(
        everything,
        np.ascontiguousarray(offsets, np.int64),
        np.ascontiguousarray(counts, np.int64),
        byte_ids,
        starts,
        lengths,
        len(tokens),
        vocab_size,
        min_frequency,
        longest,
    )
    spelled = everything.tobytes()
    found = [spelled[starts[i] : starts[i] + lengths[i]] for i in range(size)]
    return Merges(found, [(int(a), int(b)) for a, b in merged])


@njit(cache=True)
def _learn(
    data: UInt8s,
    offsets: Int64s,
    counts: Int64s,
    byte_ids: Int32s,
    starts: Int64s,
    lengths: Int64s,
    size: Any,
    vocab_size: Any,
    min_frequency: Any,
    longest: Any,
) -> tuple[Int32s, Any]:
    """Fill `starts` and `lengths` with the tokens made; return the merged pairs and how many tokens there are.

    The vocabulary counts distinct tokens; `size` is how many there are to begin with.
    """
    spellings = np.full(_power(4 * len(starts)), -1, np.int32)
    hashes, powers = np.zeros(len(starts), np.uint64), np.ones(len(starts), np.uint64)
    for token in range(size):
        _hash_token(data, starts, lengths, hashes, powers, token)
        if lengths[token]:
            _enter(spellings, hashes, token)

    words = len(counts)
    total = offsets[words]
    ids = np.full(total + words + 1, WORD_END, np.int32)
    for number in range(words):
        for i in range(offsets[number], offsets[number + 1]):
            ids[i + number + 1] = byte_ids[data[i]]

    # Places where a pair came into being: those of one entry of the queue stand together, in rising order.
    room = 3 * max(total - words, 0) + 1
    places, place_words = np.empty(room, np.int32), np.empty(room, np.int32)
    first, sums, filled = _first_pairs(data, offsets, counts, places, place_words)

    pair_keys = np.full(1 << 18, -1, np.int64)
    pair_counts = np.zeros(1 << 18, np.int64)
    pair_entries = np.zeros(1 << 18, np.uint8)  # 0, 1 or 2 = more
    pairs = 0
    entry_ends = np.empty((1 << 16, 2), np.int64)
    heap = np.empty((1 << 16, 3), np.int64)  # count, pair, entry
    entries, queued = 0, 0
    for code in range(1 << 16):
        if first[code + 1] > first[code] and sums[code] > 0:
            key = np.int64(byte_ids[code >> 8]) << 32 | np.int64(byte_ids[code & 255])
            slot = _find(pair_keys, key)
            pair_keys[slot], pair_counts[slot], pair_entries[slot] = key, sums[code], 1
            pairs += 1
            entry_ends[entries, 0], entry_ends[entries, 1] = first[code], first[code + 1]
            queued = _push(heap, queued, sums[code], key, entries)
            entries += 1

    merged = np.empty((max(vocab_size - size, 16), 2), np.int32)
    merges = 0
    # What one merge changes, by the neighbour's id: counts taken from pairs, and the new pairs' numbers.
    limit = len(starts)
    less_left, less_right = np.zeros(limit, np.int64), np.zeros(limit, np.int64)
    group_left, group_right = np.full(limit, -1, np.int32), np.full(limit, -1, np.int32)
    was_left, was_right = np.zeros(limit, np.bool_), np.zeros(limit, np.bool_)
    touched_left, touched_right = np.empty(limit, np.int32), np.empty(limit, np.int32)
    group_keys, group_sums = np.empty(2 * limit, np.int64), np.empty(2 * limit, np.int64)
    group_sizes, group_ends = np.empty(2 * limit, np.int64), np.empty(2 * limit, np.int64)
    made = np.empty((1 << 12, 3), np.int32)  # group, place, word

    while size < vocab_size and queued:
        count, key, entry = heap[0, 0], heap[0, 1], heap[0, 2]
        queued = _pop(heap, queued)
        slot = _find(pair_keys, key)
        if pair_counts[slot] != count:
            queued = _push(heap, queued, pair_counts[slot], key, entry)
            continue
        if count < max(min_frequency, 1):
            break
        a, b = np.int32(key >> 32), np.int32(key & 0xFFFFFFFF)
        token = _spelled(data, starts, lengths, hashes, powers, spellings, a, b)
        fresh = token < 0
        if fresh:
            token = size
            size += 1
            lengths[token] = lengths[a] + lengths[b]
            hashes[token] = hashes[a] * powers[b] + hashes[b]
            powers[token] = powers[a] * powers[b]
        if merges == len(merged):
            merged = _longer(merged)
        merged[merges, 0], merged[merges, 1] = a, b
        merges += 1

        begin, end = entry_ends[entry, 0], entry_ends[entry, 1]
        several = pair_entries[slot] > 1
        lefts, rights, groups, new = 0, 0, 0, 0
        at = begin
        word: Any = np.int64(-1)
        place: Any = np.int64(0)
        while True:
            # The next place where the pair stands: listed, or anywhere in the listed words if they are not all.
            if several:
                if word >= 0:
                    place += lengths[ids[place]]
                while word < 0 or ids[place] == WORD_END:
                    while at < end and place_words[at] == word:
                        at += 1
                    if at == end:
                        break
                    word = np.int64(place_words[at])
                    place = offsets[word] + word + 1
                if at == end and (word < 0 or ids[place] == WORD_END):
                    break
            else:
                if at == end:
                    break
                place, word = np.int64(places[at]), np.int64(place_words[at])
                at += 1
            if ids[place] != a:
                continue
            middle = place + lengths[a]
            if ids[middle] != b:
                continue
            after = middle + lengths[b]
            times = counts[word]
            if fresh:
                starts[token] = place - word - 1
                _enter(spellings, hashes, token)
                fresh = False
            if len(made) < new + 2:
                made = _longer(made)
            near = ids[place - 1]
            if near != WORD_END:
                if not was_left[near]:
                    was_left[near] = True
                    touched_left[lefts] = near
                    lefts += 1
                less_left[near] += times
                if lengths[near] + lengths[token] <= longest:
                    if group_left[near] < 0:
                        group_left[near] = groups
                        group_keys[groups] = np.int64(near) << 32 | np.int64(token)
                        group_sums[groups], group_sizes[groups] = 0, 0
                        groups += 1
                    group = group_left[near]
                    group_sums[group] += times
                    group_sizes[group] += 1
                    made[new, 0], made[new, 1], made[new, 2] = group, place - lengths[near], word
                    new += 1
            ids[middle - 1], ids[middle] = INSIDE, INSIDE
            ids[place], ids[after - 1] = token, token
            near = ids[after]
            if near != WORD_END:
                if not was_right[near]:
                    was_right[near] = True
                    touched_right[rights] = near
                    rights += 1
                less_right[near] += times
                if lengths[near] + lengths[token] <= longest:
                    group = group_left[near] if near == token else group_right[near]
                    if group < 0:
                        group = groups
                        if near == token:
                            group_left[near] = group
                        else:
                            group_right[near] = group
                        group_keys[group] = np.int64(token) << 32 | np.int64(near)
                        group_sums[group], group_sizes[group] = 0, 0
                        groups += 1
                    group_sums[group] += times
                    group_sizes[group] += 1
                    made[new, 0], made[new, 1], made[new, 2] = group, place, word
                    new += 1

        assert not fresh, "a pair that was never merged stands somewhere"
        more = lefts + rights + groups
        if 2 * (pairs + more) > len(pair_keys):
            pair_keys, pair_counts, pair_entries = _rehashed(pair_keys, pair_counts, pair_entries, more)
        for i in range(lefts):
            near = touched_left[i]
            slot = _find(pair_keys, np.int64(near) << 32 | np.int64(a))
            pairs += pair_keys[slot] < 0
            pair_keys[slot] = np.int64(near) << 32 | np.int64(a)
            pair_counts[slot] -= less_left[near]
            less_left[near], was_left[near], group_left[near] = 0, False, -1
        for i in range(rights):
            near = touched_right[i]
            slot = _find(pair_keys, np.int64(b) << 32 | np.int64(near))
            pairs += pair_keys[slot] < 0
            pair_keys[slot] = np.int64(b) << 32 | np.int64(near)
            pair_counts[slot] -= less_right[near]
            less_right[near], was_right[near], group_right[near] = 0, False, -1
        group_left[token] = -1
        for group in range(groups):
            slot = _find(pair_keys, group_keys[group])
            pairs += pair_keys[slot] < 0
            pair_keys[slot] = group_keys[group]
            pair_counts[slot] += group_sums[group]
        while entries + groups > len(entry_ends):
            entry_ends = _longer(entry_ends)
        while queued + groups + 1 > len(heap):
            heap = _longer(heap)
        for group in range(groups):
            slot = _find(pair_keys, group_keys[group])
            group_ends[group] = -1
            if pair_counts[slot] > 0:
                entry_ends[entries, 0] = group_ends[group] = filled
                filled += group_sizes[group]
                entry_ends[entries, 1] = filled
                pair_entries[slot] = min(pair_entries[slot] + 1, 2)
                queued = _push(heap, queued, pair_counts[slot], group_keys[group], entries)
                entries += 1
        for i in range(new):
            group = made[i, 0]
            if group_ends[group] >= 0:
                places[group_ends[group]], place_words[group_ends[group]] = made[i, 1], made[i, 2]
                group_ends[group] += 1
    return merged[:merges], size


@njit(cache=True)
def _first_pairs(
    data: UInt8s, offsets: Int64s, counts: Int64s, places: Int32s, place_words: Int32s
) -> tuple[Int64s, Int64s, Any]:
    """Write the places of all pairs of bytes, sorted by pair; return where each pair's begin, counts, and the end."""
    first = np.zeros((1 << 16) + 1, np.int64)
    sums = np.zeros(1 << 16, np.int64)
    for word in range(len(counts)):
        for i in range(offsets[word], offsets[word + 1] - 1):
            code = np.int64(data[i]) << 8 | np.int64(data[i + 1])
            first[code + 1] += 1
            sums[code] += counts[word]
    for pair in range(1 << 16):
        first[pair + 1] += first[pair]
    at = first.copy()
    for word in range(len(counts)):
        for i in range(offsets[word], offsets[word + 1] - 1):
            code = np.int64(data[i]) << 8 | np.int64(data[i + 1])
            places[at[code]] = i + word + 1
            place_words[at[code]] = word
            at[code] += 1
    return first, sums, first[1 << 16]


@njit(cache=True)
def _power(least: Any) -> Any:
    size = 16
    while size < least:
        size *= 2
    return size


@njit(cache=True)
def _mixed(key: Any) -> Any:
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(0x7FFFFFFFFFFFFFFF))


@njit(cache=True)
def _find(keys: Int64s, key: Any) -> Any:
    """Return the slot of a pair, or the free one where it belongs."""
    slot = _mixed(key) & (len(keys) - 1)
    while keys[slot] != key and keys[slot] >= 0:
        slot = (slot + 1) & (len(keys) - 1)
    return slot


@njit(cache=True)
def _rehashed(keys: Int64s, counts: Int64s, entries: UInt8s, more: Any) -> tuple[Int64s, Int64s, UInt8s]:
    size = _power(2 * (len(keys) + more))
    new_keys = np.full(size, -1, np.int64)
    new_counts, new_entries = np.zeros(size, np.int64), np.zeros(size, np.uint8)
    for slot in range(len(keys)):
        if keys[slot] >= 0:
            to = _find(new_keys, keys[slot])
            new_keys[to], new_counts[to], new_entries[to] = keys[slot], counts[slot], entries[slot]
    return new_keys, new_counts, new_entries


@njit(cache=True)
def _longer(rows):  # type: ignore[no-untyped-def]
    new = np.empty((2 * len(rows), rows.shape[1]), rows.dtype)
    new[: len(rows)] = rows
    return new


@njit(cache=True)
def _before(heap: Int64s, i: Any, j: Any) -> Any:
    return heap[i, 0] > heap[j, 0] or (heap[i, 0] == heap[j, 0] and heap[i, 1] < heap[j, 1])


@njit(cache=True)
def _swap(heap: Int64s, i: Any, j: Any) -> None:
    for k in range(3):
        heap[i, k], heap[j, k] = heap[j, k], heap[i, k]


@njit(cache=True)
def _push(heap: Int64s, queued: Any, count: Any, key: Any, entry: Any) -> Any:
    """Add an entry to a heap that has room; return how many it holds."""
    i = queued
    heap[i, 0], heap[i, 1], heap[i, 2] = count, key, entry
    while i and _before(heap, i, (i - 1) >> 1):
        _swap(heap, i, (i - 1) >> 1)
        i = (i - 1) >> 1
    return queued + 1


@njit(cache=True)
def _pop(heap: Int64s, queued: Any) -> Any:
    """Remove the first entry; return how many are left."""
    queued -= 1
    _swap(heap, 0, queued)
    i = 0
    while 2 * i + 1 < queued:
        child = 2 * i + 1
        if child + 1 < queued and _before(heap, child + 1, child):
            child += 1
        if not _before(heap, child, i):
            break
        _swap(heap, i, child)
        i = child
    return queued


@njit(cache=True)
def _hash_token(data: UInt8s, starts: Int64s, lengths: Int64s, hashes: UInt64s, powers: UInt64s, token: Any) -> None:
    """A polynomial modulo 2^64, so that the hash of two tokens' bytes in a row follows from theirs."""
    base = np.uint64(0xD1342543DE82EF95)
    found, power = np.uint64(0), np.uint64(1)
    for i in range(starts[token], starts[token] + lengths[token]):
        found = found * base + np.uint64(data[i]) + np.uint64(1)
        power *= base
    hashes[token], powers[token] = found, power


@njit(cache=True)
def _enter(spellings: Int32s, hashes: UInt64s, token: Any) -> None:
    slot = _mixed(np.int64(hashes[token] >> np.uint64(1))) & (len(spellings) - 1)
    while spellings[slot] >= 0:
        slot = (slot + 1) & (len(spellings) - 1)
    spellings[slot] = token


@njit(cache=True)
def _spelled(
    data: UInt8s,
    starts: Int64s,
    lengths: Int64s,
    hashes: UInt64s,
    powers: UInt64s,
    spellings: Int32s,
    a: Any,
    b: Any,
) -> Any:
    """Return the token that spells `a` then `b`, or -1."""
    wanted = hashes[a] * powers[b] + hashes[b]
    slot = _mixed(np.int64(wanted >> np.uint64(1))) & (len(spellings) - 1)
    while spellings[slot] >= 0:
        token = np.int64(spellings[slot])
        if hashes[token] == wanted and lengths[token] == lengths[a] + lengths[b]:
            same = True
            for i in range(lengths[a]):
                same &= data[starts[token] + i] == data[starts[a] + i]
            for i in range(lengths[b]):
                same &= data[starts[token] + lengths[a] + i] == data[starts[b] + i]
            if same:
                return token
        slot = (slot + 1) & (len(spellings) - 1)
    return -1
