"""Places: in which item, list, quote, table, row and cell each element of a page stands."""

from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.stages.extract.page_tree import CODE
from corpusforge.text.arrays import Bools, Int32s

_LI, _PRE, _QUOTE, _TABLE, _TR, _TD, _TH = (
    CODE[name] for name in ("li", "pre", "blockquote", "table", "tr", "td", "th")
)


class Places(NamedTuple):
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


@njit(cache=True)
def places(
    tags: Int32s, parents: Int32s, elements: Int32s
) -> tuple[Int32s, Int32s, Int32s, Int32s, Int32s, Int32s, Int32s, Int32s, Bools]:
    """Return the fields of Places, from the tags and parents of a page and the elements of its blocks."""
    n = len(tags)
    items, lists = np.zeros(n, np.int32), np.zeros(n, np.int32)
    quotes, pres = np.zeros(n, np.int32), np.zeros(n, np.int32)
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
