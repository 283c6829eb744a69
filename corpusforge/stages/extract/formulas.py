"""Formulas: where a page has their TeX, and which elements are a second form of one, such as its drawing."""

import numpy as np
from numba import njit

from corpusforge.stages.extract.page_tree import CODE, name_hash
from corpusforge.text.arrays import Int32s, Int64s, UInt8s

TEX, TEX_ATTRIBUTE, SECOND_FORM = 1, 2, 3  # the TeX is the text inside; is the value of alttext; not to be read

_MATH, _ANNOTATION, _ANNOTATION_XML, _SCRIPT = (
    CODE[name] for name in ("math", "annotation", "annotation-xml", "script")
)
_ALTTEXT, _ENCODING, _TYPE = name_hash("alttext"), name_hash("encoding"), name_hash("type")
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@njit(cache=True)
def value(html: UInt8s, at: int, stop: int, wanted: np.uint64) -> tuple[int, int]:
    """Return the span of an attribute's value, by the hash of its name; (0, 0) where the element has none."""
    while at < stop:
        at += 1
        key = _OFFSET
        while at < stop and html[at] != 61:
            key = (key ^ np.uint64(html[at])) * _PRIME
            at += 1
        at += 2
        start = at
        while at < stop and html[at] != 34:
            at += 1
        if key == wanted:
            return start, at
        at += 1
    return 0, 0


@njit(cache=True)
def formulas(html: UInt8s, tags: Int32s, parents: Int32s, attributes: Int64s, pictures: Int64s) -> UInt8s:
    """Return for each element TEX, TEX_ATTRIBUTE, SECOND_FORM or 0; `pictures` is not 0 for drawn formulas.

    MathML with alttext or with an annotation in TeX (KaTeX, Wikipedia, arXiv), and scripts of MathJax.
    """
    n = len(tags)
    found = np.zeros(n, np.uint8)
    any_annotation = False
    for e in range(1, n):
        tag, outer = tags[e], found[parents[e]]
        if pictures[e] or outer in (SECOND_FORM, TEX_ATTRIBUTE):
            found[e] = SECOND_FORM
        elif tag == _MATH:
            start, end = value(html, attributes[e, 0], attributes[e, 1], _ALTTEXT)
            if end > start:
                found[e] = TEX_ATTRIBUTE
        elif tag in (_ANNOTATION, _ANNOTATION_XML):
            start, end = value(html, attributes[e, 0], attributes[e, 1], _ENCODING)
            found[e] = TEX if _says_tex(html, start, end) else SECOND_FORM
            any_annotation = True
        elif tag == _SCRIPT:
            start, end = value(html, attributes[e, 0], attributes[e, 1], _TYPE)
            if end - start < 40 and _says_tex(html, start, end):
                found[e] = TEX
    if any_annotation:
        above = np.zeros(n, np.bool_)  # a TEX annotation, or an element around one inside math
        for e in range(n - 1, 0, -1):
            above[e] |= tags[e] == _ANNOTATION and found[e] == TEX
            if above[e] and tags[e] != _MATH:
                above[parents[e]] = True
        inside = np.zeros(n, np.bool_)
        for e in range(1, n):
            inside[e] = above[e] if tags[e] == _MATH else inside[parents[e]]
            if inside[e] and not above[e]:
                found[e] = SECOND_FORM
    return found


@njit(cache=True)
def _says_tex(html: UInt8s, start: int, end: int) -> bool:
    """Tell whether a type names TeX: math/tex, application/x-tex, TeX, but not text/html."""
    for at in range(start, end - 2):
        if (html[at] | 32) == 116 and (html[at + 1] | 32) == 101 and (html[at + 2] | 32) == 120:
            return not (at + 3 < end and (html[at + 3] | 32) == 116)
    return False
