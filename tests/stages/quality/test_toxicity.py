"""quality.toxicity rejects dense abuse and leaves groups of people, books and manuals alone."""

import gzip
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from corpusforge.registry import shipped
from corpusforge.stages.quality.toxicity import Toxicity, _entries, _files
from corpusforge.testing import check_stage, docs, judge, run_stage

PEOPLE = ["gay", "lesbian", "bisexual", "transgender", "transsexual", "homosexual", "queer", "Black", "white", "Asian"]
PEOPLE += ["African", "Mexican", "Arab", "Turk", "Jew", "Jewish", "Muslim", "Christian", "Hindu", "atheist", "woman"]
PEOPLE += ["girl", "immigrant", "refugee", "disabled", "deaf", "blind", "autistic", "Roma", "negro", "Indian", "Nazi"]


def test_the_stage_keeps_its_promises(tmp_path):
    check_stage(Toxicity, tmp_path)


@pytest.mark.parametrize("word", PEOPLE)
def test_naming_a_group_of_people_scores_nothing(word):
    out = run_stage(Toxicity(), docs(f"{word} {word} people, {word} couples, {word} sex"))
    assert out["toxicity_score"].to_pylist() == [0]


def test_every_word_taken_off_the_english_list_stands_on_it_and_scores_nothing():
    packaged = _entries(_files(())["en"][0])
    off = _entries(shipped("filters") / "words" / "not_toxic.en.txt")
    assert len(off) > 100
    assert set(off) <= set(packaged)
    out = run_stage(Toxicity(), docs(*off))
    assert [w for w, s in zip(off, out["toxicity_score"].to_pylist(), strict=True) if s] == []


def test_the_score_is_a_half_at_one_word_in_fifty_and_grows_with_density():
    texts = [" ".join(["shit"] * hits + ["word"] * (100 - hits)) for hits in (0, 1, 2, 10, 100)]
    scores = run_stage(Toxicity(), docs(*texts))["toxicity_score"].to_pylist()
    assert scores == pytest.approx([0, 1 - 2**-0.5, 0.5, 1 - 2**-5, 1])
    assert judge(Toxicity(), *texts) == [None, None, None, "toxic", "toxic"]


def test_one_hit_is_not_enough_unless_asked():
    assert judge(Toxicity(), "Shit happens.") == [None]
    assert judge(Toxicity(min_hits=1), "Shit happens.") == ["toxic"]


def test_max_hits_rejects_however_long_the_text_is():
    text = "shit " * 4 + "word " * 10_000
    assert judge(Toxicity(max_hits=4), text) == [None]
    assert judge(Toxicity(max_hits=3), text) == ["toxic"]
    out = run_stage(Toxicity(max_hits=3), docs(text))
    assert out["rejected_detail"].to_pylist() == ["4"]
    assert out["rejected_value"].to_pylist() == pytest.approx(out["toxicity_score"].to_pylist())


def test_languages_apply_their_lists_to_every_document():
    german = "Du Arschloch, verpiss dich"
    assert judge(Toxicity(languages=("de", "en")), german, "fuck, fuck") == ["toxic", "toxic"]
    assert judge(Toxicity(languages=("fr",)), german) == [None]


def test_a_language_without_a_list_is_an_error_and_a_document_in_one_is_not_measured():
    with pytest.raises(ValidationError, match="no word list for language 'tlh'"):
        Toxicity(languages=("tlh",))
    out = run_stage(Toxicity(max_hits=0), docs("fuck", language=["tlh"]))
    assert out["toxicity_score"].to_pylist() == [None]
    assert out.schema.get_field_index("rejected") < 0 or out["rejected"].to_pylist() == [None]


def test_a_list_of_ones_own_must_exist_and_name_its_language(tmp_path):
    with pytest.raises(ValidationError, match="does not say its language"):
        Toxicity(lists=("words.txt",))
    with pytest.raises(ValidationError, match="no word list"):
        Toxicity(lists=(str(tmp_path / "mine.la.txt"),))


def test_null_and_empty_texts_score_nothing():
    assert run_stage(Toxicity(), docs(None, "", "..."))["toxicity_score"].to_pylist() == [0, 0, 0]


def test_labelled_tweets_are_found_with_the_stated_precision(shared):
    table = pq.read_table(shared("toxicity/olid.parquet"))
    offensive = np.array(table["label"].to_pylist()) == "OFF"
    rejected = np.array([r is not None for r in judge(Toxicity(min_hits=1), *table["text"].to_pylist())])
    found = (rejected & offensive).sum()
    assert found / rejected.sum() > 0.84
    assert found / offensive.sum() > 0.24


def test_paragraphs_of_old_books_are_kept(shared):
    paragraphs = []
    for path in sorted(shared("books/gutenberg").glob("*.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        if "Language: English" in text:
            paragraphs += [p for p in re.split(r"\r?\n\s*\r?\n", text) if len(p.split()) >= 10]
    assert len(paragraphs) > 10_000
    assert sum(r is not None for r in judge(Toxicity(), *paragraphs)) <= 5
