"""What other bounds would have done: answered from the signals that a run stored, without running again.

The answer is exact for the outcome of the block of rules that the pack stands in. What later stages would have said of
documents gained is not known, and what lost documents had displaced (copies) is not brought back.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge import rules, signals
from corpusforge.engine.storage import StoredPath, stored_path
from corpusforge.errors import RecipeError, RunError
from corpusforge.registry import nearest
from corpusforge.report.blocks import Block, Stages
from corpusforge.report.judged import KEPT, Judged, Reading, Target
from corpusforge.report.lookup import read_manifest

SAMPLES = 5


@dataclass(frozen=True)
class Question:
    """A pack of a finished run, and the bounds to put in place of its own."""

    output: StoredPath
    manifest: dict[str, Any]
    stages: Stages
    targets: tuple[Target, ...]
    changes: Mapping[str, float]

    @property
    def share(self) -> float:
        """The share of documents whose signals the run stored."""
        stored = self.manifest["recipe_parts"]["run"]["signals"]
        return float(stored["sample"]) if isinstance(stored, Mapping) else 1.0

    def reading(self) -> Reading:
        """Return what reads the stored signals."""
        return Reading(self.output, self.manifest["signals"], self.stages.fields)

    def due(self, target: Target) -> int:
        """Return how many documents of a target reached its block, as the manifest counts them."""
        return int(self.stages.entries[target.block.stages[0]]["sources"][target.block.source]["read"])

    def later_stages(self) -> list[str]:
        """Return the names of stages behind the block that reject documents, for any of the targets."""
        found: dict[str, None] = {}
        for target in self.targets:
            for place in self.stages.passed(target.block.source):
                name = self.stages.entries[place]["name"]
                if place > target.block.stages[-1] and name.split(".")[0] in ("quality", "dedup", "privacy"):
                    found[name] = None
        return list(found)

    def notes(self) -> list[str]:
        """Return what a reader must know besides the figures."""
        said = []
        if later := self.later_stages():
            said.append(f"Documents gained were not judged by what follows the block: {', '.join(later)}")
        if any(name.startswith("dedup.") for name in later):
            said.append("Copies that lost documents had displaced are not brought back here; a rerun would keep one")
        if any(not self.stages.unchanged(target.place) for target in self.targets):
            said.append("The pack has changed since the run: before is what the run did, after the pack as it is now")
        return said


def ask(
    output: str | StoredPath, pack: str, changes: Mapping[str, float], *, block: str = "", instead: str = ""
) -> Question:
    """Return the question what `changes` (`{"word_count.min": 80}`) to `pack` would have done to the run in `output`.

    A change may also bound a signal that the pack has no rule for, if the block measured it. `block` chooses one when
    the pack stands in several; `instead`: another pack file to judge by. Raises OutputError without a finished run,
    RecipeError for unknown names, RunError when only a rerun can answer.
    """
    folder = stored_path(output)
    manifest = read_manifest(folder)
    stages = Stages(folder, manifest)
    if not manifest["signals"]:
        raise RunError(f"{output} stored no signals (run: signals: none, or no rules); a rerun is needed")
    found = [
        (one, place, name)
        for source in manifest["sources"]
        for one in stages.blocks(source)
        for place, name in one.packs(stages.fields)
        if pack in (name, Path(name).stem)
    ]
    if not found:
        names = sorted({Path(f["pack"]).stem for f in stages.fields if "pack" in f})
        raise RecipeError(f"{output}: no stage has the pack '{pack}'.{nearest(pack, names)} Packs: {', '.join(names)}")
    if block:
        labels = sorted({one.label for one, _, _ in found})
        found = [entry for entry in found if entry[0].label == block]
        if not found:
            raise RecipeError(f"'{pack}' stands in no block '{block}'. Blocks: {', '.join(labels)}")
    for source in {one.source for one, _, _ in found}:
        _check_one(stages, [one for one, _, _ in found if one.source == source], pack)
    targets = []
    for one, place, _ in found:
        old = stages.pack(place)
        new = changed(rules.load(instead), changes) if instead else changed(old, changes)
        _check_edits(old, new, changes)
        targets.append(Target(one, place, old, replace(new, name=old.name)))
    return Question(folder, manifest, stages, tuple(targets), dict(changes))


def changed(pack: rules.Pack, changes: Mapping[str, float]) -> rules.Pack:
    """Return the pack with other bounds, and with a rule for each signal that it had none for."""
    for key in changes:
        name, _, end = key.rpartition(".")
        if end in ("min", "max") and name in signals.names() and name not in (rule.name for rule in pack.rules):
            pack = replace(pack, rules=(*pack.rules, rules.Rule(name, name)))
    return pack.changed(changes)


def _check_one(stages: Stages, mine: Sequence[Block], pack: str) -> None:
    # signals/ names a document's block by its packs: each must stand for one stage.
    labels = [one.label for one in mine]
    source = mine[0].source
    if len(set(labels)) > 1:
        raise RecipeError(f"'{pack}' stands in {len(labels)} blocks of {source}; give --block: {', '.join(labels)}")
    stems = [Path(name).stem for _, name in mine[0].packs(stages.fields)]
    if [one.label for one in stages.blocks(source)].count(labels[0]) > 1 or stems.count(Path(pack).stem) > 1:
        raise RunError(f"a rerun is needed: several stages of {source} are called '{labels[0]}' in signals/")


def _check_edits(old: rules.Pack, new: rules.Pack, changes: Mapping[str, float]) -> None:
    lines = [key for key in changes if key.startswith("lines.")]
    if lines or (old.edits, old.lines) != (new.edits, new.lines):
        what = f"'{lines[0]}'" if lines else "its edits"
        raise RunError(
            f"a rerun is needed: {what} of pack '{old.name}' changes the text itself, and its signals were measured of "
            "the text as edited. Bounds of its `rules` can be answered"
        )


# ------------------------------------------------------------------------------------------- answer


class Counts(Counter[str]):
    """Documents, kept before and after, gained and lost; estimates when signals were sampled."""

    NAMES = ("documents", "kept_before", "kept_after", "gained", "lost")

    def figures(self) -> dict[str, int]:
        """Return them rounded, in order."""
        return {name: round(self[name]) for name in self.NAMES}


class Answer:
    """What the changes would have done, counted from one pass over signals/."""

    def __init__(self, question: Question, samples: int = SAMPLES) -> None:
        self.question = question
        self._most = samples
        self.measured: Counter[Target] = Counter()
        self.raw: dict[tuple[str, str | None], Counts] = {}
        self.reasons: dict[str, Counter[str]] = {"before": Counter(), "after": Counter()}
        self.samples: dict[str, list[dict[str, Any]]] = {"gained": [], "lost": []}
        reading = question.reading()
        for judged in reading.batches(question.targets):
            self._count(judged, judged.after(judged.target.other, reading.labels), reading)

    def _count(self, judged: Judged, after: np.ndarray, reading: Reading) -> None:
        self.measured[judged.target] += len(after)
        old, new = judged.before == KEPT, after == KEPT
        columns = {"documents": np.ones(len(after), bool), "kept_before": old, "kept_after": new}
        columns |= {"gained": new & ~old, "lost": old & ~new}
        languages = judged.languages.dictionary_encode()
        at = pc.fill_null(languages.indices, -1).to_numpy()
        names = [*languages.dictionary.to_pylist(), None]
        for name, mask in columns.items():
            for code, count in zip(*np.unique(at[mask], return_counts=True), strict=True):
                key = judged.target.block.source, names[code]
                self.raw.setdefault(key, Counts())[name] += int(count)
        for when, codes in (("before", judged.before), ("after", after)):
            for code, count in zip(*np.unique(codes[codes != KEPT], return_counts=True), strict=True):
                self.reasons[when][str(reading.labels.name(code))] += int(count)
        for kind in self.samples:
            self._sample(kind, judged, after, np.flatnonzero(columns[kind]), reading)

    def _sample(self, kind: str, judged: Judged, after: np.ndarray, rows: np.ndarray, reading: Reading) -> None:
        # The smallest doc_ids: hashes, so a fair sample, and the same one every time.
        ids = judged.doc_ids.take(pa.array(rows)).to_numpy(zero_copy_only=False).astype("U32")
        moved = {key.rpartition(".")[0] for key in self.question.changes}
        shown = [rule.signal for rule in judged.target.other.rules if rule.name in moved]
        for place in np.argsort(ids)[: self._most]:
            row = int(rows[place])
            entry: dict[str, Any] = {"doc_id": str(ids[place]), "source": judged.target.block.source}
            entry |= {"before": reading.labels.name(judged.before[row]), "after": reading.labels.name(after[row])}
            entry["signals"] = {name: float(judged.table[name][row]) for name in shown}
            self.samples[kind].append(entry)
        self.samples[kind] = sorted(self.samples[kind], key=lambda entry: entry["doc_id"])[: self._most]

    @cached_property
    def factor(self) -> dict[str, float]:
        """By source: documents that reached the block for each one whose signals are stored; 1 when all are."""
        due: Counter[str] = Counter()
        stored: Counter[str] = Counter()
        for target in self.question.targets:
            due[target.block.source] += self.question.due(target)
            stored[target.block.source] += self.measured[target]
        if self.question.share == 1:
            return dict.fromkeys(due, 1.0)
        return {source: due[source] / stored[source] if stored[source] else 0.0 for source in due}

    def by(self, which: int) -> dict[str, Counts]:
        """Return the counts by source (0) or by language (1), most documents first."""
        found: dict[str, Counts] = {}
        for key, counts in self.raw.items():
            mine = found.setdefault(str(key[which] or "unknown"), Counts())
            for name, count in counts.items():
                mine[name] += count * self.factor[key[0]]  # type: ignore[assignment]
        return dict(sorted(found.items(), key=lambda item: (-item[1]["documents"], item[0])))

    def total(self) -> Counts:
        """Return the counts over all sources."""
        total = Counts()
        for counts in self.by(0).values():
            total.update(counts)
        return total

    def margin(self, name: str) -> float:
        """Return half the width of a figure's 95 % interval, in documents; 0 when all signals are stored."""
        if self.question.share == 1:
            return 0.0
        variance = 0.0
        for source, factor in self.factor.items():
            counts = [c for (s, _), c in self.raw.items() if s == source]
            documents = sum(c["documents"] for c in counts)
            part = sum(c[name] for c in counts) / documents if documents else 0.0
            variance += factor * (factor - 1) * documents * part * (1 - part)
        return 1.96 * math.sqrt(max(variance, 0.0))

    def notes(self) -> list[str]:
        """Return what a reader must know besides the figures."""
        said = []
        stored = sum(self.measured.values())
        if self.question.share < 1:
            said.append(
                f"Estimated from the signals of {stored:,} documents, {self.question.share:.3g} of all; "
                f"kept after: plus or minus {self.margin('kept_after'):,.0f} (95 %)"
            )
        else:
            missing = sum(self.question.due(t) for t in self.question.targets) - stored
            if missing:
                said.append(f"{missing:,} documents that reached the block were quarantined in it and are left out")
        return said + self.question.notes()

    def figures(self) -> dict[str, Any]:
        """Return everything as plain data."""
        before, after = self.reasons["before"], self.reasons["after"]
        return {
            "output": str(self.question.output),
            "pack": self.question.targets[0].pack.name,
            "changes": dict(self.question.changes),
            "blocks": sorted({target.block.label for target in self.question.targets}),
            "signals_share": self.question.share,
            **self.total().figures(),
            "margins": {name: round(self.margin(name), 1) for name in ("kept_after", "gained", "lost")},
            "sources": {name: counts.figures() for name, counts in self.by(0).items()},
            "languages": {name: counts.figures() for name, counts in self.by(1).items()},
            "reasons": {name: {"before": before[name], "after": after[name]} for name in {**before, **after}},
            "samples": self.samples,
            "notes": self.notes(),
        }


def outcomes(question: Question) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Yield doc_id, source, and the block's reason (`pack:reason`, None: kept) before and after, for each document."""
    reading = question.reading()
    for judged in reading.batches(question.targets):
        after = judged.after(judged.target.other, reading.labels)
        for doc_id, old, new in zip(judged.doc_ids.to_pylist(), judged.before, after, strict=True):
            yield doc_id, judged.target.block.source, reading.labels.name(old), reading.labels.name(new)


def parse_changes(given: Sequence[str]) -> dict[str, float]:
    """Return `NAME.min=80` and so on as a map; RecipeError for anything else."""
    found = {}
    for text in given:
        key, _, value = text.partition("=")
        try:
            found[key.strip()] = float(value)
        except ValueError:
            raise RecipeError(f"--set {text}: write NAME.min=NUMBER or NAME.max=NUMBER") from None
    return found
