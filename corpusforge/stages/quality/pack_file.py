"""The file of a rule pack: YAML read into a `Pack`, with every mistake named at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from corpusforge import signals
from corpusforge.errors import RecipeError
from corpusforge.registry import nearest
from corpusforge.rules import Edit, Lines, Pack, PackExample, Rule, Step

JOINS = {"newline": "\n", "unicode": "\n", "paragraph": "\n\n"}
KEYS = ("source", "edits", "lines", "by", "table", "other", "rules", "examples")


@cache
def parse(path: Path, text: str) -> Pack:
    """Return the pack; cached, since a stage asks for its pack several times while a recipe is checked."""
    yaml = YAML(typ="rt", pure=True)  # YAML 1.2 with line and column; refuses duplicate keys
    try:
        root = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise RecipeError(f"this is not valid YAML: {str(error.problem).splitlines()[0]}", where) from error
    node = _Node(path, root, f"{path}:1:1")
    node.check(required=("about",), optional=KEYS)
    edits = tuple(_edit(item, optional=()) for item in node.list("edits"))
    lines = _lines(node.child("lines")) if "lines" in node.value else None
    by = node.text("by") or None
    items = node.list("rules")
    if not items and not edits and lines is None:
        raise RecipeError("a pack needs at least one rule, edit or step of lines", node.place("rules"))
    rules = [_rule(item, changes=bool(edits or lines), free=by is not None) for item in items]
    for i, rule in enumerate(rules):
        if rule.name in (r.name for r in rules[:i]):
            raise RecipeError(f"two rules are called '{rule.name}'; give one a `name`", items[i].where)
    table = _table(node, by, rules)
    other = node.choice("other", ("defaults", "keep", "reject"), "defaults")
    pack = Pack(
        path.stem, path, node.text("about"), node.text("source"), tuple(rules), (), edits, lines, by, table, other
    )
    reasons = pack.reasons()
    examples = tuple(_example(item, reasons, pack) for item in node.list("examples"))
    return replace(pack, examples=examples)


def _rule(node: _Node, changes: bool, free: bool) -> Rule:
    node.check(required=("signal",), optional=("min", "max", "name"))
    return _bounds(node, changes, free)


def _bounds(node: _Node, changes: bool, free: bool = False) -> Rule:
    # free: a rule may leave its bounds to a table.
    signal = node.text("signal")
    signals.check(signal, node.place("signal"))
    if not changes and signals.is_change(signal):
        message = f"'{signal}' compares a text with what was edited: it stands in `rules`, below `edits` or `lines`"
        raise RecipeError(message, node.place("signal"))
    low, high = node.number("min", -np.inf), node.number("max", np.inf)
    if "min" not in node.value and "max" not in node.value and not free:
        raise RecipeError(f"the rule on '{signal}' needs `min`, `max` or both", node.where)
    if low > high:
        raise RecipeError(f"min {low:g} is above max {high:g}: nothing could pass", node.place("min"))
    return Rule(node.text("name", signal), signal, low, high)


def _edit(node: _Node, optional: tuple[str, ...]) -> Edit:
    node.check(required=("pattern", "with"), optional=optional)
    edit = Edit(node.text("pattern"), node.text("with"))
    for key, pattern, replacement in (("pattern", edit.pattern, ""), ("with", edit.pattern, edit.replacement)):
        try:
            pc.replace_substring_regex(pa.array(["a"], pa.large_string()), pattern, replacement)
        except pa.ArrowInvalid as error:
            said = str(error).splitlines()[0]
            raise RecipeError(
                f"{said}; patterns are RE2's (no look-around, no back-references)", node.place(key)
            ) from error
    if not edit.pattern:
        raise RecipeError("an empty pattern matches everywhere", node.place("pattern"))
    return edit


def _lines(node: _Node) -> Lines:
    node.check(required=("steps",), optional=("cut", "strip", "join"))
    cut = node.choice("cut", tuple(JOINS), "newline")
    strip = node.flag("strip", False)
    steps = tuple(_step(item) for item in node.list("steps"))
    if not steps:
        raise RecipeError("`lines` needs at least one step", node.place("steps"))
    return Lines(cut, strip, node.text("join", JOINS[cut]), steps)


def _step(node: _Node) -> Step:
    keys = node.value if isinstance(node.value, CommentedMap) else {}
    if "pattern" in keys:
        what: Edit | Rule = _edit(node, optional=("then", "when"))
        then = node.choice("then", ("keep", "drop"), "keep")
    else:
        node.check(required=("signal",), optional=("min", "max", "name", "then", "when"))
        what = _bounds(node, changes=False)
        then = node.choice("then", ("drop", "reject"), "drop")
        if then == "reject" and "name" not in keys:
            raise RecipeError("a step that rejects the document needs a `name`: the reason", node.where)
    when = None
    if "when" in keys:
        inner = node.child("when")
        inner.check(required=("signal",), optional=("min", "max"))
        when = _bounds(inner, changes=False)
    return Step(what, then, when)


def _table(node: _Node, by: str | None, rules: Sequence[Rule]) -> dict[str, dict[str, float]]:
    for key in ("table", "other"):
        if by is None and key in node.value:
            raise RecipeError(f"`{key}` needs `by`: the column whose values it lists", node.place(key))
    if by is None:
        return {}
    if "table" not in node.value:
        raise RecipeError("`by` needs a `table` of bounds for each value", node.place("by"))
    values = node.child("table")
    known = [f"{rule.name}.{end}" for rule in rules for end in ("min", "max")]
    table: dict[str, dict[str, float]] = {}
    for value in values.map():
        entry = values.child(value)
        bounds = {}
        for key in entry.map():
            if key not in known:
                raise RecipeError(
                    f"no rule of this pack has a bound '{key}'.{nearest(str(key), known)}", entry.key(key)
                )
            bounds[str(key)] = entry.number(key, 0)
        for rule in rules:
            low, high = bounds.get(f"{rule.name}.min", rule.min), bounds.get(f"{rule.name}.max", rule.max)
            if low > high:
                message = f"min {low:g} of {rule.name} is above max {high:g}: nothing could pass"
                raise RecipeError(message, values.place(value))
        table[str(value)] = bounds
    if not table:
        raise RecipeError("`table` needs at least one value of the column", node.place("table"))
    return table


def _example(node: _Node, reasons: Sequence[str], pack: Pack) -> PackExample:
    node.check(required=("text",), optional=("reject", "repeat", "edited", *([pack.by] if pack.by else [])))
    reason = node.text("reject") or None
    if reason is not None and reason not in reasons:
        message = f"no rule of this pack gives '{reason}'.{nearest(reason, list(reasons))}"
        raise RecipeError(message, node.place("reject"))
    edited = node.text("edited") if "edited" in node.value else None
    if edited is not None and not pack.edits_text:
        raise RecipeError("`edited` shows an edit, and this pack has neither `edits` nor `lines`", node.place("edited"))
    group = node.text(pack.by) if pack.by and pack.by in node.value else None
    return PackExample(node.text("text") * int(node.number("repeat", 1)), reason, edited, group)


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
                raise RecipeError(f"unknown key '{key}'.{nearest(str(key), known)}", self.key(key))
        for key in required:
            if key not in self.value:
                raise RecipeError(f"`{key}` is missing", self.where)

    def map(self) -> Mapping[Any, Any]:
        if not isinstance(self.value, CommentedMap):
            raise RecipeError(f"expected keys with values, found {self.value!r}", self.where)
        return self.value

    def key(self, key: Any) -> str:
        line, column = self.value.lc.key(key)
        return f"{self.path}:{line + 1}:{column + 1}"

    def place(self, key: Any) -> str:
        if key not in self.value:
            return self.where
        line, column = self.value.lc.value(key)
        return f"{self.path}:{line + 1}:{column + 1}"

    def child(self, key: Any) -> _Node:
        return _Node(self.path, self.value[key], self.place(key))

    def text(self, key: str, default: str = "") -> str:
        value = self.value.get(key, default)
        if not isinstance(value, str):
            raise RecipeError(f"`{key}` must be text, not {value!r}", self.place(key))
        return str(value)

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> Any:
        value = self.value.get(key, default)
        if value not in choices:
            message = f"`{key}` must be one of {', '.join(choices)}, not {value!r}.{nearest(str(value), list(choices))}"
            raise RecipeError(message, self.place(key))
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.value.get(key, default)
        if not isinstance(value, bool):
            raise RecipeError(f"`{key}` must be true or false, not {value!r}", self.place(key))
        return value

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
