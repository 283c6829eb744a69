r"""Classes of characters as the reference tokenizers see them: what \p{L}, \p{N}, \s and their like match.

The table is one uint16 of flags for each code point. It is read from character_classes.npz, which holds what
tokenizers 0.23 and tiktoken 0.14 match (the two agree), and made by

    python -m corpusforge.stages.tokenize.character_classes

Another version may know other characters, so a reference is asked about the edges of all runs of the table and about
every 16th code point of the planes with scripts, the unit in which Unicode fills them (0.1 s); where it answers
otherwise, it is asked about all (8 s).
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from corpusforge.text.arrays import Bools, Int64s, UInt16s

LETTER, NUMBER, SPACE, MARK, PUNCTUATION, SYMBOL, CAPITAL, SMALL = (1 << i for i in range(8))
NEWLINE = 256  # carriage return and line feed
PATTERNS = {
    LETTER: r"\p{L}",
    NUMBER: r"\p{N}",
    SPACE: r"\s",
    MARK: r"\p{M}",
    PUNCTUATION: r"\p{P}",
    SYMBOL: r"\p{S}",
    CAPITAL: r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]",
    SMALL: r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]",
}
FILE = Path(__file__).with_suffix(".npz")
SCRIPTS = 0x20000  # code points of the planes with scripts; above are ideographs, tags and what is not assigned

Matched = Callable[[str, Int64s], Bools]  # (class pattern, code points) -> which of them match


@lru_cache(maxsize=2)
def table(reference: str) -> UInt16s:
    """Return the classes by code point, uint16[0x110000], as `reference` (tokenizers or tiktoken) matches them."""
    matched = {"tokenizers": tokenizers_matched, "tiktoken": tiktoken_matched}[reference]
    stored = np.load(FILE)
    found = np.repeat(stored["classes"], np.diff(np.append(stored["starts"], 0x110000)))
    edges = np.concatenate([stored["starts"], stored["starts"][1:] - 1, np.arange(0, SCRIPTS, 16)])
    asked = np.unique(edges[(edges < 0xD800) | (edges > 0xDFFF)])
    for flag, pattern in PATTERNS.items():
        if not np.array_equal(matched(pattern, asked), (found[asked] & flag) != 0):
            return derived(matched)
    return found


def derived(matched: Matched) -> UInt16s:
    """Ask a reference about every code point but surrogates."""
    codes = np.concatenate([np.arange(0xD800), np.arange(0xE000, 0x110000)])
    found = np.zeros(0x110000, np.uint16)
    for flag, pattern in PATTERNS.items():
        found[codes[matched(pattern, codes)]] |= flag
    found[[10, 13]] |= NEWLINE
    return found


def tokenizers_matched(pattern: str, codes: Int64s) -> Bools:
    """Ask HF tokenizers."""
    from tokenizers import Regex, pre_tokenizers

    split = pre_tokenizers.Split(Regex(f"{pattern}+"), "removed", invert=True)
    found = np.zeros(len(codes), bool)
    for _, (start, end) in split.pre_tokenize_str("".join(map(chr, codes.tolist()))):
        found[start:end] = True
    return found


def tiktoken_matched(pattern: str, codes: Int64s) -> Bools:
    """Ask tiktoken, which leaves out what its pattern does not match."""
    from tiktoken import Encoding

    every_byte = {bytes([byte]): byte for byte in range(256)}
    encoding = Encoding("classes", pat_str=pattern, mergeable_ranks=every_byte, special_tokens={})
    letters = bytes(encoding.encode_ordinary("".join(map(chr, codes.tolist())))).decode()
    return np.isin(codes, np.array([ord(letter) for letter in letters], np.int64))


if __name__ == "__main__":
    made = derived(tiktoken_matched)
    assert np.array_equal(made, derived(tokenizers_matched)), "the two references differ"
    first = np.flatnonzero(np.append(True, made[1:] != made[:-1]))
    np.savez_compressed(FILE, starts=first.astype(np.int32), classes=made[first])
