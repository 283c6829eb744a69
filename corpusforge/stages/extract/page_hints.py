"""What the attributes of elements say: hints by their words, what is hidden, drawn formulas, links to licences."""

import numpy as np
from numba import njit

from corpusforge.stages.extract.page_tree import name_hash
from corpusforge.text.arrays import Int64s, UInt8s, UInt64s

ARTICLE_BODY, STYLED_HIDDEN, ARIA_HIDDEN = 1 << 32, 1 << 33, 1 << 34  # bits of an element beside those of hints
FORMULA_PICTURE, REL_LICENSE = 1 << 35, 1 << 36
_CLASS, _ID, _ROLE, _ITEMPROP, _STYLE, _HIDDEN, _ARIA, _REL = (
    name_hash(name) for name in ("class", "id", "role", "itemprop", "style", "hidden", "aria-hidden", "rel")
)
_BODY, _LICENSE = name_hash("articlebody"), name_hash("license")
_PICTURES = tuple(  # classes of what KaTeX and MathJax draw, without their hyphens
    name_hash(name)
    for name in ("katexhtml", "mathjax", "mathjaxpreview", "mathjaxdisplay", "mathjaxsvg", "mathjaxchtml")
)
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MAX_WORD = 24


@njit(cache=True)
def slot_of(keys: UInt64s, key: np.uint64) -> int:
    """Return the slot of a key, -1 when it is not there."""
    mask = len(keys) - 1
    slot = np.int64(key & np.uint64(mask))
    while keys[slot] != 0:
        if keys[slot] == key:
            return int(slot)
        slot = (slot + 1) & mask
    return -1


@njit(cache=True)
def attribute_bits(html: UInt8s, attributes: Int64s, keys: UInt64s, bits: Int64s) -> Int64s:
    """Return the bits that class, id, role, itemprop, rel, style, hidden and aria-hidden give each element."""
    found = np.zeros(len(attributes), np.int64)
    letters = np.empty(_MAX_WORD, np.uint8)
    for element in range(len(attributes)):
        at, stop = attributes[element]
        answer = 0
        while at < stop:
            at += 1  # the space
            key = _OFFSET
            while at < stop and html[at] != 61:
                key = (key ^ np.uint64(html[at])) * _PRIME
                at += 1
            at += 2  # ="
            start = at
            while at < stop and html[at] != 34:
                at += 1
            end = at
            at += 1
            if key in (_CLASS, _ID, _ROLE, _ITEMPROP, _REL):
                whole = _OFFSET
                k = 0
                was_small = False
                for i in range(start, end + 1):
                    byte = html[i] if i < end else 0
                    capital = 65 <= byte <= 90
                    small = 97 <= byte <= 122
                    if (not capital and not small) or (capital and was_small):
                        if 0 < k <= _MAX_WORD:
                            answer |= _word_bits(letters, k, keys, bits)
                        k = 0
                    if capital or small:
                        letter = np.uint8(byte | 32)
                        whole = (whole ^ np.uint64(letter)) * _PRIME
                        if k < _MAX_WORD:
                            letters[k] = letter
                        k += 1
                    was_small = small
                if key == _ITEMPROP and whole == _BODY:
                    answer |= ARTICLE_BODY
                if key == _REL and whole == _LICENSE:
                    answer |= REL_LICENSE
                if key == _CLASS:
                    for picture in _PICTURES:
                        if whole == picture:
                            answer |= FORMULA_PICTURE
            elif key == _STYLE:
                if _says_hidden(html, start, end):
                    answer |= STYLED_HIDDEN
            elif key == _HIDDEN:
                answer |= STYLED_HIDDEN
            elif key == _ARIA and end > start and html[start] == 116:
                answer |= ARIA_HIDDEN
        found[element] = answer
    return found


@njit(cache=True)
def _word_bits(letters: UInt8s, count: int, keys: UInt64s, bits: Int64s) -> int:
    answer = 0
    key = _OFFSET
    for k in range(count):
        key = (key ^ np.uint64(letters[k])) * _PRIME
        if k >= 1 or count == 1:
            slot = slot_of(keys, key)
            if slot >= 0:
                answer |= bits[slot, 0] if k == count - 1 else bits[slot, 1]
    for first in range(1, count - 2):
        key = _OFFSET
        for k in range(first, count):
            key = (key ^ np.uint64(letters[k])) * _PRIME
        slot = slot_of(keys, key)
        if slot >= 0:
            answer |= bits[slot, 2]
    return answer


@njit(cache=True)
def _says_hidden(html: UInt8s, start: int, end: int) -> bool:
    """Tell whether a style has display:none or visibility:hidden, by their ends `y:none` and `y:hidden`."""
    for at in range(start + 1, end):
        if html[at] == 58 and html[at - 1] == 121:
            value = at + 1
            while value < end and html[value] == 32:
                value += 1
            if value + 3 < end and html[value] == 110 and html[value + 1] == 111 and html[value + 3] == 101:
                return True
            if value + 5 < end and html[value] == 104 and html[value + 1] == 105 and html[value + 5] == 110:
                return True
    return False
