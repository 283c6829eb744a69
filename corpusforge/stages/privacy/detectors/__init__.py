"""What is personal data: one module per type, each with the rules that no pattern can hold.

A detector gets a candidate of the scan (corpusforge.text.scan) with a window of a few dozen characters on both sides,
and answers with the spans in it that are personal data. Words, ranges and examples are data in filters/pii.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from corpusforge.errors import RecipeError

BEFORE_BYTES = 64
AFTER_BYTES = 32


@dataclass(frozen=True)
class Window:
    """A candidate, `text[start:end]`, with what stands around it; the window never leaves the document."""

    text: str
    start: int
    end: int

    @property
    def before(self) -> str:
        """Up to 64 bytes before the candidate."""
        return self.text[: self.start]


Spans = list[tuple[int, int]]  # characters of a window's text


class Detector(Protocol):
    """Knows one type of personal data."""

    candidates: int  # kinds of corpusforge.text.scan that it wants to see

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the spans that are personal data; `regions`: ISO 3166 codes of where it may have been written."""
        ...

    def identity(self, value: str) -> str:
        """Return what two spellings of one value have in common."""
        ...

    def substitute(self, value: str, number: int) -> str:
        """Return a plausible value that belongs to nobody and that `find` leaves alone; `number` is 128 random bits."""
        ...


def load(path: Path) -> dict[str, Any]:
    """Read a detector file such as filters/pii.yaml; RecipeError when it is no mapping of types."""
    from ruamel.yaml import YAML

    loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict) or not isinstance(loaded.get("types"), dict):
        raise RecipeError("a detector file is a mapping with 'types'", str(path))
    return loaded


def detector(name: str, about: Mapping[str, Any]) -> Detector:
    """Return the detector of a type, with its entry in the detector file."""
    if name == "email":
        from corpusforge.stages.privacy.detectors.email import Email

        return Email(about)
    if name == "ip":
        from corpusforge.stages.privacy.detectors.ip import Ip

        return Ip(about)
    if name == "phone":
        from corpusforge.stages.privacy.detectors.phone import Phone

        return Phone(about)
    from corpusforge.stages.privacy.detectors.card import Card

    return Card(about)
