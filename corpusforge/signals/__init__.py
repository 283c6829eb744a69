"""Signals: numbers about a text, measured by code, so that packs (data) can decide.

A signal is a function `TextBatch -> float64[documents]` in a module of this folder. Its name is its column
(`signal.<name>`), its docstring says unit and source, its doctest is its test. Nothing is registered:
`find("word_count")` reads the folder. Adding a signal is adding a function. A signal of change, in `change.py`, takes
the TextBatches `before` and `after` the edits of a pack.
"""

import importlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest

if TYPE_CHECKING:
    from corpusforge.text import TextBatch

    Signal = Callable[[TextBatch], Any]
    Change = Callable[[TextBatch, TextBatch], Any]


@cache
def _modules() -> dict[str, str]:
    # Read as text: a pack is checked without importing what measures it.
    found: dict[str, str] = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        signature = r"^def ([a-z]\w*)\((?:text|before: TextBatch, after): TextBatch\)"
        for name in re.findall(signature, path.read_text(encoding="utf-8"), re.MULTILINE):
            assert name not in found, f"signal {name} is defined in {found[name]} and {path.stem}"
            found[name] = path.stem
    return found


def names() -> list[str]:
    """Every signal, sorted."""
    return sorted(_modules())


def find(name: str, where: str = "") -> "Signal":
    """Return the signal called `name`; RecipeError with the nearest name when there is none.

    >>> from corpusforge.text import segment
    >>> find("longest_line_chars")(segment(["one\\nthree"]))
    array([5.])
    """
    check(name, where)
    signal: Signal = getattr(importlib.import_module(f"corpusforge.signals.{_modules()[name]}"), name)
    return signal


def find_change(name: str) -> "Change":
    """Return the signal of change called `name`, see `is_change`."""
    check(name)
    signal: Change = getattr(importlib.import_module("corpusforge.signals.change"), name)
    return signal


def is_change(name: str) -> bool:
    """Say whether the signal compares a text with what was edited.

    >>> is_change("words_removed_fraction"), is_change("word_count")
    (True, False)
    """
    return _modules().get(name) == "change"


def check(name: str, where: str = "") -> None:
    """Raise RecipeError with the nearest name when there is no signal called `name`; imports nothing."""
    if name not in _modules():
        raise RecipeError(f"there is no signal '{name}'.{nearest(name, names())}", where)
