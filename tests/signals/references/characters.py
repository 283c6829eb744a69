"""Kinds of characters."""

import unicodedata
from collections.abc import Callable


def share(text: str, good: Callable[[str], bool]) -> float:
    return sum(map(good, text)) / max(1, len(text))


REFERENCE: dict[str, Callable[[str], float]] = {
    "alphabetic_char_fraction": lambda x: share(x, str.isalpha),
    "uppercase_char_fraction": lambda x: share(x, str.isupper),
    "punctuation_char_fraction": lambda x: share(x, lambda c: unicodedata.category(c)[0] == "P"),
    "symbol_char_fraction": lambda x: share(x, lambda c: unicodedata.category(c)[0] == "S"),
    "curly_bracket_char_fraction": lambda x: share(x, lambda c: c in "{}"),
}
