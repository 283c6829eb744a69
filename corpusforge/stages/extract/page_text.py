"""Text of a page: its chosen blocks, with the line breaks, lists, tables, code and quotes of the page.

Plain text: paragraphs and headings with an empty line between them, items of lists as `- item`, cells of a row with
` | ` between them, preformatted text as it stands, formulas as `$TeX$` where the page has their TeX. Markdown: `#` for
headings, numbers in ordered lists, indented inner lists, tables with a line under the first row, fences around code,
`>` before quotes, emphasis and inline code marked; nothing in the text is escaped.
"""

import numpy as np
from numba import njit

from corpusforge.stages.extract.inline_text import indent, write_block
from corpusforge.stages.extract.page_blocks import PageBlocks
from corpusforge.stages.extract.page_places import places
from corpusforge.stages.extract.page_tree import CODE, TAGS, TEXT, PageTree
from corpusforge.text.arrays import Bools, Int32s, Int64s, UInt8s

_HEADINGS = np.array([int(name[1]) if name in ("h1", "h2", "h3", "h4", "h5", "h6") else 0 for name in TAGS], np.int32)
_OL, _DT, _DD, _BR, _MATH = (CODE[name] for name in ("ol", "dt", "dd", "br", "math"))
_MAX_NESTING = 8  # inner lists and quotes beyond this many are not indented further
_RULE = np.frombuffer(b" --- |", np.uint8)


def text(page: PageTree, blocks: PageBlocks, chosen: Bools, markdown: bool = False) -> str:
    """Return the text of the blocks for which `chosen`, bool[b], is set."""
    where = places(page.tags, page.parents, blocks.elements)
    written = _write(
        page.html, page.tags, page.parents, page.attributes, page.kinds, page.elements, page.spans,
        blocks.elements, blocks.tokens, blocks.formulas, blocks.skipped, chosen, markdown, _HEADINGS, _RULE,
        *where, )  # fmt: skip
    return written.tobytes().decode("utf-8", "replace")


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
        at = indent(out, at + 1, quote, 0)
        out[at] = 124
        at += 1
        for _ in range(cells):
            for i in range(len(rule)):
                out[at + i] = rule[i]
            at += len(rule)
    return at


@njit(cache=True)
def _fence(out: UInt8s, at: int, quote: int) -> int:
    at = indent(out, at, quote, 0)
    for i in range(3):
        out[at + i] = 96
    return at + 3


@njit(cache=True)
def _item(out: UInt8s, at: int, number: int) -> int:
    """Write the mark of a list's item, `- ` or, with a number from 1, `1. `."""
    size = 0
    while number >= 10**size:
        size += 1
    for i in range(size):
        out[at + size - 1 - i] = 48 + (number // 10**i) % 10
    out[at + size] = 46 if number else 45
    out[at + size + 1] = 32
    return at + size + 2


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
            at = _fence(out, at + 1, min(quotes[in_fence], _MAX_NESTING))
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
                        at = indent(out, at, min(min(quotes[was], _MAX_NESTING), quote), 0)
                        at -= 1
                    out[at] = 10
                    at += 1
            if pre and markdown and pre != in_fence:
                at = _fence(out, at, quote)
                out[at] = 10
                at += 1
                in_fence = pre
            if item != 0 and not pre and not in_table:
                if begins_item:
                    at = indent(out, at, quote, spaces)
                    at = _item(out, at, columns[item] if markdown and tags[parents[item]] == _OL else 0)
                elif markdown:
                    at = indent(out, at, quote, spaces + 2)
            else:
                at = indent(out, at, quote, 0)
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
        heading = headings[tags[e]] > 0
        inside = spaces + 2 if markdown and item else 0
        at = write_block(
            html, tags, parents, attributes, kinds, token_elements, spans, formulas, skipped, e, first, stop,
            pre != 0, heading, in_table or heading, markdown, quote, inside, out, at,
        )  # fmt: skip
        last = b
    out = _room(out, at, 64 + 6 * table_cells)
    if table_row and markdown:
        at = _end_row(out, at, first_row, table_cells, 0, rule)
    if in_fence:
        out[at] = 10
        at = _fence(out, at + 1, min(quotes[in_fence], _MAX_NESTING))
    return out[:at]
