"""Passwords and keys of unknown form, told by the name they are assigned to."""

import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.stages.privacy.detectors.number import scrambled
from corpusforge.stages.privacy.detectors.randomness import entropy, is_made_up
from corpusforge.text import scan_secrets

_NAME = re.compile(
    r"([A-Za-z0-9_.-]+)[^A-Za-z0-9_.\n-]{0,4}\s{0,2}(?:[:=][=>]?|(?<=[\"'`]),)\s{0,2}[bBrRuUfF]?[\"'`]?\Z"
)
_CODE = re.compile(r"[(){}\[\]<>$\\|&;,\s]|::|->|//|\.\.|\A[./~@-]")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_KIND = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"), re.compile(r"[^A-Za-z0-9]"))
_MARK = "EXAMPLE"


class AssignedSecret:
    """Values in quotes, or up to the next space, behind a name such as `password` or `API_KEY`.

    A value counts when nobody would say it: letters and digits in an order of high entropy, no name, path, address or
    call of a program. Ordinary words as passwords are not found.
    """

    scan = staticmethod(scan_secrets.secrets)
    candidates = scan_secrets.ASSIGNED

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.names = re.compile("|".join(about["names"]), re.IGNORECASE)
        self.not_names = re.compile("|".join(about["not_names"]), re.IGNORECASE)
        self.min_bits = float(about["min_bits"])  # entropy of a character, for values of 16 characters or more
        self.min_bits_hex = float(about["min_bits_hex"])

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the value."""
        value = window.text[window.start : window.end]
        name = _NAME.search(window.before)
        if name is None or not self.names.search(name[1]) or self.not_names.search(name[1]) or _CODE.search(value):
            return []
        return [(window.start, window.end)] if self._is_random(value) and not is_made_up(value) else []

    def _is_random(self, value: str) -> bool:
        if len(value) >= 16 and _HEX.match(value):
            return entropy(value) >= self.min_bits_hex and not value.isdigit()
        kinds = [kind.search(value) is not None for kind in _KIND]
        if not kinds[2] or not (kinds[0] or kinds[1]) or sum(kinds) < (2 if len(value) >= 20 else 3):
            return False
        # A name of a program or a sentence changes between letters and digits once or twice, at its end.
        changes = len(re.findall(r"[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])|[a-z](?=[A-Z])|[A-Z](?=[a-z])", value))
        if len(value) >= 16:
            return entropy(value) >= self.min_bits and changes >= len(value) / 6
        return changes >= 3 or (kinds[3] and changes >= 2)

    def identity(self, value: str) -> str:
        """Return the value."""
        return value

    def substitute(self, value: str, number: int) -> str:
        """Return a value of the same length and kinds of characters that has `EXAMPLE` in it."""
        made = scrambled(value, number)
        return _MARK + made[len(_MARK) :] if len(made) > len(_MARK) else _MARK
