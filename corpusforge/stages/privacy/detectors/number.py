"""Numbers that an authority gives to a person: a form, check digits, and words that announce it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest
from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.stages.privacy.detectors.check_digits import CHECKS
from corpusforge.stages.privacy.detectors.patterns import Pattern
from corpusforge.stages.privacy.detectors.words import NOWHERE, Words, own
from corpusforge.text import scan, scan_codes

_BEHIND_CHARS = 24
_GLUED = re.compile(r"[A-Za-z0-9][-_./]\Z|[/=&?%#$€£]\Z")  # a part of an id, of an address on the web, or a price


class Number:
    """Numbers of one form with right check digits.

    The entry has `pattern`; `digits`, how many it may have; `check`, a name of check_digits.py; `after`, words that
    announce the number in the 64 bytes before it, or in brackets behind it; `alone`, the form that needs no such word;
    `not_after`, words that speak against it when they are nearer; and `letters: true` when letters are a part of it.
    """

    def __init__(self, about: Mapping[str, Any]) -> None:
        if about["check"] not in CHECKS:
            raise RecipeError(f"there is no check '{about['check']}'.{nearest(about['check'], sorted(CHECKS))}")
        self.check: Callable[[str], bool] = CHECKS[about["check"]]
        lettered = bool(about.get("letters", False))
        self.pattern = Pattern(about["pattern"], letters=lettered)
        self.alone = Pattern(about["alone"], bounded=False) if "alone" in about else None
        self.words = Words(about["after"])
        self.others = Words(about.get("not_after", ()))
        self.scan = scan_codes.codes if lettered else scan.candidates
        self.digits = frozenset(about.get("digits", ()))
        self.candidates = scan_codes.LETTERED if lettered else scan.NUMBER

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the numbers of one run of digits, separators and letters."""
        text = window.text
        spans = []
        for match in self.pattern.finditer(text, window.start, window.end):
            value = match[0]
            if self._is_valid(value) and self._is_meant(text, match.start(), match.end(), value):
                spans.append(match.span())
        return spans

    def _is_meant(self, text: str, start: int, end: int, value: str) -> bool:
        before = own(text[max(0, start - 64) : start])
        said = self.words.distance(before)
        behind = text[end : end + _BEHIND_CHARS]
        if said == NOWHERE and behind.lstrip()[:1] in ("(", "[") and self.words.distance(behind) < NOWHERE:
            said = _BEHIND_CHARS
        if said == NOWHERE and (self.alone is None or not self.alone.matches(value) or _GLUED.search(before)):
            return False
        return self.others.distance(before) >= said

    def _is_valid(self, value: str) -> bool:
        try:
            return self.pattern.matches(value) and self.check(self.identity(value))
        except (ValueError, IndexError):  # a letter where the check knows digits only; its message would quote it
            return False

    def identity(self, value: str) -> str:
        """Return the digits and letters."""
        return re.sub(r"[^0-9A-Z]", "", value.upper())

    def substitute(self, value: str, number: int) -> str:
        """Return a number of the same form with wrong check digits: nobody has it."""
        made = scrambled(value, number)
        while self._is_valid(made):
            last = max(i for i, c in enumerate(made) if c.isdigit())
            made = f"{made[:last]}{(int(made[last]) + 1) % 10}{made[last + 1 :]}"
        return made


def scrambled(value: str, number: int, keep: int = 0) -> str:
    """Return `value` with every digit and letter but the first `keep` characters changed for one of its kind.

    What comes back depends on the digits and letters and not on the separators between them.
    """
    made = [value[:keep]]
    for character in value[keep:]:
        if "0" <= character <= "9":
            number, digit = divmod(number, 10)
            character = str(digit)
        elif character.isascii() and character.isalpha():
            number, place = divmod(number, 26)
            character = chr((65 if character.isupper() else 97) + place)
        if number == 0:
            number = (1 << 128) - 159 - len(made)  # a long value has used the random bits up
        made.append(character)
    return "".join(made)
