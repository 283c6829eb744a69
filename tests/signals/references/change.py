"""Signals of change: of the text before and after the edits."""

import re
from collections.abc import Callable

CUT = "[ \t\n\v\f\r\0]"  # where fastText cuts


def counted(text: str) -> int:
    return sum(word[:1].isalnum() for word in re.split(CUT, text))


REFERENCE: dict[str, Callable[[str, str], float]] = {
    "words_removed_fraction": lambda x, y: max(0, len(x.split()) - len(y.split())) / max(1, len(x.split())),
    "words_removed_fraction_dclm": lambda x, y: (counted(x) - counted(y)) / counted(x) if counted(x) else 0,
    "chars_before": lambda x, y: len(x),
    "chars_after": lambda x, y: len(y),
}
