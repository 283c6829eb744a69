"""How lines begin and end."""

from collections.abc import Callable


def lines_that(text: str, good: Callable[[str], bool]) -> float:
    lines = text.splitlines()
    return sum(map(good, lines)) / len(lines) if lines else 0.0


REFERENCE: dict[str, Callable[[str], float]] = {
    "bullet_line_fraction": lambda x: lines_that(x, lambda y: y.lstrip().startswith(("•", "-"))),
    "ellipsis_line_fraction": lambda x: lines_that(x, lambda y: y.rstrip().endswith(("...", "…"))),
}
