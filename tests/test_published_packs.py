"""What is particular to packs that follow a published version."""

import pyarrow as pa
import pytest

from corpusforge import rules
from corpusforge.stages.quality.fasttext_file import model_path, read_labels
from corpusforge.stages.quality.rules import Rules
from corpusforge.testing import docs, judge, reasons, run_stage

WORDS = [f"w{a}nt{b}r" for a in "aeiouy" for b in "abcdefghijklmn"]  # no two alike


@pytest.mark.parametrize("name", ["fineweb2", "roots"])
def test_a_table_by_language_has_only_codes_that_quality_language_writes(name: str) -> None:
    pack = rules.load(name)
    assert pack.by == "language"
    assert set(pack.table) <= set(read_labels(model_path("lid.176")))


def test_dolmas_misspelled_rules_fire_only_when_their_bounds_are_set() -> None:
    text = "Have the best of it: " + " ".join(f"cheap flights {WORDS[2 * i]} {WORDS[2 * i + 1]}" for i in range(30))
    assert judge(Rules(pack="dolma_gopher"), text) == [None]
    bounds = {"top_2gram_char_fraction_dolma.max": 0.2}
    assert judge(Rules(pack="dolma_gopher", set=bounds), text) == ["top_2gram_char_fraction_dolma_above_max"]


def test_dolma_counts_empty_lines_as_copies_of_one_another() -> None:
    lines = ["the best of it", *(" ".join(WORDS[8 * i : 8 * i + 8]) for i in range(8))]
    found = judge(Rules(pack="dolma_gopher"), "\n".join(lines), "\n\n".join(lines))
    assert found == [None, "duplicate_line_fraction_dolma_above_max"]


def test_a_document_may_lose_five_per_cent_of_its_words_to_line_corrections() -> None:
    nineteen = " ".join(["word"] * 19)
    found = judge(Rules(pack="refinedweb_lines"), f"Home\n{nineteen}", f"Home\n{nineteen[5:]}")
    assert found == [None, "words_removed_fraction_dclm_above_max"]


def test_fineweb2_keeps_languages_outside_its_table_and_has_no_rules_on_words_where_no_spaces_are_written() -> None:
    batch = docs("short", "short", "短い文。", language=pa.array([None, "en", "ja"], pa.string()))
    assert reasons(run_stage(Rules(pack="fineweb2"), batch)) == [None, None, None]
    pack = rules.load("fineweb2")
    for code in ("bo", "ja", "km", "lo", "my", "th", "zh"):
        assert not any("gram" in key or "word_length" in key for key in pack.table[code])


def test_only_the_first_comment_of_a_file_is_looked_at_for_a_copyright() -> None:
    code = "int main() { return 0; }\n"
    texts = ["/* Copyright us */\n" + code, "/* main */\n/* Copyright us */\n" + code, "/* (c) */" + code]
    edited = run_stage(Rules(pack="redpajama_v1_code"), docs(*texts))["text"].to_pylist()
    assert edited == ["\n" + code, texts[1], texts[2]]
