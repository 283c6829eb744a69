r"""A rule pack: YAML that says how a text is edited and what is then measured of it, and within which bounds.

    about: What it does.
    source: "Who published it, where"
    edits:                                   # of the whole text, in order; RE2 patterns, linear in time
      - {pattern: '\n{3,}', with: "\n\n"}
    lines:                                   # cut the edited text, judge and edit each line, join what is left
      cut: newline                           # newline: text.split("\n"); unicode: text.splitlines(); paragraph
      strip: false                           # strip each line first, and the joined text last
      join: "\n"                             # "\n\n" between paragraphs
      steps:                                 # in order, for each line still there
        - {signal: word_count, min: 3}       # a line out of bounds is dropped
        - {pattern: '\[edit\]', with: ""}    # an edit; with `then: drop` a line it leaves without text is dropped
        - {signal: curly_bracket_count, max: 0, then: reject, name: curly_bracket}  # rejects the document
        - {pattern: "^Sign-in", with: "", when: {signal: word_count, max: 10}}      # lines within `when` only
    by: language                             # a string column whose value picks bounds from `table`
    table: {fra: {word_count.min: 60}}
    other: defaults                          # values not in the table: defaults (the bounds below), keep or reject
    rules:                                   # of the text as edited; bounds are inclusive, the first that fires decides
      - {signal: word_count, min: 50, max: 100000}
      - {signal: mean_word_length, min: 3, max: 10, name: word_length}
    examples:
      - {reject: word_count_below_min, text: "Too short."}
      - {text: "The long way home and back. ", repeat: 12, language: fra, edited: "the text afterwards"}

A rule's reasons are `<name>_below_min` and `<name>_above_max`; its name is its signal's unless it has another. A step
that rejects gives its name as the reason. Only `about` and one of `edits`, `lines`, `rules` must be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest, resource

NO_TEXT_LEFT = "no_text_left"  # the reason for a document that had text before the edits and has none after them
SIZES = ("chars_before", "chars_after")  # signals that every pack with edits measures, so that `explain` can tell


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
class Edit:
    """Replace every match of an RE2 pattern."""

    pattern: str
    replacement: str


@dataclass(frozen=True)
class Step:
    """What is done to each line: drop it, reject its document, or edit it (`then: drop`: if that leaves no text)."""

    what: Rule | Edit
    then: Literal["keep", "drop", "reject"]
    when: Rule | None = None  # only to lines within its bounds

    @property
    def reason(self) -> str:
        """The reason of a step that rejects, else ""."""
        return self.what.name if self.then == "reject" and isinstance(self.what, Rule) else ""

    def signals(self) -> tuple[str, ...]:
        """The signals it measures of lines."""
        return tuple(rule.signal for rule in (self.when, self.what) if isinstance(rule, Rule))


@dataclass(frozen=True)
class Lines:
    """How a text is cut into lines, what is done to each, and how they are joined."""

    cut: Literal["newline", "unicode", "paragraph"]
    strip: bool
    join: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class PackExample:
    """A text and the reason for which the pack rejects it; None: it is kept."""

    text: str
    reason: str | None
    edited: str | None = None  # the text afterwards; None: not said
    group: str | None = None  # the value of the column `by`


class Early(NamedTuple):
    """What was found while a text was edited: one column for each of `Pack.early_reasons()`."""

    fired: np.ndarray  # bool[documents, reasons]
    values: np.ndarray  # float64[documents, reasons]


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
    """Named edits and rules, with the examples that show each at work."""

    name: str
    path: Path
    about: str
    source: str
    rules: tuple[Rule, ...]
    examples: tuple[PackExample, ...] = ()
    edits: tuple[Edit, ...] = ()
    lines: Lines | None = None
    by: str | None = None
    table: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    other: Literal["defaults", "keep", "reject"] = "defaults"

    @property
    def edits_text(self) -> bool:
        """Say whether the pack writes the text, or only judges it."""
        return bool(self.edits) or self.lines is not None

    def signals(self) -> tuple[str, ...]:
        """The signals measured of documents, in order, each once."""
        sizes = SIZES if self.edits_text else ()
        return tuple(dict.fromkeys((*(rule.signal for rule in self.rules), *sizes)))

    def early_reasons(self) -> tuple[str, ...]:
        """The reasons that come before all rules: of lines that reject their document, and of no text left."""
        steps = self.lines.steps if self.lines else ()
        said = dict.fromkeys(step.reason for step in steps if step.reason)
        return (*said, NO_TEXT_LEFT) if self.edits_text else ()

    def reasons(self) -> tuple[str, ...]:
        """Every reason the pack can give, in the order in which they are tried."""
        unlisted = (f"{self.by}_not_in_table",) if self.by and self.other == "reject" else ()
        return (*self.early_reasons(), *unlisted, *(reason for rule in self._widest for reason in rule.reasons()))

    @cached_property
    def _bounds(self) -> tuple[tuple[Rule, ...], ...]:
        """Rules of values outside the table, then those of each of its entries, in order."""
        outside = self.rules if self.other == "defaults" else tuple(Rule(r.name, r.signal) for r in self.rules)
        return (outside, *(self.changed(bounds).rules for bounds in self.table.values()))

    def bounds_of(self, group: str | None) -> tuple[Rule, ...]:
        """Return the rules with the bounds that hold for a value of the column `by`."""
        return self._bounds[1 + list(self.table).index(group) if group is not None and group in self.table else 0]

    @cached_property
    def _widest(self) -> tuple[Rule, ...]:
        """Rules with a finite bound wherever some entry of the table has one, so that all reasons are known."""
        some = zip(*self._bounds, strict=True)
        return tuple(replace(r[0], min=max(one.min for one in r), max=min(one.max for one in r)) for r in some)

    def judge(
        self, table: Mapping[str, np.ndarray], groups: pa.Array | None = None, early: Early | None = None
    ) -> Verdict:
        """Judge documents by their signals, `table`: signal -> float64[documents]; NaN fires nothing.

        `groups`: the column `by`. `early`: what the edits have found; None: nothing.
        """
        documents = len(next(iter(table.values()))) if table else len(groups) if groups is not None else 0
        if early is None:
            shape = documents, len(self.early_reasons())
            early = Early(np.zeros(shape, bool), np.zeros(shape))
        documents = len(early.fired)
        entry = np.zeros(documents, np.int64)  # of `_bounds`
        if self.by is not None and groups is not None:
            import pyarrow.compute as pc

            found = pc.index_in(groups.cast(pa.string()), pa.array(list(self.table), pa.string()))
            entry = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
        fired, values = [*early.fired.T], [*early.values.T]
        if self.by is not None and self.other == "reject":
            fired.append(entry == 0)
            values.append(np.full(documents, np.nan))
        for i, rule in enumerate(self._widest):
            measured = table[rule.signal]
            if rule.min > -np.inf:
                fired.append(measured < np.array([rules[i].min for rules in self._bounds])[entry])
                values.append(measured)
            if rule.max < np.inf:
                fired.append(measured > np.array([rules[i].max for rules in self._bounds])[entry])
                values.append(measured)
        if not fired:
            return Verdict(np.zeros((documents, 0), bool), np.zeros((documents, 0)))
        return Verdict(np.stack(fired, axis=1), np.stack(values, axis=1))

    def labels(self, verdict: Verdict) -> pa.ListArray:
        """Every rule that fires as `pack:reason`, list<string> with one list per document, none null."""
        _, which = np.nonzero(verdict.fired)
        offsets = np.zeros(len(verdict.fired) + 1, np.int32)
        np.cumsum(verdict.fired.sum(axis=1), out=offsets[1:])
        names = pa.array([f"{self.name}:{reason}" for reason in self.reasons()], pa.string())
        return pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(which)))

    def changed(self, bounds: Mapping[str, float]) -> Pack:
        """Return the pack with other bounds; RecipeError when a key names no rule.

        `{"word_count.min": 80}` for a rule, `{"lines.word_count.min": 5}` for a step. They replace those of `rules`;
        entries of a table keep theirs.
        """
        steps = self.lines.steps if self.lines else ()
        owners: dict[str, Rule] = {rule.name: rule for rule in self.rules}
        judging = [step.what for step in steps if isinstance(step.what, Rule)]
        names = [rule.name for rule in judging]
        owners |= {f"lines.{rule.name}": rule for rule in judging if names.count(rule.name) == 1}
        known = [f"{name}.{end}" for name in owners for end in ("min", "max")]
        for key, value in bounds.items():
            if key not in known:
                raise RecipeError(f"pack '{self.name}' has no bound '{key}'.{nearest(key, known)}")
            name, end = key.rsplit(".", 1)
            old = owners[name]
            owners[name] = new = replace(old, min=value) if end == "min" else replace(old, max=value)
            if new.min > new.max:
                raise RecipeError(f"{name} of pack '{self.name}': min {new.min} is above max {new.max}")
        rules = tuple(owners[rule.name] for rule in self.rules)
        if self.lines is None:
            return replace(self, rules=rules)
        steps = tuple(
            replace(s, what=owners.get(f"lines.{s.what.name}", s.what)) if isinstance(s.what, Rule) else s
            for s in steps
        )
        return replace(self, rules=rules, lines=replace(self.lines, steps=steps))


def load(name_or_path: str) -> Pack:
    """Read a shipped pack by name or any pack by path; RecipeError says file:line:column."""
    from corpusforge.stages.quality.pack_file import parse

    path = resource("filters", name_or_path)
    return parse(path, path.read_text(encoding="utf-8"))
