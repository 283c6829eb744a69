"""Hints: what words of filters/html.yaml say, as tables that compiled kernels look up by hash."""

from functools import cache
from typing import NamedTuple

import numpy as np

from corpusforge.registry import resource
from corpusforge.stages.extract.page_tree import name_hash
from corpusforge.text.arrays import Int64s, UInt64s

WHOLE, PREFIX, SUFFIX = 0, 1, 2


class HintTable(NamedTuple):
    """Open addressing: the hash of a word, and a bit for each group in which it stands, three ways."""

    keys: UInt64s  # [slots] 0: free
    bits: Int64s  # [slots, 3] groups of the whole word, of words that begin with it, of words that end with it


@cache
def hints() -> tuple[tuple[str, ...], HintTable, tuple[str, ...], HintTable]:
    """Return the groups and the table of hints in attributes, then those of phrases in texts."""
    from ruamel.yaml import YAML

    loaded = YAML(typ="safe", pure=True).load(resource("filters", "html").read_text(encoding="utf-8"))
    return (
        tuple(loaded["hints"]),
        _table(list(loaded["hints"].values())),
        tuple(loaded["phrases"]),
        _table(list(loaded["phrases"].values())),
    )


def _table(groups: list[list[str]]) -> HintTable:
    words: dict[str, list[int]] = {}
    for bit, group in enumerate(groups):
        for word in group:
            bits = words.setdefault(word.strip("*"), [0, 0, 0])
            bits[SUFFIX if word[0] == "*" else WHOLE] |= 1 << bit
            if word[-1] == "*":
                bits[PREFIX] |= 1 << bit
    slots = 1 << (4 * len(words)).bit_length()
    table = HintTable(np.zeros(slots, np.uint64), np.zeros((slots, 3), np.int64))
    for word, bits in words.items():
        key = name_hash(word)
        slot = int(key) & (slots - 1)
        while table.keys[slot]:
            slot = (slot + 1) & (slots - 1)
        table.keys[slot], table.bits[slot] = key, bits
    return table
