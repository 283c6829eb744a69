"""Personal data of a run: what was found, by type, and what was done about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from corpusforge.report.blocks import Stages
from corpusforge.report.shares import Shares

STAGE = "privacy.pii"
ACTIONS = {"mask": "masked", "replace": "replaced", "hash": "hashed", "remove": "removed"}


def personal(stages: Stages, named: Sequence[str], shares: Shares) -> list[dict[str, Any]]:
    """Return for each stage and type the `spans` that were found and the `action` on all of them, from the manifest."""
    rows: list[dict[str, Any]] = []
    for place, stage in enumerate(stages.entries):
        if stage["name"] != STAGE:
            continue
        actions = _actions(stages.fields[place])
        counts: Mapping[str, int] = stage.get("counts") or {}
        for kind in actions or dict.fromkeys(name.removeprefix("pii_") for name in counts or shares.personal):
            found = counts.get(f"pii_{kind}") if counts else None
            rows.append({"stage": named[place], "type": kind, "action": _action(actions, kind), "spans": found})
        covered = {row["type"] for row in rows if row["stage"] == named[place]}
        for name, count in sorted(counts.items()):
            if count and (kind := name.removeprefix("pii_")) not in covered:
                rows.append({"stage": named[place], "type": kind, "action": _action(actions, kind), "spans": count})
    if rows and all(row["spans"] is None for row in rows):  # an earlier version: the columns of what was kept
        done: dict[str, dict[str, None]] = {}  # type -> the actions of all stages
        for row in rows:
            done.setdefault(row["type"], {})[row["action"]] = None
        rest = " or ".join(done.get("rest", {"mask": None}))
        scale = shares.rows["kept"].scale
        return [
            {
                "stage": "all stages, kept documents",
                "type": (kind := name.removeprefix("pii_")),
                "action": " or ".join(done.get(kind, {rest: None})),
                "spans": round(n * scale),
            }
            for name, n in sorted(shares.personal.items())
        ]
    return [row for row in rows if row["spans"] is not None]


def in_kept(rows: Sequence[Mapping[str, Any]], shares: Shares) -> dict[str, Any] | None:
    """Return `found` spans in the documents of data/, and of them those `done` by action; None when data/ counts none.

    A type that stages treat differently is counted under all their actions together, as "mask or replace".
    """
    if not rows or not shares.personal:
        return None
    scale = shares.rows["kept"].scale
    done: dict[str, int] = {}
    for name, count in sorted(shares.personal.items()):
        mine = dict.fromkeys(row["action"] for row in rows if f"pii_{row['type']}" == name)
        action = " or ".join(mine) or "mask"
        done[action] = done.get(action, 0) + round(count * scale)
    return {"found": sum(done.values()), "done": {action: count for action, count in done.items() if count}}


def said(action: str) -> str:
    """Return what was done in words.

    >>> said("mask"), said("mask or replace")
    ('masked', 'masked or replaced')
    """
    return " or ".join(ACTIONS.get(one, one) for one in action.split(" or "))


def _actions(fields: Mapping[str, Any]) -> dict[str, str]:
    return {kind: action for action in ACTIONS for kind in fields.get(action) or ()}


def _action(actions: Mapping[str, str], kind: str) -> str:
    return actions.get(kind, actions.get("rest", "mask"))
