"""Traces of character recognition, each kind looked for by itself in the parts and runs of a chunk."""

import re
import unicodedata
from collections.abc import Callable
from itertools import groupby

SEPARATORS = re.compile("[-!\"#&'(),./:;?@\\[\\]_\u00ab\u00b7\u00bb\u2010-\u201f\u2026]")
DIGITS, VOWELS = "0123456789", "aeiouy"

FRAGMENTS = [
    *(
        "w1th",
        "1st",
        "A4",
        "thr",
        "bnc",
        "Mrs",
        "Bncltr",
        "bncLtr",
        "th^e",
        "b|ack",
        "~",
        "^",
        "t",
        "f",
        "T",
        "t.",
        "*",
    ),
    *(
        "http://www.xyz",
        ":/",
        "don't",
        "’",
        "'",
        "&c",
        "&",
        "&cd",
        "Mac",
        "McKay",
        "MacLeod",
        "DeWitt",
        "OReilly",
        "xB",
    ),
    *("xliv", "BBC", "rI", "+", "=", "×", "→", "±", "--", "..", "—", "½", "²", "éa", "д1^b", "\u0301", "_", "¬", "«"),
    *(
        "1821",
        "-",
        "th",
        "d",
        "٣",
        "ab1",
        "éacB",
        "y",
        "\\",
        "{",
        "§",
        "日",
        "(",
        ")",
        "[",
        "%",
        "\x00",
        "\xa0",
        "\x85",
    ),
]


def is_word(c: str) -> bool:
    return unicodedata.category(c)[0] in "LMN"


def is_letter(c: str) -> bool:
    return is_word(c) and c not in DIGITS


def is_latin(c: str) -> bool:
    return is_letter(c) and ord(c) < 0x250


def parts(chunk: str) -> list[str]:
    return SEPARATORS.split(chunk)


def is_address(chunk: str) -> bool:
    return ":/" in chunk


def mixed(chunk: str) -> bool:
    shapes = (
        "".join("L" if is_latin(c) else "9" if c in DIGITS else "x" for c in p if is_word(c)) for p in parts(chunk)
    )
    return not is_address(chunk) and any(re.search("L9.*L", shape) for shape in shapes)


def vowelless(chunk: str) -> bool:
    def lacks(part: str) -> bool:
        letters = [c for c in part if is_letter(c)]
        if not "".join(letters).isascii() or any(c.lower() in VOWELS for c in letters):
            return False
        capitals = sum(map(str.isupper, letters))
        return (capitals == 0 and len(letters) >= 3) or (capitals == 1 and len(letters) >= 6)

    return not is_address(chunk) and any(map(lacks, parts(chunk)))


def symbolic(chunk: str) -> bool:
    if is_address(chunk):
        return False
    if not any(map(is_word, chunk)):
        return any(c in ",#/@\\^{|}~" or ("\xa1" <= c <= "\xbf" and c not in "«·»") for c in chunk)
    for part in parts(chunk):
        for at in (i for i, c in enumerate(part) if not is_word(c)):
            before = [c for c in part[:at] if is_word(c)]
            lettered = any(unicodedata.category(c)[0] != "M" and c not in DIGITS for c in before)
            if lettered and ord(before[-1]) < 0x250 and any(map(is_latin, part[at:])):
                return True
    return False


def lone(chunk: str) -> bool:
    words = [c for c in chunk if is_word(c)]
    return not is_address(chunk) and "." not in chunk and len(words) == 1 and words[0] in "bcdfghjklmnpqrstvwxz"


def word_share(is_kind: Callable[[str], bool]) -> Callable[[str], float]:
    return lambda x: sum(map(is_kind, x.split())) / max(1, len(x.split()))


def reads(run: str, before: str) -> bool:
    """Say whether a run of letters reads as a word after `before` ("" at the start of its chunk)."""
    if before in ("'", "’") or (before == "&" and len(run) == 1):
        return True
    if len(run) == 1:
        return "A" <= run <= "Z" or run.lower() in VOWELS or not run.isascii()
    if before and before in DIGITS and len(run) == 2:
        return True
    for turn in re.finditer("[a-z](?=[A-Z])", run):
        if turn.end() > 3 or (turn[0] != "c" and run[0] not in "OD"):
            return False
    return bool(re.search("(?i:[aeiouy])|[^\0-\x7f]", run) or re.fullmatch("[A-Z]+|[ivxlc]+|[A-Z][a-z]+", run))


def unreadable(text: str) -> float:
    good = bad = 0
    for chunk in text.split():
        if re.fullmatch("[+<=>±×÷\u2190-\u22ff]", chunk):
            good += 1
            continue
        marks = 0  # single ones since the last word
        before = ""
        for kind, members in groupby(chunk, lambda c: "9" if c in DIGITS else "L" if is_letter(c) else c):
            run = "".join(members)
            if kind in "9L" and is_word(run[0]):
                readable = kind == "9" or reads(run, before)
                good += len(run) * readable
                bad += len(run) * (not readable)
                marks = 0
            elif len(run) == 1:
                bad += marks > 0
                marks += 1
            before = run[-1]
    return bad / max(1, good + bad)


REFERENCE: dict[str, Callable[[str], float]] = {
    "garbled_word_fraction": word_share(lambda x: mixed(x) or vowelless(x) or symbolic(x) or lone(x)),
    "mixed_word_fraction": word_share(mixed),
    "symbolic_word_fraction": word_share(symbolic),
    "unreadable_char_fraction": unreadable,
    "vowelless_word_fraction": word_share(vowelless),
}
