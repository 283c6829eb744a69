"""How much of a document its repeated word n-grams take. Words are those of normalised text, see normalized.py.

All are shares of the words' own characters, without what stands between them, and 0 for a document without words.
What tells them from `top_2gram_char_fraction` and the like: other words, no spaces, an n-gram counts from its second
occurrence on, and all copies of what repeats are measured.
"""

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int64s
from corpusforge.text.spans import divide


def _share(text: TextBatch, chars: Int64s) -> Floats:
    return divide(chars, text.normalized_words.sum(text.normalized_words.lengths_chars))


def top_2gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Length times count of the most frequent 2-gram, if it occurs twice, as a share of the words' characters.

    Among equally frequent ones the first counts; occurrences may overlap, so that the share can pass 1.

    >>> from corpusforge.text import segment
    >>> top_2gram_char_fraction_normalized(segment(["A b. A b c", "one two three four five"]))
    array([0.8, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_top_2gram.
    """
    return _share(text, text.normalized_words.repeats.top_chars(2))


def top_3gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Length times count of the most frequent 3-gram, if it occurs twice, as a share of the words' characters.

    Among equally frequent ones the first counts; occurrences may overlap, so that the share can pass 1.

    >>> from corpusforge.text import segment
    >>> top_3gram_char_fraction_normalized(segment(["a b c a b c d", "one two three four five"]))
    array([0.85714286, 0.        ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_top_3gram.
    """
    return _share(text, text.normalized_words.repeats.top_chars(3))


def top_4gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Length times count of the most frequent 4-gram, if it occurs twice, as a share of the words' characters.

    Among equally frequent ones the first counts; occurrences may overlap, so that the share can pass 1.

    >>> from corpusforge.text import segment
    >>> top_4gram_char_fraction_normalized(segment(["a b c d a b c d e f", "one two three four five"]))
    array([0.8, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_top_4gram.
    """
    return _share(text, text.normalized_words.repeats.top_chars(4))


def duplicate_5gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Share of the words' characters that stand in a 5-gram which occurs twice (0..1), each counted once.

    >>> from corpusforge.text import segment
    >>> duplicate_5gram_char_fraction_normalized(segment(["a b c d e x A B C D E", "a b"]))
    array([0.90909091, 0.        ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_dupe_5grams.
    """
    return _share(text, text.normalized_words.repeats.covered_chars(5))


def duplicate_6gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Share of the words' characters that stand in a 6-gram which occurs twice (0..1), each counted once.

    >>> from corpusforge.text import segment
    >>> duplicate_6gram_char_fraction_normalized(segment(["a b c d e f x A B C D E F", "a b"]))
    array([0.92307692, 0.        ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_dupe_6grams.
    """
    return _share(text, text.normalized_words.repeats.covered_chars(6))


def duplicate_7gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Share of the words' characters that stand in a 7-gram which occurs twice (0..1), each counted once.

    >>> from corpusforge.text import segment
    >>> duplicate_7gram_char_fraction_normalized(segment(["a b c d e f g x A B C D E F G", "a b"]))
    array([0.93333333, 0.        ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_dupe_7grams.
    """
    return _share(text, text.normalized_words.repeats.covered_chars(7))


def duplicate_8gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Share of the words' characters that stand in a 8-gram which occurs twice (0..1), each counted once.

    >>> from corpusforge.text import segment
    >>> duplicate_8gram_char_fraction_normalized(segment(["a b c d e f g h x A B C D E F G H", "a b"]))
    array([0.94117647, 0.        ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_dupe_8grams.
    """
    return _share(text, text.normalized_words.repeats.covered_chars(8))


def duplicate_9gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Share of the words' characters that stand in a 9-gram which occurs twice (0..1), each counted once.

    >>> from corpusforge.text import segment
    >>> duplicate_9gram_char_fraction_normalized(segment(["a b c d e f g h i x A B C D E F G H I", "a b"]))
    array([0.94736842, 0.        ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_dupe_9grams.
    """
    return _share(text, text.normalized_words.repeats.covered_chars(9))


def duplicate_10gram_char_fraction_normalized(text: TextBatch) -> Floats:
    """Share of the words' characters that stand in a 10-gram which occurs twice (0..1), each counted once.

    >>> from corpusforge.text import segment
    >>> duplicate_10gram_char_fraction_normalized(segment(["a b c d e f g h i j x A B C D E F G H I J", "a b"]))
    array([0.95238095, 0.        ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_chars_dupe_10grams.
    """
    return _share(text, text.normalized_words.repeats.covered_chars(10))
