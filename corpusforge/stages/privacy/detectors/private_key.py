"""Private keys in PEM form."""

import re
from collections.abc import Mapping
from typing import Any

from corpusforge.stages.privacy.detectors import Spans, Window
from corpusforge.text import scan_secrets

_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}")
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
        bodies = list(_BODY.finditer(value))
        if sum(len(m[0]) for m in bodies) < _MIN_BODY_CHARS or _MARK in value:
            return []
        if "-----END " in value:
            return [(window.start, window.end)]
        end = bodies[0].end()
        for body in bodies[1:]:
            if body.start() - end > 8:
                break
            end = body.end()
        return [(window.start, window.start + end)]

    def identity(self, value: str) -> str:
        """Return the body."""
        return "".join(_BODY.findall(value))

    def substitute(self, value: str, number: int) -> str:
        """Return a block that says that it is an example."""
        return f"-----BEGIN PRIVATE KEY-----\n{_MARK}{number:032x}\n-----END PRIVATE KEY-----"
