"""Repetition as datatrove measures it, from spaCy's own tokens."""

import re
from collections import Counter
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


def paragraphs(text: str) -> list[str]:
    return re.split("\n{2,}", text.strip())


def full_lines(text: str) -> list[str]:
    return re.split("\n+", text)


def duplicates(pieces: list[str]) -> tuple[int, int]:
    seen: set[str] = set()
    extra = [p for p in pieces if p in seen or seen.add(p)]
    return len(extra), sum(map(len, extra))


def top_ngram(text: str, n: int) -> float:
    grams = Counter(" ".join(words(text)[i : i + n]) for i in range(len(words(text)) - n + 1))
    if not grams:
        return 0.0
    gram, count = grams.most_common(1)[0]
    return over(len(gram) * count, len(text))


def duplicate_ngrams(text: str, n: int) -> float:
    w, seen, repeated, i = words(text), set(), 0, 0
    while i < len(w) - n + 1:
        gram = "".join(w[i : i + n])
        if gram in seen:
            repeated += len(gram)
            i += n
        else:
            seen.add(gram)
            i += 1
    return over(repeated, len(text))


REFERENCE: dict[str, Callable[[str], float]] = {
    "duplicate_paragraph_fraction": lambda x: over(duplicates(paragraphs(x))[0], len(paragraphs(x))),
    "duplicate_paragraph_char_fraction": lambda x: over(duplicates(paragraphs(x))[1], len(x)),
    "duplicate_line_fraction": lambda x: over(duplicates(full_lines(x))[0], len(full_lines(x))),
    "duplicate_line_char_fraction": lambda x: over(duplicates(full_lines(x))[1], len(x)),
    **{f"top_{n}gram_char_fraction": lambda x, n=n: top_ngram(x, n) for n in (2, 3, 4)},
    **{f"duplicate_{n}gram_char_fraction": lambda x, n=n: duplicate_ngrams(x, n) for n in range(5, 11)},
}
