"""The rules of Gopher as Dolma measures them. Words stand between whitespace; of repeated pieces every copy counts.

Shares of characters are of the words' characters, whitespace left out; all signals are 0 for a document without words.
"""

import numpy as np

from corpusforge.signals.stopwords import GOPHER_WORDS
from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int64s
from corpusforge.text.spans import divide
from corpusforge.text.tokens import hash_token
from corpusforge.text.word_lists import WordList


def symbol_word_fraction_dolma(text: TextBatch) -> Floats:
    """Share of words that hold `#` or `…` (0..1).

    >>> from corpusforge.text import segment
    >>> symbol_word_fraction_dolma(segment(["see #1 and… ...", ""]))
    array([0.5, 0. ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, symbol_to_word_ratio; three full stops are no symbol there.
    """
    data = text.data[: text.offsets[-1]]
    first = text.offsets[0]
    hashes = np.flatnonzero(data[first:] == ord("#")) + first
    wide = np.flatnonzero(data[first:-2] == 0xE2) + first  # the first byte of three
    ellipses = wide[(data[wide + 1] == 0x80) & (data[wide + 2] == 0xA6)]
    words = np.searchsorted(text.chunks.starts, np.concatenate([hashes, ellipses]), "right")
    places = np.searchsorted(np.unique(words), text.chunks.offsets, "right")  # of the first word of each document
    return divide(np.diff(places), text.chunks.counts)


def bullet_line_fraction_dolma(text: TextBatch) -> Floats:
    r"""Share of lines that begin with `*` or `-`, whitespace not stripped (0..1); empty lines are lines.

    >>> from corpusforge.text import segment
    >>> bullet_line_fraction_dolma(segment(["* one\n - two\n-\n", ""]))
    array([0.5, 0. ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_lines_starting_with_bullet_point.
    """
    return text.lines.mean(text.lines.start_with("*") | text.lines.start_with("-"))


def ellipsis_line_fraction_dolma(text: TextBatch) -> Floats:
    r"""Share of lines that end with `…`, whitespace not stripped (0..1); empty lines are lines.

    >>> from corpusforge.text import segment
    >>> ellipsis_line_fraction_dolma(segment(["more…\nmore...\nmore… ", ""])).round(2)
    array([0.33, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_lines_ending_with_ellipsis.
    """
    return text.lines.mean(text.lines.end_with("…"))


def stop_word_count_dolma(text: TextBatch) -> Floats:
    """How often the, be, to, of, and, that, have, with stand between whitespace; case counts, every hit counts.

    >>> from corpusforge.text import segment
    >>> stop_word_count_dolma(segment(["to be or not to be", "The End", None]))
    array([4., 0., 0.])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, required_word_count.
    """
    listed = WordList([[word] for word in GOPHER_WORDS], hash_token)
    return listed.count(text.chunks).astype(np.float64)


def duplicate_line_fraction_dolma(text: TextBatch) -> Floats:
    r"""Share of lines that occur more than once, every copy counted (0..1); empty lines are lines.

    >>> from corpusforge.text import segment
    >>> duplicate_line_fraction_dolma(segment(["a\n\nb\n\na\nc", "a"])).round(2)
    array([0.67, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_duplicate_lines.
    """
    return divide(text.lines.copies[0], text.lines.counts)


def duplicate_line_char_fraction_dolma(text: TextBatch) -> Floats:
    r"""Characters of lines that occur more than once, every copy counted, per character of a word.

    Whitespace inside the lines counts, so that the share can pass 1.

    >>> from corpusforge.text import segment
    >>> duplicate_line_char_fraction_dolma(segment(["a b\na b\nccc", ""])).round(2)
    array([0.86, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_duplicate_lines.
    """
    return divide(text.lines.copies[1], _word_chars(text))


def _word_chars(text: TextBatch) -> Int64s:
    return text.chunks.sum(text.chunks.lengths_chars)


def _top(text: TextBatch, n: int) -> Floats:
    # Where no n-gram repeats the first is the most frequent.
    chunks = text.chunks
    before = np.zeros(len(chunks) + 1, np.int64)
    np.cumsum(chunks.lengths_chars, out=before[1:])
    first = chunks.offsets[:-1]
    single = before[np.minimum(first + n, len(chunks))] - before[first]
    top = text.chunk_repeats.top_chars(n)
    return divide(np.where(top > 0, top, np.where(chunks.counts >= n, single, 0)), _word_chars(text))


def _duplicates(text: TextBatch, n: int) -> Floats:
    # Words that are not among the first or last n - 1 stand in n n-grams, the others in fewer.
    chunks = text.chunks
    before = np.zeros(len(chunks) + 1, np.int64)
    np.cumsum(chunks.lengths_chars, out=before[1:])
    running = np.zeros(len(chunks) + 2, np.int64)
    np.cumsum(before, out=running[1:])
    begin, end = chunks.offsets[:-1], chunks.offsets[1:]
    last = np.maximum(end - n + 1, begin)  # one behind the place of the last n-gram
    low = np.minimum(begin + n, len(chunks) + 1)
    high = np.minimum(last + n, len(chunks) + 1)
    total = np.where(last > begin, (running[high] - running[low]) - (running[last] - running[begin]), 0)
    return divide(text.chunk_repeats.occurring_chars(n), total)


def top_2gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of the most frequent word 2-gram times its count, as a share of the words' characters.

    Among equally frequent n-grams the first counts; occurrences may overlap (so that the share can pass 1) and a
    single one counts.

    >>> from corpusforge.text import segment
    >>> top_2gram_char_fraction_dolma(segment(["a b a b a", "one"])).round(2)
    array([0.8, 0. ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_most_common_2grams.
    """
    return _top(text, 2)


def top_3gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of the most frequent word 3-gram times its count, as a share of the words' characters.

    Among equally frequent n-grams the first counts; occurrences may overlap (so that the share can pass 1) and a
    single one counts.

    >>> from corpusforge.text import segment
    >>> top_3gram_char_fraction_dolma(segment(["a b a b a", "one"])).round(2)
    array([1.2, 0. ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_most_common_3grams.
    """
    return _top(text, 3)


def top_4gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of the most frequent word 4-gram times its count, as a share of the words' characters.

    Among equally frequent n-grams the first counts; occurrences may overlap (so that the share can pass 1) and a
    single one counts.

    >>> from corpusforge.text import segment
    >>> top_4gram_char_fraction_dolma(segment(["a b a b a", "one"])).round(2)
    array([0.8, 0. ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_most_common_4grams.
    """
    return _top(text, 4)


def duplicate_5gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of all word 5-grams that occur more than once, as a share of those of all 5-grams (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_5gram_char_fraction_dolma(segment(["aa " * 5 + "aa b", "aa"])).round(2)
    array([0.69, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_duplicate_5grams.
    """
    return _duplicates(text, 5)


def duplicate_6gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of all word 6-grams that occur more than once, as a share of those of all 6-grams (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_6gram_char_fraction_dolma(segment(["aa " * 6 + "aa b", "aa"])).round(2)
    array([0.69, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_duplicate_6grams.
    """
    return _duplicates(text, 6)


def duplicate_7gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of all word 7-grams that occur more than once, as a share of those of all 7-grams (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_7gram_char_fraction_dolma(segment(["aa " * 7 + "aa b", "aa"])).round(2)
    array([0.68, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_duplicate_7grams.
    """
    return _duplicates(text, 7)


def duplicate_8gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of all word 8-grams that occur more than once, as a share of those of all 8-grams (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_8gram_char_fraction_dolma(segment(["aa " * 8 + "aa b", "aa"])).round(2)
    array([0.68, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_duplicate_8grams.
    """
    return _duplicates(text, 8)


def duplicate_9gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of all word 9-grams that occur more than once, as a share of those of all 9-grams (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_9gram_char_fraction_dolma(segment(["aa " * 9 + "aa b", "aa"])).round(2)
    array([0.68, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_duplicate_9grams.
    """
    return _duplicates(text, 9)


def duplicate_10gram_char_fraction_dolma(text: TextBatch) -> Floats:
    """Characters of all word 10-grams that occur more than once, as a share of those of all 10-grams (0..1).

    >>> from corpusforge.text import segment
    >>> duplicate_10gram_char_fraction_dolma(segment(["aa " * 10 + "aa b", "aa"])).round(2)
    array([0.68, 0.  ])

    Source: Soldaini et al. 2024 (Dolma), tagger gopher_v1, fraction_of_characters_in_duplicate_10grams.
    """
    return _duplicates(text, 10)
