"""Sentences: the rules of UAX #29 applied to every place of a text one by one, and a plain pattern."""

import itertools
import re
from collections.abc import Callable

import regex

NAMES = (
    *("CR", "LF", "Sep", "Extend", "Format", "Sp", "Lower", "Upper", "OLetter", "Numeric", "ATerm", "STerm", "Close"),
    "SContinue",
)
LETTERS = dict(zip(NAMES, "rlsefSLUONATCc", strict=True))
PATTERNS = {letter: regex.compile(rf"\p{{Sentence_Break={name}}}") for name, letter in LETTERS.items()}


def kinds(text: str) -> str:
    """The Sentence_Break of each character as one letter, `o` for Other."""
    return "".join(next((k for k, pattern in PATTERNS.items() if pattern.match(c)), "o") for c in text)


def breaks(text: str) -> list[int]:
    everything = kinds(text)
    found = []
    for i in range(1, len(text)):
        if everything[i - 1] in "rls":  # SB3, SB4
            if everything[i - 1 : i + 1] != "rl":
                found.append(i)
            continue
        if everything[i] in "ef":  # SB5
            continue
        before, after = (re.sub(r"(?<=[^rlsef])[ef]+", "", part) for part in (everything[:i], everything[i:]))
        if not re.search(r"[AT]C*S*$", before):
            continue
        aterm = re.search(r"AC*S*$", before)
        joined = (
            (re.match("N", after) and before.endswith("A"))  # SB6
            or (re.match("U", after) and re.search("[UL]A$", before))  # SB7
            or (aterm and re.match("[^OULrlsAT]*L", after))  # SB8
            or re.match("[cAT]", after)  # SB8a
            or (re.match("[CSrls]", after) and re.search("[AT]C*$", before))  # SB9
            or re.match("[Srls]", after)  # SB10
        )
        if not joined:  # SB11
            found.append(i)
    return found


def sentences(text: str) -> list[str]:
    cuts = [0, *breaks(text), len(text)]
    pieces = [text[a:b].strip() for a, b in itertools.pairwise(cuts)]
    return [piece for piece in pieces if piece]


REFERENCE: dict[str, Callable[[str], float]] = {
    "sentence_count_unicode": lambda x: len(sentences(x)),
    "sentence_count_marked": lambda x: len(re.findall(r"\b[^.!?]+[.!?]*", x)),
}
