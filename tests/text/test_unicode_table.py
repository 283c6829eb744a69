"""The stored Unicode table."""

import sys
import unicodedata

import numpy as np
import pytest
import regex

from corpusforge.text import nfd, unicode


def entries(codes: np.ndarray) -> np.ndarray:
    return unicode.TABLE[unicode.TABLE[codes >> 8] + (codes & 255)]


def test_the_stored_tables_are_those_that_the_scripts_make() -> None:
    if (unicodedata.unidata_version, regex.__version__) != ("14.0.0", "2026.11.15"):
        pytest.skip("made with Python 3.11 (Unicode 14.0) and regex 2026.11.15: others make another table")
    assert np.array_equal(unicode.build(), unicode.TABLE)
    assert np.array_equal(unicode.build_classes(), unicode.CLASSES)
    for built, stored in zip(nfd.build(), nfd.load(), strict=True):
        assert np.array_equal(built, stored)


def test_no_decomposition_is_longer_than_twice_its_bytes() -> None:
    for code in [*range(0xD800), *range(0xE000, 0x30000)]:
        decomposed = unicodedata.normalize("NFD", chr(code).lower())
        assert len(decomposed) <= 2 * len(chr(code).encode()), hex(code)


def test_spaces_and_lower_case_are_those_of_str() -> None:
    assigned = np.array([c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) != "Cn"])
    found = entries(assigned)
    if unicodedata.unidata_version == "14.0.0":
        assert ((found & unicode.ALPHANUMERIC) > 0).tolist() == [chr(c).isalnum() for c in assigned]
    assert ((found & unicode.SPACE) > 0).tolist() == [chr(c).isspace() for c in assigned]
    ascii_codes = np.arange(128)
    assert (ascii_codes + (entries(ascii_codes) >> 8)).tolist() == [ord(chr(c).lower()) for c in ascii_codes]
