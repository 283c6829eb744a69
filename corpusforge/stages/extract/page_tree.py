"""A page as arrays: its elements in the order of their tags, and the tokens between them.

The page was parsed and written out again by an HTML5 parser, so every element that can be closed is closed, attribute
values stand in double quotes, and only script, style and their like hold raw text. One compiled pass over the bytes
is then enough, and nothing is ever nested by recursion.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s, UInt8s, UInt64s

# Order matters: the code of a tag is its place. Names that are not listed get OTHER, which breaks no line.
TAGS = str.split(
    "other html head body title base link meta style script noscript template svg math iframe object embed "
    "article section nav aside header footer main address h1 h2 h3 h4 h5 h6 p pre blockquote ol ul menu li dl dt dd "
    "figure figcaption div hr table caption colgroup col tbody thead tfoot tr td th form fieldset legend details "
    "summary "
    "dialog center dir listing xmp noframes noembed frameset frame plaintext "
    "a b i u s em strong small cite q code kbd samp var sub sup span font big tt mark abbr acronym del ins strike time "
    "data bdi bdo annotation annotation-xml ruby rt rp rb dfn label br wbr img picture source audio video track "
    "canvas map area "
    "input button select option optgroup textarea datalist output progress meter custom"
)
CODE = {name: code for code, name in enumerate(TAGS)}
CUSTOM = CODE["custom"]  # a name with a hyphen

OPEN, CLOSE, TEXT = 0, 1, 2

_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_SLOTS = 1 << 10

_RAW = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"})
_VOID = frozenset(
    str.split("base link meta br wbr img hr input area col embed source track frame")  # never have an end tag
)


class PageTree(NamedTuple):
    """Elements (arrays of n) and tokens (arrays of m) of a page whose bytes are `html`."""

    html: UInt8s
    tags: Int32s  # [n] code of the tag; element 0 is a root around everything
    parents: Int32s  # [n]
    attributes: Int64s  # [n, 2] bytes of the attributes inside the tag
    kinds: UInt8s  # [m] OPEN, CLOSE, TEXT
    elements: Int32s  # [m] the element opened or closed, or the one the text stands in
    spans: Int64s  # [m, 2] bytes of a text; of a tag nothing is kept
    depth: int  # of the deepest element


def tree(html: bytes) -> PageTree:
    """Return the arrays of a page written out by an HTML5 parser."""
    data = np.frombuffer(html, np.uint8)
    return PageTree(data, *_tree(data, *_TABLE))


def name_hash(name: str) -> np.uint64:
    """Return the hash (FNV-1a) of an ASCII name, as the kernels compute it."""
    value = int(_OFFSET)
    for byte in name.encode():
        value = (value ^ byte) * int(_PRIME) & 0xFFFFFFFFFFFFFFFF
    return np.uint64(value)


def _table() -> tuple[UInt64s, Int32s, UInt8s]:
    keys, codes = np.zeros(_SLOTS, np.uint64), np.zeros(_SLOTS, np.int32)
    traits = np.zeros(len(TAGS), np.uint8)  # 1: raw text inside; 2: void
    for code, name in enumerate(TAGS):
        traits[code] = (name in _RAW) + 2 * (name in _VOID)
        key = name_hash(name)
        slot = int(key) & (_SLOTS - 1)
        while keys[slot]:
            slot = (slot + 1) & (_SLOTS - 1)
        keys[slot], codes[slot] = key, code
    return keys, codes, traits


_TABLE = _table()


@njit(cache=True)
def _tree(
    html: UInt8s, keys: UInt64s, codes: Int32s, traits: UInt8s
) -> tuple[Int32s, Int32s, Int64s, UInt8s, Int32s, Int64s, int]:
    size = len(html)
    tags_most = 1
    for at in range(size):
        tags_most += html[at] == 60
    tags = np.empty(tags_most, np.int32)
    parents = np.empty(tags_most, np.int32)
    attributes = np.empty((tags_most, 2), np.int64)
    tokens_most = 3 * tags_most + 1  # a void element opens, closes, and is followed by text
    kinds = np.empty(tokens_most, np.uint8)
    elements = np.empty(tokens_most, np.int32)
    spans = np.empty((tokens_most, 2), np.int64)
    tags[0], parents[0], attributes[0, 0], attributes[0, 1] = 0, 0, 0, 0
    n, m, now, level, deepest = 1, 0, 0, 0, 0
    at = 0
    while at < size:
        if html[at] != 60:  # text up to the next tag
            start = at
            while at < size and html[at] != 60:
                at += 1
            kinds[m], elements[m], spans[m, 0], spans[m, 1] = TEXT, now, start, at
            m += 1
            continue
        following = html[at + 1] if at + 1 < size else 0
        if following == 33 or following == 63:  # a comment, the document type, a processing instruction
            if at + 3 < size and html[at + 2] == 45 and html[at + 3] == 45:
                at += 4
                while at < size and not (html[at] == 62 and html[at - 1] == 45 and html[at - 2] == 45):
                    at += 1
            else:
                while at < size and html[at] != 62:
                    at += 1
            at += 1
            continue
        if following == 47:
            kinds[m], elements[m], spans[m, 0], spans[m, 1] = CLOSE, now, at, at
            m += 1
            now = parents[now]
            level = max(0, level - 1)
            while at < size and html[at] != 62:
                at += 1
            at += 1
            continue
        at += 1
        key = _OFFSET
        hyphen = False
        while at < size and html[at] != 32 and html[at] != 62 and html[at] != 47:
            hyphen |= html[at] == 45
            key = (key ^ np.uint64(html[at])) * _PRIME
            at += 1
        slot = np.int64(key & np.uint64(_SLOTS - 1))
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + 1) & (_SLOTS - 1)
        tag = codes[slot] if keys[slot] == key else (CUSTOM if hyphen else 0)
        start = at
        while at < size and html[at] != 62:  # ` name="value"`; a name may hold quotes
            while at < size and html[at] != 61:
                at += 1
            at += 2
            while at < size and html[at] != 34:
                at += 1
            at += 1
        at = min(at, size)
        tags[n], parents[n], attributes[n, 0], attributes[n, 1] = tag, now, start, min(at, size)
        kinds[m], elements[m], spans[m, 0], spans[m, 1] = OPEN, n, at, at
        m += 1
        at += 1
        if traits[tag] & 2:
            kinds[m], elements[m], spans[m, 0], spans[m, 1] = CLOSE, n, at, at
            m += 1
            n += 1
            continue
        now = n
        n += 1
        level += 1
        deepest = max(deepest, level)
        if traits[tag] & 1:  # raw text: up to the end tag of the same name
            length, begin = 0, at
            while length < 12 and html[start - 1 - length] != 60:
                length += 1
            while at < size:
                if html[at] == 60 and at + 1 < size and html[at + 1] == 47 and at + 2 + length <= size:
                    same = True
                    for k in range(length):
                        if html[at + 2 + k] != html[start - length + k]:
                            same = False
                            break
                    if same:
                        break
                at += 1
            if at > begin:
                kinds[m], elements[m], spans[m, 0], spans[m, 1] = TEXT, now, begin, at
                m += 1
    return tags[:n], parents[:n], attributes[:n], kinds[:m], elements[:m], spans[:m], deepest
