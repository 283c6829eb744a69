"""What is personal data: a type is an entry of a detector file (filters/pii.yaml) and the class that knows its rules.

To add a type, add an entry under `types` and, if no class fits yet, one module in this folder; nothing else is edited.
An entry has

* `about`, `country`, `source`, `tag` and `examples`, in some of which it must find something and in some nothing;
* `default`: whether privacy.pii looks for it when no type is named (true unless it says false);
* `detector`: the module in this folder, the type's own name unless it is given: `url_credentials` is class
  `UrlCredentials` in `url_credentials.py` (the name without underscores, whatever its case). Types may share one;
* what else the class reads: it is made with the entry, words and ranges are data there.

The order of the entries is the order of types: of two equally long spans the first type's wins; longer ones win first.

A detector gets each candidate of its scan with a window of a few dozen bytes on both sides, and answers with the spans
that are personal data. `scan` is a compiled pass over the bytes (data, offsets, kinds) -> int64[n, 4]: kind, document,
first byte and end of each candidate, inside one document. Without the attribute it is corpusforge.text.scan.candidates;
one of its own is for what no pass over digits, `@` and colons finds, such as secrets in code. It is run once for all
detectors that name the same function, with the sum of their `candidates`, and not at all when none of them is asked
for. Its time, and the length of what it gives, must be bounded by the length of the text.

What is searched with patterns must be bounded: a pattern sees a window or a candidate, never a document. Exceptions
must not carry text of a document; they end up in quarantine.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest

if TYPE_CHECKING:  # it loads Numba, which a check of a recipe does without
    from corpusforge.text.arrays import Int64s, UInt8s

BEFORE_BYTES = 64
AFTER_BYTES = 32


class Window(NamedTuple):
    """A candidate, `text[start:end]`, with what stands around it; the window never leaves the document."""

    text: str
    start: int
    end: int
    kind: int = 0  # what the scan took it for; of several kinds the sum

    @property
    def before(self) -> str:
        """Up to 64 bytes before the candidate."""
        return self.text[: self.start]


Spans = list[tuple[int, int]]  # characters of a window's text
Scan = Callable[["UInt8s", "Int64s", int], "Int64s"]


class Detector(Protocol):
    """Knows one type of personal data; two attributes may be missing: `scan` (see above), and `digits` (how many a
    value may have; candidates that cannot hold so many are not shown to it)."""

    candidates: int  # kinds of its scan that it wants to see, a sum

    def find(self, window: Window, regions: tuple[str, ...]) -> Spans:
        """Return the spans that are personal data; `regions`: ISO 3166 codes of where it may have been written."""
        ...

    def identity(self, value: str) -> str:
        """Return what two spellings of one value have in common."""
        ...

    def substitute(self, value: str, number: int) -> str:
        """Return a plausible value that belongs to nobody and that `find` leaves alone; `number` is 128 random bits."""
        ...


def load(path: Path) -> Mapping[str, Any]:
    """Read a detector file such as filters/pii.yaml, a mapping with `types` and `regions` (of languages).

    RecipeError when it is none. What comes back is shared: it must not be changed.
    """
    status = path.stat()
    return _load(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _load(path: Path, modified_ns: int, size: int) -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict) or not isinstance(loaded.get("types"), dict):
        raise RecipeError("a detector file is a mapping with 'types'", str(path))
    return loaded


def detector(name: str, about: Mapping[str, Any]) -> Detector:
    """Return the detector of a type, made with its entry in the detector file."""
    module_name = str(about.get("detector", name))
    folder = Path(__file__).parent
    if not re.fullmatch(r"[a-z][a-z0-9_]*", module_name) or not (folder / f"{module_name}.py").is_file():
        known = sorted(p.stem for p in folder.glob("[a-z]*.py"))
        raise RecipeError(f"type '{name}': there is no detector '{module_name}'.{nearest(module_name, known)}")
    module = importlib.import_module(f"{__name__}.{module_name}")
    wanted = module_name.replace("_", "")
    for attribute in vars(module).values():
        mine = isinstance(attribute, type) and attribute.__module__ == module.__name__
        if mine and attribute.__name__.lower() == wanted:
            made: Detector = attribute(about)
            return made
    raise RecipeError(f"type '{name}': {module_name}.py in {folder} holds no class of that name")
