"""Set clean paragraphs as a scanner's recognition would give them back: pages, broken words, misread letters, stains.

Everything is drawn from `random.Random(seed)`; each line knows what it is, so that what a filter does can be counted.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MISREAD = {
    "m": "rn", "rn": "m", "e": "c", "c": "e", "h": "b", "b": "h", "l": "1", "i": "l", "o": "0", "s": "5", "t": "f",
    "u": "n", "n": "u", "d": "cl", "w": "vv", "a": "n", "g": "9", "S": "8", "B": "8", "I": "1", "O": "0", "D": "O",
    "E": "F", "T": "I", "H": "II", "N": "X", "M": "AI", "R": "K", "f": "j", "r": "i", "v": "y", ",": ".", ".": ",",
}  # fmt: skip
SPECKS = "~^|'`\\«»■•§*{}<>_;"
NOISE = "il1|!/\\.,;:'`~^-_=+*°•■<>{}[]()rtfjIJLTVWvwxzcno0 "


@dataclass
class Scan:
    """Lines with their kinds ("text", "head", "number", "figure", "contents", "blank") and what the text should be."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    paragraphs: list[list[str]] = field(default_factory=list)  # words as they should come out
    breaks: list[tuple[int, int, bool]] = field(default_factory=list)  # paragraph, word, does it keep its hyphen

    @property
    def text(self) -> str:
        """The scan as one text."""
        return "\n".join(line for line, _ in self.lines)


def misread(text: str, rate: float, chance: random.Random) -> str:
    """Return `text` with about `rate` of its characters misread."""
    out = []
    for character in text:
        if chance.random() >= rate or character == " ":
            out.append(character)
        elif chance.random() < 0.15:
            out.append(chance.choice(SPECKS))
        else:
            out.append(MISREAD.get(character, character))
    return "".join(out)


def scan(
    paragraphs: Sequence[str],
    titles: tuple[str, str],
    seed: int,
    *,
    heads: str = "numbered",  # numbered, plain, numbers, none
    hyphens: bool = True,
    figures: int = 0,
    contents: str = "none",  # dotted, spaced, none
    head_errors: float = 0.0,
    text_errors: float = 0.0,
) -> Scan:
    """Set paragraphs on pages of 28 to 44 lines of 44 to 68 characters."""
    chance = random.Random(seed)
    made = Scan()
    width = chance.randint(44, 68)
    blank_around = chance.random() < 0.5
    column: list[tuple[str, str]] = []
    for number, paragraph in enumerate(paragraphs):
        words = paragraph.split()
        made.paragraphs.append(words)
        column += [(line, "text") for line in _set(words, width, number, made, hyphens, chance)]
        column.append(("", "blank"))
    if text_errors:
        column = [(misread(line, text_errors, chance), kind) for line, kind in column]
    made.lines = _contents(contents, paragraphs, chance)
    page = chance.randint(1, 60)
    at = 0
    while at < len(column):
        height = chance.randint(28, 44)
        body = column[at : at + height]
        at += height
        for _ in range(figures):
            if chance.random() < 0.1 and len(body) > 10:
                place = chance.randint(2, len(body) - 2)
                figure = [(_noise(chance), "figure") for _ in range(chance.randint(3, 8))]
                body[place:place] = [("", "blank"), *figure, ("", "blank")]
        made.lines += body
        if at < len(column):
            page += 1
            head = [(misread(line, head_errors, chance), kind) for line, kind in _head(heads, titles, page, chance)]
            made.lines += [("", "blank"), *head, ("", "blank")] if blank_around and head else head
    return made


def _set(words: list[str], width: int, paragraph: int, made: Scan, hyphens: bool, chance: random.Random) -> list[str]:
    lines = []
    line = ""
    for k, word in enumerate(words):
        room = width - len(line) - 1
        if len(word) <= room or not line:
            line = f"{line} {word}" if line else word
            continue
        at = _break(word, room, chance) if hyphens else 0
        if at:
            kept = word[at - 1] == "-"
            made.breaks.append((paragraph, k, kept))
            lines.append(f"{line} {word[:at]}" + ("" if kept else "-"))
            line = word[at:]
        else:
            lines.append(line)
            line = word
    return [*lines, line]


def _break(word: str, room: int, chance: random.Random) -> int:
    # Where a word of small letters is broken: after its own hyphen, or where at least two letters stay and three go.
    own = [m.end() for m in re.finditer(r"(?<=[a-z]{2})-(?=[a-z]{2})", word) if m.end() <= room]
    if own:
        return own[-1]
    if "-" in word or not re.match(r"[A-Za-z][a-z]{5,}[,.;:!?]?$", word):
        return 0
    places = [
        at for at in range(2, min(room, len(word) - 3)) if word[at] not in "aeiouy" or word[at - 1] not in "aeiou"
    ]
    return chance.choice(places) if places and chance.random() < 0.8 else 0


def _head(kind: str, titles: tuple[str, str], page: int, chance: random.Random) -> list[tuple[str, str]]:
    book, chapter = titles
    if kind == "numbered":
        return [(f"{page} {book}" if page % 2 == 0 else f"{chapter} {page}", "head")]
    if kind == "wide":
        wide = " " * 9
        left, right = f"{page}{wide}{book}", f"[CHAP. II.{wide}{chapter.title()}.{wide}{page}"
        return [(left if page % 2 == 0 else right, "head")]
    if kind == "plain":
        return [(book if page % 2 == 0 else chapter, "head")]
    if kind == "numbers":
        return [(chance.choice([f"{page}", f"- {page} -", f"[{page}]", f"{page}."]), "number")]
    if kind == "both":
        return [(f"{page}", "number"), (book if page % 2 == 0 else chapter, "head")]
    return []


def _contents(kind: str, paragraphs: Sequence[str], chance: random.Random) -> list[tuple[str, str]]:
    if kind == "none":
        return []
    page = 1
    lines = []
    for number in range(1, 13):
        page += chance.randint(6, 25)
        title = " ".join(chance.choice(paragraphs).split()[:4]).strip(".,;:").title()
        gap = {"dotted": " " + "." * chance.randint(6, 30) + " ", "loose": " " + ". " * chance.randint(4, 14)}
        lines.append((f"{number}. {title}{gap.get(kind, ' ' * chance.randint(3, 12))}{page}", "contents"))
    return [*lines, ("", "blank")]


def _noise(chance: random.Random) -> str:
    lengths = [chance.choice((1, 1, 1, 2, 2, 3, 4)) for _ in range(chance.randint(2, 9))]
    return " ".join("".join(chance.choice(NOISE.strip()) for _ in range(length)) for length in lengths)
