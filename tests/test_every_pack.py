"""Every shipped rule pack, by its own examples."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from corpusforge import rules, signals
from corpusforge.registry import shipped
from corpusforge.stages.quality.rules import Rules
from corpusforge.testing import docs, judge, reasons, run_stage

RULES, EDITS = re.compile(r"^(rules|edits|lines):", re.MULTILINE), re.compile(r"^(edits|lines):", re.MULTILINE)
TEXTS = {p.stem: p.read_text(encoding="utf-8") for p in sorted(shipped("filters").glob("*.yaml"))}
PACKS = [name for name, text in TEXTS.items() if RULES.search(text)]


def outcome(name: str, pack: rules.Pack, monkeypatch: pytest.MonkeyPatch | None = None) -> list[tuple[str | None, str]]:
    """Return reason and text of each example afterwards; `pack` may be another than the file says."""
    if monkeypatch is not None:
        monkeypatch.setattr(Rules, "_rules", lambda _: pack)
    columns = {pack.by: pa.array([e.group for e in pack.examples], pa.string())} if pack.by else {}
    out = run_stage(Rules(pack=name), docs(*(e.text for e in pack.examples), **columns))
    return list(zip(reasons(out), out["text"].to_pylist(), strict=True))


def without_one_edit(pack: rules.Pack) -> Iterator[tuple[str, rules.Pack]]:
    for i, edit in enumerate(pack.edits):
        yield edit.pattern, replace(pack, edits=pack.edits[:i] + pack.edits[i + 1 :])
    for i, step in enumerate(pack.lines.steps if pack.lines else ()):
        assert pack.lines is not None
        steps = pack.lines.steps[:i] + pack.lines.steps[i + 1 :]
        yield str(step), replace(pack, lines=replace(pack.lines, steps=steps))


def test_the_published_packs_are_shipped() -> None:
    assert {"gopher_quality", "gopher_repetition", "starcoder"} <= set(PACKS)


@pytest.mark.parametrize("name", PACKS)
def test_every_example_gives_its_reason_and_its_text(name: str) -> None:
    pack = rules.load(name)
    for example, (reason, text) in zip(pack.examples, outcome(name, pack), strict=True):
        assert reason == example.reason, example.text[:100]
        if pack.edits_text:
            assert example.edited in (None, text)
        else:
            assert text == example.text


@pytest.mark.parametrize("name", [name for name in PACKS if EDITS.search(TEXTS[name])])
def test_every_edit_and_step_is_shown_by_an_example(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = rules.load(name)
    whole = outcome(name, pack)
    for said, less in without_one_edit(pack):
        if not less.edits_text:  # without its one edit nothing is left that could show it
            continue
        assert outcome(name, less, monkeypatch) != whole, f"no example shows {said}"
    assert any(e.edited not in (None, e.text) for e in pack.examples), "no example shows an edited text"


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
