"""Words as str.split() cuts them."""

import statistics
from collections.abc import Callable


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


REFERENCE: dict[str, Callable[[str], float]] = {
    "word_count_whitespace": lambda x: len(x.split()),
    "longest_word_chars": lambda x: max(map(len, x.split()), default=0),
    "mean_word_length_whitespace": lambda x: over(sum(map(len, x.split())), len(x.split())),
    "median_word_length_whitespace": lambda x: statistics.median(map(len, x.split())) if x.split() else 0,
    "alphabetic_word_fraction_whitespace": lambda x: over(
        sum(any(map(str.isalpha, w)) for w in x.split()), len(x.split())
    ),
}
