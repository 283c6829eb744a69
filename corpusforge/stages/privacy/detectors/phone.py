"""Telephone numbers."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.stages.privacy.detectors.words import NOWHERE, Words, own
from corpusforge.text.scan import NUMBER

MIN_DIGITS = 7
MAX_DIGITS = 15  # ITU-T E.164
_FICTION = "55501"  # before the last two digits
_TRIES = 24  # pieces of one run of digits that are looked at

# North America: the one national shape that is no other kind of number even when nothing else is known.
_NORTH_AMERICAN = re.compile(r"(?:\+?1[-. ]{1,2}|001-)?(?:\(\d{3}\) ?|\d{3}([-.]))\d{3}(?(1)\1|[-. ])\d{4}\Z")
_OTHER = (
    re.compile(r"(?:19|20)\d\d[-/. ](?:0?\d|1[0-2])[-/. ](?:[0-2]?\d|3[01])(?!\d)"),  # 2024-03-15, also with a time
    re.compile(r"(?:[0-2]?\d|3[01])[-/.](?:[0-2]?\d|3[01])[-/.](?:19|20)\d\d(?!\d)"),  # 15.03.2024
    re.compile(r"(?:1[0-9]|20)\d\d\s?[-–/ ]\s?(?:1[0-9]|20)\d\d\Z"),  # 1914-1918
    re.compile(r"\d{5}-\d{4}\Z"),  # a postal code of the USA
    re.compile(r"\d{3}-\d{2}-\d{4}\Z"),  # a social security number of the USA
    re.compile(r"97[89][- ]?(?:\d[- ]?){9}\d\Z"),  # an ISBN
    re.compile(r"\d+\.\d+\Z"),  # a decimal
    re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\Z"),  # a dotted quad
    re.compile(r"\d+(?:\.\d+)*\.\d(?:\.\d+)+\Z"),  # an object identifier or version: a group of one digit inside
    re.compile(r"(?:19|20)\d\d \d{1,2}[.:]\d\d\Z"),  # the end of a date, and a time
)
_OTHER_UNLESS_ANNOUNCED = (
    re.compile(r"\d{4}-\d{4}\Z"),  # an ISSN
    re.compile(r"\d{1,3}(?:[. ]\d{3})+\Z"),  # 1 000 000
    re.compile(r"[12]\d{3}[-/. ]"),  # begins with a year
)
_BETWEEN = re.compile(r" [/–-] ")
_LABEL_CHARS = 4
_NEAR_CHARS = 12  # for digits without separators
_LETTER = re.compile(r"(?<![^\s,;|(\[>])[tpfmochwTPFMOCHW]\s?[:.]\s{0,2}\Z")  # of a signature: T: 030 1234567
_GLUED = re.compile(
    r"[^\W\d][-_./]?\Z|(?<!\s)/\Z|[=&?%#$€£¥\\]\s?\Z|\d[-/.,:]\Z|[\"']\s?:\s?\Z"
)  # an id, a path, a price, a JSON value
_ON_THE_WEB = re.compile(r"(?:://|www\.)\S*\Z")
_UNIT = re.compile(r"\s?[%€$£°](?!\d)|[,.:]\d|[-/_]\w|\s?:\s?\d\d")
_PUNCTUATION = re.compile(r"\s*([-/.()–])\s*")
_EXTENSION = re.compile(r"[ ,;]{0,2}(?:x|ext\.?|extension)[ .:]{0,3}\d{1,6}(?!\d)", re.IGNORECASE)
_LEFT = re.compile(r"(?:\+ ?(?:\( ?)?|\( ?)\Z")


class Phone:
    """Numbers that a numbering plan allows, or that a word such as `Tel.` announces."""

    candidates = NUMBER

    def __init__(self, about: Mapping[str, Any]) -> None:
        import phonenumbers

        self.library = phonenumbers
        self.words = Words(about["after"])
        self.labels = Words(about["right_after"])
        self.behind = re.compile(
            r" {0,2}[-–(\[]? ?(?:" + "|".join(re.escape(w) for w in about["before"]) + r")(?![\w-]| ?[:.])",
            re.IGNORECASE,
        )
        self.others = Words(about["not_after"])

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the numbers of one run of digits, with sign, brackets and extension."""
        text = window.text
        if _ON_THE_WEB.search(window.before[-48:]) and "tel:" not in window.before[-5:]:
            return []
        spans: Spans = []
        for number, (start, end) in enumerate(_pieces(text, window.start, window.end)):
            if number == _TRIES:
                break
            if any(start < b and a < end for a, b in spans):
                continue
            sign = _LEFT.search(text[max(0, start - 4) : start])
            if sign and ("(" in sign[0]) == (text.count(")", start, end) > text.count("(", start, end)):
                start -= len(sign[0])
            if self._is_phone(text, start, end, regions):
                if extension := _EXTENSION.match(text, end):
                    end = extension.end()
                spans.append((start, end))
        return [(a, b) for a, b in spans if _digits(text[a:b])[-7:-2] != _FICTION]

    def _is_phone(self, text: str, start: int, end: int, regions: tuple[str, ...]) -> bool:
        value = _PUNCTUATION.sub(r"\1", text[start:end])
        if value.count("(") != value.count(")") or "--" in value or any(shape.match(value) for shape in _OTHER):
            return False
        groups = re.findall(r"\d+", value)
        north_american = _NORTH_AMERICAN.match(value) is not None
        known = north_american or value[0] == "+"
        before = text[max(0, start - 40) : start]
        said, against = self._announced(before, text[end : end + 16])
        announced = said < against
        if not announced and (
            against < NOWHERE
            or not (known or (len(groups) > 1 and sum(map(len, groups)) >= 9))
            or any(shape.match(value) for shape in _OTHER_UNLESS_ANNOUNCED)
        ):
            return False
        if _GLUED.search(before) and not (said <= 2 and len(groups) > 1):
            return False
        if _UNIT.match(text, end) and not (_EXTENSION.match(text, end) or self.behind.match(text, end)):
            return False
        if len(groups) > 1 and (north_american or announced):
            return True
        near = announced and said <= _NEAR_CHARS
        if len(groups) == 1 and not (near or known):
            return False
        if near and 8 <= len(groups[0]) <= 13:
            return True
        return (near or known or _is_national(value, groups)) and self._is_valid(value, regions)

    def _announced(self, before: str, behind: str) -> tuple[int, int]:
        """Return how far away words stand that announce a number, and words against it; right behind it counts as 0."""
        said = self.words.distance(before)
        if (label := self.labels.distance(before)) <= _LABEL_CHARS:
            said = min(said, label)
        if _LETTER.search(before):
            said = min(said, _LABEL_CHARS)
        against = self.others.distance(own(before))
        if against == NOWHERE and self.behind.match(behind):
            said = 0
        return said, against

    def _is_valid(self, value: str, regions: tuple[str, ...]) -> bool:
        for region in (None,) if value.startswith("+") else regions:
            try:
                parsed = self.library.parse(value, region)
            except self.library.NumberParseException:
                continue
            if self.library.is_valid_number(parsed) or (region is None and self.library.is_possible_number(parsed)):
                return True  # plans change: behind a country code the length will do
        return False

    def identity(self, value: str) -> str:
        """Return the last nine digits: what a number has in common with and without its country code."""
        return _digits(value)[-9:]

    def substitute(self, value: str, number: int) -> str:
        """Return digits in the same grouping that end in 555 01xx, with the same country code or trunk prefix.

        In North America these lines are kept for fiction. Elsewhere somebody may have such a number: mask if that
        matters.
        """
        number, line = divmod(number, 100)
        digits = _digits(value)
        prefix = self._prefix_digits(value, digits)
        middle = ""
        for _ in range(len(digits) - prefix - 7):
            number, digit = divmod(number, 8)
            middle = f"{2 + digit}{middle}"  # from the right, so that all spellings of a number agree
        new = iter(f"{digits[:prefix]}{middle}{_FICTION}{line:02}" + f"{number % 10**6:06}")
        return re.sub(r"\d", lambda _: next(new), value)

    def _prefix_digits(self, value: str, digits: str) -> int:
        if value.startswith("+"):
            try:
                length = len(str(self.library.parse(value, None).country_code))
            except self.library.NumberParseException:
                length = 1
        elif digits.startswith("00"):
            length = 4
        else:
            length = int(digits[0] == "0" or (len(digits) == 11 and digits[0] == "1"))
        return max(0, min(length, len(digits) - 7))


def _digits(value: str) -> str:
    return re.sub(r"\D", "", _EXTENSION.split(value)[0])


def _is_national(value: str, groups: list[str]) -> bool:
    """Say whether a number without words around it looks dialled: a trunk 0 or brackets, no group of one digit."""
    return (value[0] == "(" or groups[0][0] == "0") and min(map(len, groups)) > 1


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield spans of 7 to 15 digits between spaces (or spaced slashes and dashes), longer ones first.

    Where a spaced sign stands between what are numbers by themselves, no span crosses it.
    """
    parts = _BETWEEN.split(text[start:end])
    if len(parts) > 1 and min(len(_digits(part)) for part in parts) >= MIN_DIGITS:
        for part in parts:
            yield from _pieces(text, start, start + len(part))
            start += len(part) + 3
        return
    tokens = [m.span() for m in re.finditer(r"[^\s/–—]+(?:/[^\s/–—]+)?", text[start:end])]
    tokens = [(start + a, start + b) for a, b in tokens]
    digits = [sum(c.isdigit() for c in text[a:b]) for a, b in tokens]
    for length in range(len(tokens), 0, -1):
        for first in range(len(tokens) - length + 1):
            if (
                MIN_DIGITS <= sum(digits[first : first + length]) <= MAX_DIGITS
                and digits[first]
                and digits[first + length - 1]
            ):
                begin, stop = tokens[first][0], tokens[first + length - 1][1]
                yield begin, stop
