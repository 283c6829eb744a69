"""The rules of Gopher as DCLM measures them, and the corrections of RefinedWeb.

Words of n-grams are Unicode's (UAX 29), those that begin with a letter or digit; all others stand between whitespace.
Lines stand between newlines, paragraphs between two or more; both are stripped and blank ones are left out. Of repeated
pieces every copy counts. All signals are 0 for a blank document.
"""

from functools import cache
from itertools import product

import numpy as np

from corpusforge.signals.stopwords import GOPHER_WORDS
from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int64s
from corpusforge.text.spans import Spans, divide
from corpusforge.text.tokens import hash_token
from corpusforge.text.unicode_words import DIGIT, TABLE, count_fasttext_words
from corpusforge.text.utf8 import count_flagged
from corpusforge.text.word_lists import WordList


def word_count_dclm(text: TextBatch) -> Floats:
    """Words as fastText cuts them (at ASCII whitespace and NUL) that begin with a letter or digit.

    >>> from corpusforge.text import segment
    >>> word_count_dclm(segment(["It's 3 p.m. -- (time) !", None]))
    array([3., 0.])

    Source: Li et al. 2024 (DCLM, arXiv:2406.11794), appendix; page_length_filter with punctuation ignored.
    """
    return count_fasttext_words(text.data, text.offsets).astype(np.float64)


def symbol_to_word_ratio_dclm(text: TextBatch) -> Floats:
    """How often `#`, `...`, `. . .` and `…` occur per word (0..); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> symbol_to_word_ratio_dclm(segment(["see #1 and… so on . . .", ""])).round(2)
    array([0.38, 0.  ])

    Source: Li et al. 2024 (DCLM), symbol_ratio_filter.
    """
    found = np.sum([text.count(symbol) for symbol in ("#", "...", ". . .", "…")], axis=0)
    return divide(found, text.chunks.counts)


def bullet_line_fraction_dclm(text: TextBatch) -> Floats:
    r"""Share of lines that begin with `●`, `•`, `*` or `-` (0..1).

    >>> from corpusforge.text import segment
    >>> bullet_line_fraction_dclm(segment(["● one\n\n  * two\nthree", ""])).round(2)
    array([0.67, 0.  ])

    Source: Li et al. 2024 (DCLM), bullet_count_filter.
    """
    lines = _lines(text)
    starts = [lines.start_with(mark) for mark in ("●", "•", "*", "-")]
    return lines.mean(np.any(starts, axis=0))


def ellipsis_line_fraction_dclm(text: TextBatch) -> Floats:
    r"""Share of lines that end with `...`, `. . .` or `…` (0..1).

    >>> from corpusforge.text import segment
    >>> ellipsis_line_fraction_dclm(segment(["more... \n\nmore . . .\nend.", ""])).round(2)
    array([0.67, 0.  ])

    Source: Li et al. 2024 (DCLM), ellipsis_count_filter.
    """
    lines = _lines(text)
    return lines.mean(np.any([lines.end_with(mark) for mark in ("...", ". . .", "…")], axis=0))


def stop_word_count_dclm(text: TextBatch) -> Floats:
    """How often the, be, to, of, and, that, have, with stand between whitespace, in any case; every hit counts.

    >>> from corpusforge.text import segment
    >>> stop_word_count_dclm(segment(["To be or not to be", "The End", None]))
    array([4., 1., 0.])

    Source: Li et al. 2024 (DCLM), stop_word_filter.
    """
    return _stop_words().count(text.chunks).astype(np.float64)


@cache
def _stop_words() -> WordList:
    # In every case: no letter beyond ASCII has a lower case that occurs in these words.
    cases = ["".join(c) for word in GOPHER_WORDS for c in product(*((a, a.upper()) for a in word))]
    return WordList([[word] for word in cases], hash_token)


def duplicate_line_fraction_dclm(text: TextBatch) -> Floats:
    r"""Share of lines that occur more than once, every copy counted (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_line_fraction_dclm(segment(["a\n\n a\nb\nc", ""]))
    array([0.5, 0. ])

    Source: Li et al. 2024 (DCLM), repetition_filter, lines.
    """
    return divide(_lines(text).copies[0], _lines(text).counts)


def duplicate_line_char_fraction_dclm(text: TextBatch) -> Floats:
    r"""Characters of lines that occur more than once, every copy counted, as a share of those of all lines (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_line_char_fraction_dclm(segment(["aa\n aa\nb\nc", ""])).round(2)
    array([0.67, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, characters of lines.
    """
    return divide(_lines(text).copies[1], _chars(_lines(text)))


def duplicate_paragraph_fraction_dclm(text: TextBatch) -> Floats:
    r"""Share of paragraphs that occur more than once, every copy counted (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_paragraph_fraction_dclm(segment(["a\n\na\n\n\nb\n\nc", ""]))
    array([0.5, 0. ])

    Source: Li et al. 2024 (DCLM), repetition_filter, paragraphs.
    """
    return divide(_paragraphs(text).copies[0], _paragraphs(text).counts)


def duplicate_paragraph_char_fraction_dclm(text: TextBatch) -> Floats:
    r"""Characters of paragraphs that occur more than once, every copy counted, as a share of all paragraphs' (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_paragraph_char_fraction_dclm(segment(["aa\n\naa\n\nb\n\nc", ""])).round(2)
    array([0.67, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, characters of paragraphs.
    """
    return divide(_paragraphs(text).copies[1], _chars(_paragraphs(text)))


def _lines(text: TextBatch) -> Spans:
    return text.lines.stripped.nonempty


def _paragraphs(text: TextBatch) -> Spans:
    return text.paragraphs.stripped.nonempty


def _chars(pieces: Spans) -> Int64s:
    return pieces.sum(pieces.lengths_chars)


def _share(text: TextBatch, chars: Int64s) -> Floats:
    return divide(chars, _chars(text.unicode_words))


def top_2gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of the most frequent word 2-gram times its count, as a share of the words' characters.

    Among equally frequent n-grams the longest counts; occurrences may overlap (so that the share can pass 1); 0 where
    none occurs twice.

    >>> from corpusforge.text import segment
    >>> top_2gram_char_fraction_dclm(segment(["a b, a b. A c", "a b c d e"])).round(2)
    array([0.67, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, 2-grams.
    """
    return _share(text, text.unicode_words.repeats.longest_top_chars(2))


def top_3gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of the most frequent word 3-gram times its count, as a share of the words' characters.

    Among equally frequent n-grams the longest counts; occurrences may overlap (so that the share can pass 1); 0 where
    none occurs twice.

    >>> from corpusforge.text import segment
    >>> top_3gram_char_fraction_dclm(segment(["a b, a b. A c", "a b c d e"])).round(2)
    array([0., 0.])

    Source: Li et al. 2024 (DCLM), repetition_filter, 3-grams.
    """
    return _share(text, text.unicode_words.repeats.longest_top_chars(3))


def top_4gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of the most frequent word 4-gram times its count, as a share of the words' characters.

    Among equally frequent n-grams the longest counts; occurrences may overlap (so that the share can pass 1); 0 where
    none occurs twice.

    >>> from corpusforge.text import segment
    >>> top_4gram_char_fraction_dclm(segment(["a b, a b. A c", "a b c d e"])).round(2)
    array([0., 0.])

    Source: Li et al. 2024 (DCLM), repetition_filter, 4-grams.
    """
    return _share(text, text.unicode_words.repeats.longest_top_chars(4))


def duplicate_5gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of words that any repeated word 5-gram covers, each word once, as a share of all words' (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_5gram_char_fraction_dclm(segment(["aa " * 7 + "b", "aa"])).round(2)
    array([0.93, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, 5-grams; marked as RedPajama-v2 marks them.
    """
    return _share(text, text.unicode_words.repeats.covered_chars(5))


def duplicate_6gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of words that any repeated word 6-gram covers, each word once, as a share of all words' (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_6gram_char_fraction_dclm(segment(["aa " * 8 + "b", "aa"])).round(2)
    array([0.94, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, 6-grams; marked as RedPajama-v2 marks them.
    """
    return _share(text, text.unicode_words.repeats.covered_chars(6))


def duplicate_7gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of words that any repeated word 7-gram covers, each word once, as a share of all words' (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_7gram_char_fraction_dclm(segment(["aa " * 9 + "b", "aa"])).round(2)
    array([0.95, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, 7-grams; marked as RedPajama-v2 marks them.
    """
    return _share(text, text.unicode_words.repeats.covered_chars(7))


def duplicate_8gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of words that any repeated word 8-gram covers, each word once, as a share of all words' (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_8gram_char_fraction_dclm(segment(["aa " * 10 + "b", "aa"])).round(2)
    array([0.95, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, 8-grams; marked as RedPajama-v2 marks them.
    """
    return _share(text, text.unicode_words.repeats.covered_chars(8))


def duplicate_9gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of words that any repeated word 9-gram covers, each word once, as a share of all words' (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_9gram_char_fraction_dclm(segment(["aa " * 11 + "b", "aa"])).round(2)
    array([0.96, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, 9-grams; marked as RedPajama-v2 marks them.
    """
    return _share(text, text.unicode_words.repeats.covered_chars(9))


def duplicate_10gram_char_fraction_dclm(text: TextBatch) -> Floats:
    """Characters of words that any repeated word 10-gram covers, each word once, as a share of all words' (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_10gram_char_fraction_dclm(segment(["aa " * 12 + "b", "aa"])).round(2)
    array([0.96, 0.  ])

    Source: Li et al. 2024 (DCLM), repetition_filter, 10-grams; marked as RedPajama-v2 marks them.
    """
    return _share(text, text.unicode_words.repeats.covered_chars(10))


def digit_char_fraction(text: TextBatch) -> Floats:
    """Share of characters that are digits, as str.isdigit() says (0..1); 0 for an empty document.

    >>> from corpusforge.text import segment
    >>> digit_char_fraction(segment(["a1b2", "2024", "½", ""]))
    array([0.5, 1. , 0. , 0. ])

    Source: Penedo et al. 2023 (RefinedWeb, arXiv:2306.01116), appendix G.2; Li et al. 2024 (DCLM), of one line.
    """
    return divide(count_flagged(text.data, text.offsets[:-1], text.offsets[1:], TABLE, DIGIT), text.chars)
