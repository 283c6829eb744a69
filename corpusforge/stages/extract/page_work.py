"""How much work a page makes for an HTML5 parser, from its bytes, before one is let at it.

Three shapes cost more than their length: formatting elements that stay open are opened again in every later block (n
of them and n paragraphs make n * n elements), attributes of one tag are compared with each other (80,000 take 12 s),
and templates inside each other are parsed by recursion (100,000 end the process).
"""

import numpy as np
from numba import njit

from corpusforge.stages.extract.page_tree import name_hash
from corpusforge.text.arrays import UInt8s, UInt64s

FORMATTING = np.array([name_hash(n) for n in str.split("b big code em font i s small strike strong tt u")], np.uint64)
_RAW = np.array([name_hash(n) for n in ("script", "style", "textarea", "title", "xmp")], np.uint64)
_TEMPLATE = name_hash("template")
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
MAX_ATTRIBUTES = 5_000  # of one tag; 209 on 697 pages


def work(html: bytes) -> tuple[int, int, int]:
    """Return (elements that the parser may open, most attributes of a tag, depth of templates), the first two bounds.

    >>> work(b"<p><b>x<p>y<p>z")
    (10, 0, 0)
    """
    elements, attributes, depth = _work(np.frombuffer(html, np.uint8), FORMATTING, _RAW)
    return int(elements), int(attributes), int(depth)


@njit(cache=True)
def _work(html: UInt8s, formatting: UInt64s, raw: UInt64s) -> tuple[int, int, int]:
    size = len(html)
    still_open = np.zeros(len(formatting), np.int64)
    total_open, elements, most_attributes, templates, deepest = 0, 0, 0, 0, 0
    at = 0
    while at < size:
        if html[at] != 60:
            at += 1
            continue
        at += 1
        if at + 2 < size and html[at] == 33 and html[at + 1] == 45 and html[at + 2] == 45:
            at += 3
            while at + 2 < size and not (html[at] == 45 and html[at + 1] == 45 and html[at + 2] == 62):
                at += 1
            continue
        closing = at < size and html[at] == 47
        at += closing
        if at >= size or not 97 <= (html[at] | 32) <= 122:
            continue
        key = _OFFSET
        while at < size and html[at] > 32 and html[at] != 62 and html[at] != 47:
            byte = html[at]
            key = (key ^ np.uint64(byte | 32 if 65 <= byte <= 90 else byte)) * _PRIME
            at += 1
        attributes = 0
        between = True
        while at < size and html[at] != 62:
            byte = html[at]
            if byte <= 32 or byte == 47:
                between = True
            elif between and byte != 61:
                attributes += 1
                between = False
            if byte == 61:
                at += 1
                while at < size and html[at] <= 32:
                    at += 1
                if at < size and (html[at] == 34 or html[at] == 39):
                    quote = html[at]
                    at += 1
                    while at < size and html[at] != quote:
                        at += 1
                    between = True
                else:
                    while at < size and html[at] > 32 and html[at] != 62:
                        at += 1
                    continue
            at += 1
        most_attributes = max(most_attributes, attributes)
        which = -1
        for k in range(len(formatting)):
            if key == formatting[k]:
                which = k
        if which >= 0:
            if closing and still_open[which] > 0:
                still_open[which] -= 1
                total_open -= 1
            elif not closing:
                still_open[which] += 1
                total_open += 1
                elements += 1
            continue
        if key == _TEMPLATE:
            templates = max(0, templates + (-1 if closing else 1))
            deepest = max(deepest, templates)
        if closing:
            continue
        elements += 2 + total_open  # an element may imply another, such as tbody
        for k in range(len(raw)):
            if key == raw[k]:  # up to an end tag; which one does not matter for an estimate
                while at + 1 < size and not (html[at] == 60 and html[at + 1] == 47):
                    at += 1
    return elements, most_attributes, deepest
