"""Repeated n-grams of normalised words, as RedPajama-v2 measures them."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache


def normalized(text: str) -> str:
    kept = text.translate(str.maketrans("", "", string.punctuation)).lower()
    return unicodedata.normalize("NFD", re.sub(r"\s+", " ", kept.strip()))


@cache
def words(text: str) -> list[str]:
    return normalized(text).split()


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words(text)[i:] for i in range(n)), strict=False))


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def top(text: str, n: int) -> float:
    best = Counter(ngrams(text, n)).most_common(1)
    if not best or best[0][1] < 2:
        return 0.0
    return over(sum(map(len, best[0][0])) * best[0][1], sum(map(len, words(text))))


def covered(text: str, n: int) -> float:
    counts = Counter(ngrams(text, n))
    hit = {i + k for i, gram in enumerate(ngrams(text, n)) if counts[gram] > 1 for k in range(n)}
    return over(sum(len(words(text)[i]) for i in hit), sum(map(len, words(text))))


REFERENCE: dict[str, Callable[[str], float]] = {
    **{f"top_{n}gram_char_fraction_normalized": lambda x, n=n: top(x, n) for n in (2, 3, 4)},
    **{f"duplicate_{n}gram_char_fraction_normalized": lambda x, n=n: covered(x, n) for n in range(5, 11)},
}
