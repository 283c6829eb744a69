"""quality.rules: what it writes and in which order it decides."""

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from corpusforge import rules
from corpusforge.errors import RecipeError
from corpusforge.schema import FIRED
from corpusforge.stage import with_columns
from corpusforge.stages.quality.rules import Rules
from corpusforge.testing import check_stage, docs, judge, reasons, run_stage

GOOD = rules.load("gopher_quality").examples[0].text


def test_rules_keeps_the_promises_of_a_stage() -> None:
    check_stage(Rules)


def test_the_reason_is_the_first_rule_that_fires_and_the_value_its_signal() -> None:
    out = run_stage(Rules(pack="gopher_quality"), docs("Too short.", GOOD))
    assert reasons(out) == ["word_count_below_min", None]
    assert out["rejected_value"].to_pylist() == [2.0, None]
    assert out["signal.word_count"].to_pylist()[0] == 2.0


def test_every_rule_that_fires_is_written_also_for_a_document_already_rejected() -> None:
    columns = {"extension": pa.array(["py"] * 3)}
    batch = run_stage(Rules(pack="gopher_quality"), docs("Too short.", GOOD, None, **columns))
    out = run_stage(Rules(pack="starcoder"), batch)
    fired = out[FIRED].to_pylist()
    short = ("word_count", "alphabetic_word_fraction", "stop_word_count")
    assert fired[0] == [f"gopher_quality:{signal}_below_min" for signal in short]
    assert fired[1] == ["starcoder:mean_line_chars_above_max"]
    assert fired[2][-1] == "starcoder:alphanumeric_fraction_below_min"
    assert reasons(out)[0] == "word_count_below_min" and reasons(out)[2] == "word_count_below_min"
    assert out["signal.alphanumeric_fraction"].to_pylist()[0] == 0.8


def test_a_signal_that_is_in_the_batch_is_not_measured_again() -> None:
    batch = with_columns(docs("Too short."), **{"signal.word_count": pa.array([60.0])})
    assert reasons(run_stage(Rules(pack="gopher_quality"), batch)) == ["alphabetic_word_fraction_below_min"]


def test_null_and_empty_texts_have_the_value_0_and_are_rejected_alike() -> None:
    assert judge(Rules(pack="gopher_quality"), None, "", "\n \t") == ["word_count_below_min"] * 3
    out = run_stage(Rules(pack="gopher_repetition"), docs(None, ""))
    assert reasons(out) == [None, None]
    assert all(out[name].to_pylist() == [0.0, 0.0] for name in out.schema.names if name.startswith("signal.d"))


def test_bounds_set_in_the_recipe_replace_those_of_the_pack() -> None:
    n = int(run_stage(Rules(pack="gopher_quality"), docs(GOOD))["signal.word_count"][0].as_py())
    at, above = {"word_count.min": n}, {"word_count.min": n + 1}
    assert judge(Rules(pack="gopher_quality", set=at), GOOD) == [None]
    assert judge(Rules(pack="gopher_quality", set=above), GOOD) == ["word_count_below_min"]


def test_bounds_are_one_value_whatever_their_order_and_survive_a_recipe() -> None:
    a = Rules(pack="gopher_quality", set={"word_count.min": 80, "word_count.max": 900})
    b = Rules(pack="gopher_quality", set={"word_count.max": 900.0, "word_count.min": 80.0})
    assert a == b and hash(a) == hash(b)
    assert a.model_dump()["set"] == {"word_count.max": 900, "word_count.min": 80}
    assert Rules.model_validate(a.model_dump(mode="json")) == a


@pytest.mark.parametrize("value", [{"word_count.min": "many"}, {"word_count.min": None}, 5, ["word_count.min"]])
def test_bounds_that_are_no_numbers_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Rules(pack="gopher_quality", set=value)


def test_an_unknown_pack_or_bound_is_an_error_before_anything_runs() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'gopher_quality'"):
        Rules(pack="gopher_qualtiy").columns_written()
    with pytest.raises(RecipeError, match=r"Did you mean 'word_count\.min'"):
        Rules(pack="gopher_quality", set={"wordcount.min": 5}).rejection_reasons()


def test_the_declared_columns_are_those_that_are_written() -> None:
    stage = Rules(pack="starcoder")
    out = run_stage(stage, docs("x = 1\n", extension=pa.array(["py"])))
    assert {f.name: f.type for f in out.schema if f.name.startswith("signal.")} == dict(stage.columns_written())


def test_two_packs_over_one_batch_cut_its_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from corpusforge.text import tokens

    cuts: list[int] = []
    tokenize = tokens.english().tokenize

    def counted(*arrays: np.ndarray) -> object:
        cuts.append(len(arrays))
        return tokenize(*arrays)

    monkeypatch.setattr(tokens.english(), "tokenize", counted)
    batch = run_stage(Rules(pack="gopher_repetition"), docs(GOOD, "another text"))
    run_stage(Rules(pack="gopher_quality"), batch)
    assert len(cuts) == 1
