"""English tokens: the same as spaCy's blank English tokenizer, document by document."""

import functools
import time
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.pipeline import Sentencizer

from corpusforge.text import english_rules, segment
from corpusforge.text.english import EnglishTokens, TokenArrays
from corpusforge.text.english_cut import ALPHABETIC, ENDING, PUNCTUATING
from corpusforge.text.spans import hash_spans


@functools.cache
def spacy_tokenizer() -> Callable[[str], Sequence[object]]:
    import spacy

    return spacy.blank("en").tokenizer


def expected(text: str) -> list[str]:
    """Tokens as datatrove 0.10 takes them from spaCy: stripped, empty ones dropped."""
    stripped = (str(token).strip() for token in spacy_tokenizer()(text))
    return [token for token in stripped if token]


@functools.cache
def exceptions() -> list[str]:
    return [key for key in spacy_tokenizer().rules if not key.isspace()]  # type: ignore[attr-defined]


def tokenize(texts: list[str]) -> tuple[bytes, TokenArrays, np.ndarray]:
    batch = segment(texts)
    chunks = batch.chunks
    tokens = EnglishTokens().tokenize(batch.data, chunks.starts, chunks.ends, chunks.offsets)
    return batch.data.tobytes(), tokens, np.concatenate([[0], np.cumsum(tokens.counts)])[chunks.offsets]


def tokens_of(texts: list[str]) -> list[list[str]]:
    data, tokens, offsets = tokenize(texts)
    found = [data[a:b].decode() for a, b in zip(tokens.starts, tokens.ends, strict=True)]
    return [found[a:b] for a, b in pairwise(offsets)]


def assert_same(texts: list[str]) -> None:
    for text, found in zip(texts, tokens_of(texts), strict=True):
        assert found == expected(text), text


SPACES = [
    " ",
    " ",
    " ",
    " ",
    "\n",
    "\n\n",
    "  ",
    "\t",
    "\u00a0",
    " \n",
    "\u3000",
    " \u00a0 ",
    "\x1c",
    "\u2028",
    "\r\n",
    "\x85",
]
PIECES = [
    *"aAbzZ0159.,:;!?()[]{}<>\"'`-–—~_*/\\|=+^$%&#@…°’‘“”«»éÉßğ中ا한क़€£¥😀™©²₹·¿½١１ªŁ\u0301\u200b\u00ad\x00",
    *["km", "m/s", "US$", "C$", "kg", "mb", "°F.", "°C", "'s", "’s", "'S", "..", "...", "……", "--", "---", "——"],
    *["http://", "www.", "ab.com", "a.b", "org", "mailto:", ":80", ":123456", "/x?y#z", "co.uk", "xn--a", "x" * 64],
    *["10.0.0.1", "8.8.8.8", "192.168.1.1", "169.254.0.1", "172.20.1.1", "172.32.1.1", "223.255.1.254", "256.1.1.1"],
    *["1.٢.3.4", "a.m.", "e.g", "U.S", ".X", "foo", "Bar", "s", "IS", "m", "A$", "ing", "'", "n't"],
]


def pieces() -> st.SearchStrategy[str]:
    return st.sampled_from(PIECES) | st.sampled_from(exceptions()) | st.characters(exclude_categories=["Cs"])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_text_gives_the_tokens_of_spacy(data: st.DataObject) -> None:
    chunk = st.lists(pieces(), min_size=1, max_size=6).map("".join)
    parts = st.lists(chunk | st.sampled_from(SPACES), max_size=30)
    assert_same(["".join(data.draw(parts)), "".join(data.draw(parts))])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["a", "1", "9", ".", ":", "/", "@", "-", "b.com", "://", "10."])), max_size=9))
def test_urls_are_recognised_as_spacy_does(chunks: list[list[str]]) -> None:
    assert_same([" ".join(map("".join, chunks))])


def test_every_exception_with_every_affix_gives_the_tokens_of_spacy() -> None:
    affixes = ["{}", "({})", "“{}”", "{}.", "{},", "x-{}", "{}-x", "{}'s", "_{}", "5{}", "{}5", "{}/x", "({}.", "...{}"]
    assert_same([affix.format(key) for key in exceptions() for affix in affixes])


def test_a_plain_word_with_any_ascii_end_gives_the_tokens_of_spacy() -> None:
    words = [
        "word",
        "Word",
        "WORD",
        "wordS",
        "a",
        "I",
        "im",
        "Im",
        "dont",
        "cannot",
        "St",
        "U",
        "no",
        "nO",
        "12",
        "1a",
        "a1",
    ]
    ends = [*map(chr, range(33, 127)), "é", "—", "…", "”", ".)", '."', ",—", "!!", "..", "'s.", ".'"]
    assert_same([front + word + end for word in words for end in ends for front in ("", "(", "é")])


def test_exceptions_cut_by_the_patterns_are_joined_across_one_space_only_to_change_nothing() -> None:
    assert tokens_of(["vitamin-a."]) == [["vitamin", "-", "a."]]
    assert tokens_of(["x ):bar"]) == [["x", "):", "bar"]]
    assert tokens_of(["x: ):bar"]) == [["x", ":", ")", ":", "bar"]]  # the smiley over the space comes first
    assert_same(["x: ):bar", "x:  ):bar", "x:\n):bar", "x:\u00a0):bar", "x: ):bar :-( ( :-a.)", "(: ( o: :(o :):o)"])


def test_joining_does_not_look_across_documents() -> None:
    assert tokens_of(["x:", "):bar", "x: ", "):bar"]) == [["x", ":"], ["):", "bar"], ["x", ":"], ["):", "bar"]]


def test_null_empty_and_blank_texts_have_no_tokens() -> None:
    batch = segment([None, "", " \n\u00a0", "a"])
    assert batch.tokens.counts.tolist() == [0, 0, 0, 1]


def test_a_sliced_column_gives_the_tokens_of_its_own_rows() -> None:
    import pyarrow as pa

    column = pa.array(["one", "two, three", None, "Don't."], pa.large_string()).slice(1)
    tokens = segment(column).tokens
    found = [bytes(tokens.data[a:b]).decode() for a, b in zip(tokens.starts, tokens.ends, strict=True)]
    assert found == ["two", ",", "three", "Do", "n't", "."]
    assert tokens.offsets.tolist() == [0, 3, 3, 6]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*PIECES, *SPACES])).map("".join), min_size=1, max_size=8))
def test_any_split_of_a_batch_gives_the_same_tokens(texts: list[str]) -> None:
    assert tokens_of(texts) == [tokens_of([text])[0] for text in texts]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *SPACES]) | st.characters(exclude_categories=["Cs"])).map("".join))
def test_lengths_letters_and_hashes_are_those_of_the_tokens(text: str) -> None:
    data, tokens, _ = tokenize([text])
    words = [data[a:b].decode() for a, b in zip(tokens.starts, tokens.ends, strict=True)]
    assert tokens.lengths_chars.tolist() == [len(word) for word in words]
    assert (tokens.kinds & ALPHABETIC != 0).tolist() == [any(map(str.isalpha, word)) for word in words]
    punctuation = [all(unicodedata.category(c).startswith("P") for c in word) for word in words]
    assert (tokens.kinds & PUNCTUATING != 0).tolist() == punctuation
    assert (tokens.kinds & ENDING != 0).tolist() == [word in Sentencizer.default_punct_chars for word in words]
    assert (tokens.hashes == hash_spans(np.frombuffer(data, np.uint8), tokens.starts, tokens.ends)).all()


def test_symbols_are_tokens_of_punctuation_only() -> None:
    symbols = ["...", "—", "--", "#", "$", "_", "।", "？", "\x00", "~", "►", "。", "!"]
    words = ["a", "1", "°", "•", "№", "é", "·", "’s", "€"]
    batch = segment([" ".join(symbols), " ".join(words)])
    assert batch.tokens.symbol.tolist() == [True] * len(symbols) + [False] * len(words)


@pytest.mark.parametrize("piece", ["a", "(", ".", "a.", ":)", "1.", "a@", "://", "'", "–a", "٣", "a:"])
def test_a_long_chunk_takes_time_in_proportion(piece: str) -> None:
    assert_same([piece * 30])
    start = time.process_time()
    assert len(segment([piece * (100_000 // len(piece))]).tokens) > 0
    assert time.process_time() - start < 5  # 0.7 s at most; in proportion to the square it would be minutes


def test_the_frozen_rules_are_those_of_the_installed_spacy() -> None:
    own = english_rules.LETTER | english_rules.WORD | english_rules.DIGIT  # of the Python that made the file
    with np.load(english_rules.FILE) as stored:
        for name, built in english_rules.build().items():
            if name == "table":
                every = np.arange(0x110000)
                built, frozen = (t[t[every >> 8] + (every & 255)] & ~own for t in (built, stored[name]))
            else:
                frozen = stored[name]
            assert np.array_equal(built, frozen), name


def test_the_development_data_gives_the_tokens_of_spacy(shared: Callable[[str], Path]) -> None:
    table = pq.read_table(sorted(shared("bulk").glob("*.parquet"))[0])
    texts = table["text"].to_pylist()[::6]
    assert_same([text[:20_000] for text in texts[::15]])
    assert_same(sorted({chunk for text in texts for chunk in text.split()})[::8])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*PIECES, *SPACES, "word", "It", "n't"])).map("".join), min_size=1))
def test_chunks_that_are_met_again_give_the_tokens_of_spacy(chunks: list[str]) -> None:
    again = [*chunks, *chunks[::-1], *chunks]
    assert_same([" ".join([*again, "the end of a text, so that what stands before is not near it"]), " ".join(again)])


def test_more_tokens_than_there_is_room_for_at_first() -> None:
    assert_same(["a " * 100 + "(" * 500 + " b-c" * 300, "1,2,3.x " * 50])
