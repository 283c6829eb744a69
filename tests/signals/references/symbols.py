"""Symbols to words, from spaCy's own tokens."""

from collections.abc import Callable, Sequence
from functools import cache

import spacy


@cache
def tokenizer() -> Callable[[str], Sequence]:
    nlp = spacy.blank("en")
    nlp.max_length = 1 << 24
    return nlp.tokenizer


@cache
def words(text: str) -> list[str]:
    return [t.text.strip() for t in tokenizer()(text) if t.text.strip()]


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


REFERENCE: dict[str, Callable[[str], float]] = {
    "hash_to_word_ratio": lambda x: over(x.count("#"), len(words(x))),
    "ellipsis_to_word_ratio": lambda x: over(x.count("...") + x.count("…"), len(words(x))),
    "alphabetic_word_fraction": lambda x: over(sum(any(c.isalpha() for c in w) for w in words(x)), len(words(x))),
}
