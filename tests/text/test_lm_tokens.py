"""Tokens of language models: words as everywhere else plus single other characters, or what KenLM cuts."""

import re

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.text import segment
from corpusforge.text.lm_tokens import LineTokens, TextForm, line_tokens

TEXTS = st.lists(
    st.text(st.sampled_from("ab9_ .-!\n\t\x00\x0b\x1f\xa0\u2003é\u0301北京はไทย👩‍"), max_size=12), max_size=5
)


def tokens_of(found: LineTokens) -> list[list[bytes]]:
    data = found.data.tobytes()
    pieces = [data[a:b] for a, b in zip(found.starts.tolist(), found.ends.tolist(), strict=True)]
    return [pieces[a:b] for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


@given(TEXTS)
def test_words_are_those_of_textbatch_and_the_rest_is_single(texts: list[str]) -> None:
    column = pa.array(texts, pa.large_string())
    words = segment(column).words
    spans = set(zip(words.starts.tolist(), words.ends.tolist(), strict=True))
    found = line_tokens(column, TextForm("none", "document", "words"))
    others = [span for span in zip(found.starts.tolist(), found.ends.tolist(), strict=True) if span not in spans]
    assert len(others) + len(spans) == len(found.starts)
    data = found.data.tobytes()
    assert all(len(data[a:b].decode()) == 1 for a, b in others)
    covered = b"".join(tokens for line in tokens_of(found) for tokens in line).decode()
    assert covered == "".join(c for text in texts for c in text if not c.isspace() and c > "\x1f")


@given(TEXTS)
def test_whitespace_is_kenlms(texts: list[str]) -> None:
    for unit in ("document", "line"):
        found = line_tokens(pa.array(texts, pa.large_string()), TextForm("none", unit, "whitespace"))  # type: ignore[arg-type]
        lines = [line for text in texts for line in (text.split("\n") if unit == "line" else [text])]
        assert tokens_of(found) == [re.findall(rb"[^ \t\n\v\f\r\0]+", line.encode()) for line in lines]
        assert np.diff(found.lines).tolist() == [len(t.split("\n")) if unit == "line" else 1 for t in texts]
