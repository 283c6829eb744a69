"""Signals of source code."""

from collections.abc import Callable

REFERENCE: dict[str, Callable[[str], float]] = {
    "longest_line_chars": lambda x: max(map(len, x.splitlines()), default=0),
    "mean_line_chars": lambda x: sum(map(len, x.splitlines())) / max(1, len(x.splitlines())),
    "alphanumeric_fraction": lambda x: sum(c.isalnum() for c in x) / max(1, len(x)),
    "xml_header": lambda x: "<?xml version=" in x[:100],
}
