"""An n-gram model as arrays, and its log-probabilities of tokens, compiled.

Single words are rows of `words` (float32 log10 probability and backoff). Longer n-grams share one open-addressing
table of uint64 slots: 32 bits that tell n-grams apart, then 16 bits of log10 probability and 16 of log10 backoff, in
equal steps over the range that occurs. A step is about 1e-4, so that a rounded perplexity rarely changes in its fourth
digit. The place and the 32 bits come from a 64-bit hash of the word ids: an n-gram that the model does not have is
taken for one that it has once in about 10^9 look-ups. Words are found by 64-bit hashes of their bytes.

Scoring goes level by level over blocks of tokens, first loading every slot, then comparing: on a table larger than
the processor's caches the loads wait for memory together, not one after the other.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Float32s, Floats, Int64s, UInt32s, UInt64s
from corpusforge.text.spans import mix

STEPS = 65535
_LOAD = 0.7  # of the table; 6 slots of 8 bytes are looked at for an n-gram that is not there


class Scale(NamedTuple):
    """Codes 0..STEPS of a number: highest - step * code."""

    highest: float
    step: float


@dataclass(frozen=True)
class NgramTable:
    """`words` float32[ids, 2]; `slots` uint64, 0 is free; `word_hashes`, `word_ids`: an open-addressing table."""

    order: int
    words: Float32s
    slots: UInt64s
    word_hashes: UInt64s  # 0 is free
    word_ids: UInt32s
    probabilities: Scale
    backoffs: Scale

    def ids(self, hashes: UInt64s) -> UInt32s:
        """Return the ids of tokens by their hashes; 0 is <unk>."""
        return find_words(hashes, self.word_hashes, self.word_ids)

    def line_scores(self, ids: UInt32s, offsets: Int64s) -> Floats:
        """Return log10 of the probability of each line, its end included, float64[lines]; 0 for one without tokens.

        Line `l` is `ids[offsets[l]:offsets[l + 1]]`, without <s> and </s>.
        """
        return _score_lines(
            ids, offsets, self.order, self.words, self.slots, np.array([*self.probabilities, *self.backoffs])
        )


def scale_of(*values: Float32s) -> Scale:
    """Return the scale of numbers; 0 has an exact code when nothing is above it."""
    highest = max([0.0, *(float(v.max()) for v in values if len(v))])
    lowest = min([0.0, *(float(v.min()) for v in values if len(v))])
    return Scale(highest, max(highest - lowest, 1e-6) / STEPS)


def encode(values: Float32s, scale: Scale) -> UInt64s:
    """Return the codes of numbers within the range of `scale`."""
    codes: UInt64s = np.rint((scale.highest - values.astype(np.float64)) / scale.step).astype(np.uint64)
    return codes


def word_table(hashes: UInt64s, ids: UInt32s) -> tuple[UInt64s, UInt32s]:
    """Return the open-addressing table of words; a hash of 0 becomes 1."""
    size = 1 << max(4, (2 * len(hashes)).bit_length())
    table, found = np.zeros(size, np.uint64), np.zeros(size, np.uint32)
    _insert_words(np.maximum(hashes, np.uint64(1)), ids, table, found)
    return table, found


def slots_for(ngrams: int) -> int:
    """Return the size of the table for so many n-grams."""
    return max(16, int(ngrams / _LOAD))


@njit(cache=True)
def first_key(word: int) -> np.uint64:
    """Return the hash of an n-gram of one word."""
    return mix(np.uint64(word) + np.uint64(0x9E3779B97F4A7C15))


@njit(cache=True)
def next_key(key: np.uint64, word: int) -> np.uint64:
    """Return the hash of an n-gram from that of its suffix and its first word."""
    return mix((key ^ np.uint64(word)) * np.uint64(0xD6E8FEB86659FD93) + np.uint64(0x2545F4914F6CDD1D))


@njit(cache=True)
def next_keys(keys: UInt64s, words: UInt32s) -> UInt64s:
    """Return `next_key` of each pair; an empty `keys`: `first_key` of the words."""
    found = np.empty(len(words), np.uint64)
    for i in range(len(words)):
        found[i] = next_key(keys[i], words[i]) if len(keys) else first_key(words[i])
    return found


@njit(cache=True)
def insert(slots: UInt64s, keys: UInt64s, probabilities: UInt64s, backoffs: UInt64s) -> None:
    """Put n-grams into the table."""
    for i in range(len(keys)):
        at = int(_place(keys[i], len(slots)))
        while slots[at] != 0:
            at += 1
            if at == len(slots):
                at = 0
        slots[at] = _tag(keys[i]) | probabilities[i] << np.uint64(16) | backoffs[i]


@njit(cache=True)
def _place(key: np.uint64, size: int) -> np.int64:
    return np.int64((key >> np.uint64(32)) * np.uint64(size) >> np.uint64(32))


@njit(cache=True)
def _tag(key: np.uint64) -> np.uint64:
    tag = key << np.uint64(32)
    return tag if tag != 0 else np.uint64(1) << np.uint64(32)


@njit(cache=True)
def _insert_words(hashes: UInt64s, ids: UInt32s, table: UInt64s, found: UInt32s) -> None:
    last = len(table) - 1
    for i in range(len(hashes)):
        at = np.int64(hashes[i] >> np.uint64(20)) & last
        while table[at] != 0:
            at = (at + 1) & last
        table[at] = hashes[i]
        found[at] = ids[i]


@njit(cache=True)
def find_words(hashes: UInt64s, table: UInt64s, ids: UInt32s) -> UInt32s:
    """Return the ids of words by their hashes, 0 for those that `word_table` does not have."""
    found = np.zeros(len(hashes), np.uint32)
    last = len(table) - 1
    seen = np.empty(256, np.uint64)
    for begin in range(0, len(hashes), 256):
        end = min(begin + 256, len(hashes))
        for i in range(begin, end):
            seen[i - begin] = table[np.int64(hashes[i] >> np.uint64(20)) & last]
        for i in range(begin, end):
            key = max(hashes[i], np.uint64(1))
            at = np.int64(key >> np.uint64(20)) & last
            slot = seen[i - begin] if key == hashes[i] else table[at]
            while slot != key and slot != 0:
                at = (at + 1) & last
                slot = table[at]
            if slot == key:
                found[i] = ids[at]
    return found


@njit(cache=True)
def _score_lines(ids: UInt32s, offsets: Int64s, order: int, words: Float32s, slots: UInt64s, scales: Floats) -> Floats:
    scores = np.zeros(len(offsets) - 1)
    block = 1024
    stream = np.empty(block + order, np.uint32)  # ids with <s> and </s>; the first `order` repeat what came before
    depth = np.zeros(block + order, np.int64)  # tokens since <s>, which is 1; 0 before the first line
    line_of = np.empty(block + order, np.int64)
    matched = np.ones(block + order, np.int64)  # words of the longest n-gram found that ends here
    logs = np.zeros(block + order)
    backs = np.zeros((order, block + order))
    keys = np.empty(block + order, np.uint64)
    places = np.empty(block + order, np.int64)
    loaded = np.empty(block + order, np.uint64)
    active = np.empty(block + order, np.int64)
    line = 0
    at = -1  # next token of the line: -1 is <s>
    n = order
    lines = len(offsets) - 1
    while True:
        while line < lines and n < block + order:
            length = offsets[line + 1] - offsets[line]
            if length == 0:
                line += 1
                continue
            stream[n] = 1 if at < 0 else 2 if at == length else ids[offsets[line] + at]
            depth[n] = at + 2
            line_of[n] = line
            n += 1
            at += 1
            if at > length:
                line += 1
                at = -1
        if n == order:
            break
        count = 0
        for i in range(order, n):
            word = stream[i]
            keys[i] = first_key(word)
            logs[i] = words[word, 0]
            backs[0, i] = words[word, 1]
            matched[i] = 1
            if depth[i] > 1 and order > 1:
                active[count] = i
                count += 1
        for k in range(2, order + 1):
            for a in range(count):
                i = active[a]
                key = next_key(keys[i], stream[i - k + 1])
                keys[i] = key
                place = int(_place(key, len(slots)))
                places[a] = place
                loaded[a] = slots[place]
            left = 0
            for a in range(count):
                i = active[a]
                tag = _tag(keys[i]) >> np.uint64(32)
                slot = loaded[a]
                place = places[a]
                while slot != 0 and slot >> np.uint64(32) != tag:
                    place += 1
                    if place == len(slots):
                        place = 0
                    slot = slots[place]
                if slot != 0:
                    logs[i] = scales[0] - scales[1] * np.float64(slot >> np.uint64(16) & np.uint64(0xFFFF))
                    backs[k - 1, i] = scales[2] - scales[3] * np.float64(slot & np.uint64(0xFFFF))
                    matched[i] = k
                    if depth[i] > k:
                        active[left] = i
                        left += 1
            count = left
        for i in range(order, n):
            if depth[i] > 1:
                score = logs[i]
                for k in range(matched[i], min(matched[i - 1], order - 1) + 1):
                    score += backs[k - 1, i - 1]
                scores[line_of[i]] += score
        for k in range(order):  # the last tokens are what comes before the next block
            stream[k] = stream[n - order + k]
            depth[k] = depth[n - order + k]
            matched[k] = matched[n - order + k]
            for m in range(order):
                backs[m, k] = backs[m, n - order + k]
        n = order
    return scores
