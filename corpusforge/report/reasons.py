"""What a reason says in plain words, with the bound that decided."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from corpusforge.report.blocks import RULES, Stages
from corpusforge.report.losses import QUARANTINED
from corpusforge.rules import Rule

PLAIN = {
    "wrong_language": "language that is not kept",
    "low_language_score": "language not certain enough",
    "exact_duplicate": "exact copy of another document",
    "near_duplicate": "near copy of another document",
    "not_html": "not an HTML page",
    "empty_page": "page without text",
    "http_error": "error page of a server",
    "toxic": "toxic text",
    "too_much_pii": "too much personal data",
    "no_text_left": "no text left",
    QUARANTINED: QUARANTINED,
}
# The number that decided, and the field of its stage that it was compared with.
FIELDS = {
    "low_language_score": ("language_score", "min_score"),
    "toxic": ("toxicity_score", "max_score"),
    "near_duplicate": ("similarity", "verify"),
}
ENDS = (("below_min", "min", "below", "at least"), ("above_max", "max", "above", "at most"))


def described(stages: Stages, place: int, reason: str) -> dict[str, Any]:
    """Return `plain`, the reason in words; `bound`, as the recipe names it; `asked`, the bound in words; `hint`, the
    same where `plain` does not tell it; `signal`, what was measured."""
    fields = stages.fields[place]
    plain, signal, bound, asked = PLAIN.get(reason, reason.replace("_", " ")), "", "", ""
    told = False
    if reason == "wrong_language" and fields.get("keep"):
        keep = ", ".join(fields["keep"])
        bound, asked = f"keep {keep}", f"only {keep} {'is' if len(fields['keep']) == 1 else 'are'} kept"
    elif reason in FIELDS and FIELDS[reason][1] in fields:
        signal, field = FIELDS[reason]
        bound = f"{field} {fields[field]:g}"
        said = "at most" if field.startswith("max") else "at least"
        asked = f"{fields[field]:g} or more is removed" if field == "verify" else f"{said} {fields[field]:g} asked"
    elif stages.entries[place]["name"] == RULES:
        rule = _rule(stages, place, reason)
        for end, name, side, said in ENDS:
            if reason.endswith(f"_{end}"):
                plain = f"{reason.removesuffix(f'_{end}').replace('_', ' ')} {side} its bound"
                if rule:
                    limit = getattr(rule, name)
                    signal, bound = rule.signal, f"{name} {limit:g}"
                    shown = value(limit, signal)
                    told = True
                    plain, asked = f"{signal.replace('_', ' ')} {side} {shown}", f"{said} {shown} asked"
    return {"plain": plain, "signal": signal, "bound": bound, "asked": asked, "hint": "" if told else asked}


def _rule(stages: Stages, place: int, reason: str) -> Rule | None:
    if "pack" not in stages.fields[place] or not stages.unchanged(place):
        return None
    for rule in stages.pack(place).rules:
        for end, name, *_ in ENDS:
            if reason == f"{rule.name}_{end}" and np.isfinite(getattr(rule, name)):
                return rule
    return None


def by_reason(losses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return losses summed by reason, the largest first: `reason`, `documents`, `plain`, and `stages`, each loss."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for loss in losses:
        found.setdefault(loss["reason"], []).append(loss)
    rows = [
        {
            "reason": reason,
            "documents": sum(loss["documents"] for loss in mine),
            "plain": " or ".join(dict.fromkeys(loss["plain"] for loss in mine)),
            "stages": mine,
        }
        for reason, mine in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["documents"], row["reason"]))


def decided(row: Mapping[str, Any], signal: str) -> str:
    """Return the value that decided over a sampled row, with the language that was found.

    >>> decided({"reason": "wrong_language", "value": 0.993, "detail": "de"}, "")
    'de 0.993'
    >>> decided({"reason": "word_count_below_min", "value": 23.0, "detail": None}, "word_count")
    'word_count 23'
    """
    named = row["detail"] if row["reason"] == "wrong_language" and row["detail"] else signal
    return f"{named} {value(row['value'], signal)}".strip()


def value(number: float, signal: str = "") -> str:
    """Return a number; of a signal that is a fraction in per cent.

    >>> value(0.38833281), value(8024.0), value(0.8, "alphabetic_word_fraction")
    ('0.388', '8,024', '80 %')
    """
    if signal.endswith("_fraction"):
        return f"{100 * number:.3g} %"
    return f"{number:,.0f}" if number == int(number) else f"{number:,.3g}"
