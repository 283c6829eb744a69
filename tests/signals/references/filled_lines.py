"""Lines as datatrove's FineWebQualityFilter judges them, in 0.10 and in April 2024."""

from collections.abc import Callable
from functools import cache
from typing import Any

import regex

SHORT_CHARS = 30
MARK = regex.compile(r"[\p{Sentence_Terminal}\u17d6\u17d9\u17da]\Z")


@cache
def tokenizer() -> Any:
    import spacy

    nlp = spacy.blank("en")
    nlp.max_length = 1 << 24
    return nlp.tokenizer


def words(text: str) -> int:
    return sum(bool(token.text.strip()) for token in tokenizer()(text))


def filled(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip() != ""]


def share(good: Callable[[str], object], lines: list[str]) -> float:
    return sum(map(bool, map(good, lines))) / len(lines) if lines else 0.0


def duplicate_chars(lines: list[str]) -> int:
    seen: set[str] = set()
    return sum(len(line) for line in lines if line in seen or seen.add(line))


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


REFERENCE: dict[str, Callable[[str], float]] = {
    "filled_line_count": lambda x: len(filled(x)),
    "terminal_filled_line_fraction": lambda x: share(MARK.search, filled(x)),
    "short_filled_line_fraction": lambda x: share(lambda line: len(line) <= SHORT_CHARS, filled(x)),
    "duplicate_filled_line_char_fraction": lambda x: over(duplicate_chars(filled(x)), len(x.replace("\n", ""))),
    "newline_to_word_ratio": lambda x: over(x.count("\n"), words(x)),
    "ascii_terminal_line_fraction": lambda x: share(lambda y: y.endswith((".", "'", '"', "!", "?")), x.split("\n")),
    "short_line_fraction": lambda x: share(lambda y: len(y) <= SHORT_CHARS, x.split("\n")) if x else 0.0,
}
