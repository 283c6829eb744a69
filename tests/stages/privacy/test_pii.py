import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from corpusforge.stage import reject
from corpusforge.stages.privacy.pii import Pii
from corpusforge.stages.privacy.spans import Span, disjoint
from corpusforge.stages.privacy.types import about_types, default_types
from corpusforge.testing import check_stage, docs, run_stage

TEXT = (
    "jane@web.org JANE@web.org, (212) 664-7665 and +1 212 664 7665 ext. 44, +44 20 7031 3000, tel 467 3395, "
    "from 93.184.216.34, 2606:2800:220:1:248:1893:25c8:1946, card 4111 1111 1111 1111 or 378282246310005"
)
COUNTS = {"pii_email": 2, "pii_phone": 4, "pii_ip": 2, "pii_card": 2}
KERNEL = Pii().open()
REPLACE = Pii(replace=("rest",))
REPLACED = REPLACE.open()


def text_of(batch: pa.RecordBatch) -> list[Any]:
    return list(batch.column("text").to_pylist())


def counts_of(batch: pa.RecordBatch, row: int = 0) -> dict[str, int]:
    return {name: batch.column(name)[row].as_py() for name in COUNTS}


def test_every_type_is_masked_when_none_is_named() -> None:
    out = KERNEL(docs(TEXT))
    assert text_of(out) == [
        "<EMAIL> <EMAIL>, <PHONE> and <PHONE>, <PHONE>, tel <PHONE>, "
        "from <IP_ADDRESS>, <IP_ADDRESS>, card <CREDIT_CARD> or <CREDIT_CARD>"
    ]
    assert counts_of(out) == COUNTS


def test_only_the_named_types_are_touched() -> None:
    out = run_stage(Pii(mask=("ip",), remove=("email",)), docs("jane@web.org at ip 93.184.216.34, (212) 664-7665"))
    assert text_of(out) == [" at ip <IP_ADDRESS>, (212) 664-7665"]
    assert {n: out[n].to_pylist() for n in out.schema.names if n.startswith("pii_")} == {
        "pii_email": [1],
        "pii_ip": [1],
    }


def test_a_type_with_two_actions_is_refused() -> None:
    with pytest.raises(ValidationError, match="email: more than one action"):
        Pii(mask=("email",), replace=("email",))


def test_an_address_at_the_end_of_a_text_or_line_is_found_and_the_line_end_stays() -> None:
    assert text_of(KERNEL(docs("me@web.org", "a me@web.org\nb", "me@web.org.\r\n"))) == [
        "<EMAIL>",
        "a <EMAIL>\nb",
        "<EMAIL>.\r\n",
    ]


def test_substitutes_keep_the_form_agree_in_all_mentions_and_hide_the_value() -> None:
    out = text_of(REPLACED(docs(TEXT)))[0]
    words = out.replace(",", "").split()
    assert words[0] == words[1] and words[0].partition("@")[2] in ("example.com", "example.org", "example.net")
    first, second = out.split(" ")[2:4], out.split(" ")[5:9]
    assert "".join(c for c in "".join(first) if c.isdigit()) == "".join(c for c in "".join(second[1:4]) if c.isdigit())
    for value in ("jane", "JANE", "664", "7665", "7031", "467", "93.184", "2606", "1111", "378282"):
        assert value not in out, value


def test_a_second_run_leaves_substitutes_and_tags_alone() -> None:
    for kernel in (KERNEL, REPLACED):
        once = kernel(docs(TEXT))
        twice = kernel(once)
        assert text_of(twice) == text_of(once)
        assert set(counts_of(twice).values()) == {0}


def test_substitutes_do_not_depend_on_order_but_on_document_and_key(tmp_path: Path) -> None:
    def replaced(key: str | None, *texts: str) -> list[Any]:
        file = tmp_path / str(key)
        file.write_text(str(key))
        return text_of(run_stage(Pii(replace=("email",), key_file=str(file) if key else None), docs(*texts)))

    one, two = replaced("k", "a@web.org", "b@web.org a@web.org")
    assert one != two.split()[1]
    assert replaced("k", "a@web.org b@web.org")[0].split() == replaced("k", "b@web.org a@web.org")[0].split()[::-1]
    assert replaced("k", "a@web.org") != replaced("j", "a@web.org") != replaced(None, "a@web.org")
    batch = docs("x", "b@web.org a@web.org")
    assert text_of(Pii(replace=("email",), key_file=str(tmp_path / "k")).open()(batch.slice(1))) == [two]


def test_a_text_without_personal_data_keeps_its_arrow_array() -> None:
    batch = docs("Version 4.3.2.1 of 2024-03-15", None, "")
    out = KERNEL(batch)
    assert out.column("text").buffers()[2].address == batch.column("text").buffers()[2].address
    assert text_of(out) == text_of(batch)


def test_too_much_is_rejected_with_its_number_and_without_its_values() -> None:
    out = run_stage(Pii(max_hits=9), docs(TEXT, "jane@web.org"))
    assert out.select(["rejected", "rejected_value", "rejected_detail"]).to_pylist() == [
        {"rejected": "too_much_pii", "rejected_value": 10.0, "rejected_detail": None},
        {"rejected": None, "rejected_value": None, "rejected_detail": None},
    ]
    assert "jane" not in str(out.to_pylist())


def test_rows_rejected_earlier_are_edited_too() -> None:
    out = KERNEL(reject(docs("jane@web.org"), [True], "earlier"))
    assert text_of(out) == ["<EMAIL>"]


def test_regions_follow_the_language_unless_they_are_given() -> None:
    number = "01 42 68 53 00"
    assert text_of(KERNEL(docs(number, number, language=["fr", None]))) == ["<PHONE>", number]
    assert text_of(run_stage(Pii(regions=("FR",)), docs(number, language=["de"]))) == ["<PHONE>"]


def test_private_addresses_are_touched_when_asked_for() -> None:
    assert text_of(run_stage(Pii(special_ips=True), docs("host 10.0.0.7"))) == ["host <IP_ADDRESS>"]


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10), st.integers(0, 3)), max_size=12)


@given(SPANS)
def test_disjoint_spans_are_what_a_greedy_choice_of_the_longest_gives(raw: list[tuple[int, int, int]]) -> None:
    spans = [Span(0, start, start + length, kind, "") for start, length, kind in raw]
    expected: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.kind, s.start)):
        if all(span.end <= other.start or other.end <= span.start for other in expected):
            expected.append(span)
    found = disjoint(spans)
    assert found == sorted(expected, key=lambda s: s.start)
    assert all(a.end <= b.start for a, b in pairwise(found))


TAGS = {str(about["tag"]) for about in about_types("pii").values()}
PIECES = [
    "jane@web.org",
    "212-664-7665",
    "4111111111111111",
    "93.184.216.34",
    "2a00:f48::12:1",
    "tel ",
    "@",
    "é",
    "：",
    "\n",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, " ", ".", "-", "(", ")", "+", "1", "x", "日本"]), max_size=14).map("".join))
def test_what_stands_around_the_spans_is_never_changed(text: str) -> None:
    out = KERNEL(docs("before ", text)).column("text")[1].as_py()
    rest = text
    for tag in TAGS:
        out = out.replace(tag, "\x00")
    for kept in out.split("\x00"):
        assert kept in rest
        rest = rest[rest.index(kept) + len(kept) :]


SECRET = "kT9#vQ2!xw"


def key_in(folder: Path, name: str = "key", secret: bytes = b"s") -> str:
    (folder / name).write_bytes(secret)
    return str(folder / name)


def test_a_hash_is_the_same_in_every_document_differs_with_the_key_and_is_left_alone(tmp_path: Path) -> None:
    stage = Pii(hash=("rest",), key_file=key_in(tmp_path))
    one, two = text_of(run_stage(stage, docs("a@web.org (212) 664-7665", "+1 212 664 7665, A@web.org")))
    first, second = one.split(), two.split(", ")
    assert first == second[::-1] and re.fullmatch(r"<EMAIL:[a-p]{16}>", first[0])
    other = Pii(hash=("rest",), key_file=key_in(tmp_path, "other", b"t"))
    assert not set(first) & set(text_of(run_stage(other, docs("a@web.org (212) 664-7665")))[0].split())
    assert text_of(run_stage(stage, docs(one))) == [one]


def test_hashes_without_a_secret_are_refused() -> None:
    for fields in ({"hash": ("email",)}, {"spans": "hashed"}):
        with pytest.raises(ValidationError, match="needs key_file"):
            Pii(**fields)  # type: ignore[arg-type]


def test_rest_stands_for_every_default_type_that_is_named_nowhere_else() -> None:
    stage = Pii(replace=("email",), mask=("rest",), remove=("mac",))
    actions = stage.actions()
    assert set(actions) == set(default_types("pii"))
    assert (actions["email"], actions["mac"], actions["ip"]) == ("replace", "remove", "mask")


def test_too_much_of_one_type_is_rejected_and_the_type_masked() -> None:
    texts = ("a@web.org b@web.org", "a@web.org", f"password = '{SECRET}'")
    out = run_stage(Pii(remove=("email",), max_hits={"email": 1, "assigned_secret": 0}), docs(*texts))
    assert out["rejected"].to_pylist() == ["too_much_pii", None, "too_much_pii"]
    assert out["rejected_value"].to_pylist() == [2.0, None, 1.0]
    assert text_of(out)[2] == "password = '<SECRET>'"
    with pytest.raises(ValidationError, match="no type 'emial'"):
        Pii(max_hits={"emial": 1})


def test_the_log_has_places_in_the_text_before_and_no_value(tmp_path: Path) -> None:
    text = "é a@web.org, a@web.org"
    for spans in ("places", "hashed"):
        out = run_stage(Pii(mask=("email",), spans=spans, key_file=key_in(tmp_path)), docs("x", text, None))
        log = out["pii_spans"].to_pylist()
        assert log[0] == log[2] == []
        assert [text.encode()[s["start"] : s["end"]] for s in log[1]] == [b"a@web.org", b"a@web.org"]
        hashes = {s["hash"] for s in log[1]}
        assert hashes == {None} if spans == "places" else len(hashes) == 1 and None not in hashes
        assert "web" not in str(log)


def test_titles_are_edited_and_counted_with_the_text_and_addresses_when_asked() -> None:
    batch = docs("a@web.org", title=["b@web.org"], url=["http://web.org/?m=b@web.org"])
    out = run_stage(Pii(mask=("email",)), batch)
    assert (out["title"].to_pylist(), out["pii_email"].to_pylist()) == (["<EMAIL>"], [2])
    assert out["url"].to_pylist() == batch["url"].to_pylist()
    assert out["title"].type == batch["title"].type
    out = run_stage(Pii(mask=("email",), also=("url",)), batch)
    assert out["url"].to_pylist() == ["http://web.org/?m=<EMAIL>"]


@settings(max_examples=30, deadline=None)
@given(st.permutations(["jane@web.org", "(212) 664-7665", "4111 1111 1111 1111", "jane@web.org", "93.184.216.34"]))
def test_substitutes_are_the_same_in_whatever_order_values_and_documents_come(values: list[str]) -> None:
    def substitutes(texts: list[str]) -> list[str]:
        batch = docs("x", " ; ".join(texts))
        return str(text_of(REPLACED(batch))[1]).split(" ; ")

    right = dict(zip(sorted(values), substitutes(sorted(values)), strict=True))
    assert substitutes(values) == [right[value] for value in values]


def test_it_keeps_the_protocol() -> None:
    check_stage(Pii)
