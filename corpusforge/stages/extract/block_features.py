"""Features: what the model of main text is told about a block, its surroundings and the elements around it."""

import numpy as np
from numba import njit

from corpusforge.stages.extract.hints import hints
from corpusforge.stages.extract.page_blocks import (
    BARS,
    BEGINS_CAPITAL,
    BREAK_COUNT,
    CAPITALS,
    COMMAS,
    DIGITS,
    EMPHASIS_LENGTH,
    ENDS_SENTENCE,
    IMAGES,
    LENGTH,
    LINK_LENGTH,
    LINKS,
    PHRASES,
    SENTENCE_ENDS,
    WORDS,
    PageBlocks,
)
from corpusforge.stages.extract.page_tree import CODE, TAGS, PageTree
from corpusforge.text.arrays import Float32s, Int32s, Int64s, UInt8s

_OWN = str.split(
    "log_length link_share log_words word_length sentence_ends commas digits capitals links emphasis ends_sentence "
    "begins_capital breaks images bars phrases"
)
_KINDS = (  # of the innermost line-breaking element
    ("p",),
    ("li",),
    ("td", "th"),
    ("div", "center", "dir"),
    ("pre", "listing", "xmp"),
    ("blockquote",),
    ("dt", "dd"),
    ("figcaption", "caption"),
    ("article", "section", "main", "body"),
    ("custom",),
)
_AROUND = (  # elements a block may stand in
    ("nav",),
    ("aside",),
    ("header",),
    ("footer",),
    ("article",),
    ("main",),
    ("form", "fieldset"),
    ("table",),
    ("figure",),
    ("ul", "ol", "menu"),
    ("blockquote",),
    ("section",),
    ("a",),
    ("address",),
    ("details", "dialog"),
    ("custom",),
)
_LEVELS = 4  # line-breaking elements around the block, each with more text than the one inside
_NEAR = 3  # blocks before and after
_PER_LEVEL = ("log_length", "link_share", "long_share", "log_blocks", "mean_length")
_PER_NEIGHBOUR = ("log_length", "link_share", "same_element", "ends_sentence")
_PLACE = str.split(
    "depth siblings before_blocks before_length before_long log_blocks log_length long_fraction levels_to_half "
    "half_link_share levels_to_most most_link_share heading_level since_heading heading_more heading_comment "
    "heading_length since_first_heading"
)

_LONG = 80  # characters from which a block counts as running text, if at most a third of it is links


def _bits(groups: tuple[tuple[str, ...], ...]) -> Int64s:
    """Return for each tag a bit for every group that names it."""
    return np.array([sum((name in group) << i for i, group in enumerate(groups)) for name in TAGS], np.int64)


_KIND_BITS, _AROUND_BITS = _bits(_KINDS), _bits(_AROUND)
_HEADINGS = np.array([int(name[1]) if name in ("h1", "h2", "h3", "h4", "h5", "h6") else 0 for name in TAGS], np.int32)
_A = CODE["a"]


def names() -> tuple[str, ...]:
    """Return the names of the features, in order."""
    of_attributes, _, of_phrases, _ = hints()
    found = [*_OWN, *(f"phrase_{g}" for g in of_phrases), "heading"]
    found += [f"kind_{group[0]}" for group in _KINDS] + [f"in_{group[0]}" for group in _AROUND]
    flags = [*of_attributes, "article_body", "styled_hidden", "aria_hidden"]
    found += [f"near_{g}" for g in flags] + [f"any_{g}" for g in flags]
    found += [f"level{k}_{f}" for k in range(1, _LEVELS + 1) for f in _PER_LEVEL]
    found += [f"{side}{k}_{f}" for side in ("previous", "next") for k in range(1, _NEAR + 1) for f in _PER_NEIGHBOUR]
    return tuple(found + _PLACE)


def features(page: PageTree, blocks: PageBlocks) -> Float32s:
    """Return the features of every block of a page, float32[blocks, len(names())]."""
    of_attributes, _, of_phrases, _ = hints()
    order = list(of_phrases)
    return _features(
        page.tags,
        page.parents,
        page.kinds,
        page.elements,
        *blocks[:5],
        _KIND_BITS,
        _AROUND_BITS,
        _HEADINGS,
        len(of_attributes),
        len(of_phrases),
        order.index("more"),
        order.index("comment"),
        len(names()),
    )


@njit(cache=True)
def _features(
    tags: Int32s,
    parents: Int32s,
    kinds: UInt8s,
    token_elements: Int32s,
    elements: Int32s,
    tokens: Int64s,
    counts: Float32s,
    containers: Int32s,
    bits: Int64s,
    kind_bits: Int64s,
    around_bits: Int64s,
    headings: Int32s,
    groups: int,
    phrase_groups: int,
    more: int,
    comment: int,
    width: int,
) -> Float32s:
    n, b = len(tags), len(elements)
    found = np.zeros((b, width), np.float32)
    # Sums over each element: length, length in links, length of long blocks, blocks.
    sums = np.zeros((n, 4), np.float64)
    for i in range(b):
        e, length = elements[i], counts[i, LENGTH]
        sums[e, 0] += length
        sums[e, 1] += counts[i, LINK_LENGTH]
        if length >= _LONG and 3 * counts[i, LINK_LENGTH] <= length:
            sums[e, 2] += length
        sums[e, 3] += 1
    children = np.zeros(n, np.int32)
    depths = np.zeros(n, np.int32)
    around = np.zeros(n, np.int64)
    inherited = np.zeros(n, np.int64)
    for e in range(1, n):
        parent = parents[e]
        depths[e] = depths[parent] + 1
        around[e] = around[parent] | around_bits[tags[e]]
        inherited[e] = inherited[parent] | (bits[e] if tags[e] > 3 else 0)  # classes of html and body say nothing
        if containers[e] == e:
            children[parent] += 1
    for e in range(n - 1, 0, -1):
        for k in range(4):
            sums[parents[e], k] += sums[e, k]
    total, long_total = max(sums[0, 0], 1.0), sums[0, 2]
    flags = groups + 3
    before, before_long = 0.0, 0.0
    heading, since, heading_more, heading_comment, heading_length = 0, 0.0, 0.0, 0.0, 0.0
    since_first = -1.0
    for i in range(b):
        row, c, e = found[i], counts[i], elements[i]
        length, words = c[LENGTH], max(c[WORDS], np.float32(1))
        level = headings[tags[e]]
        if level:
            heading, since = level, 0.0
            heading_more, heading_comment, heading_length = c[PHRASES + more], c[PHRASES + comment], length
            if level == 1 and since_first < 0:
                since_first = 0.0
        phrases = np.float32(0)
        for k in range(phrase_groups):
            phrases += c[PHRASES + k]
        row[0] = np.log1p(length)
        row[1] = c[LINK_LENGTH] / max(length, np.float32(1))
        row[2] = np.log1p(words)
        row[3] = length / words
        row[4] = c[SENTENCE_ENDS] / words
        row[5] = c[COMMAS] / words
        row[6] = c[DIGITS] / max(length, np.float32(1))
        row[7] = c[CAPITALS] / max(length, np.float32(1))
        row[8] = c[LINKS]
        row[9] = c[EMPHASIS_LENGTH] / max(length, np.float32(1))
        row[10] = c[ENDS_SENTENCE]
        row[11] = c[BEGINS_CAPITAL]
        row[12] = c[BREAK_COUNT]
        row[13] = c[IMAGES]
        row[14] = c[BARS] / words
        row[15] = phrases / words
        at = 16
        for k in range(phrase_groups):
            row[at + k] = c[PHRASES + k] / words
        at += phrase_groups
        row[at] = level
        at += 1
        for k in range(len(_KINDS)):
            row[at + k] = (kind_bits[tags[e]] >> k) & 1
        at += len(_KINDS)
        # Elements between the text and the one that breaks the line belong to the block, if all of it is in them.
        inner = token_elements[tokens[i, 0]]
        wholly = around[e]
        near = 0
        while inner != e and inner > 0:
            near |= bits[inner]
            if tags[inner] == _A:
                wholly |= around_bits[_A]
            inner = parents[inner]
        for k in range(len(_AROUND)):
            row[at + k] = (wholly >> k) & 1
        at += len(_AROUND)
        any_bits = inherited[e] | near
        if tags[e] > 3:
            near |= bits[e]
            if tags[parents[e]] > 3:
                near |= bits[parents[e]]
        for k in range(flags):
            bit = k if k < groups else 32 + k - groups
            row[at + k] = (near >> bit) & 1
            row[at + flags + k] = (any_bits >> bit) & 1
        at += 2 * flags
        inside = e
        for _ in range(_LEVELS):
            row[at] = np.log1p(sums[inside, 0])
            row[at + 1] = sums[inside, 1] / max(sums[inside, 0], 1.0)
            row[at + 2] = sums[inside, 2] / max(long_total, 1.0)
            row[at + 3] = np.log1p(sums[inside, 3])
            row[at + 4] = sums[inside, 0] / max(sums[inside, 3], 1.0)
            at += 5
            outer = parents[inside]
            while outer > 0 and sums[outer, 3] == sums[inside, 3]:
                outer = parents[outer]
            inside = outer
        for side in range(2):
            for k in range(1, _NEAR + 1):
                j = i - k if side == 0 else i + k
                if 0 <= j < b:
                    row[at] = np.log1p(counts[j, LENGTH])
                    row[at + 1] = counts[j, LINK_LENGTH] / max(counts[j, LENGTH], np.float32(1))
                    row[at + 2] = parents[elements[j]] == parents[e]
                    row[at + 3] = counts[j, ENDS_SENTENCE]
                else:
                    row[at], row[at + 1] = -1, -1
                at += 4
        row[at] = depths[e]
        row[at + 1] = np.log1p(np.float32(children[parents[e]]))
        row[at + 2] = np.float32(i) / np.float32(b)
        row[at + 3] = before / total
        row[at + 4] = before_long / max(long_total, 1.0)
        row[at + 5] = np.log1p(np.float32(b))
        row[at + 6] = np.log1p(total)
        row[at + 7] = long_total / total
        at += 8
        for share in (0.5, 0.85):
            inside, steps = e, 0
            while inside > 0 and sums[inside, 2] < share * long_total:
                inside = parents[inside]
                steps += 1
            row[at] = steps if long_total > 0 else -1
            row[at + 1] = sums[inside, 1] / max(sums[inside, 0], 1.0)
            at += 2
        row[at] = heading
        row[at + 1] = np.log1p(since)
        row[at + 2] = heading_more
        row[at + 3] = heading_comment
        row[at + 4] = np.log1p(heading_length)
        row[at + 5] = np.log1p(since_first) if since_first >= 0 else -1
        before += length
        since += length
        if since_first >= 0:
            since_first += length
        if length >= _LONG and 3 * c[LINK_LENGTH] <= length:
            before_long += length
    return found
