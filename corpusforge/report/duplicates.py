"""Duplicates of a run: what was removed, exactly, and the clusters of near duplicates that it came from."""

from collections import Counter
from typing import Any

from corpusforge.report.blocks import Stages
from corpusforge.report.shares import Shares

BOUNDS = (2, 3, 4, 5, 10, 20, 50, 100, 1000)
EXACT, NEAR = "exact_duplicate", "near_duplicate"


def duplicates(stages: Stages, shares: Shares) -> dict[str, Any]:
    """Return what was removed as duplicates.

    `exact` and `near` are removed documents by the manifest, None when no stage looked for them; `verify` the lowest
    similarities that removed a document; `clusters` rows by size: `name`, `clusters`, `documents` in them, `removed`,
    `kept`, and `other`, removed by another stage after they were told apart. All but `kept` are None unless every
    row of data/ and rejected/ was read: what a part of the documents says of clusters cannot be scaled. `unplaced` are
    near duplicates of a document that is not in data/.
    """
    taken: dict[str, int] = {}
    for stage in stages.entries:
        if stage["name"].startswith("dedup."):
            for reason, count in stage["rejected"].items():
                taken[reason] = taken.get(reason, 0) + count
    ran = {stage["name"] for stage in stages.entries}
    exact = taken.get(EXACT, 0 if "dedup.exact" in ran else None)
    near = taken.get(NEAR, 0 if "dedup.minhash" in ran else None)
    verify = {fields["verify"] for fields in stages.fields if isinstance(fields.get("verify"), int | float)}
    rows, placed = _rows(shares, near)
    unplaced = None if placed is None or near is None else near - placed
    return {"exact": exact, "near": near, "verify": sorted(verify), "clusters": rows, "unplaced": unplaced}


def _rows(shares: Shares, near: int | None) -> tuple[list[dict[str, Any]], int | None]:
    # A near duplicate names the document that stays; that one's cluster is its own.
    removed: Counter[int] = Counter()
    for kept, count in shares.copies.items():
        if (size := shares.size_of.get(kept)) is not None:
            removed[size] += count
    known = shares.rows["kept"].whole and shares.rows["rejected"].whole and sum(shares.copies.values()) == near
    scale = shares.rows["kept"].scale
    found = Counter(shares.cluster_of.values())
    sizes = sorted(size for size in shares.clusters if size > 1)
    rows = []
    for low, after in zip(BOUNDS, (*BOUNDS[1:], None), strict=True):
        mine = [size for size in sizes if size >= low and (after is None or size < after)]
        if mine:
            last = after - 1 if after else max(mine)
            row: dict[str, Any] = {"name": str(low) if last == low else f"{low} to {last}"}
            row["kept"] = round(sum(shares.clusters[size] for size in mine) * scale)
            row |= dict.fromkeys(("clusters", "documents", "removed", "other"))
            if known:
                row["clusters"] = sum(found[size] for size in mine)
                row["documents"] = sum(found[size] * size for size in mine)
                row["removed"] = sum(removed[size] for size in mine)
                row["other"] = row["documents"] - row["kept"] - row["removed"]
            rows.append(row)
    return rows, sum(removed.values()) if known else None
