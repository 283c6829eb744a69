"""The pages of a book, put together: what goes, and above all what stays."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.stages.normalize.book_pages import BookPages
from corpusforge.testing import check_stage, docs, run_stage

SENTENCE = "and the people of the village went on with what they had been doing before it began to rain again that day"


def cleaned(text: str | None, **options: bool) -> str | None:
    result: str | None = run_stage(BookPages(**options), docs(text))["text"][0].as_py()
    return result


def book(furniture: list[str], lines_a_page: int = 6) -> str:
    """Pages of prose, each followed by a piece of furniture in the middle of a sentence."""
    line = "the people of the village went on with what they had been doing"
    page = "\n".join([line] * lines_a_page)
    return "\n".join([*(f"{page}\n{piece}" for piece in furniture), page])


def test_it_keeps_the_promises_of_the_protocol(tmp_path: Path) -> None:
    check_stage(BookPages, tmp_path)


@pytest.mark.parametrize(
    "furniture",
    [
        [f"{n}" for n in range(17, 27)],
        [f"- {n} -" for n in range(17, 27)],
        [f"[{n}]" for n in range(17, 27)],
        [f"{n} A HISTORY OF RAIN" if n % 2 else f"The Village in the Hills. {n}" for n in range(17, 27)],
        ["A HISTORY OF RAIN"] * 6,
        [f"\n{n}\n\nA HISTORY OF RAIN\n" for n in range(17, 27)],
        [f"ИСТОРИЯ ДОЖДЯ {n}" for n in range(17, 27)],
    ],
)
def test_heads_and_numbers_that_cut_sentences_go_and_the_sentence_goes_on(furniture: list[str]) -> None:
    result = cleaned(book(furniture))
    assert result == "\n".join([book([])] * (len(furniture) + 1))


def test_a_misread_head_goes_with_those_around_it() -> None:
    heads = [f"A HISTORY OF RAIN {n}" for n in range(30, 40)]
    heads[4] = "A HlSTOKY OF RAIN 3A"
    result = cleaned(book(heads))
    assert result is not None and "H" not in result


@pytest.mark.parametrize(
    "text",
    [
        "\n\n".join(f"{n}\n\nA section that ends.\n\nAnother paragraph, which ends too." for n in range(1, 30)),
        "\n\n".join(f"CHAPTER {n}\n\nIt rained, and it ended." for n in range(1, 30)),
        "\n\n".join(["HAMLET.\nTo be, or not to be.", "OPHELIA.\nMy lord, I have remembrances of yours."] * 9),
        "\n".join(["Sing willow", "and the rain it raineth", "every day, my love", "Sing Willow"] * 9),
        "\n".join(f"x_{n} = {n}" for n in range(40)),
        "\n".join(f"In the year {1800 + n} it rained for so many days, 12 or 14," for n in range(40)),
        "\n".join(f"Population of the village  {1000 + 17 * n}" for n in range(40)),
    ],
)
def test_titles_sections_speakers_refrains_formulas_and_dates_stay(text: str) -> None:
    assert cleaned(text) == text


def test_a_word_is_put_together_as_the_rest_of_the_document_writes_it() -> None:
    text = (
        "a long line that was set with words broken at its margin, exam-\nple\n"
        "and another one of them with a word that keeps its own, well-\nknown, hyphen\n"
        "an example of a word that is written whole in the well-known document itself"
    )
    assert cleaned(text) == text.replace("exam-\nple\n", "example\n").replace("well-\nknown, ", "well-known,\n")


def test_without_evidence_a_fragment_loses_its_hyphen_and_two_words_keep_theirs() -> None:
    fragment = "this is a line of prose that ends in a broken quib-\nbling word, and then there is this one"
    assert cleaned(fragment) == fragment.replace("quib-\nbling ", "quibbling\n")
    words = "the smoking lamp stood in the room where the smoking-\nroom was, and the lamp in it was smoking"
    assert cleaned(words) == words.replace("smoking-\nroom ", "smoking-room\n")


def test_a_document_that_keeps_its_hyphens_keeps_the_unknown_ones_too() -> None:
    text = (
        "the sky-blue and self-made things are compounds of this document\n"
        "as are at the ends of these its lines the compounds sky-\nblue\n"
        "and also those of its compounds that are said to be self-\nmade\n"
        "and the last of these that nobody knows ends in void-\ncrammed words"
    )
    result = cleaned(text)
    assert result is not None and "void-crammed\nwords" in result and "sky-blue\n" in result


def test_verse_that_breaks_its_words_stays() -> None:
    prose = "\n".join([SENTENCE] * 12)
    verse = "No te dirá el boquirru-\nque no pones bien los de-"
    assert cleaned(f"{prose}\n\n{verse}\n\n{prose}") == f"{prose}\n\n{verse}\n\n{prose}"


def test_contents_and_index_go_and_their_lines_alone_do_not_make_a_list() -> None:
    contents = "\n".join(f"{n}. The Rain in Town   {n * 12}" for n in range(1, 9))
    assert cleaned(f"HOME\n\n{contents}\n\nIt rained.") == "HOME\n\nIt rained."
    few = "\n".join(f"{n}. The Rain in Town   {n * 12}" for n in range(1, 4))
    assert cleaned(f"HOME\n\n{few}\n\nIt rained.") == f"HOME\n\n{few}\n\nIt rained."
    index = "\n".join(f"Village {chr(65 + n)}, the rain in, {n + 3}, {n + 40}" for n in range(25))
    assert cleaned(f"The end.\n\n{index}") == "The end."


def test_verse_numbers_go_and_years_at_the_ends_of_lines_stay() -> None:
    verse = [f"A line of verse with word {chr(97 + n % 26)}," for n in range(60)]
    numbered = [f"{line}{n + 1}" if (n + 1) % 10 == 0 else line for n, line in enumerate(verse)]
    assert cleaned("\n".join(numbered)) == "\n".join(verse)
    years = "\n".join(f"It was in the year {year}" for year in (1805, 1815, 1810, 1840, 1855))
    assert cleaned(years) == years


def test_each_part_can_be_left_out() -> None:
    text = book([f"{n} A HISTORY OF RAIN" for n in range(17, 27)])
    assert cleaned(text, heads=False) == text
    hyphen = "this is a line of prose that ends in a broken quib-\nbling word, and then there is this one"
    assert cleaned(hyphen, hyphens=False) == hyphen


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcAB -\n12.,é漢¬", max_size=40), max_size=12))
def test_only_hyphens_newlines_and_whole_lines_ever_go(texts: list[str]) -> None:
    for before, after in zip(texts, run_stage(BookPages(), docs(*texts))["text"].to_pylist(), strict=True):
        gone = Counter(re.sub(r"\s", "", before))
        gone.subtract(re.sub(r"\s", "", after))
        assert min(gone.values(), default=0) >= 0
        if not re.search(r"\d", before) and before.count("\n") < 3:
            assert set(+gone) <= {"-", "¬"}


def test_the_same_pages_in_any_batch_give_the_same_text() -> None:
    chance = random.Random(5)
    texts = [book([f"{n} A HISTORY OF RAIN" for n in range(s, s + 8)]) for s in (3, 40, 200)] + ["", "plain text"]
    alone = [cleaned(text) for text in texts]
    order = list(range(len(texts)))
    chance.shuffle(order)
    together = run_stage(BookPages(), docs(*[texts[i] for i in order]))["text"].to_pylist()
    assert together == [alone[i] for i in order]
