"""Words of normalised text: lower case, ASCII punctuation deleted, decomposed (NFD), cut at whitespace.

`don't` is one word of five letters, `a - b` is two words. Lengths count decomposed code points: `é` has two.
RedPajama-v2 rounds to eight decimals and has null where these are 0 for want of words.
"""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.normalized import normalize
from corpusforge.text.spans import divide
from corpusforge.text.words import hash_word


def word_count_normalized(text: TextBatch) -> Floats:
    """Words of the normalised text.

    >>> from corpusforge.text import segment
    >>> word_count_normalized(segment(["Don't - stop!", "...", None]))
    array([2., 0., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_word_count; of one line rps_lines_num_words.
    """
    return text.normalized_words.counts.astype(np.float64)


def mean_word_length_normalized(text: TextBatch) -> Floats:
    """Mean length of the normalised words in code points; 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> mean_word_length_normalized(segment(["Don't - stop!", "é", ""]))
    array([4., 2., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_mean_word_length.
    """
    return text.normalized_words.mean(text.normalized_words.lengths_chars)


def unique_word_fraction(text: TextBatch) -> Floats:
    """Different normalised words over all of them (0..1); 0 for a document without words.

    >>> from corpusforge.text import segment
    >>> unique_word_fraction(segment(["The end of the END.", ""]))
    array([0.6, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_frac_unique_words.
    """
    return divide(text.normalized_words.repeats.distinct, text.normalized_words.counts)


def unigram_entropy(text: TextBatch) -> Floats:
    """Entropy of the distribution of normalised words in nats (0 .. log of the word count); 0 without words.

    >>> from corpusforge.text import segment
    >>> unigram_entropy(segment(["To be or not to be", "to to", ""])).round(6)
    array([1.329661, 0.      , 0.      ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_unigram_entropy.
    """
    return text.normalized_words.repeats.entropy


def numeric_char_fraction_normalized(text: TextBatch) -> Floats:
    """Share of the normalised text's code points that str.isnumeric() (0..1); 0 for an empty one.

    >>> from corpusforge.text import segment
    >>> numeric_char_fraction_normalized(segment(["Route 66!", "", "½"]))
    array([0.25, 0.  , 1.  ])

    Source: Weber et al. 2024 (RedPajama-v2), of one line rps_lines_numerical_chars_fraction.
    """
    return text.normalized_words.share(text.normalized_words.numeric)


def javascript_word_count(text: TextBatch) -> Floats:
    """How many normalised words are `javascript`.

    >>> from corpusforge.text import segment
    >>> javascript_word_count(segment(["Enable JavaScript, or 'javascript'!", "javascripts"]))
    array([2., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), of one line rps_lines_javascript_counts.
    """
    words = text.normalized_words
    return words.sum(words.hashes == np.uint64(hash_word(normalize("javascript")))).astype(np.float64)


def lorem_ipsum_ratio(text: TextBatch) -> Floats:
    """Occurrences of `lorem ipsum` in the normalised text per code point of it; 0 for an empty one.

    >>> from corpusforge.text import segment
    >>> lorem_ipsum_ratio(segment(["Lorem... ipsum dolor", "Lorem", ""])).round(6)
    array([0.058824, 0.      , 0.      ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_lorem_ipsum.
    """
    return divide(text.normalized_words.count_pair("lorem", "ipsum"), text.normalized_words.chars)
