"""Candidates of codes and secrets: inside their documents, whatever else is in the batch, and in bounded number."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.text import scan, scan_codes, scan_secrets
from corpusforge.text.arrays import Int64s, UInt8s

Scan = Callable[[UInt8s, Int64s, int], Int64s]
SCANS: list[tuple[Scan, int]] = [(scan.candidates, 31), (scan_codes.codes, 15), (scan_secrets.secrets, 7)]


def run(one: Scan, kinds: int, *texts: bytes) -> list[tuple[int, int, bytes]]:
    """Return kind, document and bytes of each candidate."""
    data = np.frombuffer(b"".join(texts), np.uint8)
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    found = one(data, offsets, kinds).tolist()
    for _, document, first, end in found:
        assert offsets[document] <= first < end <= offsets[document + 1]
    return [(kind, document, bytes(data[first:end])) for kind, document, first, end in found]


PIECES = [b"DE89 3704 0044 0532 0130 00", b"a1:b2:c3:d4:e5:f6", b"https://a:b@c", b"12345678Z", b"131052-308T"]
PIECES += [b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b"ghp_a1b2c3d4e5f6g7h8", b"pwd = 'a1b2c3d4'"]
PIECES += [b"key", b'"', b"=", b" ", b".", b"\n", b"@", b"://", b"9", b"A", b"_", b"hf_", b"AKIA", b"-", b":", b"\xf0"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_a_document_has_the_same_candidates_alone_and_in_a_batch(texts: list[bytes]) -> None:
    for one, kinds in SCANS:
        together = run(one, kinds, *texts)
        assert together == [(k, i, b) for i, text in enumerate(texts) for k, _, b in run(one, kinds, text)]


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_every_kind_is_found_alone_as_with_the_others(text: bytes) -> None:
    for one, kinds in SCANS[1:]:
        together = sorted(run(one, kinds, text))
        alone = [found for kind in (1, 2, 4, 8) if kinds & kind for found in run(one, kind, text)]
        if one is scan_codes.codes:  # the words of a key are not looked into; nothing else depends on the kinds
            assert together == sorted(alone)


MAC = re.compile(rb"(?<![0-9A-Za-z_:])[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?![0-9A-Za-z_]|:[0-9A-Za-z])")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"a1", b"bc", b"00", b":", b":", b":", b" ", b"x", b"-"]), max_size=24).map(b"".join))
def test_hardware_addresses_are_those_of_a_plain_pattern(text: bytes) -> None:
    found = [b for _, _, b in run(scan_codes.codes, scan_codes.MAC, text) if b":" in b]
    assert found == [m[0] for m in MAC.finditer(text) if re.search(rb"[0-9]", m[0])]


def test_account_numbers_end_where_their_groups_end() -> None:
    text = b"IBAN FR14 2004 1010 0505 0001 3M02 606 and NO9386011117947, AB12, AB12 34, GB82WEST12345698765432x"
    found = [b for _, _, b in run(scan_codes.codes, scan_codes.IBAN, text)]
    assert found[:2] == [b"FR14 2004 1010 0505 0001 3M02 606", b"NO9386011117947"]


def test_the_search_for_the_end_of_a_key_stops_at_the_next_beginning() -> None:
    begin, end = b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----"
    found = run(scan_secrets.secrets, scan_secrets.BLOCK, begin + b"abc" + begin + b"def" + end + b"ghi")
    assert [b for _, _, b in found] == [begin + b"abc", begin + b"def" + end]
    assert run(scan_secrets.secrets, scan_secrets.BLOCK, b"-----BEGIN CERTIFICATE-----x-----END CERTIFICATE-----") == []


HARD = ["🙂", "1", "@", "a.a.a.a", ":", "deadbeef", "QUJDREVGRw", "1 ", "a@b.cc ", "a.a.a@", "(1", "1.2.3.4 ", "::1 "]
HARD += ["4" * 16 + " ", "token=a1B2c3D4e5 ", "-----BEGIN PRIVATE KEY-----", "DE12 3456 ", "00:1b:", "://a:", "eyJ0."]
HARD += ["+1 ", "a1-", "key:", "key=", "A1B2.", "hf_", "1-1.", "a1b2c3d4e5f6g7h8", "ab:", "--"]


@pytest.mark.parametrize("unit", HARD)
def test_what_the_scans_hand_on_grows_no_faster_than_the_text(unit: str) -> None:
    for one, kinds in SCANS:
        handed = []
        for size in (100_000, 400_000):
            found = run(one, kinds, (unit * (size // len(unit.encode()))).encode())
            handed.append((len(found), sum(len(b) for _, _, b in found)))
        (few, short), (many, long) = handed
        assert many <= 4.1 * few + 4 and long <= 4.1 * short + 70_000
        assert long <= 8 * 400_000  # each byte in a bounded number of candidates
