"""Which files hold the words of quality.toxicity, by language."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from corpusforge.errors import RecipeError
from corpusforge.registry import shipped

ENGLISH = "en"  # the language of which words have classes


def list_files(own: Sequence[str]) -> dict[str, list[Path]]:
    """Return the files of every language, sorted by language; `own` files are named NAME.LANGUAGE.txt."""
    found = {ENGLISH: [packaged_file()]}
    for path in sorted((shipped("filters") / "words").glob("toxic.*.txt")):
        found.setdefault(path.name.split(".")[1], []).append(path)
    for name in own:
        parts = Path(name).name.split(".")
        if len(parts) < 3:
            raise RecipeError(f"word list '{name}' does not say its language; name it NAME.LANGUAGE.txt")
        if not Path(name).is_file():
            raise RecipeError(f"there is no word list '{name}'")
        found.setdefault(parts[-2], []).append(Path(name))
    return dict(sorted(found.items()))


def packaged_file() -> Path:
    """Return the English list of the installed package badwords-py."""
    package = importlib.util.find_spec("badwords")  # finding it imports nothing
    if package is None or package.origin is None:
        raise RecipeError("the English list is in the package badwords-py: pip install badwords-py")
    return Path(package.origin).parent / "resource" / "words" / "en.txt"


def harmless_file() -> Path:
    """Return the list of packaged English entries that are not toxic by themselves."""
    return shipped("filters") / "words" / "not_toxic.en.txt"
