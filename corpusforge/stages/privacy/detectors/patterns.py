"""Patterns of detector files: searched in a window, and never longer than a moment."""

from collections.abc import Iterator
from typing import Any

import regex

TIMEOUT_SECONDS = 1.0  # a window has at most some hundred characters: only a pattern that never ends takes so long


class Pattern:
    """A regular expression between characters that belong to no word and no number.

    TimeoutError, which says nothing about the text, when it takes longer than a second: an error of that document.
    """

    def __init__(self, pattern: str, bounded: bool = True, letters: bool = True) -> None:
        if bounded:
            pattern = rf"(?<![A-Za-z0-9_])(?<![0-9][.,/+-])(?:{pattern})(?![A-Za-z0-9_]|[.,+/-][0-9])"
        self.compiled = regex.compile(pattern, regex.IGNORECASE if letters else 0)

    def finditer(self, text: str, start: int, end: int) -> Iterator[Any]:
        """Yield the matches that begin and end within `start:end`, of a text whose rest they may look at."""
        last = start
        behind = min(len(text), end + 2)
        while last < end:
            match = self.compiled.search(text, last, behind, timeout=TIMEOUT_SECONDS)
            if match is None or match.end() > end:
                return
            yield match
            last = max(match.end(), last + 1)

    def matches(self, text: str) -> bool:
        """Say whether all of `text` has the form."""
        return self.compiled.fullmatch(text, timeout=TIMEOUT_SECONDS) is not None
