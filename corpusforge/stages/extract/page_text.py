"""Text of a page: its chosen blocks, with the line breaks, lists, tables, code and quotes of the page.

Plain text: paragraphs and headings with an empty line between them, items of lists as `- item`, cells of a row with
` | ` between them, preformatted text as it stands, formulas as `$TeX$` where the page has their TeX. Markdown: `#` for
headings, numbers in ordered lists, indented inner lists, tables with a line under the first row, fences around code,
`>` before quotes, emphasis and inline code marked; nothing in the text is escaped.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.stages.extract.formulas import TEX, TEX_ATTRIBUTE, value
from corpusforge.stages.extract.page_blocks import PageBlocks
from corpusforge.stages.extract.page_tree import CODE, TAGS, TEXT, PageTree, name_hash
from corpusforge.text.arrays import Bools, Int32s, Int64s, UInt8s

_HEADINGS = np.array([int(name[1]) if name in ("h1", "h2", "h3", "h4", "h5", "h6") else 0 for name in TAGS], np.int32)
_LI, _OL, _PRE, _QUOTE, _TABLE, _TR, _TD, _TH = (
    CODE[name] for name in ("li", "ol", "pre", "blockquote", "table", "tr", "td", "th")
)
_DT, _DD, _BR, _A, _SUP, _MATH, _CODE = (CODE[name] for name in ("dt", "dd", "br", "a", "sup", "math", "code"))
_STRONG, _EMPHASIS = (CODE["b"], CODE["strong"]), (CODE["i"], CODE["em"])
_ALTTEXT = name_hash("alttext")
_MAX_NESTING = 8  # inner lists and quotes beyond this many are not indented further
_FENCE, _RULE = np.frombuffer(b"```", np.uint8), np.frombuffer(b" --- |", np.uint8)


class _Places(NamedTuple):
    """Where each element (arrays of n) stands; 0 where it stands in none."""

    items: Int32s  # innermost li
    lists: Int32s  # how many li around
    quotes: Int32s  # how many blockquote around
    pres: Int32s  # innermost pre
    cells: Int32s  # innermost td or th
    rows: Int32s  # innermost tr
    tables: Int32s  # innermost table
    columns: Int32s  # of a cell, from 0; of an item, its number in the list, from 1
    layout: Bools  # of a table: its cells hold more than one block each, or it has one column


def text(page: PageTree, blocks: PageBlocks, chosen: Bools, markdown: bool = False) -> str:
    """Return the text of the blocks for which `chosen`, bool[b], is set."""
    places = _places(page.tags, page.parents, blocks.elements)
    written = _write(
        page.html, page.tags, page.parents, page.attributes, page.kinds, page.elements, page.spans,
        blocks.elements, blocks.tokens, blocks.formulas, blocks.skipped, chosen, markdown, _HEADINGS, _FENCE, _RULE,
        *places, )  # fmt: skip
    return written.tobytes().decode("utf-8", "replace")


@njit(cache=True)
def _places(
    tags: Int32s, parents: Int32s, elements: Int32s
) -> tuple[Int32s, Int32s, Int32s, Int32s, Int32s, Int32s, Int32s, Int32s, Bools]:
    n = len(tags)
    items, lists, quotes, pres = (
        np.zeros(n, np.int32),
        np.zeros(n, np.int32),
        np.zeros(n, np.int32),
        np.zeros(n, np.int32),
    )
    cells, rows, tables = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    columns, children = np.zeros(n, np.int32), np.zeros(n, np.int32)
    for e in range(1, n):
        p, tag = parents[e], tags[e]
        items[e], lists[e], quotes[e], pres[e] = items[p], lists[p], quotes[p], pres[p]
        cells[e], rows[e], tables[e] = cells[p], rows[p], tables[p]
        if tag == _LI:
            children[p] += 1
            items[e], columns[e] = e, children[p]
            lists[e] += 1
        elif tag == _QUOTE:
            quotes[e] += 1
        elif tag == _PRE:
            pres[e] = e
        elif tag == _TABLE:
            tables[e], cells[e], rows[e] = e, 0, 0
        elif tag == _TR:
            rows[e], cells[e] = e, 0
        elif tag in (_TD, _TH):
            cells[e], columns[e] = e, children[p]
            children[p] += 1
    layout = np.zeros(n, np.bool_)
    last_cell, widest = 0, np.zeros(n, np.int32)
    for e in elements:
        cell, table = cells[e], tables[e]
        if table == 0:
            continue
        outer = tables[parents[table]]
        if outer:
            layout[outer] = True
        if cell and cell == last_cell:
            layout[table] = True
        widest[table] = max(widest[table], columns[cell])
        last_cell = cell
    for e in range(1, n):
        if tags[e] == _TABLE and widest[e] == 0:
            layout[e] = True
    return items, lists, quotes, pres, cells, rows, tables, columns, layout


@njit(cache=True)
def _room(out: UInt8s, at: int, need: int) -> UInt8s:
    """Return `out` with room for `need` more bytes."""
    if at + need <= len(out):
        return out
    larger = np.empty(max(2 * len(out), at + need), np.uint8)
    larger[:at] = out[:at]
    return larger


@njit(cache=True)
def _end_row(out: UInt8s, at: int, first: bool, cells: int, quote: int, rule: UInt8s) -> int:
    """End a row of a table in Markdown, the first one with the line under it."""
    out[at], out[at + 1] = 32, 124
    at += 2
    if first:
        out[at] = 10
        at = _indent(out, at + 1, quote, 0)
        out[at] = 124
        at += 1
        for _ in range(cells):
            for i in range(len(rule)):
                out[at + i] = rule[i]
            at += len(rule)
    return at


@njit(cache=True)
def _indent(out: UInt8s, at: int, quotes: int, spaces: int) -> int:
    for _ in range(quotes):
        out[at], out[at + 1] = 62, 32
        at += 2
    for _ in range(spaces):
        out[at] = 32
        at += 1
    return at


@njit(cache=True)
def _write(
    html: UInt8s,
    tags: Int32s,
    parents: Int32s,
    attributes: Int64s,
    kinds: UInt8s,
    token_elements: Int32s,
    spans: Int64s,
    elements: Int32s,
    tokens: Int64s,
    formulas: UInt8s,
    skipped: Bools,
    chosen: Bools,
    markdown: bool,
    headings: Int32s,
    fence: UInt8s,
    rule: UInt8s,
    items: Int32s,
    lists: Int32s,
    quotes: Int32s,
    pres: Int32s,
    cells: Int32s,
    rows: Int32s,
    tables: Int32s,
    columns: Int32s,
    layout: Bools,
) -> UInt8s:
    begun_items = np.zeros(len(tags), np.bool_)
    out = np.empty(4096, np.uint8)
    at = 0
    last = -1  # the block written before
    table_row, table_cells, first_row, column = 0, 0, False, 0
    in_fence = 0
    for b in range(len(elements)):
        if not chosen[b]:
            continue
        e = elements[b]
        first, stop = tokens[b]
        # Room: the text itself, alttexts, and for each line its indentation.
        need, most_lines = 512, 8
        for t in range(first, stop):
            if kinds[t] == TEXT:
                need += spans[t, 1] - spans[t, 0]
                if pres[e]:
                    for i in range(spans[t, 0], spans[t, 1]):
                        most_lines += html[i] == 10
            else:
                tag = tags[token_elements[t]]
                most_lines += tag == _BR
                need += 8
                if tag == _MATH:
                    need += attributes[token_elements[t], 1] - attributes[token_elements[t], 0]
        need += 8 * columns[cells[e]] + most_lines * 5 * _MAX_NESTING
        need += 6 * table_cells
        out = _room(out, at, need)
        pre, table, row, cell, item = pres[e], tables[e], rows[e], cells[e], items[e]
        in_table = table != 0 and row != 0 and cell != 0 and not layout[table]
        quote = min(quotes[e], _MAX_NESTING) if markdown else 0
        depth = min(lists[e], _MAX_NESTING)
        spaces = 0
        if markdown and depth:
            spaces = 2 * (depth - 1)
        if in_fence and pre != in_fence:
            out[at] = 10
            at = _indent(out, at + 1, min(quotes[in_fence], _MAX_NESTING), 0)
            for i in range(3):
                out[at + i] = fence[i]
            at += 3
            in_fence = 0
        begins_item = item != 0 and not begun_items[item]
        begun_items[item] = True
        same_row = in_table and row == table_row
        if table_row and not same_row:
            if markdown:
                at = _end_row(out, at, first_row, table_cells, quote, rule)
            table_row = 0
        if same_row:
            passed = columns[cell] - column if markdown else 1
            for _ in range(passed):
                out[at], out[at + 1], out[at + 2] = 32, 124, 32
                at += 3
            column = columns[cell]
            table_cells = max(table_cells, column + 1)
        else:
            if last >= 0:
                was = elements[last]
                close = (
                    (in_table and tables[was] == table)
                    or (pre != 0 and pres[was] == pre)
                    or (item != 0 and items[was] != 0 and begins_item and not pre)
                    or (
                        (tags[e] == _DD or tags[e] == _DT) and (tags[was] == _DT or tags[was] == _DD) and tags[e] != _DT
                    )
                )
                out[at] = 10
                at += 1
                if not close:
                    if markdown and quote and min(quotes[was], quote):
                        at = _indent(out, at, min(min(quotes[was], _MAX_NESTING), quote), 0)
                        at -= 1
                    out[at] = 10
                    at += 1
            if pre and markdown and pre != in_fence:
                at = _indent(out, at, quote, 0)
                for i in range(3):
                    out[at + i] = fence[i]
                out[at + 3] = 10
                at += 4
                in_fence = pre
            if item != 0 and not pre and not in_table:
                if begins_item:
                    at = _indent(out, at, quote, spaces)
                    if markdown and tags[parents[item]] == _OL:
                        number = columns[item]
                        size = 1
                        while number >= 10**size:
                            size += 1
                        for i in range(size):
                            out[at + size - 1 - i] = 48 + (number // 10**i) % 10
                        out[at + size] = 46
                        at += size + 1
                    else:
                        out[at] = 45
                        at += 1
                    out[at] = 32
                    at += 1
                elif markdown:
                    at = _indent(out, at, quote, spaces + 2)
            else:
                at = _indent(out, at, quote, 0)
            if in_table:
                first_row = last < 0 or tables[elements[last]] != table
                table_row = row
                if first_row:
                    table_cells = 0
                column = columns[cell] if markdown else 0
                table_cells = max(table_cells, columns[cell] + 1)
                if markdown:
                    out[at], out[at + 1] = 124, 32
                    at += 2
                    for _ in range(column):
                        out[at], out[at + 1], out[at + 2] = 32, 124, 32
                        at += 3
            if markdown and headings[tags[e]] and not in_table:
                for _ in range(headings[tags[e]]):
                    out[at] = 35
                    at += 1
                out[at] = 32
                at += 1
        marks = markdown and not pre and not headings[tags[e]]
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
                        if in_table or headings[tags[e]]:
                            space = True
                        else:
                            space = False
                            out[at] = 10
                            at = _indent(out, at + 1, quote, spaces + 2 if markdown and item else 0)
                            begun = bool(pre)
                elif tag == _SUP:
                    in_sup = kind == 0
                elif tag == _A:
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
                    if pre and width == 6:
                        byte = np.uint8(32)
                elif byte == 0xC2 and i + 1 < end and html[i + 1] == 0xA0:
                    byte, width = np.uint8(32), 2
                i += width
                if pre and (begun or byte > 32):
                    if byte == 10:
                        out[at] = 10
                        at = _indent(out, at + 1, quote, 0)
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
        last = b
    out = _room(out, at, 64 + 6 * table_cells)
    if table_row and markdown:
        at = _end_row(out, at, first_row, table_cells, 0, rule)
    if in_fence:
        out[at] = 10
        for i in range(3):
            out[at + 1 + i] = fence[i]
        at += 4
    return out[:at]


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
