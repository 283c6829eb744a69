"""Words of normalised text, as RedPajama-v2 defines them."""

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable


def normalized(text: str) -> str:
    kept = text.translate(str.maketrans("", "", string.punctuation)).lower()
    return unicodedata.normalize("NFD", re.sub(r"\s+", " ", kept.strip()))


def words(text: str) -> list[str]:
    return normalized(text).split()


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def entropy(text: str) -> float:
    counts = Counter(words(text)).values()
    return -sum(n / len(words(text)) * math.log(n / len(words(text))) for n in counts)


REFERENCE: dict[str, Callable[[str], float]] = {
    "word_count_normalized": lambda x: len(words(x)),
    "mean_word_length_normalized": lambda x: over(sum(map(len, words(x))), len(words(x))),
    "unique_word_fraction": lambda x: over(len(set(words(x))), len(words(x))),
    "unigram_entropy": entropy,
    "numeric_char_fraction_normalized": lambda x: over(sum(map(str.isnumeric, normalized(x))), len(normalized(x))),
    "javascript_word_count": lambda x: words(x).count("javascript"),
    "lorem_ipsum_ratio": lambda x: over(normalized(x).count("lorem ipsum"), len(normalized(x))),
}
