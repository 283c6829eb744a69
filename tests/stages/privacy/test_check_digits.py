"""Check digits: published numbers, and what one wrong digit does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.stages.privacy.detectors.check_digits import CHECKS

PUBLISHED = {
    "luhn": "79927398713",
    "mod97": "GB82WEST12345698765432",
    "verhoeff": "2363",
    "aadhaar": "234123412346",
    "dni": "X1234567L",
    "codice_fiscale": "RSSMRA85T10A562S",
    "bsn": "111222333",
    "pesel": "44051401359",
    "cpf": "52998224725",
    "nhs": "9434765919",
    "nir": "185057800608491",
    "steuer_id": "86095742719",
    "personnummer": "8507099805",
    "hetu": "131052308T",
    "resident_id": "11010519491231002X",
    "ssn": "212099998",
    "rijksregister": "85073003328",
    "sin": "130692544",
}


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_published_number_passes(name: str) -> None:
    assert CHECKS[name](PUBLISHED[name])


@pytest.mark.parametrize("name", sorted(set(CHECKS) - {"ssn"}))
@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 30), step=st.integers(1, 9))
def test_one_wrong_digit_does_not(name: str, place: int, step: int) -> None:
    number = PUBLISHED[name]
    digits = [i for i, c in enumerate(number) if c.isdigit()]
    at = digits[place % len(digits)]
    wrong = f"{number[:at]}{(int(number[at]) + step) % 10}{number[at + 1 :]}"
    assert not CHECKS[name](wrong)


def test_areas_groups_and_serials_that_are_never_given_are_refused() -> None:
    assert not any(map(CHECKS["ssn"], ("000123456", "666123456", "900123456", "212009998", "212090000")))


def test_dates_of_birth_must_exist() -> None:
    assert not CHECKS["pesel"]("44053101359") or not CHECKS["pesel"]("44023001359")
    assert not CHECKS["resident_id"]("11010519491331002X")
    assert not CHECKS["hetu"]("311152308T")
