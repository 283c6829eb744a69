"""Every shipped rule pack, by its own examples."""

from pathlib import Path

import pytest

from corpusforge import rules, signals
from corpusforge.registry import shipped
from corpusforge.stages.quality.rules import Rules
from corpusforge.testing import judge

PACKS = sorted(p.stem for p in shipped("filters").glob("*.yaml") if "\nrules:" in p.read_text(encoding="utf-8"))


def test_the_published_packs_are_shipped() -> None:
    assert {"gopher_quality", "gopher_repetition", "starcoder"} <= set(PACKS)


@pytest.mark.parametrize("name", PACKS)
def test_every_example_gives_its_reason(name: str) -> None:
    pack = rules.load(name)
    found = judge(Rules(pack=name), *(e.text for e in pack.examples))
    for example, reason in zip(pack.examples, found, strict=True):
        assert reason == example.reason, example.text[:100]


@pytest.mark.parametrize("name", PACKS)
def test_every_reason_is_shown_by_an_example_and_one_document_is_kept(name: str) -> None:
    pack = rules.load(name)
    assert {e.reason for e in pack.examples} == {None, *pack.reasons()}


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    pack = rules.load(name)
    assert len(pack.about) > 20 and len(pack.source) > 10
    assert set(pack.signals()) <= set(signals.names())


def test_a_pack_in_a_file_of_ones_own_works_like_a_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "short.yaml"
    path.write_text("about: Short lines.\nrules:\n  - {signal: longest_line_chars, max: 5}\n")
    assert judge(Rules(pack=str(path)), "12345\n123", "123456") == [None, "longest_line_chars_above_max"]
