"""User and password in an address on the web or of a database."""

import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.text import scan_codes

_VARIABLE = re.compile(r"[$%<>{}\[\]*]|\.\.\.|xxx", re.IGNORECASE)
_HOST = re.compile(r"@\[?[\w:]")


class UrlCredentials:
    """`user:password` between `://` and `@`; placeholders are left alone."""

    scan = staticmethod(scan_codes.codes)
    candidates = scan_codes.CREDENTIALS

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.passwords = frozenset(about["placeholders"])

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return what stands before the `@`."""
        value = window.text[window.start : window.end]
        user, _, password = value.partition(":")
        if (
            not password
            or not _HOST.match(window.text, window.end)
            or _VARIABLE.search(value)
            or not window.before[-4:-3].isalnum()
        ):
            return []
        if password.lower() in self.passwords or password == user:
            return []
        return [(window.start, window.end)]

    def identity(self, value: str) -> str:
        """Return user and password as they stand."""
        return value

    def substitute(self, value: str, number: int) -> str:
        """Return a numbered user with the password `password`, which is left alone as a placeholder."""
        return f"user{number % 100_000}:password"
