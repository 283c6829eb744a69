"""Patterns of detector files: searched in a window, and never longer than a moment."""

import re
from collections.abc import Iterator
from typing import Any

import regex

TIMEOUT_SECONDS = 1.0  # a window has at most some hundred characters: only a pattern that never ends takes so long

_CLASS_OR_ESCAPE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")
_BRANCHING = re.compile(r"[*+]|\{\d*,\}|\)\{")  # repeats without a bound, and repeated groups
_RANGE = re.compile(r"\{(\d+),(?!\1\})\d+\}|\?(?![:=!<])")
_MAX_RANGES = 12


class Pattern:
    """A regular expression between characters that belong to no word and no number.

    TimeoutError, which says nothing about the text, when it takes longer than a second: an error of that document.
    A pattern that cannot take long, since nothing in it repeats without a bound or repeats a group, is searched without
    looking at the clock, which costs 0.3 µs in place of 16.
    """

    def __init__(self, pattern: str, bounded: bool = True, letters: bool = True) -> None:
        if bounded:
            pattern = rf"(?<![A-Za-z0-9_])(?<![0-9][.,/+-])(?:{pattern})(?![A-Za-z0-9_]|[.,+/-][0-9])"
        self.compiled = regex.compile(pattern, regex.IGNORECASE if letters else 0)
        self.guard: dict[str, float] = {"timeout": TIMEOUT_SECONDS}
        if is_short(pattern):
            try:
                self.compiled = re.compile(pattern, re.IGNORECASE if letters else 0)
                self.guard = {}
            except re.error:  # what only the other library knows, such as lookbehinds of several lengths
                pass

    def finditer(self, text: str, start: int, end: int) -> Iterator[Any]:
        """Yield the matches that begin and end within `start:end`, of a text whose rest they may look at."""
        last = start
        behind = min(len(text), end + 2)
        while last < end:
            match = self.compiled.search(text, last, behind, **self.guard)
            if match is None or match.end() > end:
                return
            yield match
            last = max(match.end(), last + 1)

    def matches(self, text: str) -> bool:
        """Say whether all of `text` has the form."""
        return self.compiled.fullmatch(text, **self.guard) is not None


def is_short(pattern: str) -> bool:
    """Say whether few ways lead through a pattern, whatever the text.

    >>> is_short("[0-9]{3}([ -]?)[0-9]{4}"), is_short("(?:[0-9]+ ?)+"), is_short("(?:a{1,9}){1,9}")
    (True, False, False)
    """
    bare = _CLASS_OR_ESCAPE.sub("x", pattern)
    return not _BRANCHING.search(bare) and len(_RANGE.findall(bare)) <= _MAX_RANGES and bare.count(",") <= 3
