"""Gopher's rules as Dolma measures them: words of str.split(), every copy counted."""

from collections import Counter
from collections.abc import Callable

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def lines_that(text: str, good: Callable[[str], bool]) -> float:
    return sum(map(good, text.split("\n"))) / len(text.split("\n"))


def word_chars(text: str) -> int:
    return sum(map(len, text.split()))


def copies(text: str) -> Counter[str]:
    counts = Counter(text.split("\n"))
    return Counter({line: count for line, count in counts.items() if count > 1})


def ngrams(text: str, n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(text.split()[i:] for i in range(n)), strict=False))


def chars(grams: Counter[tuple[str, ...]]) -> int:
    return sum(count * len("".join(gram)) for gram, count in grams.items())


def top(text: str, n: int) -> float:
    return over(chars(Counter(dict(ngrams(text, n).most_common(1)))), word_chars(text))


def duplicates(text: str, n: int) -> float:
    grams = ngrams(text, n)
    return over(chars(Counter({gram: count for gram, count in grams.items() if count > 1})), chars(grams))


REFERENCE: dict[str, Callable[[str], float]] = {
    "symbol_word_fraction_dolma": lambda x: over(sum("#" in w or "…" in w for w in x.split()), len(x.split())),
    "bullet_line_fraction_dolma": lambda x: lines_that(x, lambda y: y.startswith(("*", "-"))),
    "ellipsis_line_fraction_dolma": lambda x: lines_that(x, lambda y: y.endswith("…")),
    "stop_word_count_dolma": lambda x: sum(x.split().count(word) for word in STOP_WORDS),
    "duplicate_line_fraction_dolma": lambda x: copies(x).total() / len(x.split("\n")),
    "duplicate_line_char_fraction_dolma": lambda x: over(sum(len(k) * n for k, n in copies(x).items()), word_chars(x)),
    **{f"top_{n}gram_char_fraction_dolma": lambda x, n=n: top(x, n) for n in (2, 3, 4)},
    **{f"duplicate_{n}gram_char_fraction_dolma": lambda x, n=n: duplicates(x, n) for n in range(5, 11)},
}
