"""Keys and tokens that services give out, told by their prefix, alphabet and length."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.stages.privacy.detectors.number import scrambled
from corpusforge.stages.privacy.detectors.patterns import Pattern
from corpusforge.stages.privacy.detectors.randomness import is_made_up
from corpusforge.text import scan_secrets

_MARK = "EXAMPLE"
_HEADS = re.compile(r"(?:\A|[-_.])(?=(..))")  # the first two characters of each word


class Token:
    """Words with the prefix and the form of a known kind of key.

    The entry has `keys`, each with `name`, `pattern` (of the whole key), and `prefix` (what all keys of the kind begin
    with, or have in them if it is no letter or digit) or `before` (what must stand before the key);
    `jwt: true` when the first part must be a JSON header in
    base64. Checksums within keys are not asked for: a key with one letter changed still tells the rest.
    """

    scan = staticmethod(scan_secrets.secrets)
    candidates = scan_secrets.TOKEN

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.jwt = bool(about.get("jwt"))
        self.prefixed: list[tuple[str, Pattern]] = []
        self.behind: list[tuple[str, Pattern]] = []
        for key in about["keys"]:
            pattern = Pattern(rf"(?<![A-Za-z0-9])(?:{key['pattern']})(?![A-Za-z0-9])", bounded=False, letters=False)
            (self.behind if "before" in key else self.prefixed).append((key.get("prefix", key.get("before")), pattern))
        self.prefixes = [prefix for prefix, _ in self.prefixed]
        self.heads = frozenset(prefix[:2] for prefix in self.prefixes if prefix[0].isalnum())
        self.inside = [prefix for prefix in self.prefixes if not prefix[0].isalnum()]

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the keys in one long word; one that is made up, such as AKIAXXXX, is left alone."""
        value = window.text[window.start : window.end]
        kinds = [kind for kind in self.behind if kind[0] in window.before]
        if not self.heads.isdisjoint(_HEADS.findall(value)) or any(inside in value for inside in self.inside):
            kinds += [kind for kind in self.prefixed if kind[0] in value]
        spans: Spans = []
        for prefix, pattern in kinds:
            for match in pattern.finditer(window.text, window.start, len(window.text)):
                if match.start() >= window.end or is_made_up(match[0].removeprefix(prefix)):
                    continue
                if not self.jwt or _is_header(match[0]):
                    spans.append(match.span())
        return spans

    def identity(self, value: str) -> str:
        """Return the key."""
        return value

    def substitute(self, value: str, number: int) -> str:
        """Return a key with the same prefix and length that has `EXAMPLE` in it."""
        keep = max((len(p) for p in self.prefixes if value.startswith(p)), default=0)
        made = scrambled(value, number, keep)
        return made[:keep] + _MARK + made[keep + len(_MARK) :]


def _is_header(value: str) -> bool:
    head = value.partition(".")[0]
    try:
        decoded = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))
    except (binascii.Error, ValueError):
        return False
    return decoded.lstrip().startswith(b"{") and b'"' in decoded
