"""E-mail addresses."""

import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.text.scan import EMAIL

_TLD = re.compile(r"(?:[^\W\d_]{2,63}|xn--[a-z0-9-]{2,59})\Z", re.IGNORECASE)
_USER_INFO = re.compile(r"://[^\s/@]*\Z")  # https://user:word@host is no address


class Email:
    """`local@domain.tld` with a letters-only top-level domain that is no file ending."""

    candidates = EMAIL

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.endings = frozenset(about["not_endings"])
        self.documentation = frozenset(about["documentation_domains"])
        self.placeholders = frozenset(about["placeholders"])
        self.locals = frozenset(about["left_alone_locals"])
        self.names = tuple(about["substitute_names"])
        one = "(?:" + "|".join(self.names) + ")"
        self.substituted = re.compile(rf"{one}\.{one}\d{{1,3}}")

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the address; a placeholder or the user of a code host is left alone."""
        start, end = window.start, window.end
        local, _, domain = window.text[start:end].partition("@")
        labels = domain.split(".")
        # "write to me@site.com.Thanks": a capitalised word behind a domain that is complete without it
        if len(labels) > 2 and labels[-1].istitle() and labels[-2].islower() and _TLD.match(labels[-2]):
            end -= len(labels.pop()) + 1
        ending = labels[-1].lower()
        if not _TLD.match(ending) or ending in self.endings or any(not label for label in labels):
            return []
        if local.lower() in self.locals or _USER_INFO.search(window.before):
            return []
        host = ".".join(labels).lower()
        if host in self.documentation:
            local = local.lower()
            if local in self.placeholders or self.substituted.fullmatch(local):
                return []
        return [(start, end)]

    def identity(self, value: str) -> str:
        """Return the address in lower case."""
        return value.lower()

    def substitute(self, value: str, number: int) -> str:
        """Return an address at example.com, .net or .org, which RFC 2606 reserves."""
        number, first = divmod(number, len(self.names))
        number, last = divmod(number, len(self.names))
        number, ending = divmod(number, 3)
        return f"{self.names[first]}.{self.names[last]}{number % 1000}@example.{('com', 'net', 'org')[ending]}"
