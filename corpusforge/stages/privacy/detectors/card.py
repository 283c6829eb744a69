"""Payment card numbers."""

import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.stages.privacy.detectors.check_digits import luhn
from corpusforge.stages.privacy.detectors.words import NOWHERE, Words
from corpusforge.text.scan import LONG

# 12 to 19 digits in one piece, or 4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4 with one separator throughout
_NUMBER = re.compile(
    r"(?<!\d)(?<!\d[.,/-])"
    r"(?:\d{12,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5})"
    r"(?!\d|[.,-]\d)"
)
_GLUED = re.compile(r"[^\W\d][-_./]?\Z|[/=&?%#$€£]\Z")  # a part of an id, of an address on the web, or a price

_BEHIND_CHARS = 12
_EXPIRY = re.compile(
    r"[\s(,;:-]{0,3}(?:exp|valid|good thru|cvv|cvc|(?:0[1-9]|1[0-2])/[0-9]{2}(?![0-9/]))", re.IGNORECASE
)
_CERTAINTY = {False: (2, 2), True: (1, 1), "grouped": (1, 2)}  # of digits in one piece, and in groups


class Card:
    """Numbers with an issuer's prefix, its length and a right check digit (ISO/IEC 7812)."""

    candidates = LONG

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.issuers = [
            (int(low), int(high), tuple(issuer["lengths"]), _CERTAINTY[issuer.get("needs_word", False)])
            for issuer in about["issuers"]
            for low, high in issuer["prefixes"]
        ]
        self.words = Words(about["after"])
        self.others = Words(about["not_after"])

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the card numbers; weak prefixes and lengths need a word such as `card` before them."""
        spans = []
        for match in _NUMBER.finditer(window.text, window.start, window.end):
            digits = re.sub(r"\D", "", match[0])
            certainty = self._certainty(digits, grouped=len(digits) < len(match[0]))
            if certainty == 0 or not luhn(digits):
                continue
            before = window.text[max(0, match.start() - 64) : match.start()]
            word = self.words.distance(before)
            if word == NOWHERE and _EXPIRY.match(window.text, match.end()):
                word = _BEHIND_CHARS
            alone = word == NOWHERE
            if self.others.distance(before) < word or (alone and (certainty == 1 or _GLUED.search(before))):
                continue
            spans.append(match.span())
        return spans

    def _certainty(self, digits: str, grouped: bool) -> int:
        """Return 0: no issuer has such numbers, 1: a word must say so, 2: good by itself."""
        best = 0
        for low, high, lengths, (whole, in_groups) in self.issuers:
            if len(digits) in lengths and low <= int(digits[: len(str(low))]) <= high:
                best = max(best, in_groups if grouped else whole)
        return best

    def identity(self, value: str) -> str:
        """Return the digits."""
        return re.sub(r"\D", "", value)

    def substitute(self, value: str, number: int) -> str:
        """Return digits in the same grouping, with the same first one and a wrong check digit: no card has it."""
        digits = list(self.identity(value))
        for i in range(1, len(digits)):
            number, digit = divmod(number, 10)
            digits[i] = str(digit)
        if luhn("".join(digits)):
            digits[-1] = str((int(digits[-1]) + 1) % 10)
        new = iter(digits)
        return re.sub(r"\d", lambda _: next(new), value)
