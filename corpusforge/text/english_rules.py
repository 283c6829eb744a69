"""The rules of spaCy's blank English tokenizer as arrays, read from `english.npz` (4 ms, no import of spaCy).

The file is made from the installed spaCy (MIT licence, Explosion) by

    python -m corpusforge.text.english_rules

and frozen: spaCy takes 1.1 CPU seconds to import, and another version of it must not change what a run gives.
A test holds the file against the installed spaCy.

Two kinds of data. `table` says what each code point is to the tokenizer's patterns (and whether it counts as a
letter or a symbol for word statistics). `Strings` is a hash table of short strings: the exceptions ("don't" is
"do" + "n't"), units and currencies that are cut after a digit ("5km"), and the beginnings of the exceptions that
spaCy's patterns cut first and its matcher joins again ("vitamin-a." gives "a", "." and then "a.").
"""

import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from corpusforge.text.arrays import Flags, Int32s, UInt8s
from corpusforge.text.spans import hash_spans

FILE = Path(__file__).with_name("english.npz")

PREFIX = 1  # cut off in front, alone
SUFFIX = 2  # cut off at the end, alone
ALPHA = 4  # spaCy's classes of letters
LOWER = 8
UPPER = 16
QUOTE = 32
BEFORE_STOP = 64  # a single full stop after it is cut off
INFIX = 128  # cut out anywhere
LETTER = 256  # str.isalpha()
SYMBOL = 512  # a word of such characters only is no word to datatrove's Gopher filters
WORD = 1024  # \w
DIGIT = 2048  # \d
PUNCTUATION = 4096  # a token of such characters only ends no sentence by beginning another
SENTENCE_END = 8192  # a token of one such character ends a sentence
TERMINAL = 16384  # ends a line of prose to datatrove's FineWeb filter

# Punctuation of datatrove 0.10: ASCII, control characters, these, and Unicode 15.0's Sentence_Terminal
# (what came later is taken out; three Khmer signs are added).
_SYMBOLS = (
    r"[!-/:-@\[-`{-~\u0000-\u0008\u000b-\u001f\u007f-\u009f"
    r"\u00ab\u00b4\u00bb\u2013\u2014\u2019\u201c-\u201e\u2026\u2236\u2501\u25ba\u3001\u3008-\u300d\u3010\u3011"
    r"\uff05\uff08\uff09\uff0c\uff11\uff1a\uff1b\uff5e\u17d6\u17d9\u17da]"
)


class Strings(NamedTuple):
    """Strings of at most 30 bytes, found by the hash of their bytes."""

    slots: Int32s  # open addressing: entry or -1; a power of two
    pool: UInt8s  # [entry, 32]: the bytes, then zeros; the last one is their number
    values: Int32s  # [entry, 8]: the columns below
    possible: Int32s  # [first byte, last byte]: bit n is set if an exception or join of n bytes looks so


JOINS = 0  # bit b: the first b bytes and the rest are the tokens with which a joined exception begins
TAIL = 1  # 1: cut off after a digit
LONGEST_TAIL = 8  # code points
PIECES = 2  # this and the columns after it: bytes of the pieces of an exception, 0 after the last; 0: no exception


class Rules(NamedTuple):
    """What `english.npz` holds."""

    table: Flags  # two stages, as in unicode.py: table[table[code >> 8] + (code & 255)]
    strings: Strings
    joined: dict[tuple[bytes, ...], tuple[bytes, ...]]  # tokens as the patterns cut them -> as the exception says


def load() -> Rules:
    """Read the frozen rules."""
    with np.load(FILE) as stored:
        data = {name: stored[name] for name in stored.files}
    at = 0
    lengths, text = data.pop("joined_lengths").tolist(), data.pop("joined_text").tobytes()
    pieces: list[list[bytes]] = [[]]
    for length in lengths:  # 0 ends a list; lists alternate: as cut, as joined
        if length == 0:
            pieces.append([])
        pieces[-1] += [text[at : at + length]] if length else []
        at += length
    joined = {tuple(cut): tuple(exception) for cut, exception in zip(pieces[0:-1:2], pieces[1::2], strict=True)}
    return Rules(data.pop("table"), Strings(**data), joined)


def build() -> dict[str, np.ndarray]:
    """Compute the arrays of `english.npz` from the installed spaCy."""
    import spacy
    from spacy.lang.char_classes import LIST_CURRENCY, LIST_UNITS
    from spacy.symbols import ORTH
    from spacy.tokenizer import Tokenizer

    english: Any = spacy.blank("en").tokenizer
    patterns_only = Tokenizer(
        english.vocab, {}, english.prefix_search, english.suffix_search, english.infix_finditer, None, english.url_match
    )
    exceptions = {key: [piece[ORTH] for piece in pieces] for key, pieces in sorted(english.rules.items())}
    exceptions = {key: pieces for key, pieces in exceptions.items() if not key.isspace()}
    joined = {}
    for key, pieces in exceptions.items():
        cut = [token.text for token in patterns_only(key)]
        if len(cut) > 1 and (english.find_prefix(key) or english.find_suffix(key) or english.find_infix(key)):
            joined[tuple(cut)] = pieces
    tails = [tail.replace("\\", "") for tail in (*LIST_UNITS, *LIST_CURRENCY)]
    # An exception that gives the tokens the patterns give (he + 's) can change nothing by itself.
    starts = [(cut[0].encode(), cut[1].encode()) for cut, pieces in joined.items() if list(cut) != pieces]
    lists = [[p.encode() for p in pieces] for pair in joined.items() for pieces in pair]
    return {
        "table": _table(english),
        "joined_lengths": np.array([n for pieces in lists for n in (*map(len, pieces), 0)], np.int32),
        "joined_text": np.frombuffer(b"".join(p for pieces in lists for p in pieces), np.uint8),
        **_strings({k.encode(): [len(p.encode()) for p in v] for k, v in exceptions.items()}, tails, starts)._asdict(),
    }


def _strings(exceptions: dict[bytes, list[int]], tails: list[str], starts: list[tuple[bytes, bytes]]) -> Strings:
    keys = sorted({*exceptions, *(tail.encode() for tail in tails), *(a + b for a, b in starts)})
    place = {key: i for i, key in enumerate(keys)}
    pool = np.array([[*key.ljust(31, b"\0"), len(key)] for key in keys], np.uint8)
    begins = 32 * np.arange(len(keys), dtype=np.int64)
    hashes = hash_spans(pool.reshape(-1), begins, begins + pool[:, 31])
    slots = np.full(8192, -1, np.int32)
    for i, value in enumerate(hashes.tolist()):
        slot = value & 8191
        while slots[slot] >= 0:
            slot = (slot + 1) & 8191
        slots[slot] = i
    values, possible = np.zeros((len(keys), 8), np.int32), np.zeros((256, 256), np.int32)
    for key, lengths in exceptions.items():
        values[place[key], PIECES : PIECES + len(lengths)] = lengths
        possible[key[0], key[-1]] |= 1 << len(key)
    for first, second in starts:
        values[place[first + second], JOINS] |= 1 << len(first)
        possible[first[0], second[-1]] |= 1 << len(first + second)
    for tail in tails:
        values[place[tail.encode()], TAIL] = 1
    assert max(map(len, tails)) <= LONGEST_TAIL, "a unit is too long for the search"
    assert max(map(len, keys)) <= 30 and not values[:, 7].any(), "an exception is too long for the arrays"
    return Strings(slots, pool, values, possible)


def _table(english: Any) -> Flags:
    import regex
    from spacy.lang.char_classes import ALPHA as letters
    from spacy.lang.char_classes import ALPHA_LOWER, ALPHA_UPPER, CONCAT_QUOTES
    from spacy.pipeline import Sentencizer

    flags = np.zeros(0x110000, np.int32)
    characters = "".join(map(chr, range(0x110000)))
    for code, c in enumerate(characters):
        flags[code] = LETTER * c.isalpha() | WORD * (c.isalnum() or c == "_") | DIGIT * c.isdecimal()
        flags[code] |= PUNCTUATION * unicodedata.category(c).startswith("P")
    for mark in Sentencizer.default_punct_chars:
        flags[ord(mark)] |= SENTENCE_END
    for code, c in enumerate(characters[:0x30000]):  # spaCy's classes end in plane 2
        stop = english.suffix_search(c + ".")
        flags[code] |= (
            PREFIX * (c != "+" and english.prefix_search(c) is not None)
            | SUFFIX * (english.suffix_search(c) is not None)
            | BEFORE_STOP * (stop is not None and stop.group() == ".")
            | INFIX * any(True for _ in english.infix_finditer(c))
        )
    newer = (
        "\u1b4e\u1b4f\u1b7f\u2024\u2cf9-\u2cfb\u2e60\u2e61\ufe12\ufe15\ufe16\U000113d4\U000113d5\U00016d6e\U00016d6f"
    )
    classes = {
        ALPHA: f"[{letters}]+",
        LOWER: f"[{ALPHA_LOWER}]+",
        UPPER: f"[{ALPHA_UPPER}]+",
        QUOTE: f"[{CONCAT_QUOTES}]+",
        SYMBOL: rf"[{_SYMBOLS}[\p{{Sentence_Terminal}}--[{newer}]]]+",
        TERMINAL: rf"[\u17d6\u17d9\u17da[\p{{Sentence_Terminal}}--[{newer}]]]+",
    }
    for flag, pattern in classes.items():
        for match in regex.compile(pattern, regex.V1).finditer(characters):
            flags[match.start() : match.end()] |= flag
    blocks, index = np.unique(flags.reshape(-1, 256), axis=0, return_inverse=True)
    places = 0x1100 + 256 * index.reshape(-1)
    return np.concatenate([places.astype(np.int32), blocks.reshape(-1)])


if __name__ == "__main__":
    np.savez_compressed(FILE, **build())  # type: ignore[arg-type]
