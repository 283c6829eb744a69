"""Lists of blocked domains, hosts and URLs, as sorted 64-bit hashes: 8 bytes a line."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import xxhash

from corpusforge.stages.quality.registered_domain import PublicSuffixes, split_url

_PLAIN = re.compile(r"[a-z0-9.-]+[a-z0-9]")  # a host that needs no parsing; most lines


class BlockedDomains:
    """What the lines of some files block; `paths` hold a domain, a host or a URL a line (also "0.0.0.0 host")."""

    def __init__(self, paths: Sequence[str]) -> None:
        hashes = (_hash(page) for path in paths for page in _pages(Path(path)))
        self._hashes = np.unique(np.fromiter(hashes, np.uint64))
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
        wanted = np.uint64(_hash(page))
        found = int(np.searchsorted(self._hashes, wanted))
        return found < len(self._hashes) and bool(self._hashes[found] == wanted)


def _pages(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("#") or not (fields := line.split(" #", 1)[0].split()):
                continue
            name = fields[-1]
            yield name.removeprefix("www.") if _PLAIN.fullmatch(name) else "".join(split_url(name)).rstrip("/")


def _hash(page: str) -> int:
    return xxhash.xxh3_64_intdigest(page.encode())
