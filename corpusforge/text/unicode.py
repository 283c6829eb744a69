"""The Unicode table that every text kernel reads: what a code point is, and its lower case.

`TABLE` is a two-stage table in one int32 array. The first 4352 entries map `code >> 8` to the place of a block of
256 entries; an entry is `(lower(code) - code) << 8 | flags`. It is read from `unicode.npy` (0.3 ms) and made by

    python -m corpusforge.text.unicode

Stored: letters, marks, numbers and scripts of Unicode 17.0 (regex 2026.11.15), spaces, alphanumerics and lower
case of Unicode 14.0 (Python 3.11). Kept in a file so that no run depends on the Python that runs it.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

WORD = 1  # letter, mark, number or '_': part of a word
ALONE = 2  # a letter of a script that writes no spaces between words: a word of its own
MARK = 4  # combining mark: stays with what stands before it
SPACE = 8  # str.isspace()
ALPHANUMERIC = 16  # str.isalnum()

FILE = Path(__file__).with_suffix(".npy")
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
    entries = (lower << 8 | flags).reshape(BLOCKS, 256)
    blocks, index = np.unique(entries, axis=0, return_inverse=True)
    places = BLOCKS + 256 * index.reshape(-1)
    return np.concatenate([places.astype(np.int32), blocks.reshape(-1)])


TABLE: npt.NDArray[np.int32]
if __name__ == "__main__":
    np.save(FILE, build())
else:
    TABLE = np.load(FILE)
