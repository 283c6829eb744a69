"""Whether a string of letters and digits was drawn at random, or written by somebody."""

import re
from collections import Counter
from math import log2

_PLACEHOLDER = re.compile(
    r"example|sample|dummy|fake|xxxx|redacted|changeme|placeholder|your|abcdef|qwerty|0123456|1234567|(.)\1{4}",
    re.IGNORECASE,
)


def entropy(value: str) -> float:
    """Return the entropy of the characters, in bits for each.

    >>> entropy("abab"), entropy("")
    (1.0, 0.0)
    """
    counts = Counter(value).values()
    return sum(n * log2(len(value) / n) for n in counts) / max(1, len(value))


def is_made_up(value: str) -> bool:
    """Say whether a key is one of documentation: words in it that say so, runs of one character, few characters.

    >>> is_made_up("IOSFODNN7EXAMPLE"), is_made_up("QYLPMN5HFIQR7BBB")
    (True, False)
    """
    return _PLACEHOLDER.search(value) is not None or entropy(value) < min(3.0, 0.72 * log2(max(2, len(value))))
