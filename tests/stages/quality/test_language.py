"""quality.language keeps what is asked and says what it found."""

import pyarrow as pa
import pytest
from pydantic import ValidationError

from corpusforge.stages.quality.language import Language
from corpusforge.testing import check_stage, docs, judge, run_stage

ENGLISH = "The quick brown fox jumps over the lazy dog near the river."
NORWEGIAN = "Stortinget vedtok i går at alle kommuner må bygge flere sykehjem de neste årene."
RUSSIAN = "Это русский текст."


def test_the_stage_keeps_its_promises(tmp_path):
    check_stage(Language, tmp_path)


def test_only_asked_languages_are_kept():
    assert judge(Language(keep=("en", "no")), ENGLISH, NORWEGIAN, RUSSIAN) == [None, None, "wrong_language"]


def test_one_language_may_be_given_without_a_list():
    assert Language.model_validate({"keep": "no"}).keep == ("no",)


def test_an_unknown_language_is_an_error_with_the_nearest_one():
    with pytest.raises(ValidationError, match=r"no language 'eng'\. Did you mean 'en'"):
        Language(keep=("eng",))


def test_false_is_not_norwegian():
    with pytest.raises(ValidationError):
        Language.model_validate({"keep": [False]})


def test_a_missing_model_is_an_error_before_anything_runs():
    with pytest.raises(ValidationError, match="no model file"):
        Language(model="missing.ftz")


def test_a_file_that_is_no_model_is_an_error_before_anything_runs(tmp_path):
    (tmp_path / "other.ftz").write_bytes(b"PK" * 100)
    with pytest.raises(ValidationError, match="no fastText model"):
        Language(model=str(tmp_path / "other.ftz"))


def test_the_value_is_the_score_and_the_detail_the_label():
    out = run_stage(Language(keep=("de",)), docs(ENGLISH))
    assert out["rejected_detail"].to_pylist() == ["en"]
    assert out["rejected_value"].to_pylist() == pytest.approx(out["language_score"].to_pylist())


def test_min_score_is_inclusive():
    score = run_stage(Language(), docs("xyz 12"))["language_score"][0].as_py()
    assert judge(Language(min_score=score), "xyz 12") == [None]
    assert judge(Language(min_score=score + 1e-4), "xyz 12") == ["low_language_score"]


def test_a_text_without_words_has_no_language_and_is_kept_unless_some_are_asked():
    out = run_stage(Language(min_score=0.9), docs(None, "", "\n \t"))
    assert out["language"].to_pylist() == [None] * 3
    assert out["language_score"].to_pylist() == [None] * 3
    assert "rejected" not in out.schema.names or out["rejected"].null_count == 3
    assert judge(Language(keep=("en",)), None, "", "\n \t") == ["wrong_language"] * 3


def test_the_language_found_by_a_reader_is_replaced():
    out = run_stage(Language(), docs(ENGLISH, language=pa.array(["fr"])))
    assert out["language"].to_pylist() == ["en"]


def test_a_newline_counts_as_a_space():
    one, two = run_stage(Language(), docs("guten Morgen", "guten\nMorgen"))["language_score"].to_pylist()
    assert one == two


# ------------------------------------------------------------------------------ bounds by language

GERMAN = "Der Ausschuss tagte am Dienstag und beschloss, dass die alte Brücke vor dem Winter zu reparieren sei."
LONG = "The committee met on Tuesday and agreed that the old bridge should be repaired before the winter."


def test_a_bound_of_a_label_replaces_the_common_one():
    score = run_stage(Language(), docs("xyz 12"))["language_score"][0].as_py()
    assert judge(Language(min_score=1, min_scores=(("en", score),)), "xyz 12", "abc zyx 7") == [
        None,
        "low_language_score",
    ]
    assert judge(Language.model_validate({"min_scores": {"en": score + 1e-4}}), "xyz 12") == ["low_language_score"]
    assert judge(Language.model_validate({"min_score": score + 1e-4, "min_scores": {"de": 0}}), "xyz 12") == [
        "low_language_score"
    ]


def test_a_bound_of_an_unknown_label_is_an_error():
    with pytest.raises(ValidationError, match="no language 'ger'"):
        Language.model_validate({"min_scores": {"ger": 0.5}})


def test_a_bound_of_a_label_is_a_probability():
    with pytest.raises(ValidationError):
        Language.model_validate({"min_scores": {"de": 1.5}})


# ------------------------------------------------------------------------------ paragraphs and lines


def mixed(*texts, **options):
    out = run_stage(Language(**{"unit": "paragraph"} | options), docs(*texts))
    return out["mixed_language_fraction"].to_pylist(), out["text"].to_pylist(), out["language"].to_pylist()


def test_the_fraction_is_of_the_bytes_of_all_paragraphs():
    share = len(GERMAN.encode()) / (len(GERMAN.encode()) + 2 * len(LONG))
    fractions, _, languages = mixed(f"{LONG}\n\n{GERMAN}\n\n\n{LONG}", LONG, None, " \n\n ")
    assert fractions == [pytest.approx(share), 0, None, None]
    assert languages == ["en", "en", None, None]


def test_short_and_doubtful_units_count_as_the_language_of_the_document():
    text = f"{LONG}\n\n{GERMAN}"
    other = GERMAN if mixed(text)[2] == ["en"] else LONG
    size = len(other.encode())
    assert mixed(text, min_unit_bytes=size + 1)[0] == [0]
    assert mixed(text, min_unit_bytes=size)[0][0] > 0.4
    assert mixed(text, min_unit_score=1)[0] == [0]


@pytest.mark.parametrize("unit, join", [("paragraph", "\n\n"), ("line", "\n")])
@pytest.mark.parametrize("order", ["EG", "GE", "EGE", "GEG E", "GGE", "EGG", "EEGGEGEE", "GEEEG"])
def test_removed_units_leave_the_others_in_order(unit, join, order):
    pieces = [(LONG if c == "E" else GERMAN) + f" {i}" for i, c in enumerate(order.replace(" ", ""))] + [LONG] * 4
    wanted = join.join(p for p in pieces if p.startswith("The"))
    _, texts, _ = mixed(join.join(pieces), LONG, None, unit=unit, remove_other_languages=True)
    assert texts == [wanted, LONG, None]
    reverse = join.join(pieces[::-1])
    assert mixed(reverse, unit=unit, remove_other_languages=True)[1] == [join.join(wanted.split(join)[::-1])]


def test_the_text_stays_when_nothing_asks_for_removal():
    text = f"{LONG}\n\n{GERMAN}"
    assert mixed(text, None)[1] == [text, None]


def test_the_fraction_rejects_above_its_bound_only():
    text = f"{LONG}\n\n{GERMAN}\n\n{LONG}"
    (share,) = mixed(text)[0]
    share = len(GERMAN.encode()) / (len(GERMAN.encode()) + 2 * len(LONG))
    assert judge(Language(unit="paragraph", max_mixed_language_fraction=share), text) == [None]
    assert judge(Language(unit="paragraph", max_mixed_language_fraction=share - 1e-6), text) == ["mixed_language"]


def test_options_of_units_without_a_unit_are_an_error():
    with pytest.raises(ValidationError, match="remove_other_languages needs 'unit: paragraph'"):
        Language(remove_other_languages=True)


def test_the_columns_of_units_are_declared_only_with_a_unit():
    assert set(Language().columns_written()) == {"language", "language_score"}
    assert "text" not in Language(unit="line").columns_written()
    assert "text" in Language(unit="line", remove_other_languages=True).columns_written()
