"""IP addresses, version 4 and 6."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.stages.privacy.detectors.words import NOWHERE, Words, own
from corpusforge.text.scan import HEX, QUAD

_QUAD = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_OPERATOR = re.compile(r"(?:[<>=~^!]=|[<>~^]|\(=)\s*\Z")  # package >= 1.2.3.4
_GLUED = re.compile(r"(?:[A-Za-z][/-]|[/\\])\Z")  # Chrome/45.0.1.2, name-1.2.3.4, a path
_HEADING = re.compile(r"(?:\A|\n)[\s#*>]*\Z")
_SMALL = 20  # the first two numbers of versions and sections are rarely larger, those of addresses rarely this small
_LARGE = 100
_SECTION = 40


class Ip:
    """Public addresses; special-purpose ranges and well-known name servers are left alone unless asked for."""

    candidates = QUAD | HEX

    def __init__(self, about: Mapping[str, Any]) -> None:
        ranges = [ipaddress.ip_network(r) for r in about["left_alone"]]
        self.left_alone = [(r.version, int(r.network_address), int(r.broadcast_address)) for r in ranges]
        self.versions = Words(about["not_after"])
        self.addresses = Words(about["after"])

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the addresses of one run of digits and dots, or of hexadecimal groups."""
        if ":" in window.text[window.start : window.end]:
            return self._find_v6(window)
        found = _QUAD.finditer(window.text, window.start, window.end)
        return [m.span() for m in found if self._is_address(m[0]) and self._is_meant(window.text, *m.span())]

    def _is_address(self, value: str) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        number = int(address)
        return not any(v == address.version and low <= number <= high for v, low, high in self.left_alone)

    def _is_meant(self, text: str, start: int, end: int) -> bool:
        """Tell an address from a version, a section or a product number by what stands around it."""
        before = text[max(0, start - 40) : start]
        line = before.rpartition("\n")[2]
        numbers = [int(n) for n in text[start:end].split(".")]
        if re.search(r"://(?:[^\s/@]*@)?\Z", before):
            return True
        if (
            _OPERATOR.search(before)
            or _GLUED.search(before)
            or self.versions.distance(own(line)) < self.addresses.distance(line)
        ):
            return False
        following = text[end : end + 24]
        if re.match(r"-\w", following) and not _QUAD.match(text, end + 1):
            return False  # 1.2.3.4-5, but not a range of addresses
        if _HEADING.search(before) and max(numbers) <= _SECTION and re.match(r"\.?\s+[^\W\d_]", following):
            return False
        large = max(numbers[:2]) > _SMALL or max(numbers) >= _LARGE
        return large or self.addresses.distance(before) < NOWHERE

    def _find_v6(self, window: Window) -> Spans:
        start, end = window.start, window.end
        text = window.text
        while end > start and (text[end - 1] == "." or (text[end - 1] == ":" and text[end - 2] != ":")):
            end -= 1
        while start < end and (text[start] == "." or (text[start] == ":" and text[start + 1] != ":")):
            start += 1
        value = text[start:end]
        if not self._is_address(value):
            return []
        groups = [g for g in value.split(":") if g]
        # Fingerprints and times have groups of two digits; `dead::beef` is a name in C++ as well as an address.
        if max(map(len, groups)) < 3 or (len(groups) < 4 and int(groups[0], 16) >> 13 != 1):
            return []
        return [(start, end)]

    def identity(self, value: str) -> str:
        """Return the address as the standard library writes it."""
        return str(ipaddress.ip_address(value))

    def substitute(self, value: str, number: int) -> str:
        """Return an address of the documentation ranges (RFC 5737, RFC 3849)."""
        if ":" in value:
            return str(ipaddress.IPv6Address((0x20010DB8 << 96) | number & ((1 << 96) - 1)))
        number, network = divmod(number, 3)
        return f"{('192.0.2', '198.51.100', '203.0.113')[network]}.{1 + number % 254}"
