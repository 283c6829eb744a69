"""How spaCy's blank English tokenizer cuts one chunk (text between whitespace), compiled.

The algorithm, on a chunk of characters [lo, hi):

1. Until nothing changes: stop if the rest is an exception; cut a prefix off (if what remains is an exception,
   stop); cut a suffix off what follows the prefix (if the rest with its prefix is an exception, stop).
2. The rest is cut as its exception says; or stays whole if it is a URL; or is cut around its infixes.
3. Exceptions that the patterns have cut are joined again, over the whole document: see `english.py`.
"""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Flags, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.english_rules import (
    ALPHA,
    BEFORE_STOP,
    DIGIT,
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
    WORD,
    Strings,
)
from corpusforge.text.spans import mix
from corpusforge.text.utf8 import decode

# What a token is, by its characters.
ALPHABETIC = 1  # some character is a letter (str.isalpha)
SYMBOLIC = 2  # every character is punctuation or a control: no word to Gopher's rules
PUNCTUATING = 4  # every character is punctuation (category P)
ENDING = 8  # one character that ends a sentence to spaCy's sentencizer


@njit(cache=True)
def _possible(possible: Int32s, data: UInt8s, start: int, stop: int) -> bool:
    """Say whether the bytes look like an exception or a join, by their ends and number: spares most look-ups."""
    return stop - start <= 30 and possible[data[start], data[stop - 1]] >> (stop - start) & 1 != 0


@njit(cache=True)
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


@njit(cache=True)
def _exception(strings: Strings, data: UInt8s, start: int, stop: int) -> int:
    """Return the entry of an exception, or -1."""
    entry = _find(strings.slots, strings.pool, data, start, stop)
    return entry if entry >= 0 and strings.values[entry, PIECES] > 0 else -1


@njit(cache=True)
def _is_digit(code: int) -> bool:
    return 48 <= code <= 57


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
        return 0 if lo + 1 < hi and _is_digit(codes[lo + 1]) else 1
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
    if code == 43 and _is_digit(before):
        return 1
    return best


@njit(cache=True)
def _tail(codes: Int64s, lo: int, hi: int) -> int:
    """Return the number of characters after the last digit of [lo, hi), 0 if too many for a unit or currency."""
    at = hi
    while at > lo and hi - at <= LONGEST_TAIL:
        if _is_digit(codes[at - 1]):
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
    digit = _is_digit(codes[at - 1])
    after = codes[at + 1]
    if digit and (code == 43 or code == 45 or code == 42 or code == 94) and (_is_digit(after) or after == 45):
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


@njit(cache=True)
def _url_end(codes: Int64s, flags: Int64s, at: int, hi: int) -> bool:
    """Say whether [at, hi) is an optional port and an optional path."""
    if at < hi and codes[at] == 58:
        digits = 0
        while at + 1 + digits < hi and flags[at + 1 + digits] & DIGIT:
            digits += 1
        if not 2 <= digits <= 5:
            return False
        at += 1 + digits
    return at == hi or codes[at] == 47 or codes[at] == 63 or codes[at] == 35


@njit(cache=True)
def _ip(codes: Int64s, flags: Int64s, at: int, hi: int) -> bool:
    """Say whether [at, hi) is a public IPv4 address with optional port and path."""
    first, second = 0, 0
    for octet in range(4):
        length = 0
        while at + length < hi and flags[at + length] & DIGIT:
            length += 1
        if not 1 <= length <= 3:
            return False
        a = codes[at] - 48
        b = codes[at + 1] - 48 if length > 1 else -1
        c = codes[at + 2] - 48 if length > 2 else -1
        inner = octet == 1 or octet == 2
        if length < 3:
            if not inner and not 1 <= a <= 9:
                return False
        elif a == 2:
            b_most = 2 if octet == 0 else 5
            c_most = 3 if octet == 0 else (5 if inner else 4)
            if not ((0 <= b < b_most) or (b == b_most and 0 <= c <= c_most)):
                return False
        elif a != 1:
            return False
        value = a * 100 + b * 10 + c if length == 3 else (a * 10 + b if length == 2 else a)
        if octet == 0:
            first = value
        elif octet == 1:
            second = value if length > 1 else -1
            if first == 172 and length == 2 and ((a == 1 and 6 <= b <= 9) or a == 2 or (a == 3 and 0 <= b <= 1)):
                return False
        at += length
        if octet < 3:
            if at >= hi or codes[at] != 46:
                return False
            at += 1
    if first == 10 or first == 127 or (first == 169 and second == 254) or (first == 192 and second == 168):
        return False
    return _url_end(codes, flags, at, hi)


@njit(cache=True)
def _host(codes: Int64s, flags: Int64s, at: int, hi: int) -> bool:
    """Say whether [at, hi) is an address or a host name, with optional port and path."""
    if at < hi and _is_digit(codes[at]) and _ip(codes, flags, at, hi):
        return True
    labels = 0
    while at < hi:
        stop = at
        while stop < hi and labels and flags[stop] & LOWER:
            stop += 1
        if 2 <= stop - at <= 63 and _url_end(codes, flags, stop, hi):
            return True
        stop = at
        while stop < hi and (_is_label(codes[stop]) or codes[stop] == 45 or codes[stop] == 95):
            stop += 1
        if not (stop < hi and codes[stop] == 46 and 1 <= stop - at <= 64):
            return False
        if not (_is_label(codes[at]) and _is_label(codes[stop - 1])):
            return False
        labels += 1
        at = stop + 1
    return False


@njit(cache=True)
def _is_label(code: int) -> bool:
    return 97 <= code <= 122 or 48 <= code <= 57 or 65 <= code <= 90 or 0xA1 <= code <= 0xFFFF


@njit(cache=True)
def _is_url(codes: Int64s, flags: Int64s, lo: int, hi: int) -> bool:
    """Say whether characters [lo, hi) are a URL: [scheme://][user@]host[:port][path]."""
    scheme = lo
    while scheme < hi and (flags[scheme] & WORD or codes[scheme] == 43 or codes[scheme] == 45 or codes[scheme] == 46):
        scheme += 1
    slashes = scheme - lo >= 2 and scheme + 2 < hi and codes[scheme] == 58
    slashes = slashes and codes[scheme + 1] == 47 and codes[scheme + 2] == 47
    for at in range(lo, hi):
        begins = at == lo or (slashes and at == scheme + 3) or (at > lo + 1 and codes[at - 1] == 64)
        if begins and _host(codes, flags, at, hi):
            return True
    return False


@njit(cache=True)
def describe(data: UInt8s, start: int, end: int, table: Flags) -> tuple[int, np.uint64, int]:
    """Return code points, hash (as hash_spans gives it) and kinds of a token."""
    state = np.uint64(0x9E3779B97F4A7C15)
    length = 0
    some = 0
    every = SYMBOL | PUNCTUATION | SENTENCE_END
    at = start
    while at < end:
        code, width = decode(data, at, end)
        flags = int(table[table[code >> 8] + (code & 255)])
        some |= flags
        every &= flags
        length += 1
        for byte in range(at, at + width):
            state = (state ^ np.uint64(data[byte])) * np.uint64(0xD6E8FEB86659FD93)
        at += width
    kinds = ALPHABETIC if some & LETTER else 0
    kinds |= SYMBOLIC if every & SYMBOL else 0
    kinds |= PUNCTUATING if every & PUNCTUATION else 0
    kinds |= ENDING if every & SENTENCE_END and length == 1 else 0
    return length, mix(state), kinds


@njit(cache=True)
def cut(
    data: UInt8s,
    chunks: tuple[Int64s, Int64s],
    table: Flags,
    strings: Strings,
    starts: Int64s,
    ends: Int64s,
    described: tuple[Int32s, UInt64s, UInt8s],
    counts: Int32s,
    suspects: Int64s,
) -> tuple[int, int]:
    """Cut every chunk by steps 1 and 2; return the number of tokens and of `suspects`.

    `starts`, `ends` and what `describe` says: room for as many tokens as the chunks have bytes; `counts`: tokens per
    chunk, of which `chunks` has starts and ends. `suspects`: tokens that begin an exception to be joined (step 3), room
    as for tokens.
    """
    chunk_starts, chunk_ends = chunks
    lengths, hashes, kinds = described
    longest = 0
    for i in range(len(chunk_starts)):
        longest = max(longest, chunk_ends[i] - chunk_starts[i])
    codes = np.empty(longest, np.int64)
    flags = np.empty(longest, np.int64)
    places = np.empty(longest + 1, np.int64)  # byte position of each character
    suffixes = np.empty(longest, np.int64)  # first characters, outermost first
    ascii_flags = table[table[0] : table[0] + 128].copy()
    classes = np.zeros(256, np.uint8)  # 1: ASCII letter, 2: ASCII digit, 4: cut off after a plain word, 8: stop
    mark_hashes = np.zeros(128, np.uint64)
    mark_kinds = np.zeros(128, np.uint8)
    for byte in range(128):
        classes[byte] = (97 <= byte | 32 <= 122) + 2 * (48 <= byte <= 57)
        classes[byte] |= 4 * (byte == 44 or byte == 58 or byte == 59 or byte == 33 or byte == 63) + 8 * (byte == 46)
        mark_hashes[byte] = mix((np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(byte)) * np.uint64(0xD6E8FEB86659FD93))
        every = ascii_flags[byte]
        mark_kinds[byte] = SYMBOLIC * (every & SYMBOL != 0) + PUNCTUATING * (every & PUNCTUATION != 0)
        mark_kinds[byte] += ENDING * (every & SENTENCE_END != 0) + ALPHABETIC * (every & LETTER != 0)
    possible = strings.possible
    seen = np.full(1 << 14, -1, np.int64)  # by hash: a chunk that was cut in full; two of three are met again
    seen_tokens = np.empty(1 << 14, np.int64)
    n = 0
    found = 0
    for chunk in range(len(chunk_starts)):
        start = chunk_starts[chunk]
        stop = chunk_ends[chunk]
        first = n
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
            starts[n] = start
            ends[n] = at
            lengths[n] = at - start
            hashes[n] = mix(state)
            kinds[n] = wanted & 1  # ALPHABETIC
            n += 1
            if at < stop:
                starts[n] = at
                ends[n] = stop
                lengths[n] = 1
                hashes[n] = mark_hashes[data[at]]
                kinds[n] = mark_kinds[data[at]]
                n += 1
            counts[chunk] = n - first
            continue
        if stop - start == 1:
            starts[n] = start
            ends[n] = stop
            lengths[n] = 1
            hashes[n] = mark_hashes[data[start]]
            kinds[n] = mark_kinds[data[start]]
            n += 1
            counts[chunk] = 1
            continue
        while at < stop:
            state = (state ^ np.uint64(data[at])) * np.uint64(0xD6E8FEB86659FD93)
            at += 1
        slot = np.int64(mix(state) >> np.uint64(50))
        before = seen[slot]
        if before >= 0 and _same_bytes(data, chunk_starts[before], chunk_ends[before], start, stop):
            shift = start - chunk_starts[before]
            for i in range(seen_tokens[slot], seen_tokens[slot] + counts[before]):
                starts[n], ends[n] = starts[i] + shift, ends[i] + shift
                lengths[n], hashes[n], kinds[n] = lengths[i], hashes[i], kinds[i]
                n += 1
            counts[chunk] = counts[before]
            continue
        length = 0
        digits = False
        stops = False
        at = start
        while at < stop:
            code = int(data[at])
            if code < 128:
                flags[length] = ascii_flags[code]
                width = 1
                digits |= _is_digit(code)
                stops |= code == 46
            else:
                code, width = decode(data, at, stop)
                flags[length] = table[table[code >> 8] + (code & 255)]
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
                if a < b and _possible(possible, data, places[a], places[b]):
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
            if not (stops and _is_url(codes, flags, lo, hi)):
                while at < hi:
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
        counts[chunk] = n - first
        suspected = found
        for i in range(first, n):
            lengths[i], hashes[i], kinds[i] = describe(data, starts[i], ends[i], table)
        for i in range(first, n - 1):
            if _possible(possible, data, starts[i], ends[i + 1]):
                entry = _find(strings.slots, strings.pool, data, starts[i], ends[i + 1])
                if entry < 0 or not strings.values[entry, JOINS] >> (ends[i] - starts[i]) & 1:
                    continue
                # Only tokens of one chunk are joined: all of an exception must follow here.
                for last in range(i + 1, n):
                    whole = _possible(possible, data, starts[i], ends[last])
                    if whole and _exception(strings, data, starts[i], ends[last]) >= 0:
                        suspects[found] = i
                        found += 1
                        break
        if found == suspected:
            seen[slot] = chunk
            seen_tokens[slot] = first
    return n, found


@njit(cache=True)
def _same_bytes(data: UInt8s, start: int, end: int, other: int, stop: int) -> bool:
    if end - start != stop - other:
        return False
    for i in range(end - start):  # noqa: SIM110 (compiled)
        if data[start + i] != data[other + i]:
            return False
    return True
