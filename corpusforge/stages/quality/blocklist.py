"""Lists of blocked domains, hosts and URLs, as sorted 64-bit hashes: 8 bytes a line."""

import gzip
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numba import njit

from corpusforge.stages.quality.registered_domain import PublicSuffixes, split_url
from corpusforge.text.arrays import Int64s, UInt8s, UInt64s
from corpusforge.text.spans import hash_bytes

_BLOCK_BYTES = 8 << 20  # of a list, read at a time
_SPACE, _HASH, _STAR, _DOT, _BANG, _BAR, _CARET, _BRACKET = (ord(c) for c in " #*.!|^[")


class BlockedDomains:
    """What the lines of some files block.

    A line holds a domain, a host or a URL; names behind an address, as in hosts files ("0.0.0.0 host host"); or a
    filter "||host^". "*." before a host says nothing. Lines that begin with #, ! or [, and what follows " #", are
    comments. Files that end in .gz are decompressed. 2.3 million hosts load in 0.3 CPU s.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        found = [hashes for path in paths for hashes in _hashes(path)]
        self._hashes: UInt64s = np.concatenate([np.zeros(0, np.uint64), *found])
        self._hashes.sort()  # 0.2 s of 2.3 million; np.unique takes 3
        self._suffixes = PublicSuffixes()
        self._of_host = lru_cache(1 << 16)(self._judge_host)  # a crawl has many pages of a host

    def judge(self, url: str) -> tuple[str, str] | None:
        """Return the reason why a URL is blocked and what was listed, or None."""
        host, rest = split_url(url)
        page = (host + rest).rstrip("/")
        return self._of_host(host) or (("blocked_url", page) if self._has(page) else None)

    def _judge_host(self, host: str) -> tuple[str, str] | None:
        domain = self._suffixes.registered_domain(host)
        if self._has(domain):
            return "blocked_domain", domain
        while len(host) > len(domain):
            if self._has(host):
                return "blocked_subdomain", host
            host = host.partition(".")[2]
        return None

    def _has(self, page: str) -> bool:
        return bool(_holds(self._hashes, np.frombuffer(page.encode(), np.uint8)))


def _hashes(path: Path) -> Iterator[UInt64s]:
    """Yield the hashes of what a file lists, some at a time."""
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
        rest = b""
        while block := file.read(_BLOCK_BYTES):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            yield _hashes_of_lines(whole + newline)
        yield _hashes_of_lines(rest)


def _hashes_of_lines(lines: bytes) -> UInt64s:
    data = np.frombuffer(lines, np.uint8)
    hashes, starts, ends = _hosts(data)
    odd = (lines[a:b].decode("utf-8", "replace") for a, b in zip(starts.tolist(), ends.tolist(), strict=True))
    pages = ("".join(split_url(name)).rstrip("/") for name in odd)
    return np.concatenate([hashes, np.fromiter(map(_hash, pages), np.uint64)])


def _hash(page: str) -> int:
    data = np.frombuffer(page.encode(), np.uint8)
    return int(hash_bytes(data, 0, len(data)))


@njit(cache=True)
def _holds(hashes: UInt64s, page: UInt8s) -> bool:
    wanted = hash_bytes(page, 0, len(page))
    at = np.searchsorted(hashes, wanted)
    return bool(at < len(hashes) and hashes[at] == wanted)


@njit(cache=True)
def _hosts(data: UInt8s) -> tuple[UInt64s, Int64s, Int64s]:
    """Return the hashes of the plain hosts on the lines, and where the names are that need parsing."""
    most = len(data) // 2 + 1
    hashes, starts, ends = np.empty(most, np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    plain = odd = 0
    stop = -1
    while stop + 1 < len(data):
        begin = stop + 1
        stop = begin
        while stop < len(data) and data[stop] != 10:
            stop += 1
        start, end = _field(data, begin, stop)
        if start == stop or data[start] == _BANG or data[start] == _BRACKET:
            continue
        several = _is_address(data, start, end)  # each field behind it is a name; else only the last field is
        while True:
            following, after = _field(data, end, stop)
            if following == stop:
                break
            start, end = following, after
            if several and _field(data, end, stop)[0] < stop:
                plain, odd = _add(data, start, end, hashes, starts, ends, plain, odd)
        plain, odd = _add(data, start, end, hashes, starts, ends, plain, odd)
    return hashes[:plain].copy(), starts[:odd].copy(), ends[:odd].copy()


@njit(cache=True)
def _field(data: UInt8s, at: int, stop: int) -> tuple[int, int]:
    """Return where the next field before `stop` begins and ends; (stop, stop) when there is none but a comment."""
    while at < stop and data[at] <= _SPACE:
        at += 1
    if at == stop or data[at] == _HASH:
        return stop, stop
    end = at
    while end < stop and data[end] > _SPACE:
        end += 1
    return at, end


@njit(cache=True)
def _is_address(data: UInt8s, start: int, end: int) -> bool:
    """Tell an IPv4 or IPv6 address."""
    colon = False
    letter = False
    for at in range(start, end):
        byte = data[at]
        if byte == 37 and colon:  # fe80::1%lo0
            return True
        if byte == 58:
            colon = True
        elif 97 <= byte | 32 <= 102:
            letter = True
        elif not (48 <= byte <= 57 or byte == _DOT):
            return False
    return colon or not letter


@njit(cache=True)
def _add(
    data: UInt8s, start: int, end: int, hashes: UInt64s, starts: Int64s, ends: Int64s, plain: int, odd: int
) -> tuple[int, int]:
    """Add a name to the hashes, or to the ones that need parsing; return how many there are of each."""
    if end - start > 2 and data[start] == _BAR and data[start + 1] == _BAR:
        start += 2
        for at in range(start, end):
            if data[at] == _CARET:
                end = at
                break
    if end - start > 2 and data[start] == _STAR and data[start + 1] == _DOT:
        start += 2
    host = end > start and data[end - 1] != _DOT and data[end - 1] != 45
    lower = np.empty(end - start, np.uint8)
    for at in range(start, end):
        byte = data[at]
        host &= 97 <= byte | 32 <= 122 or 48 <= byte <= 57 or byte == _DOT or byte == 45
        lower[at - start] = byte | 32 if 65 <= byte <= 90 else byte
    if not host:
        starts[odd], ends[odd] = start, end
        return plain, odd + 1
    skip = 0
    if len(lower) > 4 and lower[0] == 119 and lower[1] == 119 and lower[2] == 119 and lower[3] == _DOT:
        skip = 4
    hashes[plain] = hash_bytes(lower, skip, len(lower))
    return plain + 1, odd
