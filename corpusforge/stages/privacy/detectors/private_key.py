"""Private keys in PEM form."""

import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.text import scan_secrets

_HEAD = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\s*[A-Z][A-Za-z-]{2,20}: [^\n]{0,100}\n){0,5}"
)
_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/=]+(?=[^A-Za-z0-9+/=]{1,16}-----END )")
_GAP = re.compile(r"[^A-Za-z0-9+/=]{0,24}")  # between lines, as a string of code is put together
_FOOT = re.compile(r"(?:\\[nr]|[^A-Za-z0-9+/=]){0,24}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_MIN_BODY_CHARS = 64  # the shortest key, Ed25519 in PKCS 8, has 64
_MARK = "EXAMPLE"


class PrivateKey:
    """Blocks `-----BEGIN ... PRIVATE KEY-----` with a body, also in a string with `\\n` in it, or without an end."""

    scan = staticmethod(scan_secrets.secrets)
    candidates = scan_secrets.BLOCK

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the block with its first and last line, or its first line and body where the last is missing."""
        value = window.text[window.start : window.end]
        head = _HEAD.match(value)
        if head is None or _MARK in value:
            return []
        end, characters = head.end(), 0
        for body in _BODY.finditer(value, head.end()):
            if not _GAP.fullmatch(value, end, body.start()):
                break
            end = body.end()
            characters += end - body.start()
        if characters < _MIN_BODY_CHARS:
            return []
        foot = _FOOT.match(value, end)
        return [(window.start, window.start + (foot.end() if foot else end))]

    def identity(self, value: str) -> str:
        """Return the body."""
        return "".join(_BODY.findall(value))

    def substitute(self, value: str, number: int) -> str:
        """Return a block that says that it is an example."""
        return f"-----BEGIN PRIVATE KEY-----\n{_MARK}{number:032x}\n-----END PRIVATE KEY-----"
