"""Marks at the beginning and end of a text."""

import re
from collections.abc import Callable

BULLETS = ("\u2022", "\u2023", "\u25b6", "\u25c0", "\u25e6", "\u25a0", "\u25a1", "\u25aa", "\u25ab", "\u2013")


def ellipsis_lines(text: str) -> float:
    lines = re.findall(r"[^\n]*\n|[^\n]+$", text)
    return sum(line.rstrip().endswith(("...", "…")) for line in lines) / max(1, len(lines))


REFERENCE: dict[str, Callable[[str], float]] = {
    "ends_with_terminal_mark": lambda x: x.rstrip().endswith((".", "!", "?", "”")),
    "starts_with_bullet_mark": lambda x: x.lstrip().startswith(BULLETS),
    "ellipsis_line_fraction_newline": ellipsis_lines,
}
