"""How spaCy's blank English tokenizer cuts one chunk (text between whitespace), compiled.

The algorithm, on a chunk of characters [lo, hi):

1. Until nothing changes: stop if the rest is an exception; cut a prefix off (if what remains is an exception,
   stop); cut a suffix off what follows the prefix (if the rest with its prefix is an exception, stop).
2. The rest is cut as its exception says; or stays whole if it is a URL; or is cut around its infixes.
3. Exceptions that the patterns have cut are joined again, over the whole document: see `english.py`.

What takes arrays is compiled into its callers: counting references to the arrays took a fifth of the time.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.english_rules import (
    ALPHA,
    BEFORE_STOP,
    INFIX,
    JOINS,
    LETTER,
    LONGEST_TAIL,
    LOWER,
    PIECES,
    PREFIX,
    PUNCTUATION,
    QUOTE,
    SENTENCE_END,
    SUFFIX,
    SYMBOL,
    TAIL,
    UPPER,
    Strings,
)
from corpusforge.text.english_url import is_digit, is_url
from corpusforge.text.fasttext_wide import load8
from corpusforge.text.spans import mix
from corpusforge.text.utf8 import decode

SHORT_BYTES, MOST_PIECES = 16, 8  # of a chunk that is remembered

# What a token is, by its characters.
ALPHABETIC = 1  # some character is a letter (str.isalpha)
SYMBOLIC = 2  # every character is punctuation or a control: no word to Gopher's rules
PUNCTUATING = 4  # every character is punctuation (category P)
ENDING = 8  # one character that ends a sentence to spaCy's sentencizer


@njit(cache=True, inline="always")
def _possible(possible: Int32s, data: UInt8s, start: int, stop: int) -> bool:
    """Say whether the bytes look like an exception or a join, by their ends and number: spares most look-ups."""
    return stop - start <= 30 and possible[data[start], data[stop - 1]] >> (stop - start) & 1 != 0


@njit(cache=True, inline="always")
def _find(slots: Int32s, pool: UInt8s, data: UInt8s, start: int, stop: int) -> int:
    """Return the entry of the bytes `data[start:stop]`, or -1."""
    state = np.uint64(0x9E3779B97F4A7C15)  # as hash_spans
    for at in range(start, stop):
        state = (state ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
    last = len(slots) - 1
    slot = int(mix(state)) & last
    while slots[slot] >= 0:
        entry = int(slots[slot])
        same = pool[entry, 31] == stop - start
        at = start
        while same and at < stop:
            same = pool[entry, at - start] == data[at]
            at += 1
        if same:
            return entry
        slot = (slot + 1) & last
    return -1


@njit(cache=True, inline="always")
def _exception(strings: Strings, data: UInt8s, start: int, stop: int) -> int:
    """Return the entry of an exception, or -1."""
    entry = _find(strings.slots, strings.pool, data, start, stop)
    return entry if entry >= 0 and strings.values[entry, PIECES] > 0 else -1


@njit(cache=True)
def _prefix(codes: Int64s, flags: Int64s, lo: int, hi: int) -> int:
    """Return the length of the prefix of characters [lo, hi), 0 if there is none."""
    code = codes[lo]
    if flags[lo] & PREFIX:
        return 1
    if code == 46:  # two full stops or more
        at = lo + 1
        while at < hi and codes[at] == 46:
            at += 1
        return at - lo if at - lo > 1 else 0
    if code == 43:  # + unless a digit follows
        return 0 if lo + 1 < hi and is_digit(codes[lo + 1]) else 1
    if (code == 65 or code == 67) and lo + 1 < hi and codes[lo + 1] == 36:  # A$ C$
        return 2
    if code == 85 and lo + 2 < hi and codes[lo + 1] == 83 and codes[lo + 2] == 36:  # US$
        return 3
    return 0


@njit(cache=True)
def _suffix(codes: Int64s, flags: Int64s, lo: int, hi: int) -> int:
    """Return the length of the suffix of characters [lo, hi) without regard to units, 0 if there is none.

    The longest that any pattern cuts: the search for a suffix goes from the left.
    """
    if hi <= lo:
        return 0
    code = codes[hi - 1]
    best = 1 if flags[hi - 1] & SUFFIX else 0
    if hi - 2 < lo:
        return best
    before = codes[hi - 2]
    if code == 46:
        at = hi - 1
        while at > lo and codes[at - 1] == 46:
            at -= 1
        if hi - at > 1:
            return hi - at
        if flags[hi - 2] & BEFORE_STOP:
            return 1
        if hi - 3 < lo:
            return 0
        if flags[hi - 2] & flags[hi - 3] & UPPER:
            return 1
        lower = before | 32
        return 1 if codes[hi - 3] == 0xB0 and (lower == 99 or lower == 102 or lower == 107) else 0  # °C. °F. °K.
    if code == 0x2026 and before == 0x2026:
        return 2
    if code | 32 == 115 and (before == 39 or before == 0x2019):  # 's
        return 2
    if code == 43 and is_digit(before):
        return 1
    return best


@njit(cache=True)
def _tail(codes: Int64s, lo: int, hi: int) -> int:
    """Return the number of characters after the last digit of [lo, hi), 0 if too many for a unit or currency."""
    at = hi
    while at > lo and hi - at <= LONGEST_TAIL:
        if is_digit(codes[at - 1]):
            return hi - at
        at -= 1
    return 0


@njit(cache=True)
def _infix(codes: Int64s, flags: Int64s, lo: int, at: int, hi: int) -> int:
    """Return the length of the infix at `at` in characters [lo, hi), 0 if there is none."""
    code = codes[at]
    if flags[at] & INFIX:
        return 1
    if code == 46:
        stop = at + 1
        while stop < hi and codes[stop] == 46:
            stop += 1
        if stop - at > 1:
            return stop - at
        inside = at > lo and stop < hi
        return 1 if inside and flags[at - 1] & (LOWER | QUOTE) and flags[stop] & (UPPER | QUOTE) else 0
    if at == lo or at + 1 >= hi:
        return 0
    digit = is_digit(codes[at - 1])
    after = codes[at + 1]
    if digit and (code == 43 or code == 45 or code == 42 or code == 94) and (is_digit(after) or after == 45):
        return 1
    if not digit and not flags[at - 1] & ALPHA:
        return 0
    if flags[at + 1] & ALPHA:
        if code == 44:
            return 0 if digit else 1
        if code == 45 or code == 0x2013 or code == 0x2014 or code == 126:
            return 1
        return 1 if code == 58 or 60 <= code <= 62 or code == 47 else 0
    if after == code and (code == 45 or code == 0x2014) and at + 2 < hi:
        if flags[at + 2] & ALPHA:
            return 2
        if code == 45 and codes[at + 2] == 45 and at + 3 < hi and flags[at + 3] & ALPHA:
            return 3
    return 0


@njit(cache=True, inline="always")
def describe(data: UInt8s, start: int, end: int, table: Flags) -> tuple[int, np.uint64, int]:
    """Return code points, hash (as hash_spans gives it) and kinds of a token."""
    state = np.uint64(0x9E3779B97F4A7C15)
    length = 0
    some = 0
    every = SYMBOL | PUNCTUATION | SENTENCE_END
    first = table[0]
    at = start
    while at < end:
        length += 1
        code = int(data[at])
        if code < 128:
            flags = int(table[first + code])
            state = (state ^ np.uint64(code)) * np.uint64(0xD6E8FEB86659FD93)
            at += 1
        else:
            code, width = decode(data, at, end)
            flags = int(table[table[code >> 8] + (code & 255)])
            for byte in range(at, at + width):
                state = (state ^ np.uint64(data[byte])) * np.uint64(0xD6E8FEB86659FD93)
            at += width
        some |= flags
        every &= flags
    kinds = ALPHABETIC if some & LETTER else 0
    kinds |= SYMBOLIC if every & SYMBOL else 0
    kinds |= PUNCTUATING if every & PUNCTUATION else 0
    kinds |= ENDING if every & SENTENCE_END and length == 1 else 0
    return length, mix(state), kinds


def memory(slots: int) -> tuple[UInt64s, UInt64s]:
    """Return an empty memory of short chunks for `cut`, by hash.

    uint64[slots, 4]: the bytes as two words; the sizes of the chunk and of its first token, and its kinds; the hash of
    that. uint64[slots, 2 * MOST_PIECES]: size and kinds, and hash, of each token, unless there are one or two of which
    the second is one ASCII character.
    """
    return np.zeros((slots, 4), np.uint64), np.empty((slots, 2 * MOST_PIECES), np.uint64)


_Arrays = tuple[Int64s, Int64s, Int32s, UInt64s, UInt8s]  # starts, ends, lengths in characters, hashes, kinds


@njit(cache=True)
def cut(
    data: UInt8s,
    chunks: tuple[Int64s, Int64s],
    table: Flags,
    strings: Strings,
    done: tuple[int, int, int],
    tokens: _Arrays,
    counts: Int32s,
    suspects: Int64s,
    remembered: tuple[UInt64s, UInt64s],
) -> tuple[int, int, int]:
    """Cut chunks by steps 1 and 2 until there is no more room; return how many chunks, tokens and suspects are done.

    `chunks`: starts and ends; `done`: those of an earlier call. `tokens`: room for more tokens, at least for as many
    as the first chunk has bytes and two; `counts`: tokens per chunk. `suspects`: tokens that begin an exception to be
    joined (step 3), room as for tokens. `remembered`: short chunks and their tokens, see `memory`; it makes
    nothing different, but eight chunks of ten are met again.
    """
    chunk_starts, chunk_ends = chunks
    known, pieces = remembered
    starts, ends, lengths, hashes, kinds = tokens
    longest = 0
    for i in range(len(chunk_starts)):
        longest = max(longest, chunk_ends[i] - chunk_starts[i])
    codes = np.empty(longest, np.int64)
    flags = np.empty(longest, np.int64)
    places = np.empty(longest + 1, np.int64)  # byte position of each character
    suffixes = np.empty(longest, np.int64)  # first characters, outermost first
    ascii_flags = table[table[0] : table[0] + 128].copy()
    classes = np.zeros(256, np.uint8)  # 1: ASCII letter, 2: ASCII digit, 4: cut off after a plain word, 8: stop
    mark_hashes = np.zeros(256, np.uint64)
    mark_kinds = np.zeros(256, np.uint8)
    for byte in range(128):
        classes[byte] = (97 <= byte | 32 <= 122) + 2 * (48 <= byte <= 57)
        classes[byte] |= 4 * (byte == 44 or byte == 58 or byte == 59 or byte == 33 or byte == 63) + 8 * (byte == 46)
        mark_hashes[byte] = mix((np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(byte)) * np.uint64(0xD6E8FEB86659FD93))
        every = ascii_flags[byte]
        mark_kinds[byte] = SYMBOLIC * (every & SYMBOL != 0) + PUNCTUATING * (every & PUNCTUATION != 0)
        mark_kinds[byte] += ENDING * (every & SENTENCE_END != 0) + ALPHABETIC * (every & LETTER != 0)
    masks = np.zeros((SHORT_BYTES + 1, 2), np.uint64)  # of the bytes of a short chunk, as two words
    for size in range(SHORT_BYTES + 1):
        for byte in range(size):
            masks[size, byte >> 3] |= np.uint64(255) << np.uint64(8 * (byte & 7))
    possible = strings.possible
    seen = np.full(1 << 12, -1, np.int64)  # by hash: a long chunk that was cut in full
    seen_tokens = np.empty(1 << 12, np.int64)
    first_chunk, n, found = done
    last_slot = np.uint64(len(known) - 1)
    for chunk in range(first_chunk, len(chunk_starts)):
        start = chunk_starts[chunk]
        stop = chunk_ends[chunk]
        if n + stop - start + 2 > len(starts):
            return chunk, n, found
        first = n
        short = stop - start <= SHORT_BYTES and start + SHORT_BYTES <= len(data)
        low = high = slot = np.uint64(0)
        if short:
            low = load8(data, start) & masks[stop - start, 0]
            high = load8(data, start + 8) & masks[stop - start, 1]
            slot = low * np.uint64(0x9E3779B97F4A7C15) ^ high * np.uint64(0xD6E8FEB86659FD93)
            slot = (slot ^ (slot >> np.uint64(32))) * np.uint64(0xFF51AFD7ED558CCD) >> np.uint64(40) & last_slot
            shape = np.int64(known[slot, 2])
            if known[slot, 0] == low and known[slot, 1] == high and shape & 255 == stop - start:
                if shape >> 32:
                    at = start
                    for k in range(shape >> 32):
                        piece = np.int64(pieces[slot, 2 * k])
                        starts[n] = at
                        at += piece & 255
                        ends[n] = at
                        lengths[n], hashes[n], kinds[n] = piece >> 8 & 255, pieces[slot, 2 * k + 1], piece >> 16
                        n += 1
                    counts[chunk] = n - first
                    continue
                # One token; or two, of which the second is one ASCII character: it is written in any case.
                middle = start + (shape >> 8 & 255)
                starts[n], ends[n] = start, middle
                lengths[n], hashes[n], kinds[n] = shape >> 16 & 255, known[slot, 3], shape >> 24 & 255
                mark = data[stop - 1]
                starts[n + 1], ends[n + 1] = middle, stop
                lengths[n + 1], hashes[n + 1], kinds[n + 1] = 1, mark_hashes[mark], mark_kinds[mark]
                count = 1 + (middle < stop)
                counts[chunk] = count
                n += count
                continue
        at = start
        state = np.uint64(0x9E3779B97F4A7C15)
        wanted = classes[data[start]] & 3
        while at < stop and classes[data[at]] & wanted:  # a run of letters, or of digits
            state = (state ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
            at += 1
        plain = at == stop
        if at == stop - 1 and at > start:  # and one of . , ; : ! ?
            after = classes[data[at]]
            plain = after & 4 != 0 or (after & 8 != 0 and (wanted == 2 or data[at - 1] >= 97))
        if plain and wanted == 1:
            for end in range(at, stop + 1):
                if _possible(possible, data, start, end) and _exception(strings, data, start, end) >= 0:
                    plain = False
        if plain:
            starts[n], ends[n] = start, at
            lengths[n], hashes[n], kinds[n] = at - start, mix(state), wanted & 1  # ALPHABETIC
            n += 1
            if at < stop:
                starts[n], ends[n] = at, stop
                lengths[n], hashes[n], kinds[n] = 1, mark_hashes[data[at]], mark_kinds[data[at]]
                n += 1
        else:
            while at < stop and not short:
                state = (state ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
                at += 1
            place = np.int64(mix(state) >> np.uint64(52))
            before = np.int64(-1) if short else seen[place]
            if before >= 0 and _same_bytes(data, chunk_starts[before], chunk_ends[before], start, stop):
                shift = start - chunk_starts[before]
                for i in range(seen_tokens[place], seen_tokens[place] + counts[before]):
                    starts[n], ends[n] = starts[i] + shift, ends[i] + shift
                    lengths[n], hashes[n], kinds[n] = lengths[i], hashes[i], kinds[i]
                    n += 1
                counts[chunk] = counts[before]
                continue
            n = _cut_chunk(data, start, stop, table, strings, (codes, flags, places, suffixes), starts, ends, n)
            for i in range(first, n):
                lengths[i], hashes[i], kinds[i] = describe(data, starts[i], ends[i], table)
            suspected = _suspect(data, strings, starts, ends, first, n, suspects, found)
            if suspected > found:
                found = suspected
                short = False
            elif not short:
                seen[place] = chunk
                seen_tokens[place] = first
        counts[chunk] = n - first
        if short and n - first <= MOST_PIECES:
            known[slot, 0], known[slot, 1], known[slot, 3] = low, high, hashes[first]
            shape = stop - start | (ends[first] - start) << 8
            shape |= np.int64(lengths[first]) << 16 | np.int64(kinds[first]) << 24
            if n - first > 2 or (n - first == 2 and ends[first] < stop - 1):
                shape |= (n - first) << 32
                for i in range(first, n):
                    k = 2 * (i - first)
                    piece = ends[i] - starts[i] | np.int64(lengths[i]) << 8 | np.int64(kinds[i]) << 16
                    pieces[slot, k], pieces[slot, k + 1] = piece, hashes[i]
            known[slot, 2] = shape
    return len(chunk_starts), n, found


@njit(cache=True, inline="always")
def _cut_chunk(
    data: UInt8s,
    start: int,
    stop: int,
    table: Flags,
    strings: Strings,
    scratch: tuple[Int64s, Int64s, Int64s, Int64s],
    starts: Int64s,
    ends: Int64s,
    n: int,
) -> int:
    """Write the tokens of one chunk from `n` on; return the number of tokens then."""
    codes, flags, places, suffixes = scratch
    first = table[0]  # what it says of ASCII stands from there on
    length = 0
    digits = False
    stops = False
    at = start
    while at < stop:
        code, width = int(data[at]), 1
        if code < 128:
            flags[length] = table[first + code]
        else:
            code, width = decode(data, at, stop)
            flags[length] = table[table[code >> 8] + (code & 255)]
        digits |= is_digit(code)
        stops |= code == 46
        codes[length] = code
        places[length] = at
        length += 1
        at += width
    places[length] = stop
    lo, hi, before, cutoff = 0, length, -1, 0
    entry = -1
    while lo < hi and hi - lo != before and entry < 0:
        before = hi - lo
        prefix = _prefix(codes, flags, lo, hi)
        suffix = _suffix(codes, flags, lo + prefix, hi)
        tail = _tail(codes, lo + prefix, hi) if digits else 0
        if tail > suffix:
            unit = _find(strings.slots, strings.pool, data, places[hi - tail], places[hi])
            if unit >= 0 and strings.values[unit, TAIL]:
                suffix = tail
        for trial in range(3):  # all, all but the prefix, all but the suffix
            a = lo + prefix if trial == 1 else lo
            b = hi - suffix if trial == 2 else hi
            if a < b and _possible(strings.possible, data, places[a], places[b]):
                entry = _exception(strings, data, places[a], places[b])
                if entry >= 0:
                    prefix = a - lo
                    suffix = hi - b
                    break
        if prefix:
            starts[n] = places[lo]
            lo += prefix
            ends[n] = places[lo]
            n += 1
        if suffix:
            hi -= suffix
            suffixes[cutoff] = hi
            cutoff += 1
    if entry >= 0:
        at = places[lo]
        piece = PIECES
        while strings.values[entry, piece] > 0:
            starts[n] = at
            at += strings.values[entry, piece]
            ends[n] = at
            n += 1
            piece += 1
    elif lo < hi:
        begin = lo
        at = lo
        if not (stops and is_url(codes, flags, lo, hi)):
            while at < hi:
                if flags[at] & (ALPHA | INFIX) == ALPHA:  # most: no infix begins with a letter
                    at += 1
                    continue
                width = _infix(codes, flags, lo, at, hi)
                if width and at > lo:
                    if at > begin:
                        starts[n] = places[begin]
                        ends[n] = places[at]
                        n += 1
                    starts[n] = places[at]
                    ends[n] = places[at + width]
                    n += 1
                    begin = at + width
                at += max(width, 1)
        if begin < hi:
            starts[n] = places[begin]
            ends[n] = places[hi]
            n += 1
    for i in range(cutoff - 1, -1, -1):
        starts[n] = places[suffixes[i]]
        ends[n] = places[suffixes[i - 1]] if i > 0 else stop
        n += 1
    return n


@njit(cache=True, inline="always")
def _suspect(
    data: UInt8s, strings: Strings, starts: Int64s, ends: Int64s, first: int, n: int, suspects: Int64s, found: int
) -> int:
    """Add the suspects among the tokens first to n - 1, one chunk; return the number of suspects."""
    for i in range(first, n - 1):
        if not _possible(strings.possible, data, starts[i], ends[i + 1]):
            continue
        entry = _find(strings.slots, strings.pool, data, starts[i], ends[i + 1])
        if entry < 0 or not strings.values[entry, JOINS] >> (ends[i] - starts[i]) & 1:
            continue
        # Only tokens of one chunk are joined: all of an exception must follow here.
        for last in range(i + 1, n):
            whole = _possible(strings.possible, data, starts[i], ends[last])
            if whole and _exception(strings, data, starts[i], ends[last]) >= 0:
                suspects[found] = i
                found += 1
                break
    return found


@njit(cache=True)
def _same_bytes(data: UInt8s, start: int, end: int, other: int, stop: int) -> bool:
    if end - start != stop - other:
        return False
    for i in range(end - start):  # noqa: SIM110 (compiled)
        if data[start + i] != data[other + i]:
            return False
    return True
