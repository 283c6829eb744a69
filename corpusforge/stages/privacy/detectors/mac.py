"""Hardware addresses of network interfaces."""

import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.stages.privacy.detectors.words import NOWHERE, Words
from corpusforge.text import scan_codes

_DOCUMENTATION = "00005e0053"  # RFC 7042, 2.1.2


class Mac:
    """EUI-48 addresses; those of documentation and of groups, which name no device, are left alone."""

    scan = staticmethod(scan_codes.codes)
    candidates = scan_codes.MAC

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.words = Words(about["after"])
        self.left_alone = tuple(about["left_alone"])

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the address; one of digits only, which could be times or dates, needs a word such as `ether`."""
        digits = self.identity(window.text[window.start : window.end])
        if digits.startswith(self.left_alone):
            return []
        if digits.isdigit() and self.words.distance(window.before) == NOWHERE:
            return []
        return [(window.start, window.end)]

    def identity(self, value: str) -> str:
        """Return the twelve hexadecimal digits in lower case."""
        return re.sub(r"[^0-9a-f]", "", value.lower())

    def substitute(self, value: str, number: int) -> str:
        """Return an address of the block that RFC 7042 keeps for documentation, in the same spelling."""
        digits = f"{_DOCUMENTATION}{number % 256:02x}"
        new = iter(digits.upper() if value.upper() == value else digits)
        return re.sub(r"[0-9A-Fa-f]", lambda _: next(new), value)
