"""International bank account numbers."""

import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.stages.privacy.detectors.check_digits import mod97
from corpusforge.stages.privacy.detectors.number import scrambled
from corpusforge.text import scan_codes

_KEEP = 2  # the country


class Iban:
    """Account numbers with a country's code and length and right check digits (ISO 13616)."""

    scan = staticmethod(scan_codes.codes)
    candidates = scan_codes.IBAN

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.lengths = {str(country): int(length) for country, length in about["lengths"].items()}

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the number at the start of a candidate; what follows it may have the same form."""
        value = window.text[window.start : window.end]
        length = self.lengths.get(value[:2].upper(), 0)
        characters = [m.start() for m in re.finditer(r"[0-9A-Za-z]", value)]
        if not length or len(characters) < length:
            return []
        end = characters[length - 1] + 1
        if value[end : end + 1].isalnum() or not mod97(self.identity(value[:end])):
            return []
        return [(window.start, window.start + end)]

    def identity(self, value: str) -> str:
        """Return the digits and letters in upper case."""
        return re.sub(r"[^0-9A-Z]", "", value.upper())

    def substitute(self, value: str, number: int) -> str:
        """Return a number of the same country and grouping whose check digits are wrong: no account has it."""
        made = scrambled(value, number, _KEEP)
        if mod97(self.identity(made)):
            made = made[:_KEEP] + str((int(made[_KEEP]) + 1) % 10) + made[_KEEP + 1 :]
        return made
