"""The kernels of quality.toxicity against plain Python: entries, odd spellings, and what is counted of a sentence."""

import re
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.registry import resource
from corpusforge.stages.quality.toxic_context import FEATURES, count_features
from corpusforge.stages.quality.toxic_density import Densities
from corpusforge.stages.quality.toxic_disguise import is_plain, undisguise
from corpusforge.stages.quality.toxic_model import MOST, ToxicModel
from corpusforge.stages.quality.toxic_scores import _logistic
from corpusforge.stages.quality.toxic_words import BIT, ToxicWords
from corpusforge.text import segment

ENTRIES = {"shit": "swear", "shit head": "abuse", "shit head off": "slur", "damn": "mild", "ass": "obscene"}
ENTRIES |= {"bitch": "abuse", "good shit": "neutral", "moron": "idiot"}
WORDS = ToxicWords({"en": {entry: BIT[kind] for entry, kind in ENTRIES.items()}}, ["shit"])
LOOKS = {"i": "1!", "s": "5$", "a": "4@", "o": "0", "t": "7+"}
SPELLED = ("swear", "abuse", "slur", "obscene", "idiot")


def count(text, feature):
    """Return a feature summed over the sentences of `text`."""
    found, _ = count_features(segment([text]), WORDS, np.zeros(1, np.int32))
    return found[:, FEATURES.index(feature)].sum()


def reference(words):
    """Return how often each class begins in words without odd spellings: the longest entry at the leftmost word."""
    found = dict.fromkeys(BIT, 0)
    at = 0
    while at < len(words):
        for size in (3, 2, 1):
            entry = " ".join(words[at : at + size])
            if entry in ENTRIES:
                found[ENTRIES[entry]] += 1
                at += size
                break
        else:
            found["abuse"] += len(words[at]) >= 6 and "shit" in words[at]
            at += 1
    return found


@given(st.lists(st.sampled_from(["shit", "head", "off", "good", "damn", "ass", "bitch", "x", "bullshitter"])))
def test_the_longest_entry_at_the_leftmost_word_counts(words):
    wanted = reference(words)
    text = " ".join(words).upper()
    for kind in ("swear", "mild", "abuse", "slur", "obscene"):
        assert count(text, kind) == wanted[kind], (kind, text)


@given(st.sampled_from(["shit", "bitch", "moron", "ass"]), st.data())
def test_letters_that_look_alike_and_stretched_ones_are_read_as_they_are_meant(word, data):
    spelled = "".join(data.draw(st.sampled_from([c, *LOOKS.get(c, "")])) for c in word)
    stretched = re.sub("[aio]", lambda m: m[0] * data.draw(st.sampled_from([1, 3, 5])), spelled)
    letters = sum(c.isalpha() for c in stretched)
    if letters < 2 or (not stretched[0].isalnum() and stretched[0] not in "@$"):
        return  # of figures and signs alone nobody can tell
    total = sum(count(f"so {stretched} it is", kind) for kind in ("swear", "abuse", "obscene"))
    total += count(f"so {stretched} it is", "idiot_else") + count(f"so {stretched} it is", "idiot_they")
    assert total == 1, stretched


@given(st.sampled_from(["shit", "bitch", "ass"]), st.sampled_from(["", "!", "@", "so ", "x", "é"]), st.data())
def test_of_plain_words_nothing_is_undone(word, around, data):
    text = around + "".join(data.draw(st.sampled_from([c, c, c * 3, "*", *LOOKS.get(c, "")])) for c in word) + around
    batch = segment([text])
    texts, words = batch.data, batch.words
    tables = WORDS.salts[0], WORDS.keys, WORDS.kinds, WORDS.masked_keys, WORDS.masked_kinds
    for start, end in zip(words.starts, words.ends, strict=True):
        if is_plain(texts, 0, start, end, len(texts)):
            bits, _ = undisguise(texts, 0, start, end, len(texts), *tables)
            assert bits == 0 or text.encode()[start:end].lower().decode() in ENTRIES


@given(st.sampled_from(["shit", "bitch"]), st.integers(1, 3), st.integers(1, 4))
def test_stars_hide_letters_but_not_the_first_nor_the_last_alone(word, begin, length):
    end = min(begin + length, len(word))
    starred = word[:begin] + "*" * (end - begin) + word[end:]
    wanted = end < len(word) or end - begin > 1  # "shi*" may be a footnote of "shi"
    assert count(starred, ENTRIES[word]) == wanted, starred


@given(st.sampled_from(["shit", "bitch"]), st.sampled_from(" .-_"))
def test_letters_apart_are_read_together(word, between):
    wanted = 0 if between == "_" else 1  # one word to Unicode, and on no list
    assert count(between.join(word), ENTRIES[word]) == wanted


@given(st.text(st.sampled_from("aist5$@ !*.1\n"), max_size=30))
def test_a_document_counts_the_same_wherever_it_stands_in_a_batch(text):
    alone, words = count_features(segment([text]), WORDS, np.zeros(1, np.int32))
    column = segment(["s h", text, "i t"])
    found, _ = count_features(column, WORDS, np.zeros(3, np.int32))
    begin, end = column.sentences.offsets[1:3]
    assert (found[begin:end] == alone).all()
    assert words.sum() == len(segment([text]).words)


@given(st.lists(st.lists(st.tuples(st.integers(1, 60), st.lists(st.integers(0, 9), min_size=3, max_size=3)))))
def test_scores_are_those_of_the_formula(documents):
    model = ToxicModel(resource("filters", "toxicity"))
    counts = np.zeros((sum(map(len, documents)), len(FEATURES)))
    words = np.array([n for d in documents for n, _ in d], np.int64)
    for row, (_, some) in enumerate(s for d in documents for s in d):
        counts[row, 2:5] = some
    offsets = np.cumsum([0, *map(len, documents)])

    def score(x, n):
        seen = np.minimum(x / max(n / model.unit_words, 1), MOST)
        return 1 / (1 + np.exp(-(model.intercept + seen @ model.weights)))

    sentences, whole = _logistic(counts, words, offsets, model.weights, model.intercept, model.unit_words)
    np.testing.assert_allclose(sentences, [score(x, n) for x, n in zip(counts, words, strict=True)])
    spans = list(pairwise(offsets))
    np.testing.assert_allclose(whole, [score(counts[a:b].sum(axis=0), words[a:b].sum()) for a, b in spans])


@given(st.lists(st.lists(st.sampled_from(["mist", "ganz und gar", "gut", "Mist.", "so!\n"]), max_size=12), max_size=5))
def test_densities_count_the_words_of_entries(documents):
    densities = Densities({"de": ["mist", "ganz und gar"]})
    texts = [" ".join(words) for words in documents]
    text = segment(texts)
    _, found = densities.score(text, np.zeros(len(texts), np.int32))
    for words, score in zip(documents, found, strict=True):
        hits = sum(w.lower().strip(".") in ("mist", "ganz und gar") for w in words)
        covered = sum({"mist": 1, "ganz und gar": 3}.get(w.lower().strip("."), 0) for w in words)
        wanted = 1 - 2 ** (-50 * covered / max(sum(len(w.split()) for w in words), 1))
        assert np.isclose(score, min(wanted, 0.5) if hits < 2 else wanted)
