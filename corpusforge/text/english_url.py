"""What spaCy's tokenizer takes for a URL: [scheme://][user@]host[:port][path], over the characters of a chunk."""

from numba import njit

from corpusforge.text.arrays import Int64s
from corpusforge.text.english_rules import DIGIT, LOWER, WORD


@njit(cache=True)
def is_digit(code: int) -> bool:
    """Say whether a code point is one of 0 to 9."""
    return 48 <= code <= 57


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
    if at < hi and is_digit(codes[at]) and _ip(codes, flags, at, hi):
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
def is_url(codes: Int64s, flags: Int64s, lo: int, hi: int) -> bool:
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
