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
