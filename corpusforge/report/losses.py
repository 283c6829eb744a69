"""What a run lost and where: by box of the figure, by stage, by reason. Exact, from the manifest alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# The boxes of Figure 3 (Zhao et al. 2023, arXiv:2303.18223), and the groups of stages that belong to each.
BOXES = (
    ("Raw corpus", ("read",)),
    ("Text of pages", ("extract", "normalize")),
    ("Quality filtering", ("quality",)),
    ("De-duplication", ("dedup",)),
    ("Privacy reduction", ("privacy",)),
    ("Tokenization", ("tokenize",)),
)
OWN = "Stages of your own"
QUARANTINED = "could not be read or processed"


def box_of(stage: str) -> str:
    """Return the box of a stage by its name.

    >>> box_of("dedup.minhash"), box_of("acme.filters:Shouting")
    ('De-duplication', 'Stages of your own')
    """
    group = stage.partition(".")[0] if ":" not in stage else ""
    return next((name for name, groups in BOXES if group in groups), OWN)


def titles(stages: Sequence[Mapping[str, Any]], fields: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a name for each stage that tells it from the others: with its pack, and its source when it has one."""
    said = []
    for stage, given in zip(stages, fields, strict=True):
        pack = f" {Path(str(given['pack'])).stem}" if given.get("pack") else ""
        said.append(f"{stage['name']}{pack}" + (f" ({stage['source']})" if stage["source"] else ""))
    return [name if said.count(name) == 1 else f"{name} #{said[: i + 1].count(name)}" for i, name in enumerate(said)]


def losses(stages: Sequence[Mapping[str, Any]], named: Sequence[str]) -> list[dict[str, Any]]:
    """Return every loss, the largest first: `stage` (its title), `place` in the manifest, `reason`, `documents`."""
    found = []
    for place, stage in enumerate(stages):
        counts = dict(stage["rejected"]) | ({QUARANTINED: stage["quarantined"]} if stage["quarantined"] else {})
        for reason, count in counts.items():
            found.append({"stage": named[place], "place": place, "reason": reason, "documents": count})
    return sorted(found, key=lambda loss: (-loss["documents"], loss["place"], loss["reason"]))


def funnel(stages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what each box took, in the figure's order, and what was left after it, in documents and bytes of text.

    A run may pass the boxes in another order, and sources in orders of their own: what a box took is the sum over its
    stages, so the boxes add up to the run's whatever the order. `bytes_lost` is None when the manifest does not have
    bytes by source (runs of earlier versions), and negative where text grew.
    """
    taken: dict[str, dict[str, Any]] = {}
    before: dict[str, int] = {}  # bytes by source
    known = all("bytes" in counts for stage in stages for counts in stage["sources"].values())
    for stage in stages:
        box = taken.setdefault(box_of(stage["name"]), {"lost": 0, "bytes_lost": 0 if known else None, "stages": 0})
        box["lost"] += sum(stage["rejected"].values()) + stage["quarantined"]
        box["stages"] += 1
        for source, counts in stage["sources"].items() if known else ():
            box["bytes_lost"] += before.get(source, counts["bytes"]) - counts["bytes"]
            before[source] = counts["bytes"]
    readers = [stage for stage in stages if box_of(stage["name"]) == BOXES[0][0]]
    left = sum(stage["read"] for stage in readers)
    size = sum(stage["bytes"] for stage in readers)
    boxes = []
    for name in (*(name for name, _ in BOXES), OWN):
        if name in taken:
            left -= taken[name]["lost"]
            size -= taken[name]["bytes_lost"] or 0
            boxes.append({"name": name, **taken[name], "left": left, "bytes": size if known else None})
    return boxes
