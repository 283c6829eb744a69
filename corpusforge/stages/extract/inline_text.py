"""The inside of a block: white space, line breaks, emphasis, powers and formulas, as bytes behind those of others."""

import numpy as np
from numba import njit

from corpusforge.stages.extract.formulas import TEX, TEX_ATTRIBUTE, value
from corpusforge.stages.extract.page_tree import CODE, TEXT, name_hash
from corpusforge.text.arrays import Bools, Int32s, Int64s, UInt8s

_BR, _A, _SUP, _MATH, _CODE = (CODE[name] for name in ("br", "a", "sup", "math", "code"))
_STRONG, _EMPHASIS = (CODE["b"], CODE["strong"]), (CODE["i"], CODE["em"])
_ALTTEXT = name_hash("alttext")


@njit(cache=True)
def write_block(
    html: UInt8s,
    tags: Int32s,
    parents: Int32s,
    attributes: Int64s,
    kinds: UInt8s,
    token_elements: Int32s,
    spans: Int64s,
    formulas: UInt8s,
    skipped: Bools,
    e: int,
    first: int,
    stop: int,
    pre: bool,
    heading: bool,
    one_line: bool,
    markdown: bool,
    quote: int,
    inside: int,
    out: UInt8s,
    at: int,
) -> int:
    """Write tokens first to stop, a block in element `e`; return the place after it.

    `pre` keeps white space; `one_line` makes line breaks spaces; lines after the first begin with `quote` marks of
    quotation and `inside` spaces. `out` has room for it.
    """
    marks = markdown and not pre and not heading
    space, begun, in_sup = False, False, False
    opened = np.zeros(3, np.int64)  # strong, emphasis, code: marks waiting for a character
    marked = np.zeros(3, np.int64)
    in_tex = False
    outer = token_elements[first]
    if kinds[first] != TEXT:
        outer = parents[outer]
    while outer != e and outer > 0:  # elements opened before the block's first token
        tag = tags[outer]
        if formulas[outer] == TEX:
            out[at] = 36
            at += 1
            in_tex = begun = True
        elif marks and (tag == _STRONG[0] or tag == _STRONG[1]):
            opened[0] = 1
        elif marks and (tag == _EMPHASIS[0] or tag == _EMPHASIS[1]):
            opened[1] = 1
        elif marks and tag == _CODE:
            opened[2] = 1
        outer = parents[outer]
    for t in range(first, stop):
        inner = token_elements[t]
        if skipped[inner]:
            continue
        tag, kind = tags[inner], kinds[t]
        if kind != TEXT:
            if tag == _BR:
                if kind == 0 and begun:
                    if one_line:
                        space = True
                    else:
                        space = False
                        out[at] = 10
                        at = indent(out, at + 1, quote, inside)
                        begun = bool(pre)
            elif tag == _SUP:
                in_sup = kind == 0
            elif tag == _A:  # a note's number
                in_sup = False
            elif tag == _MATH and formulas[inner] == TEX_ATTRIBUTE and kind == 0:
                if space and begun:
                    out[at] = 32
                    at += 1
                space, begun = False, True
                start, end = value(html, attributes[inner, 0], attributes[inner, 1], _ALTTEXT)
                out[at] = 36
                at = _copy(html, start, end, out, at + 1)
                out[at] = 36
                at += 1
            elif formulas[inner] == TEX:
                if kind == 0 and space and begun:
                    out[at] = 32
                    at += 1
                space, begun = False, True
                out[at] = 36
                at += 1
                in_tex = kind == 0
            elif marks:
                which = -1
                if tag == _STRONG[0] or tag == _STRONG[1]:
                    which = 0
                elif tag == _EMPHASIS[0] or tag == _EMPHASIS[1]:
                    which = 1
                elif tag == _CODE:
                    which = 2
                if which >= 0 and kind == 0:
                    opened[which] += marked[which] == 0
                elif which >= 0 and opened[which]:
                    opened[which] = 0
                elif which >= 0 and marked[which]:
                    marked[which] = 0
                    at = _mark(out, at, which)
            continue
        i, end = spans[t]
        if formulas[inner] == TEX:
            at = _copy(html, i, end, out, at)
            continue
        if formulas[inner] == TEX_ATTRIBUTE:
            continue
        while i < end:
            byte, width = html[i], 1
            if byte == 38:
                if html[i + 1] == 110:
                    byte, width = np.uint8(32), 6
                elif html[i + 1] == 97:
                    width = 5
                elif html[i + 1] == 108:
                    byte, width = np.uint8(60), 4
                elif html[i + 1] == 103:
                    byte, width = np.uint8(62), 4
            elif byte == 0xC2 and i + 1 < end and html[i + 1] == 0xA0:
                byte, width = np.uint8(32), 2
            i += width
            if pre and (begun or byte != 10):
                if byte == 10:
                    out[at] = 10
                    at = indent(out, at + 1, quote, 0)
                else:
                    out[at] = byte
                    at += 1
                begun = True
                continue
            if byte <= 32:
                space = True
                continue
            if space and begun:
                out[at] = 32
                at += 1
            if in_sup:
                if begun and not space and (48 <= byte <= 57 or byte == 45 or byte == 43):
                    out[at] = 94
                    at += 1
                in_sup = False
            for which in range(3):
                if opened[which]:
                    opened[which], marked[which] = 0, 1
                    at = _mark(out, at, which)
            space, begun = False, True
            out[at] = byte
            at += 1
    if in_tex:
        out[at] = 36
        at += 1
    for which in range(2, -1, -1):
        if marked[which]:
            at = _mark(out, at, which)
    while at > 0 and (out[at - 1] == 32 or out[at - 1] == 10):
        at -= 1
    return at


@njit(cache=True)
def indent(out: UInt8s, at: int, quotes: int, spaces: int) -> int:
    """Write the beginning of a line in quotes and lists; return the place after it."""
    for _ in range(quotes):
        out[at], out[at + 1] = 62, 32
        at += 2
    for _ in range(spaces):
        out[at] = 32
        at += 1
    return at


@njit(cache=True)
def _mark(out: UInt8s, at: int, which: int) -> int:
    byte = 96 if which == 2 else 42
    out[at] = byte
    if which == 0:
        out[at + 1] = byte
        return at + 2
    return at + 1


@njit(cache=True)
def _copy(html: UInt8s, start: int, end: int, out: UInt8s, at: int) -> int:
    """Copy with the references of serialised HTML undone and ends trimmed; return the place after it."""
    while start < end and html[start] <= 32:
        start += 1
    while start < end and html[end - 1] <= 32:
        end -= 1
    while start < end:
        byte, width = html[start], 1
        if byte == 38 and start + 3 < end:
            if html[start + 1] == 97 and html[start + 2] == 109:
                width = 5
            elif html[start + 1] == 108 and html[start + 2] == 116:
                byte, width = np.uint8(60), 4
            elif html[start + 1] == 103 and html[start + 2] == 116:
                byte, width = np.uint8(62), 4
            elif html[start + 1] == 113 and html[start + 2] == 117:
                byte, width = np.uint8(34), 6
            elif html[start + 1] == 110 and html[start + 2] == 98:
                byte, width = np.uint8(32), 6
        out[at] = np.uint8(32) if byte < 32 else byte
        at += 1
        start += width
    return at
