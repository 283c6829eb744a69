"""Why a document is where it is: its way through a finished run, from what the run left."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from corpusforge import rules
from corpusforge.engine.samples import withheld
from corpusforge.engine.storage import StoredPath, stored_path
from corpusforge.errors import RecipeError, RunError
from corpusforge.registry import find
from corpusforge.report.blocks import Stages
from corpusforge.report.difference import difference
from corpusforge.report.lookup import Place, find_rows, find_texts, read_manifest
from corpusforge.report.sample_texts import masked
from corpusforge.schema import FIRED, SIGNAL_PREFIX
from corpusforge.stage import Stage

MOST = 20  # documents shown for one URL; a page that was crawled daily has hundreds
MOST_COPIES = 5  # of a kept text, shown with their difference
DIFF_CHARS = 200_000
ABOUT = ("doc_id", "source", "origin", "url", "title", "date", "language", "license", "path", "token_count")
CLUSTER = ("cluster_id", "cluster_size")
LARGE = ("text", "input_ids", "metadata")  # columns that an account has no use for
DOC_ID = re.compile("[0-9a-f]{32}")
COPIES = ("exact_duplicate", "near_duplicate")  # reasons whose detail is the doc_id of the text that stays


def explain(output: str | StoredPath, wanted: str) -> list[dict[str, Any]]:
    """Return an account of each document that `wanted` names, at most MOST.

    `wanted` is a doc_id, URL, origin or path; where it is none of these, a piece of text, sought in the texts that the
    run left. An account has `status` (kept, rejected, quarantined), what is known of the document, `stages` (name,
    pack, outcome: passed, rejected, quarantined or not reached; `measured` and `bounds` where the run left them),
    `signals` (value, bounds and pack), and, as they apply, `edits` (characters before and after each pack that edits
    the text), `pii` (spans by type, with the action), `place`, `cluster`, `copies` (documents that went in its favour),
    `rejected`, `quarantined`, `keeper`, the account of the text that stays in place of a copy, and `difference`, what
    the one that stays has and lacks against it, where both texts are there; personal data is masked.
    Raises OutputError when `output` holds no finished run, RunError when no document of the run is `wanted`.
    """
    return _Run(stored_path(output)).accounts(wanted)


class _Run:
    # What a finished run left, and its stages in order, with their fields.

    def __init__(self, output: StoredPath) -> None:
        self.output = output
        self.manifest = read_manifest(output)
        self.stages = Stages(output, self.manifest)
        self.kinds = (
            ("shards", self._kept),
            ("validation", self._kept),
            ("rejected", self._rejected),
            ("quarantine", self._quarantined),
        )

    def accounts(self, wanted: str) -> list[dict[str, Any]]:
        found = self._find(wanted) or self._find_text(wanted)
        if not found:
            raise RunError(
                f"{self.output}: no document has the doc_id, URL, origin or path '{wanted}', or this in its text."
                f"{self._hint()}"
            )
        for account in found:
            self._add_signals(account)
            self._add_copies(account)
        return found

    def _hint(self) -> str:
        lost = self.manifest["documents"]["rejected"]
        if self.manifest["run"]["keep_rejected"] == "none" and lost:
            return f" The run kept no record of {lost:,} rejected documents (run: keep_rejected: none)"
        written = self.manifest["written"]
        if written.get("sequences") or not all(p["path"].endswith(".parquet") for p in self.manifest["shards"]):
            return " The shards of this run do not name documents, so kept ones cannot be found in them"
        if written.get("left_out"):
            return f" {written['left_out']:,} documents were kept by every stage and left out of the mixture"
        said = " An origin is a path below the source's folder, '#', and a position, as in data/ and rejected/"
        if lost and self.manifest["run"]["keep_rejected"] == "ids":
            said += "; the texts of rejected documents were not kept (run: keep_rejected: text)"
        return said

    def _find(self, wanted: str) -> list[dict[str, Any]]:
        keys = ("doc_id",) if DOC_ID.fullmatch(wanted) else ("url", "origin", "path")

        def places() -> Iterator[dict[str, Any]]:
            for kind, account in self.kinds:
                for place in find_rows(self.output, self.manifest.get(kind, []), wanted, keys, without=LARGE):
                    yield account(place)

        return list(islice(places(), MOST))

    def _find_text(self, fragment: str) -> list[dict[str, Any]]:
        def places() -> Iterator[dict[str, Any]]:
            for kind, account in self.kinds[:3]:
                for place in find_texts(self.output, self.manifest.get(kind, []), fragment, without=LARGE):
                    yield account(place)

        return list(islice(places(), MOST))

    # ---- one document

    def _kept(self, place: Place) -> dict[str, Any]:
        account = _about("kept", place.values)
        account["place"] = {"file": place.file, "row": place.row}
        if place.values.get("cluster_size") is not None:
            account["cluster"] = {"id": place.values["cluster_id"], "size": place.values["cluster_size"]}
        account["stages"] = self._way(account["source"], None, "", place.values)
        if pii := self._pii(account["source"], place.values):
            account["pii"] = pii
        return account

    def _rejected(self, place: Place) -> dict[str, Any]:
        account = _about("rejected", place.values)
        account["record"] = {"file": place.file, "row": place.row}
        account["rejected"] = {name: place.values[name] for name in ("stage", "reason", "value", "detail")}
        at = self._stage(account, self._fired(account["doc_id"]))
        account["stages"] = self._way(account["source"], at, "rejected", {})
        return account

    def _quarantined(self, place: Place) -> dict[str, Any]:
        account = _about("quarantined", place.values)
        account["record"] = {"file": place.file, "row": place.row}
        account["quarantined"] = {name: place.values[name] for name in ("stage", "error", "bytes")}
        passing = self.stages.passed(account["source"])
        at = next((i for i in passing if self._lost(i, place.values["stage"])), None)
        account["stages"] = self._way(account["source"], at, "quarantined", {})
        return account

    def _lost(self, index: int, name: str) -> bool:
        return bool(self.stages.entries[index]["name"] == name and self.stages.entries[index]["quarantined"])

    def _stage(self, account: dict[str, Any], fired: list[str]) -> int | None:
        # Two stages of one name are told apart by the reasons they gave and, of rules, by the pack that fired first.
        name, reason = account["rejected"]["stage"], account["rejected"]["reason"]
        able = [
            i
            for i in self.stages.passed(account["source"])
            if self.stages.entries[i]["name"] == name and reason in self.stages.entries[i]["rejected"]
        ]
        labels = {f"{Path(self.stages.fields[i].get('pack', '')).stem}:{reason}": i for i in reversed(able)}
        return next((labels[label] for label in fired if label in labels), able[0] if able else None)

    def _way(self, source: str, end: int | None, outcome: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        way = []
        for i in self.stages.passed(source):
            name, fields = self.stages.entries[i]["name"], self.stages.fields[i]
            said: dict[str, Any] = {"name": name}
            if "pack" in fields:
                said["pack"] = fields["pack"]
            said["outcome"] = "passed" if end is None or i < end else outcome if i == end else "not reached"
            bounds = {k: v for k, v in fields.items() if k.startswith(("min_", "max_")) or k in ("keep", "verify")}
            bounds = {k: v for k, v in bounds.items() if v not in ([], {})}  # empty: everything passes
            if bounds:
                said["bounds"] = bounds
            measured = {column: values[column] for column in self._columns(i) if values.get(column) is not None}
            if measured:
                said["measured"] = measured
            way.append(said)
        return way

    def _columns(self, place: int) -> list[str]:
        """Return the columns that a stage wrote beside the text."""
        try:
            cls = find(self.stages.entries[place]["name"])
            if not issubclass(cls, Stage) or cls.block:
                return []
            fields = {k: v for k, v in self.stages.fields[place].items() if k not in ("only", "except")}
            return [name for name in cls.model_validate(fields).columns_written() if name not in LARGE]
        except (RecipeError, ValidationError, OSError):  # a stage or file of the run that is gone
            return []

    def _pii(self, source: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        found = {k.removeprefix("pii_"): v for k, v in values.items() if k.startswith("pii_") and v}
        fields = [self.stages.fields[i] for i in self.stages.passed(source)]
        actions = {
            kind: action
            for f in fields
            for action in ("mask", "replace", "hash", "remove")
            for kind in f.get(action, ())
        }
        rest = actions.get("rest", "mask")
        return [{"type": kind, "spans": spans, "action": actions.get(kind, rest)} for kind, spans in found.items()]

    # ---- signals

    def _signal_rows(self, doc_id: str) -> list[dict[str, Any]]:
        return [p.values for p in find_rows(self.output, self.manifest["signals"], doc_id, ("doc_id",))]

    def _fired(self, doc_id: str) -> list[str]:
        return [label for row in self._signal_rows(doc_id) for label in row.get(FIRED) or ()]

    def _add_signals(self, account: dict[str, Any]) -> None:
        account["fired"] = []
        account["signals"] = []
        blocks = self.stages.blocks(account["source"])
        # One row for each block of neighbouring rules that the document reached, in the order of the blocks.
        for row in self._signal_rows(account["doc_id"]):
            account["fired"] += row.get(FIRED) or ()
            measured = {
                k.removeprefix(SIGNAL_PREFIX): v
                for k, v in row.items()
                if k.startswith(SIGNAL_PREFIX) and isinstance(v, float)
            }
            at = next((i for i, block in enumerate(blocks) if block.label == row.get("block")), None)
            packs = [] if at is None else self._packs(blocks.pop(at).stages)
            if "chars_before" in measured:  # a pack that edits stands alone
                said = {"pack": packs[0].name} if packs else {}
                sizes = {name: int(measured[name]) for name in rules.SIZES}
                account.setdefault("edits", []).append({**said, **sizes})
            for pack in packs:
                group = row.get(pack.by) if pack.by else None
                account["signals"] += [_judged(rule, pack, measured[rule.signal]) for rule in pack.bounds_of(group)]
            if not packs:
                account["signals"] += [{"name": name, "value": value} for name, value in sorted(measured.items())]

    def _packs(self, block: tuple[int, ...]) -> list[rules.Pack]:
        places = [i for i in block if "pack" in self.stages.fields[i]]
        if not all(self.stages.unchanged(i) for i in places):
            return []  # a pack was changed or removed since the run: its bounds would mislead
        return [self.stages.pack(i) for i in places]

    # ---- copies

    def _add_copies(self, account: dict[str, Any]) -> None:
        rejected = account.get("rejected")
        if rejected and rejected["reason"] in COPIES and DOC_ID.fullmatch(rejected["detail"] or ""):
            found = self._find(rejected["detail"])
            account["keeper"] = found[0] if found else {"doc_id": rejected["detail"], "status": "unknown"}
            if rejected["reason"] == "near_duplicate" and "cluster" in account["keeper"]:
                account["cluster"] = account["keeper"]["cluster"]  # copies meet in one cluster
            if (lines := self._difference(account["doc_id"], rejected["detail"])) is not None:
                account["difference"] = lines
        if account["status"] == "kept" and self.manifest["rejected"]:
            gone = find_rows(self.output, self.manifest["rejected"], account["doc_id"], ("detail",), without=LARGE)
            copies = []
            for place in islice((p for p in gone if p.values["reason"] in COPIES), MOST_COPIES):
                entry = {k: v for k, v in place.values.items() if k in ("doc_id", "origin", "url", "reason", "value")}
                lines = self._difference(entry["doc_id"], account["doc_id"])
                copies.append({**entry, **({} if lines is None else {"difference": lines})})
            if copies:
                account["copies"] = copies

    def _difference(self, gone: str, stays: str) -> list[str] | None:
        texts = []
        for doc_id in (gone, stays):
            text = self._text(doc_id)
            if text is None:
                return None
            texts.append(masked(text[:DIFF_CHARS], doc_id))
        return difference(*texts)

    def _text(self, doc_id: str) -> str | None:
        for kind in ("shards", "validation", "rejected"):
            parts, columns = self.manifest.get(kind, []), ("text", "stage", "reason")
            for place in find_rows(self.output, parts, doc_id, ("doc_id",), columns):
                hidden = withheld(place.values.get("stage"), place.values.get("reason"))
                if place.values.get("text") is not None and not hidden:
                    return str(place.values["text"])
        return None


def _about(status: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"status": status, **{name: values[name] for name in ABOUT if values.get(name) is not None}}


def _judged(rule: rules.Rule, pack: rules.Pack, value: float) -> dict[str, Any]:
    bounds = {"min": _finite(rule.min), "max": _finite(rule.max), "pack": pack.name}
    return {"name": rule.signal, "value": value, **bounds, "within": rule.min <= value <= rule.max}


def _finite(bound: float) -> float | None:
    return bound if abs(bound) != float("inf") else None
