"""Tokens of NLTK's WordPunct pattern."""

import re
from collections.abc import Callable


def share(text: str, good: Callable[[str], object]) -> float:
    tokens = re.findall(r"\w+|[^\w\s]+", text)
    return sum(bool(good(token)) for token in tokens) / max(1, len(tokens))


def symbols(text: str) -> float:
    tokens = re.findall(r"\w+|[^\w\s]+", text)
    return sum(map(text.count, ("#", "...", "…"))) / len(tokens) if tokens else 0.0


REFERENCE: dict[str, Callable[[str], float]] = {
    "symbol_to_word_ratio": symbols,
    "non_alphabetic_word_fraction": lambda x: share(x, lambda token: not re.search("[a-zA-Z]", token)),
    "all_caps_word_fraction": lambda x: share(x, str.isupper),
}
