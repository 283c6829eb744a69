"""Lengths of texts and lines."""

from collections.abc import Callable

REFERENCE: dict[str, Callable[[str], float]] = {
    "character_count": len,
    "chars_per_line": lambda x: len(x) / max(1, len(x.splitlines())),
    "third_longest_line_chars": lambda x: sorted([*map(len, x.split("\n")), 0, 0])[-3] if x.count("\n") > 1 else 0,
}
