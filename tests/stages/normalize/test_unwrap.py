"""Lines that a margin broke, joined; against the plain rule, line by line."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.stages.normalize.unwrap import Unwrap
from corpusforge.testing import check_stage, docs, run_stage


def reference(text: str) -> str:
    lines = text.split("\n")
    full = [line for line in lines if line.strip()]
    if len(full) < 2:
        return text
    indents = sorted(len(line) - len(line.lstrip()) for line in full)
    width = 0.6 * sorted(len(line.rstrip()) for line in full)[len(full) * 9 // 10]
    margin = indents[len(indents) // 2]
    out: list[str] = []
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
            continue
        prose = all(len(b.rstrip()) >= width for b in block[:-1])
        prose = prose and all(len(b) - len(b.lstrip()) <= margin for b in block[1:])
        if prose and len(block) > 1:
            joined = block[0].rstrip()
            for more in block[1:-1]:
                joined += ("" if joined.endswith(("-", "—")) else " ") + more.strip()
            out.append(joined + ("" if joined.endswith(("-", "—")) else " ") + block[-1].lstrip())
        else:
            out += block
        block = []
        out.append(line)
    return "\n".join(out[:-1])


def unwrapped(*texts: str) -> list[str]:
    found: list[str] = run_stage(Unwrap(), docs(*texts))["text"].to_pylist()
    return found


def test_it_keeps_the_promises_of_the_protocol(tmp_path: Path) -> None:
    check_stage(Unwrap, tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text("ab é漢 -—", max_size=12), max_size=8), max_size=6))
def test_it_does_what_the_plain_rule_says(texts: list[list[str]]) -> None:
    whole = ["\n".join(lines) for lines in texts]
    assert unwrapped(*whole) == [reference(text) for text in whole]


def test_prose_is_joined_and_verse_lists_and_short_texts_stay() -> None:
    prose = "It was the best of times, it was\nthe worst of times, it was the age\nof wisdom."
    verse = "Tyger Tyger, burning bright,\n  In the forests of the night;"
    names = "HAMLET\nOPHELIA\nA GHOST"
    joined = prose.replace("\n", " ")
    assert unwrapped(f"{prose}\n\n{verse}\n\n{names}\n\n{prose}") == [f"{joined}\n\n{verse}\n\n{names}\n\n{joined}"]
    assert unwrapped("one line", "") == ["one line", ""]


def test_a_dash_at_the_end_of_a_line_takes_no_space() -> None:
    assert unwrapped("He said nothing at all--\nhe went home, and slept.") == [
        "He said nothing at all--he went home, and slept."
    ]
