"""The stages of a finished run with their fields, and the blocks of rules that each source passed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from corpusforge import rules
from corpusforge.engine.identity import stage_identity
from corpusforge.engine.segment import block_label
from corpusforge.engine.storage import StoredPath
from corpusforge.errors import RecipeError
from corpusforge.stages.quality.rules import Rules

RULES, SIGNALS = "quality.rules", "quality.signals"


@dataclass(frozen=True)
class Block:
    """Neighbouring stages that judge one text of one source together."""

    source: str
    stages: tuple[int, ...]  # places in the manifest's list
    label: str  # as in the column `block` of signals/

    def packs(self, fields: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
        """Yield the place of each stage with a pack, and the pack as the recipe names it."""
        for place in self.stages:
            if "pack" in fields[place]:
                yield place, str(fields[place]["pack"])


class Stages:
    """The stages of a finished run, in the order of its manifest."""

    def __init__(self, output: StoredPath, manifest: Mapping[str, Any]) -> None:
        self.manifest = manifest
        self.entries: list[dict[str, Any]] = manifest["stages"]
        self.fields = stage_fields(output / "recipe.yaml")
        if len(self.fields) != len(self.entries):  # the recipe was edited or is gone
            self.fields = [{} for _ in self.entries]

    def passed(self, source: str) -> list[int]:
        """Return the places of the stages that documents of `source` pass."""
        return [i for i, stage in enumerate(self.entries) if source in stage["sources"]]

    def blocks(self, source: str) -> list[Block]:
        """Return the blocks of `source` in order."""
        # Neighbours in one block have one key; a pack that edits the text, and any other stage, has its own.
        keys = [(i, "rules" if self._judges_only(i) else i) for i in self.passed(source)]
        found = [tuple(i for i, _ in block) for _, block in groupby(keys, key=lambda entry: entry[1])]
        return [
            Block(source, places, block_label([self._named(i) for i in places]))
            for places in found
            if self.entries[places[0]]["name"] in (RULES, SIGNALS)
        ]

    def unchanged(self, place: int) -> bool:
        """Say whether the stage at `place` would judge today as it did in the run: same pack, same code."""
        fields = {name: self.fields[place][name] for name in ("pack", "set") if name in self.fields[place]}
        try:
            return bool(stage_identity(Rules(**fields)) == self._identity(place))
        except (RecipeError, ValidationError):
            return False

    def pack(self, place: int) -> rules.Pack:
        """Return the pack of the stage at `place` as it is today, with the bounds that the recipe set."""
        return rules.load(self.fields[place]["pack"]).changed(self.fields[place].get("set", {}))

    def _named(self, place: int) -> tuple[str, str]:
        pack = self.fields[place].get("pack", "")
        return self.entries[place]["name"], Path(pack).stem

    def _judges_only(self, place: int) -> bool:
        if self.entries[place]["name"] != RULES:
            return bool(self.entries[place]["name"] == SIGNALS)
        try:
            return not rules.load(self.fields[place]["pack"]).edits_text
        except (RecipeError, KeyError):  # the pack is gone
            return True

    def _identity(self, place: int) -> Any:
        parts = [part for name, part in self.manifest["recipe_parts"].items() if name.startswith("stage ")]
        part = parts[place - (len(self.entries) - len(parts))]
        return part[0] if isinstance(part, list) else part


def stage_fields(recipe: StoredPath) -> list[dict[str, Any]]:
    """Return the fields of every stage of a resolved recipe in the order of the manifest: readers, own, shared."""
    if not recipe.is_file():
        return []
    root = YAML(typ="safe", pure=True).load(recipe.read_text(encoding="utf-8"))
    steps = [step for source in root["sources"].values() for step in source.get("stages", [])]
    steps += root.get("stages", [])
    fields: list[dict[str, Any]] = [{} for _ in root["sources"]]
    return fields + [{} if isinstance(step, str) else dict(next(iter(step.values())) or {}) for step in steps]
