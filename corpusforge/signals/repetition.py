"""How much of a document says again what it said before. Words are spaCy's English tokens, punctuation included.

`top_2gram` to `top_4gram` measure one n-gram; `duplicate_5gram` to `duplicate_10gram` measure all that repeat.
Every share of characters is taken of the whole text, whitespace included; all are 0 for an empty document.
"""

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import divide


def duplicate_paragraph_fraction(text: TextBatch) -> Floats:
    r"""Share of paragraphs that repeat an earlier one (0..1); the first copy is free.

    Paragraphs stand between two or more newlines in the stripped text.

    >>> from corpusforge.text import segment
    >>> duplicate_paragraph_fraction(segment(["Buy!\n\nNow.\n\n\nBuy!\n\nBuy!", ""]))
    array([0.5, 0. ])

    Source: Rae et al. 2021 (Gopher), table A1; extra copies only, as in datatrove 0.10.
    """
    return divide(text.paragraphs.duplicates[0], text.paragraphs.counts)


def duplicate_paragraph_char_fraction(text: TextBatch) -> Floats:
    r"""Characters of paragraphs that repeat an earlier one, as a share of the text (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_paragraph_char_fraction(segment(["Buy!\n\nNow\n\nBuy!", ""]))
    array([0.26666667, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; extra copies only, as in datatrove 0.10.
    """
    return divide(text.paragraphs.duplicates[1], text.chars)


def duplicate_line_fraction(text: TextBatch) -> Floats:
    r"""Share of lines that repeat an earlier one (0..1); the first copy is free.

    Lines stand between one or more newlines; a newline at the very start or end makes an empty line.

    >>> from corpusforge.text import segment
    >>> duplicate_line_fraction(segment(["a\nb\n\na\nc", ""]))
    array([0.25, 0.  ])

    Source: Rae et al. 2021 (Gopher), table A1; extra copies only, as in datatrove 0.10.
    """
    return divide(text.full_lines.duplicates[0], text.full_lines.counts)


def duplicate_line_char_fraction(text: TextBatch) -> Floats:
    r"""Characters of lines that repeat an earlier one, as a share of the text (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_line_char_fraction(segment(["aaa\nbb\naaa", ""]))
    array([0.3, 0. ])

    Source: Rae et al. 2021 (Gopher), table A1; extra copies only, as in datatrove 0.10.
    """
    return divide(text.full_lines.duplicates[1], text.chars)


def top_2gram_char_fraction(text: TextBatch) -> Floats:
    """Length times count of the most frequent word 2-gram, as a share of the text.

    The words are joined by one space; among equally frequent n-grams the first counts; occurrences may overlap
    (so that the share can pass 1) and a single one counts.

    >>> from corpusforge.text import segment
    >>> top_2gram_char_fraction(segment(["a b a b c", "one"]))
    array([0.66666667, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; as in datatrove 0.10.
    """
    return divide(text.tokens.top_ngram_chars(2), text.chars)


def top_3gram_char_fraction(text: TextBatch) -> Floats:
    """Length times count of the most frequent word 3-gram, as a share of the text.

    The words are joined by one space; among equally frequent n-grams the first counts; occurrences may overlap
    (so that the share can pass 1) and a single one counts.

    >>> from corpusforge.text import segment
    >>> top_3gram_char_fraction(segment(["a b a b c", "one"]))
    array([0.55555556, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; as in datatrove 0.10.
    """
    return divide(text.tokens.top_ngram_chars(3), text.chars)


def top_4gram_char_fraction(text: TextBatch) -> Floats:
    """Length times count of the most frequent word 4-gram, as a share of the text.

    The words are joined by one space; among equally frequent n-grams the first counts; occurrences may overlap
    (so that the share can pass 1) and a single one counts.

    >>> from corpusforge.text import segment
    >>> top_4gram_char_fraction(segment(["a b a b c", "one"]))
    array([0.77777778, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; as in datatrove 0.10.
    """
    return divide(text.tokens.top_ngram_chars(4), text.chars)


def duplicate_5gram_char_fraction(text: TextBatch) -> Floats:
    """Characters in repeated word 5-grams, as a share of the text (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_5gram_char_fraction(segment(["aa " * 10, "aa"]))
    array([0.33333333, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; left to right without overlap, as in datatrove 0.10.
    """
    return divide(text.tokens.duplicate_ngram_chars(5), text.chars)


def duplicate_6gram_char_fraction(text: TextBatch) -> Floats:
    """Characters in repeated word 6-grams, as a share of the text (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_6gram_char_fraction(segment(["aa " * 12, "aa"]))
    array([0.33333333, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; left to right without overlap, as in datatrove 0.10.
    """
    return divide(text.tokens.duplicate_ngram_chars(6), text.chars)


def duplicate_7gram_char_fraction(text: TextBatch) -> Floats:
    """Characters in repeated word 7-grams, as a share of the text (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_7gram_char_fraction(segment(["aa " * 14, "aa"]))
    array([0.33333333, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; left to right without overlap, as in datatrove 0.10.
    """
    return divide(text.tokens.duplicate_ngram_chars(7), text.chars)


def duplicate_8gram_char_fraction(text: TextBatch) -> Floats:
    """Characters in repeated word 8-grams, as a share of the text (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_8gram_char_fraction(segment(["aa " * 16, "aa"]))
    array([0.33333333, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; left to right without overlap, as in datatrove 0.10.
    """
    return divide(text.tokens.duplicate_ngram_chars(8), text.chars)


def duplicate_9gram_char_fraction(text: TextBatch) -> Floats:
    """Characters in repeated word 9-grams, as a share of the text (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_9gram_char_fraction(segment(["aa " * 18, "aa"]))
    array([0.33333333, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; left to right without overlap, as in datatrove 0.10.
    """
    return divide(text.tokens.duplicate_ngram_chars(9), text.chars)


def duplicate_10gram_char_fraction(text: TextBatch) -> Floats:
    """Characters in repeated word 10-grams, as a share of the text (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_10gram_char_fraction(segment(["aa " * 20, "aa"]))
    array([0.33333333, 0.        ])

    Source: Rae et al. 2021 (Gopher), table A1; left to right without overlap, as in datatrove 0.10.
    """
    return divide(text.tokens.duplicate_ngram_chars(10), text.chars)
