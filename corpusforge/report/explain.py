"""Why a document is where it is: its way through a finished run, from what the run left."""

import re
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from corpusforge import rules
from corpusforge.engine.identity import stage_identity
from corpusforge.errors import RecipeError, RunError
from corpusforge.report.lookup import Place, find_rows, read_manifest
from corpusforge.schema import FIRED, SIGNAL_PREFIX
from corpusforge.stages.quality.rules import Rules

MOST = 20  # documents shown for one URL; a page that was crawled daily has hundreds
ABOUT = ("doc_id", "source", "origin", "url", "title", "date", "language", "license", "path", "token_count")
CLUSTER = ("cluster_id", "cluster_size")
DOC_ID = re.compile("[0-9a-f]{32}")
COPIES = ("exact_duplicate", "near_duplicate")  # reasons whose detail is the doc_id of the text that stays


def explain(output: str | Path, wanted: str) -> list[dict[str, Any]]:
    """Return an account of each document that `wanted` (doc_id, URL or origin) names, at most MOST.

    An account has `status` (kept, rejected, quarantined), what is known of the document, `stages` (name, pack, outcome:
    passed, rejected, quarantined or not reached), `signals` (value, bounds and pack), and, as they apply, `edits`
    (characters before and after each pack that edits the text), `place`, `cluster`, `rejected`, `quarantined` and
    `keeper`, the account of the text that stays in place of a copy.
    Raises OutputError when `output` holds no finished run, RunError when no document of the run is `wanted`.
    """
    return _Run(Path(output)).accounts(wanted)


class _Run:
    # What a finished run left, and its stages in order, with their fields.

    def __init__(self, output: Path) -> None:
        self.output = output
        self.manifest = read_manifest(output)
        self.stages: list[dict[str, Any]] = self.manifest["stages"]
        self.fields = _stage_fields(output / "recipe.yaml")
        if len(self.fields) != len(self.stages):  # a run from Python leaves no recipe
            self.fields = [{} for _ in self.stages]

    def accounts(self, wanted: str) -> list[dict[str, Any]]:
        found = self._find(wanted)
        if not found:
            raise RunError(f"{self.output}: no document has the doc_id, URL or origin '{wanted}'.{self._hint()}")
        for account in found:
            self._add_signals(account)
            self._add_keeper(account)
        return found

    def _hint(self) -> str:
        lost = self.manifest["documents"]["rejected"]
        if self.manifest["run"]["keep_rejected"] == "none" and lost:
            return f" The run kept no record of {lost:,} rejected documents (run: keep_rejected: none)"
        writer = self.manifest.get("writer", "write.parquet")
        if self.manifest["written"]["sequences"] or writer != "write.parquet":
            how = "packed into sequences" if self.manifest["written"]["sequences"] else f"written by {writer}"
            return f" Kept documents were {how}, which has no rows of documents; only what was rejected can be found"
        return " An origin is a path below the source's folder, '#', and a position, as in data/ and rejected/"

    def _find(self, wanted: str) -> list[dict[str, Any]]:
        keys = ("doc_id",) if DOC_ID.fullmatch(wanted) else ("url", "origin")
        kinds = (
            ("shards", self._kept, (*ABOUT, *CLUSTER)),
            ("validation", self._kept, (*ABOUT, *CLUSTER)),
            ("rejected", self._rejected, ()),
            ("quarantine", self._quarantined, ()),
        )
        found: list[dict[str, Any]] = []
        for kind, account, columns in kinds:
            parts = [part for part in self.manifest.get(kind, ()) if part["path"].endswith(".parquet")]
            for place in find_rows(self.output, parts, wanted, keys, columns):
                found.append(account(place))
                if len(found) == MOST:
                    return found
        return found

    # ---- one document

    def _kept(self, place: Place) -> dict[str, Any]:
        account = _about("kept", place.values)
        account["place"] = {"file": place.file, "row": place.row}
        if place.values.get("cluster_size") is not None:
            account["cluster"] = {"id": place.values["cluster_id"], "size": place.values["cluster_size"]}
        account["stages"] = self._way(account["source"], None, "")
        return account

    def _rejected(self, place: Place) -> dict[str, Any]:
        account = _about("rejected", place.values)
        account["rejected"] = {name: place.values[name] for name in ("stage", "reason", "value", "detail")}
        at = self._stage(account, self._fired(account["doc_id"]))
        account["stages"] = self._way(account["source"], at, "rejected")
        return account

    def _quarantined(self, place: Place) -> dict[str, Any]:
        account = _about("quarantined", place.values)
        account["quarantined"] = {name: place.values[name] for name in ("stage", "error", "bytes")}
        at = next((i for i in self._passing(account["source"]) if self._lost(i, place.values["stage"])), None)
        account["stages"] = self._way(account["source"], at, "quarantined")
        return account

    def _lost(self, index: int, name: str) -> bool:
        return bool(self.stages[index]["name"] == name and self.stages[index]["quarantined"])

    def _passing(self, source: str) -> list[int]:
        return [i for i, stage in enumerate(self.stages) if source in stage["sources"]]

    def _stage(self, account: dict[str, Any], fired: list[str]) -> int | None:
        # Two stages of one name are told apart by the reasons they gave and, of rules, by the pack that fired first.
        name, reason = account["rejected"]["stage"], account["rejected"]["reason"]
        able = [
            i
            for i in self._passing(account["source"])
            if self.stages[i]["name"] == name and reason in self.stages[i]["rejected"]
        ]
        labels = {f"{Path(self.fields[i].get('pack', '')).stem}:{reason}": i for i in reversed(able)}
        return next((labels[label] for label in fired if label in labels), able[0] if able else None)

    def _way(self, source: str, end: int | None, outcome: str) -> list[dict[str, Any]]:
        way = []
        for i in self._passing(source):
            said = "passed" if end is None or i < end else outcome if i == end else "not reached"
            pack = self.fields[i].get("pack")
            way.append({"name": self.stages[i]["name"], **({"pack": pack} if pack else {}), "outcome": said})
        return way

    # ---- signals and keeper

    def _signal_rows(self, doc_id: str) -> list[dict[str, Any]]:
        return [p.values for p in find_rows(self.output, self.manifest["signals"], doc_id, ("doc_id",))]

    def _fired(self, doc_id: str) -> list[str]:
        return [label for row in self._signal_rows(doc_id) for label in row.get(FIRED) or ()]

    def _add_signals(self, account: dict[str, Any]) -> None:
        account["fired"] = []
        account["signals"] = []
        # One row for each block of neighbouring rules that the document reached, in the order of the blocks.
        for row, block in zip(self._signal_rows(account["doc_id"]), self._blocks(account["source"]), strict=False):
            account["fired"] += row.get(FIRED) or ()
            measured = {k.removeprefix(SIGNAL_PREFIX): v for k, v in row.items() if isinstance(v, float)}
            packs = self._packs(block)
            if "chars_before" in measured:  # a pack that edits stands alone
                said = {"pack": packs[0].name} if packs else {}
                sizes = {name: int(measured[name]) for name in rules.SIZES}
                account.setdefault("edits", []).append({**said, **sizes})
            for pack in packs:
                account["signals"] += [_judged(rule, pack, measured[rule.signal]) for rule in pack.rules]
            if not packs:
                account["signals"] += [{"name": name, "value": value} for name, value in sorted(measured.items())]

    def _blocks(self, source: str) -> list[list[int]]:
        # Neighbours in one block have one key; a pack that edits the text, and any other stage, has its own.
        keys = [(i, "rules" if self._judges_only(i) else i) for i in self._passing(source)]
        blocks = [[i for i, _ in block] for _, block in groupby(keys, key=lambda entry: entry[1])]
        return [block for block in blocks if self.stages[block[0]]["name"] == "quality.rules"]

    def _judges_only(self, index: int) -> bool:
        if self.stages[index]["name"] != "quality.rules":
            return False
        try:
            return not rules.load(self.fields[index]["pack"]).edits_text
        except (RecipeError, KeyError):  # the pack is gone, or the run was made from Python
            return True

    def _packs(self, block: list[int]) -> list[rules.Pack]:
        packs = []
        for i in block:
            fields = {name: self.fields[i][name] for name in ("pack", "set") if name in self.fields[i]}
            try:
                same = stage_identity(Rules(**fields)) == self._identity(i)
            except (RecipeError, ValidationError):
                same = False
            if not same:  # the pack was changed or removed since the run: its bounds would mislead
                return []
            packs.append(rules.load(fields["pack"]).changed(fields.get("set", {})))
        return packs

    def _identity(self, index: int) -> Any:
        parts = [part for name, part in self.manifest["recipe_parts"].items() if name.startswith("stage ")]
        part = parts[index - (len(self.stages) - len(parts))]
        return part[0] if isinstance(part, list) else part

    def _add_keeper(self, account: dict[str, Any]) -> None:
        rejected = account.get("rejected")
        if rejected and rejected["reason"] in COPIES and DOC_ID.fullmatch(rejected["detail"] or ""):
            found = self._find(rejected["detail"])
            account["keeper"] = found[0] if found else {"doc_id": rejected["detail"], "status": "unknown"}
            if rejected["reason"] == "near_duplicate" and "cluster" in account["keeper"]:
                account["cluster"] = account["keeper"]["cluster"]  # copies meet in one cluster


def _about(status: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"status": status, **{name: values[name] for name in ABOUT if values.get(name) is not None}}


def _judged(rule: rules.Rule, pack: rules.Pack, value: float) -> dict[str, Any]:
    bounds = {"min": _finite(rule.min), "max": _finite(rule.max), "pack": pack.name}
    return {"name": rule.signal, "value": value, **bounds, "within": rule.min <= value <= rule.max}


def _finite(bound: float) -> float | None:
    return bound if abs(bound) != float("inf") else None


def _stage_fields(recipe: Path) -> list[dict[str, Any]]:
    """Return the fields of every stage of a resolved recipe in the order of the manifest: readers, own, shared."""
    if not recipe.is_file():
        return []
    root = YAML(typ="safe", pure=True).load(recipe.read_text(encoding="utf-8"))
    steps = [step for source in root["sources"].values() for step in source.get("stages", [])]
    steps += root.get("stages", [])
    fields: list[dict[str, Any]] = [{} for _ in root["sources"]]
    return fields + [{} if isinstance(step, str) else dict(next(iter(step.values())) or {}) for step in steps]
