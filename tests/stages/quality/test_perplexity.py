"""Perplexity by models of one's own, by ARPA files, and what a recipe may say."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from corpusforge.stages.quality.perplexity import Perplexity
from corpusforge.testing import docs, judge, run_stage
from corpusforge.text.lm_tokens import TextForm
from corpusforge.training.perplexity import Options, train

TALES = ["The ship left the harbour.", "The cat sat on the mat.", "A cat left the ship at noon."]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    texts = pa.array([f"{a}\n{b}" for a in TALES for b in TALES] * 3, pa.large_string())
    train([texts], Options(3), folder / "en.ngrams", folder / "en.arpa")
    train([texts], Options(3, form=TextForm("spaced", "line")), folder / "lines.ngrams")
    train([texts], Options(3, form=TextForm("ccnet")), folder / "ccnet.ngrams")
    return folder


def perplexities(stage: Perplexity, *texts: str | None) -> list[float | None]:
    found: list[float | None] = run_stage(stage, docs(*texts))["perplexity"].to_pylist()
    return found


def test_text_is_less_surprising_than_its_words_shuffled(models: Path) -> None:
    rng = np.random.default_rng(0)
    text = " ".join(TALES)
    plain, shuffled = perplexities(
        Perplexity(model=str(models / "en.ngrams")), text, " ".join(rng.permutation(text.split()))
    )
    assert plain is not None and shuffled is not None and 2 * plain < shuffled


def test_the_exported_arpa_file_gives_the_same_numbers(models: Path) -> None:
    texts = ["The cat left.", "noon at THE ship\n\nzebra 12", "", None, "…"]
    own = perplexities(Perplexity(model=str(models / "en.ngrams")), *texts)
    arpa = perplexities(Perplexity(model=str(models / "en.arpa"), normalize="spaced", tokens="words"), *texts)
    assert own[2:4] == [None, None] and None not in own[:2]
    assert arpa == own


def test_lines_count_alone_and_blank_ones_not_at_all(models: Path) -> None:
    stage = Perplexity(model=str(models / "lines.ngrams"))
    one, two, blank = perplexities(stage, TALES[0], f"{TALES[0]}\n{TALES[0]}", f"\n\n{TALES[0]}\n \n")
    assert one == pytest.approx(two) and one == blank


def test_ccnet_glues_words_at_line_ends(models: Path) -> None:
    stage = Perplexity(model=str(models / "ccnet.ngrams"))
    broken, glued = perplexities(stage, "The cat\nsat on the mat.", "the catsat on the mat.")
    assert broken == glued
    spaced = Perplexity(model=str(models / "ccnet.ngrams"), normalize="spaced")
    assert perplexities(spaced, "The cat\nsat on the mat.") == perplexities(stage, "The cat sat on the mat.")


def test_a_language_has_its_model_and_its_cutoffs(models: Path) -> None:
    en = str(models / "en.ngrams")
    stage = Perplexity(models={"en": en}, cutoffs="ccnet", max_perplexity=1e9)  # type: ignore[arg-type]
    batch = docs(*[TALES[0]] * 4, language=["en", "de", None, "eo"])
    out = run_stage(stage, batch)
    assert out["perplexity_bucket"].to_pylist() == ["head", "all", "all", "all"]
    assert out["perplexity"].null_count == 3
    assert judge(stage, TALES[0], language=["de"]) == [None]


def test_cutoffs_are_compared_rounded_as_ccnet_does(models: Path) -> None:
    en = str(models / "en.ngrams")
    found = perplexities(Perplexity(model=en), TALES[0])[0]
    assert found is not None
    edge = round(found, 1)
    stage = Perplexity(model=en, cutoffs={"en": (edge, edge + 1)})  # type: ignore[arg-type]
    assert run_stage(stage, docs(TALES[0], language=["en"]))["perplexity_bucket"].to_pylist() == ["middle"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "give model, or models"),
        ({"model": "none.ngrams"}, "there is no model file 'none.ngrams'"),
        ({"model": __file__}, "is no language model"),
        ({"model": "EN", "cutoffs": {"en": [5, 5]}}, "two numbers that rise"),
        ({"model": "EN", "cutoffs": "ccnet_cutofs"}, "Did you mean 'ccnet_cutoffs'"),
        ({"model": "EN", "sentencepieces": {"en": "x"}}, "belong to models"),
    ],
)
def test_mistakes_say_what_would_be_right(fields: dict[str, object], said: str, models: Path) -> None:
    given = {k: str(models / "en.ngrams") if v == "EN" else v for k, v in fields.items()}
    with pytest.raises(ValidationError, match=said):
        Perplexity.model_validate(given)


def test_a_kenlm_binary_names_the_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "en.bin").write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\0")
    monkeypatch.setattr("corpusforge.stages.quality.language_models.find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=r"needs the package kenlm: pip install 'corpusforge\[perplexity\]'"):
        Perplexity(model=str(tmp_path / "en.bin"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("\\end\\", "", "breaks off"),
        ("ngram 2=", "ngram 2=9", "its head says"),
        ("\\2-grams:", "\\3-grams:", "where .*2-grams"),
        ("\n\\2-grams:", "zebra\n\n\\2-grams:", "zebra"),
    ],
)
def test_broken_arpa_files_say_where(old: str, new: str, said: str, models: Path, tmp_path: Path) -> None:
    text = (models / "en.arpa").read_text(encoding="utf-8")
    (tmp_path / "m.arpa").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Exception, match=said):
        Perplexity(model=str(tmp_path / "m.arpa")).open()


def test_pruned_suffixes_of_an_arpa_file_are_put_back(tmp_path: Path) -> None:
    # "a b c" is listed, "b c" is not: KenLM gives it p(c) and b's backoff.
    (tmp_path / "m.arpa").write_text(
        "\\data\\\nngram 1=6\nngram 2=2\nngram 3=1\n\n\\1-grams:\n-9\t<unk>\t0\n-99\t<s>\t-0.5\n-1\t</s>\t0\n"
        "-1\ta\t-0.2\n-1\tb\t-0.4\n-1\tc\t-0.3\n\n\\2-grams:\n-0.5\t<s> a\t-0.1\n-0.6\ta b\t-0.7\n\n"
        "\\3-grams:\n-0.25\ta b c\n\n\\end\\\n",
        encoding="utf-8",
    )
    found = perplexities(Perplexity(model=str(tmp_path / "m.arpa")), "a b c")[0]
    # <s> a; backoff of <s> a and a b; a b c; backoff of c alone and </s>
    assert found == pytest.approx(10 ** ((0.5 + 0.1 + 0.6 + 0.25 + 0.3 + 1) / 4), rel=1e-3)
