"""Blocks: the pieces of text of a page between two line breaks that its markup makes, and what is counted in each.

A block ends where an element that starts a new line begins or ends, at a table cell, and at two line breaks in a row.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.stages.extract.formulas import SECOND_FORM, TEX, TEX_ATTRIBUTE, formulas
from corpusforge.stages.extract.hints import hints
from corpusforge.stages.extract.page_hints import FORMULA_PICTURE, attribute_bits, slot_of
from corpusforge.stages.extract.page_tree import CODE, TAGS, TEXT, PageTree
from corpusforge.text.arrays import Bools, Float32s, Int32s, Int64s, UInt8s, UInt64s
from corpusforge.text.utf8 import decode

BREAKS, SKIPPED = 1, 2
_BREAKING = str.split(
    "html body article section nav aside header footer main address h1 h2 h3 h4 h5 h6 p pre blockquote ol ul menu "
    "li dl dt dd figure figcaption div hr table caption tbody thead tfoot tr td th form fieldset legend details "
    "summary dialog center dir listing xmp plaintext custom"
)
# `option`, `button` and the like are controls; the rest is no text for readers, or a second form of it.
_UNREAD = str.split(
    "head title base link meta style script noscript template svg iframe object embed select option optgroup textarea "
    "datalist button input audio video canvas map area noframes noembed frameset frame rt rp progress meter output "
    "track"
)
TRAITS = np.array([(name in _BREAKING) * BREAKS + (name in _UNREAD) * SKIPPED for name in TAGS], np.uint8)
# What stands inside these is for browsers without them. Where one lacks its end tag, the rest of the page is inside it
# (an old Flash <object> around a whole CNBC article): a page of which next to nothing is left is read with them.
_REPLACED = np.isin(TAGS, ["object", "audio", "video", "canvas", "map"])
_WITH_REPLACED = np.where(_REPLACED, TRAITS & ~np.uint8(SKIPPED), TRAITS)
_NEXT_TO_NOTHING_CHARS = 200

# What is counted in a block. `length` is in characters, an ideograph or kana as three, since it says as much.
(
    LENGTH,
    WORDS,
    LINK_LENGTH,
    SENTENCE_ENDS,
    COMMAS,
    DIGITS,
    CAPITALS,
    LINKS,
    EMPHASIS_LENGTH,
    ENDS_SENTENCE,
    BEGINS_CAPITAL,
    BREAK_COUNT,
    IMAGES,
    BARS,
    PHRASES,
) = range(15)

_A, _BR, _IMG = CODE["a"], CODE["br"], CODE["img"]
_EMPHASIS = tuple(CODE[name] for name in ("b", "strong", "em", "i", "u"))
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


class PageBlocks(NamedTuple):
    """Blocks of a page (arrays of b), and what concerns all of its elements (arrays of n)."""

    elements: Int32s  # [b] the innermost line-breaking element around the block
    tokens: Int64s  # [b, 2] first token, and the one after the last
    counts: Float32s  # [b, PHRASES + groups of phrases]
    containers: Int32s  # [n] the innermost line-breaking element that is or holds each element
    hints: Int64s  # [n] bits of the element's own attributes
    formulas: UInt8s  # [n] see formulas.py
    skipped: Bools  # [n] the element's text is not for readers


def blocks(page: PageTree) -> PageBlocks:
    """Cut a page into blocks, and look up what its attributes say."""
    _, of_attributes, groups, of_phrases = hints()
    bits = attribute_bits(page.html, page.attributes, of_attributes.keys, of_attributes.bits)
    tex = formulas(page.html, page.tags, page.parents, page.attributes, bits & FORMULA_PICTURE)
    lookup = (tex, of_phrases.keys, of_phrases.bits, len(groups))
    found = _blocks(*page[:7], TRAITS, *lookup)
    if found[2][:, LENGTH].sum() < _NEXT_TO_NOTHING_CHARS and _REPLACED[page.tags].any():
        found = _blocks(*page[:7], _WITH_REPLACED, *lookup)
    return PageBlocks(*found[:4], bits, tex, found[4])


@njit(cache=True)
def _blocks(
    html: UInt8s,
    tags: Int32s,
    parents: Int32s,
    attributes: Int64s,
    kinds: UInt8s,
    elements: Int32s,
    spans: Int64s,
    traits: UInt8s,
    tex: UInt8s,
    keys: UInt64s,
    bits: Int64s,
    groups: int,
) -> tuple[Int32s, Int64s, Float32s, Int32s, Bools]:
    n, m = len(tags), len(kinds)
    containers = np.zeros(n, np.int32)
    skipped = np.zeros(n, np.bool_)
    linked = np.zeros(n, np.bool_)
    stressed = np.zeros(n, np.bool_)
    for e in range(1, n):
        tag, parent = tags[e], parents[e]
        containers[e] = e if traits[tag] & BREAKS else containers[parent]
        unread = traits[tag] & SKIPPED != 0 and tex[e] != TEX
        skipped[e] = skipped[parent] or unread or tex[e] == SECOND_FORM
        linked[e] = linked[parent] or tag == _A
        emphasis = False
        for one in _EMPHASIS:
            emphasis |= tag == one
        stressed[e] = stressed[parent] or emphasis
    most = 0
    for t in range(m):
        most += kinds[t] == TEXT or tex[elements[t]] == TEX_ATTRIBUTE
    of = np.empty(most, np.int32)
    tokens = np.empty((most, 2), np.int64)
    counts = np.zeros((most, PHRASES + groups), np.float32)
    b = 0
    is_open = False
    lines, images = 0, 0
    in_word = False
    last = 0  # the last character that is no white space
    for t in range(m):
        e = elements[t]
        if skipped[e]:
            continue
        kind, tag = kinds[t], tags[e]
        if kind == 0 and tex[e] == TEX_ATTRIBUTE:  # a formula, whose text is in an attribute
            if not is_open:
                is_open, in_word, last = True, False, 0
                of[b], tokens[b, 0] = containers[e], t
                lines = images = 0
            tokens[b, 1], last = t + 1, 36
            counts[b, LENGTH] += attributes[e, 1] - attributes[e, 0]
            counts[b, WORDS] += 1
            continue
        if kind != TEXT:
            if kind == 0:
                if tag == _BR:
                    lines += 1
                    in_word = False
                elif tag == _IMG:
                    images += 1
                elif tag == _A and is_open:
                    counts[b, LINKS] += 1
            if is_open and (traits[tag] & BREAKS or lines > 1):
                is_open = False
                if last:
                    counts[b, ENDS_SENTENCE] = _ends_sentence(last)
                    b += 1
                else:  # nothing but non-breaking spaces
                    counts[b] = 0
            if traits[tag] & BREAKS:
                lines = images = 0
            continue
        at, stop = spans[t]
        while at < stop and html[at] <= 32:
            in_word = False
            at += 1
        if at == stop:
            continue
        if not is_open:
            is_open, in_word, last = True, False, 0
            of[b], tokens[b, 0] = containers[e], t
            if linked[e]:
                counts[b, LINKS] += 1
            lines = 0
        tokens[b, 1] = t + 1
        counts[b, BREAK_COUNT] += lines
        counts[b, IMAGES] += images
        lines = images = 0
        length = 0.0
        key = _OFFSET
        while at <= stop:
            code, width = 32, 1
            if at < stop:
                code, width = decode(html, at, stop)
                if code == 38:  # & is always written as a reference
                    if at + 5 < stop and html[at + 1] == 110:
                        code, width = 32, 6
                    else:
                        while at + width < stop and html[at + width] != 59:
                            width += 1
                        width += 1
            letter = (97 <= code <= 122) or (65 <= code <= 90) or code >= 0xC0 or code == 0xA9
            if letter or code == 39 or code == 45:
                low = code | 32 if 65 <= code <= 90 else code
                for k in range(width):
                    key = (key ^ np.uint64(low if width == 1 else html[at + k])) * _PRIME
            elif key != _OFFSET:
                slot = slot_of(keys, key)
                if slot >= 0:
                    for group in range(groups):
                        counts[b, PHRASES + group] += (bits[slot, 0] >> group) & 1
                key = _OFFSET
            if at >= stop:
                break
            at += width
            if code <= 32 or code == 0xA0:
                in_word = False
                length += code == 32
                continue
            if last == 0:
                counts[b, BEGINS_CAPITAL] = 65 <= code <= 90 or 0xC0 <= code <= 0xDE or 0x391 <= code <= 0x42F
            last = code
            wide = code >= 0x2E80 and code < 0x1F000
            length += 3 if wide else 1
            if wide and (0x3040 <= code < 0xAC00 or code >= 0x20000):
                counts[b, WORDS] += 0.6
                in_word = False
            elif not in_word:
                counts[b, WORDS] += 1
                in_word = True
            if code < 128:
                counts[b, DIGITS] += 48 <= code <= 57
                counts[b, CAPITALS] += 65 <= code <= 90
                counts[b, SENTENCE_ENDS] += code == 46 or code == 33 or code == 63
                counts[b, COMMAS] += code == 44
                counts[b, BARS] += code == 124 or code == 62 or code == 47
            else:
                counts[b, SENTENCE_ENDS] += (
                    code == 0x3002
                    or code == 0xFF01
                    or code == 0xFF1F
                    or code == 0x61F
                    or code == 0x6D4
                    or code == 0x964
                )
                counts[b, COMMAS] += code == 0xFF0C or code == 0x3001 or code == 0x60C
                counts[b, BARS] += code == 0xBB or code == 0x203A or code == 0xB7 or code == 0x2022
        counts[b, LENGTH] += length
        if linked[e]:
            counts[b, LINK_LENGTH] += length
        if stressed[e]:
            counts[b, EMPHASIS_LENGTH] += length
    if is_open and last:
        counts[b, ENDS_SENTENCE] = _ends_sentence(last)
        b += 1
    return of[:b], tokens[:b], counts[:b], containers, skipped


@njit(cache=True)
def _ends_sentence(code: int) -> bool:
    return (
        code == 46
        or code == 33
        or code == 63
        or code == 34
        or code == 0x201D
        or code == 0x2026
        or code == 0xBB
        or code == 0x3002
        or code == 0xFF01
        or code == 0xFF1F
        or code == 0x61F
        or code == 0x6D4
        or code == 0x964
        or code == 0x300D
    )
