"""A rule pack: YAML that becomes one function, signal table -> reason per document.

    about: Document-level quality rules of Gopher.
    source: "Rae et al. 2021, arXiv:2112.11446, table A1"
    rules:
      - {signal: word_count, min: 50, max: 100000}     # bounds are inclusive; the first rule that fires decides
      - {signal: mean_word_length, min: 3, max: 10, name: word_length}
    examples:
      - {reject: word_count_below_min, text: "Too short."}
      - {text: "The long way home and back. ", repeat: 12}   # no `reject`: kept; `repeat`: the text so many times

A rule's reasons are `<name>_below_min` and `<name>_above_max`; its name is its signal's unless it has another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from corpusforge import signals
from corpusforge.errors import RecipeError
from corpusforge.registry import nearest, resource


@dataclass(frozen=True)
class Rule:
    """Inclusive bounds on one signal; an infinite bound never fires."""

    name: str
    signal: str
    min: float = -np.inf
    max: float = np.inf

    def reasons(self) -> tuple[str, ...]:
        """The reasons this rule can give, below before above."""
        below = (f"{self.name}_below_min",) if self.min > -np.inf else ()
        above = (f"{self.name}_above_max",) if self.max < np.inf else ()
        return below + above


@dataclass(frozen=True)
class PackExample:
    """A text and the reason for which the pack rejects it; None: it is kept."""

    text: str
    reason: str | None


@dataclass(frozen=True)
class Verdict:
    """What a pack says of a batch: `fired` bool[documents, reasons], in the order of `Pack.reasons()`."""

    fired: np.ndarray
    values: np.ndarray  # float64[documents, reasons]: the signal of each reason

    @property
    def rejected(self) -> np.ndarray:
        """Documents that any rule fires for, bool[documents]."""
        return np.asarray(self.fired.any(axis=1))

    @property
    def first(self) -> np.ndarray:
        """Index of the first reason that fires, int64[documents]; 0 where none does."""
        return np.asarray(self.fired.argmax(axis=1))


@dataclass(frozen=True)
class Pack:
    """A named list of rules with the examples that show each firing."""

    name: str
    path: Path
    about: str
    source: str
    rules: tuple[Rule, ...]
    examples: tuple[PackExample, ...] = ()

    def signals(self) -> tuple[str, ...]:
        """The signals the rules name, in order, each once."""
        return tuple(dict.fromkeys(rule.signal for rule in self.rules))

    def reasons(self) -> tuple[str, ...]:
        """Every reason the pack can give, in the order in which they are tried."""
        return tuple(reason for rule in self.rules for reason in rule.reasons())

    def judge(self, table: Mapping[str, np.ndarray]) -> Verdict:
        """Judge documents by their signals, `table`: signal -> float64[documents]; NaN fires nothing."""
        fired, values = [], []
        for rule in self.rules:
            measured = table[rule.signal]
            if rule.min > -np.inf:
                fired.append(measured < rule.min)
                values.append(measured)
            if rule.max < np.inf:
                fired.append(measured > rule.max)
                values.append(measured)
        return Verdict(np.stack(fired, axis=1), np.stack(values, axis=1))

    def labels(self, verdict: Verdict) -> pa.ListArray:
        """Every rule that fires as `pack:reason`, list<string> with one list per document, none null."""
        _, which = np.nonzero(verdict.fired)
        offsets = np.zeros(len(verdict.fired) + 1, np.int32)
        np.cumsum(verdict.fired.sum(axis=1), out=offsets[1:])
        names = pa.array([f"{self.name}:{reason}" for reason in self.reasons()], pa.string())
        return pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(which)))

    def changed(self, bounds: Mapping[str, float]) -> Pack:
        """Return the pack with other bounds, `{"word_count.min": 80}`; RecipeError when a key names no rule."""
        rules = {rule.name: rule for rule in self.rules}
        known = [f"{name}.{end}" for name in rules for end in ("min", "max")]
        for key, value in bounds.items():
            if key not in known:
                raise RecipeError(f"pack '{self.name}' has no bound '{key}'.{nearest(key, known)}")
            name, end = key.rsplit(".", 1)
            rules[name] = replace(rules[name], min=value) if end == "min" else replace(rules[name], max=value)
            if rules[name].min > rules[name].max:
                raise RecipeError(f"{name} of pack '{self.name}': min {rules[name].min} is above max {rules[name].max}")
        return replace(self, rules=tuple(rules.values()))


def load(name_or_path: str) -> Pack:
    """Read a shipped pack by name or any pack by path; RecipeError says file:line:column."""
    path = resource("filters", name_or_path)
    return _parse(path, path.read_text(encoding="utf-8"))


@cache
def _parse(path: Path, text: str) -> Pack:
    # Cached by content: a stage asks for its pack several times while a recipe is checked.
    yaml = YAML(typ="rt", pure=True)  # YAML 1.2 with line and column; refuses duplicate keys
    try:
        root = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise RecipeError(f"this is not valid YAML: {str(error.problem).splitlines()[0]}", where) from error
    node = _Node(path, root, f"{path}:1:1")
    node.check(required=("about", "rules"), optional=("source", "examples"))
    items = node.list("rules")
    if not items:
        raise RecipeError("a pack needs at least one rule", node.place("rules"))
    rules = [_rule(item) for item in items]
    for i, rule in enumerate(rules):
        if rule.name in (r.name for r in rules[:i]):
            raise RecipeError(f"two rules are called '{rule.name}'; give one a `name`", items[i].where)
    reasons = [reason for rule in rules for reason in rule.reasons()]
    examples = tuple(_example(item, reasons) for item in node.list("examples"))
    return Pack(path.stem, path, node.text("about"), node.text("source"), tuple(rules), examples)


def _rule(node: _Node) -> Rule:
    node.check(required=("signal",), optional=("min", "max", "name"))
    signal = node.text("signal")
    signals.check(signal, node.place("signal"))
    low, high = node.number("min", -np.inf), node.number("max", np.inf)
    if "min" not in node.value and "max" not in node.value:
        raise RecipeError(f"the rule on '{signal}' needs `min`, `max` or both", node.where)
    if low > high:
        raise RecipeError(f"min {low:g} is above max {high:g}: nothing could pass", node.place("min"))
    return Rule(node.text("name", signal), signal, low, high)


def _example(node: _Node, reasons: Sequence[str]) -> PackExample:
    node.check(required=("text",), optional=("reject", "repeat"))
    reason = node.text("reject") or None
    if reason is not None and reason not in reasons:
        message = f"no rule of this pack gives '{reason}'.{nearest(reason, list(reasons))}"
        raise RecipeError(message, node.place("reject"))
    return PackExample(node.text("text") * int(node.number("repeat", 1)), reason)


@dataclass(frozen=True)
class _Node:
    # A YAML value that knows its place.
    path: Path
    value: Any
    where: str

    def check(self, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
        if not isinstance(self.value, CommentedMap):
            raise RecipeError(f"expected keys {', '.join(required)}, found {self.value!r}", self.where)
        known = [*required, *optional]
        for key in self.value:
            if key not in known:
                line, column = self.value.lc.key(key)
                place = f"{self.path}:{line + 1}:{column + 1}"
                raise RecipeError(f"unknown key '{key}'.{nearest(str(key), known)}", place)
        for key in required:
            if key not in self.value:
                raise RecipeError(f"`{key}` is missing", self.where)

    def place(self, key: str) -> str:
        if key not in self.value:
            return self.where
        line, column = self.value.lc.value(key)
        return f"{self.path}:{line + 1}:{column + 1}"

    def text(self, key: str, default: str = "") -> str:
        value = self.value.get(key, default)
        if not isinstance(value, str):
            raise RecipeError(f"`{key}` must be text, not {value!r}", self.place(key))
        return str(value)

    def number(self, key: str, default: float) -> float:
        value = self.value.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise RecipeError(f"`{key}` must be a number, not {value!r}", self.place(key))
        return float(value)

    def list(self, key: str) -> list[_Node]:
        value = self.value.get(key, [])
        if not isinstance(value, list):
            raise RecipeError(f"`{key}` must be a list", self.place(key))
        places = value.lc.data if isinstance(value, CommentedSeq) else {}
        return [
            _Node(self.path, item, f"{self.path}:{places[i][0] + 1}:{places[i][1] + 1}") for i, item in enumerate(value)
        ]
