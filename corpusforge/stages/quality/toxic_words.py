"""The words that quality.toxicity knows, as a table of hashes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from corpusforge.errors import RecipeError
from corpusforge.stages.quality.toxic_lists import ENGLISH, harmless_file, list_files, packaged_file
from corpusforge.text.arrays import Bools, Int64s, UInt8s, UInt32s, UInt64s

CLASSES = (
    *("swear", "mild", "abuse", "slur", "obscene", "idiot", "contempt", "beast", "harm", "hostile", "hate"),
    *("you", "they", "identity", "party", "am", "modal", "not", "report", "self", "kind", "neutral"),
    *("deed", "right", "every", "dark"),
)
BIT = {name: 1 << i for i, name in enumerate(CLASSES)}
MORE = 1 << 31  # the words so far begin a longer entry
PRIME = np.uint64(0xD6E8FEB86659FD93)
_PLAIN = BIT["abuse"]  # the class of a list without classes
_COUNTED = sum(BIT[n] for n in ("swear", "mild", "abuse", "slur", "obscene", "idiot", "hostile"))
_MASKED = BIT["swear"] | BIT["abuse"] | BIT["slur"]  # what people write with stars

Entries = Mapping[str, int]  # an entry, lower case -> the bits of its classes


class ToxicWords:
    """Entries of several languages, ready to be looked up.

    `keys` uint64[slots] (0: free) and `kinds` uint32[slots]: an open-addressing table from the hash of a word, or of
    the words of an entry so far, to the bits of its classes and MORE. `salts` uint64[languages] tells the
    languages apart. `masked_keys`, `masked_kinds`: the same for words with stars in them (`f*ck`). `inside`
    uint8[stems, 16] and `inside_lengths`: what is looked for within words; `glance` bool[4096]: of its first bytes.
    """

    def __init__(self, languages: Mapping[str, Entries], inside: Sequence[str] = ()) -> None:
        from corpusforge.text import segment
        from corpusforge.text.words import hash_word

        self.names = tuple(languages)
        self.salts: UInt64s = np.array([hash_word(f"language {name}") for name in self.names] or [0], np.uint64)
        found: dict[int, int] = {}
        masked: dict[int, int] = {}
        for salt, entries in zip(self.salts, languages.values(), strict=False):
            words = segment(list(entries)).words
            for row, (entry, kinds) in enumerate(entries.items()):
                hashes = words.hashes[words.offsets[row] : words.offsets[row + 1]]
                state = salt
                for i, one in enumerate(hashes):
                    state = _step(state, one)
                    found[int(state)] = found.get(int(state), 0) | (kinds if i + 1 == len(hashes) else MORE)
                if len(hashes) == 1 and kinds & _MASKED and re.fullmatch("[a-z]{4,}", entry):
                    for form in _with_stars(entry):
                        key = int(_step(salt, np.uint64(hash_word(form))))
                        masked[key] = masked.get(key, 0) | kinds
        self.keys, self.kinds = _table(found)
        self.masked_keys, self.masked_kinds = _table(masked)
        self.inside: UInt8s = np.zeros((len(inside), 16), np.uint8)
        for row, stem in enumerate(inside):
            self.inside[row, : len(stem)] = np.frombuffer(stem.encode(), np.uint8)
        self.inside_lengths: Int64s = np.array([len(stem) for stem in inside], np.int64)
        self.glance: Bools = np.zeros(4096, bool)
        for row in range(len(inside)):
            a, b, c, d = (int(x) for x in self.inside[row, :4])
            self.glance[(a ^ b << 3 ^ c << 5 ^ d << 7) & 4095] = True


def read_words(path: Path) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the entries of a file with their classes, and what counts inside longer words.

    A file without [class] lines is a plain list, one entry a line: all of [abuse]. With them a line holds entries
    divided by commas. `#` begins a comment line.
    """
    entries: dict[str, int] = {}
    inside: list[str] = []
    kinds: int | None = None
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip().lower()
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            name = line[1:-1]
            if name not in BIT and name != "inside":
                raise RecipeError(
                    f"{path} line {number}: there is no class [{name}]; there are {', '.join(BIT)}, inside"
                )
            kinds = BIT.get(name, 0)
            continue
        for entry in [line] if kinds is None else [e.strip() for e in line.split(",") if e.strip()]:
            if kinds == 0:
                if not re.fullmatch("[a-z]{4,16}", entry):
                    raise RecipeError(f"{path} line {number}: '{entry}' is not 4 to 16 letters a-z, as [inside] needs")
                inside.append(entry)
            else:
                entries[entry] = entries.get(entry, 0) | (_PLAIN if kinds is None else kinds)
    return entries, tuple(inside)


def english_words(own: Sequence[str] = ()) -> ToxicWords:
    """Return the English words with their classes; packaged entries without one are [obscene].

    Packaged entries that are odd spellings (b1tch) are left out: they are read as the words that they spell.
    """
    entries: dict[str, int] = {}
    inside: list[str] = []
    for path in list_files(own)[ENGLISH]:
        if path != packaged_file():
            found, stems = read_words(path)
            inside += stems
            for entry, kinds in found.items():
                entries[entry] = entries.get(entry, 0) | kinds
    harmless, _ = read_words(harmless_file())
    for entry in read_words(packaged_file())[0]:
        if entry not in harmless and entry.replace(" ", "").isalpha():
            entries.setdefault(entry, BIT["obscene"])
    return ToxicWords({ENGLISH: entries}, inside)


def plain_lists(own: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the entries of every language but English."""
    return {
        language: [entry for path in paths for entry, kinds in read_words(path)[0].items() if kinds & _COUNTED]
        for language, paths in list_files(own).items()
        if language != ENGLISH
    }


def _step(state: np.uint64, word: np.uint64) -> np.uint64:
    with np.errstate(over="ignore"):
        return np.uint64((state ^ word) * PRIME)


def _table(found: Mapping[int, int]) -> tuple[UInt64s, UInt32s]:
    slots = 1 << (4 * len(found) + 2).bit_length()
    keys, kinds = np.zeros(slots, np.uint64), np.zeros(slots, np.uint32)
    for key, bits in found.items():
        at = key >> 20 & slots - 1
        while keys[at]:
            at = at + 1 & slots - 1
        keys[at], kinds[at] = key, bits
    return keys, kinds


def _with_stars(word: str) -> set[str]:
    """Return the forms of a word of which adjacent letters, not the first, are stars; one star may hide several.

    >>> sorted(_with_stars("damn"))
    ['d***', 'd**n', 'd*mn', 'd*n', 'da**', 'da*n']
    """
    last = len(word)
    forms = {word[:i] + "*" * (j - i) + word[j:] for i in range(1, last) for j in range(i + 1, last)}
    forms |= {word[:i] + "*" + word[j:] for i in range(1, last) for j in range(i + 1, last)}
    forms |= {word[:i] + "*" * (last - i) for i in range(1, last - 1)}
    return forms
