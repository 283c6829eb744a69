"""The Unicode tables that the text kernels read: what a code point is, and its lower case.

A table is two-stage, in one int32 array: the first 4352 entries map `code >> 8` to the place of a block of 256
entries, so that the entry of `code` is `table[table[code >> 8] + (code & 255)]`. An entry of `TABLE`, read by every
cut, is `(lower(code) - code) << 8 | flags`; one of `CLASSES` holds flags only, for signals about kinds of characters,
and from bit 12 on the number in `SENTENCE_BREAKS`. They are read from unicode.npy and unicode_classes.npy (0.5 ms)
and made by

    python corpusforge/text/unicode.py

Stored: letters, marks, numbers, scripts and sentence breaks of Unicode 17.0 (regex 2026.11.15); spaces,
alphanumerics, lower case and all flags of `CLASSES` of Unicode 14.0 (Python 3.11). Kept in files so that no run
depends on the Python that runs it.
"""

import unicodedata
from pathlib import Path

import numpy as np
import numpy.typing as npt

WORD = 1  # letter, mark, number or '_': part of a word
ALONE = 2  # a letter of a script that writes no spaces between words: a word of its own
MARK = 4  # combining mark: stays with what stands before it
SPACE = 8  # str.isspace()
ALPHANUMERIC = 16  # str.isalnum()

# Flags of CLASSES
PUNCTUATION = 1  # general category P*
SYMBOL = 2  # general category S*
UPPER = 4  # str.isupper() of the character alone
LOWER = 8  # str.islower(), or title case: what keeps a word from being upper case
NUMERIC = 16  # str.isnumeric()
LETTER = 32  # str.isalpha()
CASED = 64  # a capital sigma after it is a final one, see normalized.py
IGNORABLE = 128  # what stands between a sigma and the letters around it without a part in it
WORD_CHARACTER = 256  # \w of `re`: str.isalnum() or "_"
WHITESPACE = 512  # SPACE of TABLE

# Sentence_Break of UAX #29 by number; 0 is Other.
SENTENCE_BREAKS = (
    *("Other", "CR", "LF", "Sep", "Extend", "Format", "Sp", "Lower", "Upper", "OLetter", "Numeric", "ATerm", "STerm"),
    *("Close", "SContinue"),
)

FILE = Path(__file__).with_suffix(".npy")
CLASSES_FILE = FILE.with_name("unicode_classes.npy")
BLOCKS = 0x110000 >> 8

# Han, the kana with their length marks, and the scripts of mainland South-East Asia that write words together.
_ALONE = r"[\p{Han}\p{Hiragana}\p{Katakana}\u30fc\uff70\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"


def build() -> npt.NDArray[np.int32]:
    """Compute the table from the `regex` module and this Python's `str` methods."""
    import regex

    characters = "".join(map(chr, range(0x110000)))
    flags = np.zeros(0x110000, np.int32)
    for flag, pattern in (
        (WORD, r"[\p{L}\p{M}\p{N}_]+"),
        (ALONE, rf"[{_ALONE}&&[[\p{{L}}][\p{{Han}}&&\p{{N}}]]]+"),
        (MARK, r"\p{M}+"),
    ):
        for match in regex.compile(pattern, regex.V1).finditer(characters):
            flags[match.start() : match.end()] |= flag
    lower = np.zeros(0x110000, np.int32)
    for code, character in enumerate(characters):
        flags[code] |= SPACE * character.isspace() | ALPHANUMERIC * character.isalnum()
        lower[code] = ord(character.lower()[0]) - code  # only U+0130 has two characters: its simple mapping is 'i'
    return two_stage(lower << 8 | flags)


def build_classes() -> npt.NDArray[np.int32]:
    """Compute `CLASSES` from the `regex` module and this Python's `str` methods."""
    import regex

    characters = "".join(map(chr, range(0x110000)))
    flags = np.zeros(0x110000, np.int32)
    for code, character in enumerate(characters):
        category = unicodedata.category(character)
        if category in ("Cn", "Co", "Cs"):
            continue
        final_after_letter = ("A" + character + "Σ").lower().endswith("ς")
        final_after_digit = ("1" + character + "Σ").lower().endswith("ς")
        flags[code] = (
            PUNCTUATION * (category[0] == "P")
            | SYMBOL * (category[0] == "S")
            | UPPER * character.isupper()
            | LOWER * (character.islower() or (character.istitle() and not character.isupper()))
            | NUMERIC * character.isnumeric()
            | LETTER * character.isalpha()
            | CASED * (final_after_letter and final_after_digit)
            | IGNORABLE * (final_after_letter and not final_after_digit)
            | WORD_CHARACTER * (character.isalnum() or character == "_")
            | WHITESPACE * character.isspace()
        )
    for number, name in enumerate(SENTENCE_BREAKS[1:], 1):
        for match in regex.finditer(rf"\p{{Sentence_Break={name}}}+", characters):
            flags[match.start() : match.end()] |= number << 12
    return two_stage(flags)


def two_stage(entries: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return a table of 0x110000 entries, equal blocks of 256 stored once."""
    entries = entries.reshape(BLOCKS, 256)
    blocks, index = np.unique(entries, axis=0, return_inverse=True)
    places = BLOCKS + 256 * index.reshape(-1)
    return np.concatenate([places.astype(np.int32), blocks.reshape(-1)])


TABLE: npt.NDArray[np.int32]
CLASSES: npt.NDArray[np.int32]
if __name__ == "__main__":
    np.save(FILE, build())
    np.save(CLASSES_FILE, build_classes())
else:
    TABLE, CLASSES = np.load(FILE), np.load(CLASSES_FILE)
