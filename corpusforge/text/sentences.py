"""Sentences of English lines exactly as spaCy's blank English pipeline with its sentencizer cuts them."""

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int64s, UInt8s
from corpusforge.text.english_cut import ENDING, PUNCTUATING
from corpusforge.text.spans import Spans
from corpusforge.text.tokens import Tokens


def count_sentences(lines: Spans, tokens: Tokens) -> Int64s:
    """Return the sentences of each piece of `lines`, each cut by itself, int64[lines]; blank sentences do not count.

    `lines`: disjoint spans in order, none of which cuts a token of the same texts.
    """
    return _count(lines.data, lines.starts, lines.ends, tokens.starts, tokens.ends, tokens.kinds)


@njit(cache=True)
def _count(data: UInt8s, begins: Int64s, stops: Int64s, starts: Int64s, ends: Int64s, kinds: UInt8s) -> Int64s:
    found = np.zeros(len(begins), np.int64)
    token = 0
    for i in range(len(begins)):
        while token < len(starts) and starts[token] < begins[i]:
            token += 1
        ended = False  # a mark has ended the sentence; punctuation may still follow in it
        visible = False  # the open sentence has a token
        previous = np.int64(-1)  # end of the token before
        count = 0
        while token < len(starts) and starts[token] < stops[i]:
            # Whitespace other than one space is a token to spaCy, and begins a sentence as a word does.
            gap = starts[token] - previous if previous >= 0 else 0
            if ended and (gap > 1 or (gap == 1 and data[previous] != 32) or not kinds[token] & (PUNCTUATING | ENDING)):
                ended = False
                visible = False
            if kinds[token] & ENDING:
                ended = True
            if not visible:
                visible = True
                count += 1
            previous = ends[token]
            token += 1
        found[i] = count
    return found
