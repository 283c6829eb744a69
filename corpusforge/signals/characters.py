"""Kinds of characters as shares of the text, whitespace included; all are 0 for an empty document."""

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import divide
from corpusforge.text.unicode import LETTER, PUNCTUATION, SYMBOL, UPPER


def alphabetic_char_fraction(text: TextBatch) -> Floats:
    """Share of characters that are letters, as str.isalpha() says of each (0..1).

    >>> from corpusforge.text import segment
    >>> alphabetic_char_fraction(segment(["a1 ö", ""]))
    array([0.5, 0. ])

    Source: Li et al. 2023 (StarCoder), section 3.1.
    """
    return divide(text.count_class(LETTER), text.chars)


def uppercase_char_fraction(text: TextBatch) -> Floats:
    """Share of characters that are upper case, as str.isupper() says of each (0..1).

    >>> from corpusforge.text import segment
    >>> uppercase_char_fraction(segment(["Ab Ö", ""]))
    array([0.5, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), of one line with its newline rps_lines_uppercase_letter_fraction.
    """
    return divide(text.count_class(UPPER), text.chars)


def punctuation_char_fraction(text: TextBatch) -> Floats:
    """Share of characters that Unicode calls punctuation, general category P (0..1).

    >>> from corpusforge.text import segment
    >>> punctuation_char_fraction(segment(["¿Que?", "1+1", ""]))
    array([0.4, 0. , 0. ])

    Source: Unicode 14.0, general categories.
    """
    return divide(text.count_class(PUNCTUATION), text.chars)


def symbol_char_fraction(text: TextBatch) -> Floats:
    """Share of characters that Unicode calls symbols, general category S: mathematics, currency, emoji (0..1).

    >>> from corpusforge.text import segment
    >>> symbol_char_fraction(segment(["1+1", "€ 5", "a.b"])).round(2)
    array([0.33, 0.33, 0.  ])

    Source: Unicode 14.0, general categories.
    """
    return divide(text.count_class(SYMBOL), text.chars)


def curly_bracket_char_fraction(text: TextBatch) -> Floats:
    """Share of characters that are `{` or `}` (0..1).

    >>> from corpusforge.text import segment
    >>> curly_bracket_char_fraction(segment(["{a: 1}", ""])).round(2)
    array([0.33, 0.  ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_curly_bracket.
    """
    return divide(text.count("{") + text.count("}"), text.chars)
