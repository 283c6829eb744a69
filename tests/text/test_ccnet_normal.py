"""CCNet's normalisation against the steps written down in Python."""

import re
import unicodedata
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.text.ccnet_normal import PUNCTUATION, normalise

CONTROL = re.compile(f"[{''.join(map(chr, [*range(32), *range(127, 160)]))}]")


def steps(line: str, control: str = "") -> str:
    line = unicodedata.normalize("NFD", line.strip().lower())
    line = "".join(c for c in line if unicodedata.category(c) != "Mn")
    line = re.sub(r"\d", "0", line)
    line = "".join({**PUNCTUATION, "１": '"'}.get(c, c) for c in line)
    return CONTROL.sub(control, line)


def made(*lines: str, spaced: bool = False) -> list[str]:
    pieces = [line.encode() for line in lines]
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    data, offsets = normalise(np.frombuffer(b"".join(pieces), np.uint8), starts, ends, spaced)
    return [data[a:b].tobytes().decode() for a, b in pairwise(offsets)]


def test_every_code_point_between_letters() -> None:
    texts = [f"a{chr(code)}b" for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    assert [pair for pair in zip(made(*texts), map(steps, texts), strict=True) if pair[0] != pair[1]] == []


@given(st.lists(st.text(st.sampled_from("aÅΣσ.'’…１٣ \n\x85\u200d가각ǅİß̈—́"), max_size=12), max_size=4))
def test_any_texts(texts: list[str]) -> None:
    assert made(*texts) == [steps(text) for text in texts]
    assert made(*texts, spaced=True) == [steps(text, " ") for text in texts]


def test_line_breaks_glue_words_and_a_full_width_one_is_a_digit() -> None:
    assert made("The end\nNext １") == ["the endnext 0"]
    assert made("The end\nNext １", spaced=True) == ["the end next 0"]
