"""Every example of filters/pii.yaml, and what a detector owes whatever its type."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from corpusforge.errors import RecipeError
from corpusforge.stages.privacy.detectors import Window, load, patterns
from corpusforge.stages.privacy.pii import Pii
from corpusforge.stages.privacy.spans import find
from corpusforge.stages.privacy.types import about_types, default_types, make
from corpusforge.testing import docs, run_stage
from corpusforge.text import segment

ABOUT = about_types("pii")
TYPES = make("pii", ABOUT)
DETECTORS = dict(zip(TYPES.names, TYPES.detectors, strict=True))
EXAMPLES = [(name, example) for name in ABOUT for example in ABOUT[name]["examples"]]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{n}-{e['text'][:40]}" for n, e in EXAMPLES])
def test_every_example_of_the_file_holds(name: str, example: dict[str, Any]) -> None:
    text = segment(pa.array([example["text"]], pa.large_string()))
    regions = TYPES.regions[example.get("language", "other")]
    spans = find(text, [DETECTORS[name]], [regions])
    assert [span.value for span in spans] == example["finds"]
    for span in spans:
        assert bytes(text.data[span.start : span.end]).decode() == span.value


def test_every_type_is_described_and_has_examples_of_both_kinds() -> None:
    assert default_types("pii") == tuple(ABOUT)
    for name, about in ABOUT.items():
        assert {"about", "country", "source", "tag"} <= set(about), name
        assert any(e["finds"] for e in about["examples"]) and any(not e["finds"] for e in about["examples"]), name


VALUES = {
    "email": ["jane.doe@web.org", "Müller@büro.de"],
    "ip": ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"],
    "card": ["4111 1111 1111 1111", "378282246310005"],
    "phone": [
        "(212) 664-7665",
        "+44 20 7031 3000 ext. 12",
        "030/901820-11",
        "467 3395",
        "00 49 30 901820",
        "+1 212 664 7665",
    ],
}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, (1 << 128) - 1))
def test_a_substitute_has_the_form_of_its_type_and_is_left_alone(number: int) -> None:
    for name, values in VALUES.items():
        one = DETECTORS[name]
        for value in values:
            new = one.substitute(value, number)
            assert new != value
            window = Window(f"tel card ip {new} ", 12, 12 + len(new))
            assert one.find(window, ("US", "DE", "GB")) == []
            if name in ("card", "phone"):
                assert [c if not c.isdigit() else "0" for c in new] == [c if not c.isdigit() else "0" for c in value]


FOUND = [(name, e, value) for name, e in EXAMPLES for value in e["finds"]]


@pytest.mark.parametrize(("name", "example", "value"), FOUND, ids=[f"{n}-{v[:30]}" for n, _, v in FOUND])
@settings(max_examples=15, deadline=None)
@given(number=st.integers(0, (1 << 128) - 1))
def test_a_substitute_in_the_place_of_a_value_is_another_one_and_left_alone(
    name: str, example: dict[str, Any], value: str, number: int
) -> None:
    one = DETECTORS[name]
    new = one.substitute(value, number)
    assert one.identity(new) != one.identity(value)
    assert new == one.substitute(value, number)
    place = example["text"].index(value)
    text = example["text"][:place] + new + example["text"][place + len(value) :]
    regions = TYPES.regions[example.get("language", "other")]
    found = find(segment(pa.array([text], pa.large_string())), [one], [regions])
    assert not [s for s in found if s.start < len((text[:place] + new).encode()) and s.end > len(text[:place].encode())]


def test_a_pattern_that_never_ends_is_an_error_that_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "TIMEOUT_SECONDS", 0.05)
    path = tmp_path / "mine.yaml"
    pattern = "(?:[0-9]|[0-9 ]|[0-9][0-9 ])+[zq]"
    entry = f"{{tag: <ODD>, detector: number, check: luhn, after: [odd], pattern: '{pattern}'}}"
    path.write_text(f"types: {{odd: {entry}}}")
    kernel = Pii(mask=("odd",), detectors=str(path)).open()
    with pytest.raises(TimeoutError) as raised:
        kernel(docs("odd " + "1234567 " * 6))
    assert "123" not in str(raised.value)


def test_a_type_of_ones_own_needs_only_a_detector_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    entry = "{tag: <CLIENT>, detector: number, check: luhn, after: [client], pattern: '[0-9]{11}'}"
    path.write_text(f"types: {{client: {entry}}}")
    stage = Pii(detectors=str(path))
    out = run_stage(stage, docs("client 79927398713, client 79927398714, no. 79927398713"))
    assert out["text"].to_pylist() == ["client <CLIENT>, client 79927398714, no. 79927398713"]
    assert stage.columns_counted() == ("pii_client",)


def test_spellings_of_one_number_get_one_substitute() -> None:
    phone = DETECTORS["phone"]
    assert phone.identity("+44 20 7031 3000") == phone.identity("020 7031 3000") == phone.identity("02070313000 x 12")
    assert phone.substitute("+1 (212) 664-7665", 12345)[-8:] == phone.substitute("212-664-7665", 12345)[-8:]


def test_a_file_without_types_or_without_a_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("about: nothing")
    with pytest.raises(RecipeError, match="'types'"):
        load(path)
    path.write_text("types: {email: {}}")
    with pytest.raises(ValidationError, match="no type 'ip'"):
        Pii(mask=("ip",), detectors=str(path))


def test_two_numbers_beside_each_other_are_both_found() -> None:
    text = segment(
        pa.array(["tel 467 3395 (212) 664-7665, 212-664-7666 212-664-7667, fax 664 7668 / 664 7669"], pa.large_string())
    )
    found = [span.value for span in find(text, [DETECTORS["phone"]], [("US",)])]
    assert found == ["467 3395", "(212) 664-7665", "212-664-7666", "212-664-7667", "664 7668", "664 7669"]
