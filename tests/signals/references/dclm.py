"""Gopher's rules as DCLM measures them: the rules of UAX #29 applied to every place of a text one by one."""

import itertools
import re
from collections import Counter
from collections.abc import Callable
from functools import cache

import regex

LETTERS = {
    **{"CR": "r", "LF": "f", "Newline": "s", "Extend": "e", "Format": "o", "ZWJ": "z", "Katakana": "K"},
    **{"Hebrew_Letter": "H", "ALetter": "A", "Single_Quote": "q", "Double_Quote": "d", "MidNumLet": "b"},
    **{
        "MidLetter": "l",
        "MidNum": "n",
        "Numeric": "N",
        "ExtendNumLet": "x",
        "Regional_Indicator": "R",
        "WSegSpace": "w",
    },
}
PATTERNS = {letter: regex.compile(rf"\p{{Word_Break={name}}}") for name, letter in LETTERS.items()}
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}


@cache
def kind(character: str) -> str:
    """The Word_Break of a character as one letter, `-` for Other."""
    return next((letter for letter, pattern in PATTERNS.items() if pattern.match(character)), "-")


def joined(before: str, after: str) -> bool:
    """WB5 to WB16, of classes without those that WB4 skips."""
    return bool(
        (re.search("[AH]$", before) and re.match("[AH]|[lbq][AH]|N", after))  # WB5, WB6, WB9
        or (re.search("[AH][lbq]$", before) and re.match("[AH]", after))  # WB7
        or (before.endswith("H") and re.match("q|dH", after))  # WB7a, WB7b
        or (re.search("Hd$", before) and after.startswith("H"))  # WB7c
        or (before.endswith("N") and re.match("[NAH]|[nbq]N", after))  # WB8, WB10, WB12
        or (re.search("N[nbq]$", before) and after.startswith("N"))  # WB11
        or (before.endswith("K") and after.startswith("K"))  # WB13
        or (re.search("[AHNKx]$", before) and after.startswith("x"))  # WB13a
        or (before.endswith("x") and re.match("[AHNK]", after))  # WB13b
        or (after.startswith("R") and re.search("(^|[^R])(RR)*R$", before))  # WB15, WB16
    )


@cache
def words(text: str) -> list[str]:
    everything = "".join(map(kind, text))
    cuts = [0]
    for i in range(1, len(text)):
        if everything[i - 1 : i + 1] == "rf":  # WB3
            continue
        if everything[i - 1] not in "rfs" and everything[i] not in "rfs":
            if everything[i - 1] == "z" and regex.match(r"\p{Extended_Pictographic}", text[i]):  # WB3c
                continue
            if everything[i - 1 : i + 1] == "ww" or everything[i] in "eoz":  # WB3d, WB4
                continue
            # What is skipped belongs to the character before it; at the beginning it stands for itself.
            before, after = (re.sub("(?<=[^rfseoz])[eoz]+", "", everything[a:b]) for a, b in ((0, i), (i, len(text))))
            if joined(before, after):
                continue
        cuts.append(i)
    pieces = [text[a:b] for a, b in itertools.pairwise([*cuts, len(text)])]
    return [piece for piece in pieces if piece[:1].isalnum()]


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def pieces(text: str, end: str) -> list[str]:
    return [piece.strip() for piece in text.split(end) if piece.strip()]


def copies(found: list[str]) -> tuple[float, float]:
    counts = Counter(found)
    repeated = [piece for piece in found if counts[piece] > 1]
    return over(len(repeated), len(found)), over(len("".join(repeated)), len("".join(found)))


def lines_that(text: str, good: Callable[[str], bool]) -> float:
    return over(sum(map(good, pieces(text, "\n"))), len(pieces(text, "\n")))


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words(text)[i:] for i in range(n)), strict=False))


def top(text: str, n: int) -> float:
    counts = Counter(ngrams(text, n))
    most = max(counts.values(), default=0)
    if most < 2:
        return 0.0
    longest = max(len("".join(gram)) for gram, count in counts.items() if count == most)
    return over(longest * most, len("".join(words(text))))


def covered(text: str, n: int) -> float:
    counts = Counter(ngrams(text, n))
    hit = {i + k for i, gram in enumerate(ngrams(text, n)) if counts[gram] > 1 for k in range(n)}
    return over(sum(len(words(text)[i]) for i in hit), len("".join(words(text))))


REFERENCE: dict[str, Callable[[str], float]] = {
    "word_count_dclm": lambda x: sum(w[:1].isalnum() for w in re.split("[ \t\n\v\f\r\0]", x)),
    "symbol_to_word_ratio_dclm": lambda x: over(sum(map(x.count, ("#", "...", ". . .", "…"))), len(x.split())),
    "bullet_line_fraction_dclm": lambda x: lines_that(x, lambda y: y.startswith(("●", "•", "*", "-"))),
    "ellipsis_line_fraction_dclm": lambda x: lines_that(x, lambda y: y.endswith(("...", ". . .", "…"))),
    "stop_word_count_dclm": lambda x: sum(word.lower() in STOP_WORDS for word in x.split()),
    "duplicate_line_fraction_dclm": lambda x: copies(pieces(x, "\n"))[0],
    "duplicate_line_char_fraction_dclm": lambda x: copies(pieces(x, "\n"))[1],
    "duplicate_paragraph_fraction_dclm": lambda x: copies(pieces(x, "\n\n"))[0],
    "duplicate_paragraph_char_fraction_dclm": lambda x: copies(pieces(x, "\n\n"))[1],
    "digit_char_fraction": lambda x: over(sum(map(str.isdigit, x)), len(x)),
    **{f"top_{n}gram_char_fraction_dclm": lambda x, n=n: top(x, n) for n in (2, 3, 4)},
    **{f"duplicate_{n}gram_char_fraction_dclm": lambda x, n=n: covered(x, n) for n in range(5, 11)},
}
