"""Words of a list, the lists read anew."""

import re
import string
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "filters" / "words"
LANGUAGES = ("de", "en", "es", "fr", "it")


@cache
def entries(name: str) -> frozenset[str]:
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def normalized(text: str) -> list[str]:
    kept = text.translate(str.maketrans("", "", string.punctuation)).lower()
    return unicodedata.normalize("NFD", kept).split()


def stop_words(text: str, language: str) -> float:
    tokens = re.findall(r"\w+|[^\w\s]+", text)
    return sum(token in entries(f"stop.{language}") for token in tokens) / max(1, len(tokens))


def obscene(text: str, language: str) -> float:
    listed = {" ".join(normalized(e)) for e in entries(f"ldnoobw.{language}") if not set(e) & set(string.punctuation)}
    found = normalized(text)
    return sum(" ".join(found[i : i + n]) in listed for n in range(1, 9) for i in range(len(found) - n + 1))


REFERENCE: dict[str, Callable[[str], float]] = {
    **{f"stop_word_fraction_{code}": lambda x, code=code: stop_words(x, code) for code in LANGUAGES},
    **{f"obscene_phrase_count_{code}": lambda x, code=code: obscene(x, code) for code in LANGUAGES},
}
