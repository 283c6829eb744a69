"""Sentences as datatrove 0.10 takes them from spaCy, and the ends of lines."""

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def pipeline() -> Any:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.max_length = 1 << 24
    return nlp


def sentences(line: str) -> int:
    return sum(bool(sentence.text.strip()) for sentence in pipeline()(line).sents)


def ends(text: str, marks: tuple[str, ...]) -> bool:
    return text.endswith(marks) and not text.endswith("...")


REFERENCE: dict[str, Callable[[str], float]] = {
    "line_sentence_count": lambda x: sum(map(sentences, x.splitlines())),
    "ends_as_sentence": lambda x: ends(x, (".", "?", "!", '"', "'")),
    "ends_as_sentence_t5": lambda x: ends(x, (".", "?", "!", '"')),
}
