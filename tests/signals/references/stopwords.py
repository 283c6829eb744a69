"""Stop words, from spaCy's own tokens."""

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


REFERENCE: dict[str, Callable[[str], float]] = {
    "stop_word_count": lambda x: len({"the", "be", "to", "of", "and", "that", "have", "with"} & set(words(x))),
}
