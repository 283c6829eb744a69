"""Hosts and registered domains (example.co.uk), by the public suffix list of the package `tld`, offline."""

import contextlib
import importlib.util
import re
from pathlib import Path

from corpusforge.errors import RecipeError

_URL = re.compile(r"(?:(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//)?(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)(?::\d*)?([^#]*)")


def split_url(url: str) -> tuple[str, str]:
    """Return the host (see `ascii_host`) and the rest of a URL without scheme, user, port and fragment.

    >>> split_url("https://user@WWW.Bücher.example:8080/a?b#c")
    ('xn--bcher-kva.example', '/a?b')
    >>> split_url("example.org:80"), split_url("//cdn.example.org/x"), split_url("")
    (('example.org', ''), ('cdn.example.org', '/x'), ('', ''))
    """
    match = _URL.match(url.strip())
    assert match is not None  # every part may be empty
    return ascii_host(match[1]), match[2]


def ascii_host(host: str) -> str:
    """Return `host` in lower case, ASCII, without the dot at the end and "www." at the start."""
    host = host.lower().strip(".")
    if not host.isascii():
        with contextlib.suppress(UnicodeError):  # no valid name; it is compared as it stands
            host = host.encode("idna").decode("ascii")
    return host.removeprefix("www.")


class PublicSuffixes:
    """The suffixes under which anybody can register a name (ICANN section: blogspot.com is a registered domain)."""

    def __init__(self) -> None:
        self._rules: set[str] = set()
        icann = suffix_list().read_text(encoding="utf-8").split("===BEGIN PRIVATE DOMAINS===")[0]
        for line in icann.splitlines():
            rule = line.split("//", 1)[0].strip()
            if rule:
                mark = rule[0] if rule[0] in "*!" else ""
                self._rules.add(mark + ascii_host(rule.removeprefix("!").removeprefix("*.")))

    def registered_domain(self, host: str) -> str:
        """Return the registered domain of an ASCII host; the host itself where there is none (an address, a suffix).

        >>> PublicSuffixes().registered_domain("news.bbc.co.uk")
        'bbc.co.uk'
        """
        labels = host.split(".")
        if labels[-1].isdigit() or host.startswith("["):
            return host
        suffix = 1  # labels; an unknown top level counts as one
        for size in range(1, len(labels) + 1):
            tail = ".".join(labels[-size:])
            if "!" + tail in self._rules:  # an exception to a wildcard
                suffix = size - 1
                break
            if tail in self._rules:
                suffix = size
            if "*" + tail in self._rules and size < len(labels):
                suffix = size + 1
        return ".".join(labels[-suffix - 1 :])


def suffix_list() -> Path:
    """Return the file of the list in the installed package."""
    package = importlib.util.find_spec("tld")  # finding it imports nothing
    if package is None or package.origin is None:
        raise RecipeError("the public suffix list is in the package tld: pip install tld")
    return Path(package.origin).parent / "res" / "effective_tld_names.dat.txt"
