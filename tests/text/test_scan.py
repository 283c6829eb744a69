import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.text import segment
from corpusforge.text.scan import EMAIL, HEX, LONG, NUMBER, QUAD, candidates


def scan(*texts: str, kinds: int = EMAIL | NUMBER | HEX | QUAD | LONG) -> list[tuple[int, int, str]]:
    text = segment(pa.array(texts, pa.large_string()))
    found = candidates(text.data, text.offsets, kinds).tolist()
    return [(kind, document, bytes(text.data[a:b]).decode()) for kind, document, a, b in found]


def emails(text: str) -> list[str]:
    """Slow and plain: look left and right of every @."""
    found = []
    for at in (m.start() for m in re.finditer("@", text)):
        local = re.search(r"[\w.%+'-]*\Z", text[:at], re.ASCII)[0]  # type: ignore[index]
        domain = re.match(r"(?:[A-Za-z0-9-]+(?:\.(?=[^.]|\Z))?)*", text[at + 1 :])[0].rstrip(".-")  # type: ignore[index]
        local = local.lstrip(".%+'-") if len(local) <= 64 else ""
        if local and "." in domain and text[at + 1 : at + 2] != ".":
            found.append(f"{local}@{domain}")
    return found


@settings(max_examples=300)
@given(st.text("ab1.-_@+ \n'", max_size=40))
def test_addresses_are_found_as_a_plain_search_finds_them(text: str) -> None:
    assert [value for _, _, value in scan(text, kinds=EMAIL)] == emails(text)


@settings(max_examples=200)
@given(st.lists(st.text("0123456789 .-()/+:afgx@\u00a0–é", max_size=40), max_size=4))
def test_a_document_is_scanned_as_if_it_were_alone(texts: list[str]) -> None:
    alone = [(kind, i, value) for i, text in enumerate(texts) for kind, _, value in scan(text)]
    assert scan(*texts) == alone


@settings(max_examples=200)
@given(
    st.text("abc xyz\n", max_size=10).map(lambda s: s + " "),
    st.from_regex(r"(\(\d{3}\) |\d{3}[-. ])\d{3}[-. ]\d{4}", fullmatch=True, alphabet=st.characters(max_codepoint=127)),
    st.text("abc xyz\n", max_size=10).map(lambda s: "," + s),
)
def test_a_number_between_words_is_always_a_candidate(before: str, number: str, behind: str) -> None:
    found = [value for kind, _, value in scan(before + number + behind) if kind & NUMBER]
    assert found == [number.lstrip("(")]


def test_dates_and_years_are_no_numbers() -> None:
    assert scan("2024-03-15 10:30:00, 1914-1918, 2014/07/250x300, 2001-2002-03") == []


def test_the_group_glued_to_a_word_is_left_out_and_an_extension_is_not_looked_at() -> None:
    assert scan("212-664-7665 4th, 212-664-7665x12, a2126647665") == [(2, 0, "212-664-7665"), (2, 0, "212-664-7665")]


def test_a_long_run_is_cut_at_its_spaces() -> None:
    row = "4111111111111111 " * 4 + "1.2.3.4 " + "12 " * 9
    assert scan(row) == [(NUMBER | LONG, 0, "4111111111111111")] * 4 + [(QUAD, 0, "1.2.3.4")]


def test_hexadecimal_groups_need_a_double_colon_or_seven() -> None:
    assert [v for _, _, v in scan("fe80::1 12:34:56 ::ffff a:b:c:d:e:f:1:2 std::dec 00:11:22:33:44:55")] == [
        "fe80::1",
        "::ffff",
        "a:b:c:d:e:f:1:2",
    ]


def test_more_candidates_than_the_first_guess_are_all_kept() -> None:
    assert len(scan("a@b.cc " * 10_000)) == 10_000
