"""Sets of signals by name: filters/signals/*.yaml, read with every mistake named.

about: What is measured.
source: "Who published it, where"
cut: newline                        # how lines are cut: newline, unicode or ended, see quality.signals
signals: [word_count_normalized]    # of texts
line_signals: [word_count]          # of lines
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from corpusforge import signals
from corpusforge.errors import RecipeError
from corpusforge.registry import nearest, resource, shipped

CUTS = ("newline", "unicode", "ended")
_KEYS = ("about", "source", "cut", "signals", "line_signals")


class SignalSet(NamedTuple):
    """A named choice of signals; an empty `cut` leaves it open."""

    path: Path
    signals: list[str]
    line_signals: list[str]
    cut: str


def names(wanted: Sequence[str], kind: Literal["signals", "line_signals"]) -> list[str]:
    """Return the signals that `wanted` names: signals, sets, or `all`; each once, in order."""
    found: list[str] = []
    for name in wanted:
        one = _set(name)
        if one is not None:
            found += one.signals if kind == "signals" else one.line_signals
        elif name == "all":
            found += [signal for signal in signals.names() if not signals.is_change(signal)]
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def among(wanted: Sequence[str]) -> list[SignalSet]:
    """Return the sets that `wanted` names."""
    return [one for one in map(_set, wanted) if one is not None]


def _set(name: str) -> SignalSet | None:
    """Return the set called `name`; None for `all` and for the name of a signal."""
    if name == "all":
        return None
    if name in signals.names():
        _measurable(name, "")
        return None
    try:
        path = resource("filters", name if "/" in name or name.endswith(".yaml") else f"signals/{name}")
    except RecipeError:
        shipped_sets = sorted(path.stem for path in (shipped("filters") / "signals").glob("*.yaml"))
        known = nearest(name, [*signals.names(), *shipped_sets])
        raise RecipeError(f"there is no signal or set of signals '{name}'.{known}") from None
    return _parse(path, path.read_text(encoding="utf-8"))


@cache
def _parse(path: Path, text: str) -> SignalSet:
    # Cached by content: a stage asks for its sets several times while a recipe is checked.
    try:
        root = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise RecipeError(f"this is not valid YAML: {str(error.problem).splitlines()[0]}", where) from error
    if not isinstance(root, dict) or not {"signals", "line_signals"} & set(root):
        raise RecipeError("a set of signals has `signals`, `line_signals` or both", str(path))
    for key in root:
        if key not in _KEYS:
            raise RecipeError(f"unknown key '{key}'.{nearest(str(key), list(_KEYS))}", str(path))
    for key in ("signals", "line_signals"):
        if not isinstance(root.get(key, []), list):
            raise RecipeError(f"`{key}` must be a list of names", str(path))
        for name in root.get(key, []):
            _measurable(str(name), str(path))
    if root.get("cut", "newline") not in CUTS:
        raise RecipeError(f"`cut` is one of {', '.join(CUTS)}, not {root['cut']!r}", str(path))
    return SignalSet(path, root.get("signals", []), root.get("line_signals", []), root.get("cut", ""))


def _measurable(name: str, where: str) -> None:
    signals.check(name, where)
    if signals.is_change(name):
        raise RecipeError(f"'{name}' compares a text with what was edited; only packs can measure it", where)
