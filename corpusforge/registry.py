"""Names and classes: `quality.language` is class `Language` in corpusforge/stages/quality/language.py.

The name is the path; nothing is registered when a module is imported. Third parties write
`acme.filters:Shouting`. The class is the one whose name, lower-cased, is the file's name without underscores
(`url_filter.py` holds `UrlFilter`).
"""

import difflib
import importlib
import importlib.util
import re
from pathlib import Path

from corpusforge.errors import RecipeError
from corpusforge.source import Reader
from corpusforge.stage import Stage
from corpusforge.writer import Writer

Found = type[Stage] | type[Reader] | type[Writer]

STAGES = Path(__file__).parent / "stages"


def names() -> list[str]:
    """Every built-in name: readers, stages and writers, sorted."""
    found = STAGES.glob("*/[a-z]*.py")
    return sorted(f"{p.parent.name}.{p.stem}" for p in found if _class_name(p) is not None)


def nearest(word: str, words: list[str]) -> str:
    """Return ` Did you mean ...?` for the closest of `words`, or an empty string."""
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


def find(name: str, where: str = "") -> Found:
    """Return the class called `name`; RecipeError with the nearest name when there is none."""
    if ":" in name:
        return _third_party(name, where)
    path = STAGES / (name.replace(".", "/") + ".py")
    class_name = _class_name(path) if re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", name) and path.exists() else None
    if class_name is None:
        raise RecipeError(f"there is no stage '{name}'.{nearest(name, names())}", where)
    module = importlib.import_module(f"corpusforge.stages.{name}")
    found: Found = getattr(module, class_name)
    return found


def maker(column: str) -> str:
    """Return ` Put ... before it` for the first stage that makes a column, or the reader, or an empty string."""
    makers = [name for name in names() if column in getattr(find(name), "writes", ())]
    stages = [name for name in makers if not name.startswith("read.")]
    if stages:
        return f" Put {stages[0]} before it"
    return f" The reader {makers[0]} makes it" if makers else ""


def name_of(cls: type) -> str:
    """Return the name a recipe uses for a class."""
    prefix = "corpusforge.stages."
    if cls.__module__.startswith(prefix):
        return cls.__module__.removeprefix(prefix)
    return f"{cls.__module__}:{cls.__qualname__}"


def _class_name(path: Path) -> str | None:
    # Read as text, so that listing names imports nothing (an import of every stage costs seconds).
    wanted = path.stem.replace("_", "")
    for match in re.finditer(
        r"^class (\w+)\((?:Stage|CorpusStage|Reader|Mapped|Writer)\)", path.read_text(encoding="utf-8"), re.MULTILINE
    ):
        if match[1].lower() == wanted:
            return match[1]
    return None


def _third_party(name: str, where: str) -> Found:
    module_name, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise RecipeError(
            f"stage '{name}' cannot be imported: {error}; its folder must be on PYTHONPATH", where
        ) from error
    if not (isinstance(found, type) and issubclass(found, (Stage, Reader, Writer))):
        raise RecipeError(f"'{name}' is not a Stage, Reader or Writer", where)
    return found


def shipped(kind: str) -> Path:
    """Return the folder of shipped data: `kind` is "filters" or "pipelines" (in the wheel, or beside the checkout)."""
    inside = Path(__file__).parent / "data" / kind
    return inside if inside.is_dir() else Path(__file__).parent.parent / kind


def resource(kind: str, name: str, suffix: str = ".yaml") -> Path:
    """Return the file of a shipped name (`gopher_quality`) or of a path (`my/pack.yaml`).

    Raises RecipeError with the nearest shipped name when there is neither.
    """
    for path in (Path(name), shipped(kind) / f"{name}{suffix}"):
        if path.is_file():
            return path
    known = sorted(p.name.removesuffix(suffix) for p in shipped(kind).glob(f"*{suffix}"))
    raise RecipeError(f"there is no file or shipped name '{name}' in {kind}/.{nearest(name, known)}")
