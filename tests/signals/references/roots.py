"""What ROOTS measures; the list of special characters is taken as it stands."""

import math
import string
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import regex

from corpusforge.text.special_characters import _SIGNS as SIGNS

LIST = (Path(__file__).parents[3] / "filters" / "words" / "stop.en.txt").read_text(encoding="utf-8").splitlines()
STOP_WORDS = frozenset(line for line in LIST if line and not line.startswith("#"))


@cache
def special(character: str) -> bool:
    if character in string.punctuation + string.digits + SIGNS or character.isspace():
        return True
    return bool(regex.match(r"[\p{Emoji}--\p{Regional_Indicator}]", character, regex.V1))


@cache
def words(text: str) -> list[str]:
    found = []
    for word in text.split():
        inside = [i for i, c in enumerate(word) if not special(c)]
        if inside:
            found.append("".join(c.lower()[0] for c in word[inside[0] : inside[-1] + 1]))
    return found


def word_repetition(text: str) -> float:
    grams = Counter(zip(*(words(text)[i:] for i in range(5)), strict=False))
    return sum(count for count in grams.values() if count > 1) / max(1, grams.total())


def character_repetition(text: str) -> float:
    grams = Counter(text[i : i + 10] for i in range(len(text) - 9))
    if not grams:
        return 0.0
    repeated = sum(count > 1 for count in grams.values())
    most = min(math.isqrt(len(grams)), repeated)
    return sum(count for _, count in grams.most_common(most)) / grams.total()


REFERENCE: dict[str, Callable[[str], float]] = {
    "word_count_roots": lambda x: len(words(x)),
    "repeated_word_5gram_fraction": word_repetition,
    "character_10gram_repetition_fraction": character_repetition,
    "stop_word_fraction_roots_en": lambda x: sum(w in STOP_WORDS for w in words(x)) / max(1, len(words(x))),
    "special_character_fraction": lambda x: sum(map(special, x)) / max(1, len(x)),
}
