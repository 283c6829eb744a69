"""Labelled texts with personal data: read, cut into halves, and what is found in them compared with the labels.

`strict` wants equal spans. `lenient` takes a found span for right when it overlaps a labelled one of its type, and a
labelled span for found when a found one of its type overlaps it.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

# Labels of the data -> types of corpusforge.
LABELS = {
    "EMAIL_ADDRESS": "email",
    "CREDIT_CARD": "card",
    "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
}
Place = tuple[int, int, str]  # first character, end, type


@dataclass(frozen=True)
class Labelled:
    """A text with its labels."""

    text: str
    places: list[Place]


def read(path: Path) -> list[Labelled]:
    """Return the texts of a Parquet file with `text` and `entities` (type, start, end)."""
    rows = pq.read_table(path).to_pylist()
    return [
        Labelled(r["text"], [(e["start"], e["end"], LABELS[e["type"]]) for e in r["entities"] if e["type"] in LABELS])
        for r in rows
    ]


def half(texts: list[Labelled], which: str) -> list[Labelled]:
    """Return the texts at even (`dev`) or odd (`held`) places, or all."""
    return texts if which == "all" else texts[which == "held" :: 2]


@dataclass
class Score:
    """Counts of one type."""

    labelled: int = 0
    found: int = 0
    exact: int = 0
    right: int = 0
    recalled: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def lenient(self) -> tuple[float, float, float]:
        """Precision, recall and F1 by overlap."""
        return figures(self.right, self.found, self.recalled, self.labelled)

    @property
    def strict(self) -> tuple[float, float, float]:
        """Precision, recall and F1 of equal spans."""
        return figures(self.exact, self.found, self.exact, self.labelled)


def figures(right: int, found: int, recalled: int, labelled: int) -> tuple[float, float, float]:
    precision, recall = right / max(1, found), recalled / max(1, labelled)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def score(texts: list[Labelled], found: list[list[Place]], types: list[str]) -> dict[str, Score]:
    """Compare, type by type. What is found of a type that has no label anywhere is no mistake of the others."""
    scores = {name: Score() for name in types}
    for one, mine in zip(texts, found, strict=True):
        for name, s in scores.items():
            labels = [(a, b) for a, b, kind in one.places if kind == name]
            spans = [(a, b) for a, b, kind in mine if kind == name]
            s.labelled += len(labels)
            s.found += len(spans)
            s.exact += len(set(labels) & set(spans))
            for a, b in spans:
                if any(a < d and c < b for c, d in labels):
                    s.right += 1
                else:
                    s.wrong.append(shown(one.text, a, b))
            for a, b in labels:
                if any(a < d and c < b for c, d in spans):
                    s.recalled += 1
                else:
                    s.missed.append(shown(one.text, a, b))
    return scores


def shown(text: str, start: int, end: int) -> str:
    return repr(text[max(0, start - 40) : start] + "[" + text[start:end] + "]" + text[end : end + 15])


def table(title: str, scores: dict[str, Score]) -> str:
    heads = f"{'strict P':>10}{'R':>7}{'F1':>7}{'lenient P':>11}{'R':>7}{'F1':>7}"
    lines = [f"{title}\n{'type':16}{'labelled':>9}{'found':>7}{heads}"]
    for name, s in scores.items():
        (p, r, f), (lp, lr, lf) = s.strict, s.lenient
        lines.append(f"{name:16}{s.labelled:9}{s.found:7}{p:10.3f}{r:7.3f}{f:7.3f}{lp:11.3f}{lr:7.3f}{lf:7.3f}")
    return "\n".join(lines)
