import time
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ftfy import fix_text
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.stage import reject
from corpusforge.stages.normalize import suspects
from corpusforge.stages.normalize.badness import ALONE, suspect_pairs
from corpusforge.stages.normalize.unicode import Unicode, clean, config
from corpusforge.testing import check_stage, docs, run_stage

STAGES = [
    Unicode(),
    Unicode(form="none", fix_encoding=False, unescape_html="never", fix_ligatures=False),
    Unicode(form="NFKC", unescape_html="always", fix_width=True, uncurl_quotes=True),
]
KERNELS = [stage.open() for stage in STAGES]
PAIRS = suspect_pairs(BADNESS_RE)


def reference(stage: Unicode, text: str) -> str:
    return clean(fix_text(text, config(stage)), stage.form)


def mojibake(text: str) -> str:
    return text.encode().decode("cp1252", "replace")


SUSPECT = sorted(set("".join(MOJIBAKE_CATEGORIES.values())) - set("-")) + list("ÃÂâ€œ™Ä²³µ¼½¾×Ð° \xa0\xad")
ODD = list(
    "\r\n\f\v\t\x00\x1b\x7f\x85\x81\u2028\u2029\ufeff\u200b\u200dﬁĲ＆；，３ﾊﾞ<>&;#ée\u0301\u0323\u0327"
    "\u05b7\u05b8\u0e38\u1100\u1161\u11a8가"
)
PIECES = [
    *(
        "&amp;",
        "&#233;",
        "&#13;",
        "&lt;p&gt;",
        "&Eacute;",
        "\x1b[31m",
        "\r\n",
        "<b>",
        "naïve “quotes” — fine",
        "Größe\n",
    ),
    *(
        "日本語、テスト。",
        "русский текст",
        "Ελληνικά",
        *map(mojibake, ("schön", "“x”", "naïve", "日本", "à la mode", "🙂")),
    ),
]
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(SUSPECT),
        st.sampled_from(ODD),
        st.sampled_from(PIECES),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=25,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_every_text_gets_what_ftfy_and_the_normal_form_give(texts: list[str]) -> None:
    batch = docs(*texts)
    for stage, kernel in zip(STAGES, KERNELS, strict=True):
        assert kernel(batch)["text"].to_pylist() == [reference(stage, text) for text in texts]


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_nothing_that_ftfy_calls_bad_is_overlooked(text: str) -> None:
    codes = np.array([ord(c) for c in text] or [0])
    kinds = PAIRS.kinds[codes]
    suspect = (PAIRS.left[kinds] & ALONE).any() or (PAIRS.left[kinds[:-1]] & PAIRS.right[kinds[1:]] & ~ALONE).any()
    assert suspect or not BADNESS_RE.search(text)


def test_pairs_of_ascii_characters_are_never_suspect() -> None:
    ascii_kinds = PAIRS.kinds[:0x80]
    assert not (PAIRS.left[ascii_kinds][:, None] & PAIRS.right[ascii_kinds][None, :]).any()


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_the_quick_check_agrees_with_python_on_every_code_point(form: suspects.Form) -> None:
    kinds = suspects.Characters.of(form, []).kinds
    for code in range(suspects.CODES):
        if kinds[code] != suspects.DOUBTFUL and not 0xD800 <= code < 0xE000:
            character = chr(code)
            assert unicodedata.combining(character) == kinds[code], hex(code)
            assert unicodedata.is_normalized(form, character), hex(code)
    # A character that composes with one before it must be doubtful.
    for code in range(suspects.CODES):
        for second in unicodedata.normalize("NFD", chr(code))[1:]:
            assert kinds[ord(second)] == suspects.DOUBTFUL, hex(code)


def test_a_text_that_needs_nothing_keeps_its_arrow_array() -> None:
    batch = docs("plain ASCII & more", "“Größe” — naïve, 日本語、ไทย שלום", None, "")
    assert KERNELS[0](batch) is batch


def test_nulls_slices_and_rejected_rows_are_respected() -> None:
    batch = docs("drop", "a\r\nb", None, "", "c\rd", "Ã©\n")
    batch = reject(batch, [False, False, False, False, True, False], "earlier").slice(1)
    assert KERNELS[0](batch)["text"].to_pylist() == ["a\nb", None, "", "c\rd", "é\n"]


def test_form_feeds_and_c1_controls_do_not_leave_an_unnormalized_text() -> None:
    assert run_stage(Unicode(), docs("e\x81\u0301\fpage")).column("text").to_pylist() == ["é\npage"]


@pytest.mark.parametrize("unit", ["Ã", "Ã©", "â€", "&amp;", "&", "\r", "e\u0301", "ÃƒÂ©", "\x00", "à la Ã "])
def test_one_megabyte_of_trouble_on_one_line_is_done_in_bounded_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit.encode()))
    start = time.process_time()
    KERNELS[0](docs(text))
    assert time.process_time() - start < 30  # the slowest takes 4


def test_real_documents_come_out_as_ftfy_gives_them(shared) -> None:  # type: ignore[no-untyped-def]
    table = pq.read_table(shared("bulk/bulk-dev-00000-of-00002.parquet"), columns=["text"])
    column = table["text"].combine_chunks().cast(pa.large_string())
    found = KERNELS[0](pa.record_batch({"text": column}))["text"]
    changed = [i for i, (a, b) in enumerate(zip(column, found, strict=True)) if a != b]
    assert len(changed) > 100
    for i in [*changed[::4], *range(0, len(column), 40)]:
        assert found[i].as_py() == reference(STAGES[0], column[i].as_py())


def test_it_keeps_the_protocol() -> None:
    check_stage(Unicode)
