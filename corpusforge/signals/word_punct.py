r"""Tokens of the pattern \w+|[^\w\s]+: runs of letters, digits and '_', and runs of other marks.

RedPajama-v2 rounds to eight decimals and has null where these are 0 for want of tokens.
"""

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import divide


def symbol_to_word_ratio(text: TextBatch) -> Floats:
    """Hash signs and ellipses (`...`, `…`) per token (0..); 0 for a document without tokens.

    >>> from corpusforge.text import segment
    >>> symbol_to_word_ratio(segment(["#1 is here ...", ""]))
    array([0.4, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_symbol_to_word_ratio.
    """
    return divide(text.count("#") + text.count("...") + text.count("…"), text.word_punct.counts)


def non_alphabetic_word_fraction(text: TextBatch) -> Floats:
    """Share of the tokens without a letter a-z or A-Z (0..1); 0 for a document without tokens.

    Every token of a text in another script has none.

    >>> from corpusforge.text import segment
    >>> non_alphabetic_word_fraction(segment(["route 66, ok", "да", ""]))
    array([0.5, 1. , 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_no_alph_words.
    """
    return text.word_punct.mean(~text.word_punct.ascii_letter)


def all_caps_word_fraction(text: TextBatch) -> Floats:
    """Share of the tokens whose letters are all upper case, as str.isupper() says (0..1); 0 without tokens.

    >>> from corpusforge.text import segment
    >>> all_caps_word_fraction(segment(["BUY now, 3D", ""]))
    array([0.5, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_all_caps_words.
    """
    return text.word_punct.mean(text.word_punct.upper)
