"""Words of a list. Stop words are those of filters/words/stop.*.txt, obscene phrases of filters/words/ldnoobw.*.txt.

A list belongs to a language: measure a document with the list of its own.
"""

from functools import cache

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.normalized import normalize
from corpusforge.text.spans import divide
from corpusforge.text.tokens import hash_token
from corpusforge.text.word_lists import WordList, read_words
from corpusforge.text.words import hash_word

_MARKS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")  # string.punctuation


@cache
def _stop_words(language: str) -> WordList:
    return WordList([[word] for word in read_words(f"stop.{language}")], hash_token)


@cache
def _obscene(language: str) -> WordList:
    phrases = [phrase for phrase in read_words(f"ldnoobw.{language}") if not _MARKS & set(phrase)]
    return WordList([normalize(phrase).split() for phrase in phrases], hash_word)


def _stop_word_fraction(text: TextBatch, language: str) -> Floats:
    return divide(_stop_words(language).count(text.word_punct), text.word_punct.counts)


def _obscene_count(text: TextBatch, language: str) -> Floats:
    return _obscene(language).count(text.normalized_words).astype(np.float64)


def stop_word_fraction_de(text: TextBatch) -> Floats:
    r"""Share of the tokens of \w+|[^\w\s]+ that are German stop words, case counting (0..1); 0 without tokens.

    >>> from corpusforge.text import segment
    >>> stop_word_fraction_de(segment(["der Hund und Hasen", ""]))
    array([0.5, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_stop_word_fraction; list of stopwords-json.
    """
    return _stop_word_fraction(text, "de")


def stop_word_fraction_en(text: TextBatch) -> Floats:
    r"""Share of the tokens of \w+|[^\w\s]+ that are English stop words, case counting (0..1); 0 without tokens.

    >>> from corpusforge.text import segment
    >>> stop_word_fraction_en(segment(["the dog and The", ""]))
    array([0.5, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_stop_word_fraction; list of stopwords-json.
    """
    return _stop_word_fraction(text, "en")


def stop_word_fraction_es(text: TextBatch) -> Floats:
    r"""Share of the tokens of \w+|[^\w\s]+ that are Spanish stop words, case counting (0..1); 0 without tokens.

    >>> from corpusforge.text import segment
    >>> stop_word_fraction_es(segment(["el perro y gatos", ""]))
    array([0.5, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_stop_word_fraction; list of stopwords-json.
    """
    return _stop_word_fraction(text, "es")


def stop_word_fraction_fr(text: TextBatch) -> Floats:
    r"""Share of the tokens of \w+|[^\w\s]+ that are French stop words, case counting (0..1); 0 without tokens.

    >>> from corpusforge.text import segment
    >>> stop_word_fraction_fr(segment(["le chien et chats", ""]))
    array([0.5, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_stop_word_fraction; list of stopwords-json.
    """
    return _stop_word_fraction(text, "fr")


def stop_word_fraction_it(text: TextBatch) -> Floats:
    r"""Share of the tokens of \w+|[^\w\s]+ that are Italian stop words, case counting (0..1); 0 without tokens.

    >>> from corpusforge.text import segment
    >>> stop_word_fraction_it(segment(["il cane e gatti", ""]))
    array([0.5, 0. ])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_stop_word_fraction; list of stopwords-json.
    """
    return _stop_word_fraction(text, "it")


def obscene_phrase_count_de(text: TextBatch) -> Floats:
    """Entries of the German list of LDNOOBW among the normalised words; those that overlap count each.

    >>> from corpusforge.text import segment
    >>> obscene_phrase_count_de(segment(["Eine Möse, Arschficker", ""]))
    array([2., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_ldnoobw_words. Entries with ASCII punctuation match nothing, as
    there; unlike there, entries with accents do match, since the list is normalised too.
    """
    return _obscene_count(text, "de")


def obscene_phrase_count_en(text: TextBatch) -> Floats:
    """Entries of the English list of LDNOOBW among the normalised words; those that overlap count each.

    >>> from corpusforge.text import segment
    >>> obscene_phrase_count_en(segment(["Two girls one cup", ""]))
    array([1., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_ldnoobw_words. Entries with ASCII punctuation match nothing, as
    there; unlike there, entries with accents do match, since the list is normalised too.
    """
    return _obscene_count(text, "en")


def obscene_phrase_count_es(text: TextBatch) -> Floats:
    """Entries of the Spanish list of LDNOOBW among the normalised words; those that overlap count each.

    >>> from corpusforge.text import segment
    >>> obscene_phrase_count_es(segment(["Cabrón!", ""]))
    array([1., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_ldnoobw_words. Entries with ASCII punctuation match nothing, as
    there; unlike there, entries with accents do match, since the list is normalised too.
    """
    return _obscene_count(text, "es")


def obscene_phrase_count_fr(text: TextBatch) -> Floats:
    """Entries of the French list of LDNOOBW among the normalised words; those that overlap count each.

    >>> from corpusforge.text import segment
    >>> obscene_phrase_count_fr(segment(["le bordel", ""]))
    array([1., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_ldnoobw_words. Entries with ASCII punctuation match nothing, as
    there; unlike there, entries with accents do match, since the list is normalised too.
    """
    return _obscene_count(text, "fr")


def obscene_phrase_count_it(text: TextBatch) -> Floats:
    """Entries of the Italian list of LDNOOBW among the normalised words; those that overlap count each.

    >>> from corpusforge.text import segment
    >>> obscene_phrase_count_it(segment(["Che cazzo", ""]))
    array([1., 0.])

    Source: Weber et al. 2024 (RedPajama-v2), rps_doc_ldnoobw_words. Entries with ASCII punctuation match nothing, as
    there; unlike there, entries with accents do match, since the list is normalised too.
    """
    return _obscene_count(text, "it")
