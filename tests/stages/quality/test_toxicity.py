"""quality.toxicity rejects abuse, cuts it out of longer texts, and leaves groups of people, books and manuals alone."""

import gzip
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from corpusforge.cli import main
from corpusforge.stages.quality.toxic_lists import harmless_file, packaged_file
from corpusforge.stages.quality.toxic_words import read_words
from corpusforge.stages.quality.toxicity import Toxicity
from corpusforge.testing import check_stage, docs, judge, run_stage

PEOPLE = ["gay", "lesbian", "bisexual", "transgender", "transsexual", "homosexual", "queer", "Black", "white", "Asian"]
PEOPLE += ["African", "Mexican", "Arab", "Turk", "Jew", "Jewish", "Muslim", "Christian", "Hindu", "atheist", "woman"]
PEOPLE += ["girl", "immigrant", "refugee", "disabled", "deaf", "blind", "autistic", "Roma", "negro", "Indian"]
NOTHING = 0.185  # what a text without any toxic word scores


def scores(*texts, stage=None, **columns):
    return run_stage(stage or Toxicity(), docs(*texts, **columns))["toxicity_score"].to_pylist()


def test_the_stage_keeps_its_promises(tmp_path):
    check_stage(Toxicity, tmp_path)


@pytest.mark.parametrize("word", PEOPLE)
def test_naming_a_group_of_people_scores_as_naming_nobody(word):
    texts = f"{word} {word} people, {word} couples, {word} sex", f"I am a {word}.", f"She married a {word} man."
    assert max(scores(*texts)) < NOTHING + 0.01


@pytest.mark.parametrize(
    ("toxic", "harmless"),
    [
        ("You are an idiot.", "I am an idiot."),
        ("You are stupid.", "You are not stupid."),
        ("Women are vermin.", "Rats are vermin."),
        ("Kill all Jews.", "They killed the fly."),
        ("I hate Muslims.", "I hate Mondays."),
        ("Immigrants are animals.", "Nobody called immigrants animals."),
        ("All gays should be shot.", "The scene was shot again."),
    ],
)
def test_what_is_said_counts_by_whom_it_is_said_of(toxic, harmless):
    assert judge(Toxicity(), toxic, harmless) == ["toxic", None]


@pytest.mark.parametrize(
    "text", ["F*CK you", "what a sh!t day", "s h i t h e a d", "fuuuuck off", "you a$$hole", "B1TCH"]
)
def test_odd_spellings_are_undone(text):
    assert judge(Toxicity(), text) == ["toxic"]


@pytest.mark.parametrize(
    "text", ["Ask @shtolts about it! Now!", "a b c d e f g", "Scunthorpe and Essex", "$hare 5*5 files"]
)
def test_what_only_looks_like_an_odd_spelling_scores_nothing(text):
    assert scores(text)[0] < NOTHING + 0.01


def test_every_word_taken_off_the_english_list_stands_on_it():
    off, _ = read_words(harmless_file())
    assert len(off) > 100
    assert set(off) <= set(read_words(packaged_file())[0])


def test_a_text_of_one_sentence_scores_as_the_sentence():
    texts = ["You are a stupid bastard", "It rained", "fuck " * 40]
    whole = scores(*texts)
    for text, score in zip(texts, whole, strict=True):
        just_below, above = Toxicity(max_sentence_score=score - 1e-3), Toxicity(max_sentence_score=min(score + 1e-3, 1))
        counts = [run_stage(stage, docs(text))["toxic_sentences"].to_pylist() for stage in (just_below, above)]
        assert counts == [[1], [0]]


def test_the_score_falls_with_the_length_of_the_text_around():
    found = scores(*("You stupid bastard! " + "He looked at the ships. " * n for n in (0, 10, 100, 1000)))
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.9
    assert found[-1] < NOTHING + 0.01


def test_removing_sentences_leaves_the_rest_as_it_was():
    text = "It rained.\n\nYou stupid cunt! We  left. Go kill yourself, you whore.\nThe end."
    stage = Toxicity(max_score=1, remove_sentences=True)
    out = run_stage(stage, docs(text, "It  rained.\n", None))
    assert out["text"].to_pylist() == ["It rained.\n\nWe  left. The end.", "It  rained.\n", None]
    assert out["toxic_sentences"].to_pylist() == [2, 0, 0]


def test_removing_sentences_keeps_the_text_of_rejected_documents():
    out = run_stage(Toxicity(remove_sentences=True), docs("You stupid cunt! Fuck off!"))
    assert out["text"].to_pylist() == ["You stupid cunt! Fuck off!"]
    assert out["rejected"].to_pylist() == ["toxic"]
    assert out["rejected_detail"].to_pylist() == ["2"]


def test_other_languages_score_the_density_of_listed_words():
    texts = [" ".join(["scheiße"] * hits + ["wort"] * (100 - hits)) for hits in (0, 1, 2, 10, 100)]
    found = scores(*texts, language=["de"] * 5)
    assert found == pytest.approx([0, 1 - 2**-0.5, 0.5, 1 - 2**-5, 1])


def test_one_listed_word_is_not_enough_to_reject_but_is_to_cut():
    out = run_stage(Toxicity(remove_sentences=True), docs("Es regnet heute. Scheiße!", language=["de"]))
    assert out["toxicity_score"].to_pylist() == [0.5]
    assert out["text"].to_pylist() == ["Es regnet heute."]


def test_languages_apply_their_words_to_every_document():
    german = "Du Arschloch, verpiss dich"
    assert judge(Toxicity(languages=("de", "en")), german, "fuck, fuck") == ["toxic", "toxic"]
    assert judge(Toxicity(languages=("fr",)), german, "fuck, fuck") == [None, None]


def test_a_language_without_a_list_is_an_error_and_a_document_in_one_is_not_measured():
    with pytest.raises(ValidationError, match="no word list for language 'tlh'"):
        Toxicity(languages=("tlh",))
    out = run_stage(Toxicity(max_score=0), docs("fuck", language=["tlh"]))
    assert out["toxicity_score"].to_pylist() == [None]
    assert out["toxic_sentences"].to_pylist() == [None]
    assert out.schema.get_field_index("rejected") < 0 or out["rejected"].to_pylist() == [None]


def test_an_english_list_of_ones_own_may_give_classes(tmp_path):
    plain, classes = tmp_path / "plain.en.txt", tmp_path / "classes.en.txt"
    plain.write_text("# ours\nfrobnicator\n", encoding="utf-8")
    classes.write_text("[contempt]\nfrobnicator, gronky\n[identity]\nmartians\n", encoding="utf-8")
    assert judge(Toxicity(lists=str(plain)), "A frobnicator!", "Gronky.") == ["toxic", None]
    found = judge(Toxicity(lists=str(classes)), "Martians are gronky.", "The tea is gronky.", "A frobnicator!")
    assert found == ["toxic", None, None]
    classes.write_text("[contemt]\nfrobnicator\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"classes.en.txt line 1: there is no class \[contemt\]"):
        Toxicity(lists=str(classes)).open()


def test_a_list_of_ones_own_must_exist_and_name_its_language(tmp_path):
    with pytest.raises(ValidationError, match="does not say its language"):
        Toxicity(lists=("words.txt",))
    with pytest.raises(ValidationError, match="no word list"):
        Toxicity(lists=(str(tmp_path / "mine.la.txt"),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unit_words: 30\nintercept: -1\nweights: {swear: 1, abuze: 2}", "no feature 'abuze'. Did you mean 'abuse'"),
        ("unit_words: 30\nintercept: x\nweights: {swear: 1}", "intercept must be a number, not 'x'"),
        ("unit_words: 0\nintercept: -1\nweights: {}", "unit_words must be above 0"),
        ("swear: 1", "holds no weights"),
    ],
)
def test_weights_of_ones_own_are_checked(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValidationError, match=re.escape(message)):
        Toxicity(model=str(path))


def test_a_classifier_trained_on_ones_own_labels_scores_texts_and_sentences(tmp_path):
    """The commands are those of the stage's page."""
    rude, kind = ("gronky frob", "you zorg", "such a frob"), ("lovely tea", "nice rain", "warm bread")
    rows = [
        f'{{"text": "{opening} {word} {n}", "label": "{label}"}}'
        for n in range(40)
        for label, words in (("toxic", rude), ("fine", kind))
        for opening, word in zip(("Well", "So", "And"), words, strict=True)
    ]
    comments, model = tmp_path / "comments.jsonl", tmp_path / "models" / "toxic"
    comments.write_text("\n".join(rows), encoding="utf-8")
    command = ["train", "classifier", "--examples", str(comments), "--label-column", "label", "--lowercase"]
    with pytest.raises(SystemExit) as done:
        main([*command, "--output", str(model), "--no-quantize", "--buckets", "1000"])
    assert done.value.code == 0
    stage = Toxicity(model=f"{model}.bin", label="toxic", remove_sentences=True, max_score=0.8)
    out = run_stage(stage, docs("Lovely tea. You ZORG! Nice rain, warm bread.", "Gronky frob.", language=["sv", None]))
    assert out["text"].to_pylist()[0] == "Lovely tea. Nice rain, warm bread."
    assert out["rejected"].to_pylist() == [None, "toxic"]
    with pytest.raises(ValidationError, match="has no label 'rude'"):
        Toxicity(model=f"{model}.bin", label="rude")
    with pytest.raises(ValidationError, match="uses no word lists"):
        Toxicity(model=f"{model}.bin", languages="en")


def test_labelled_tweets_are_found_with_the_stated_precision(shared):
    table = pq.read_table(shared("toxicity/olid.parquet"))
    offensive = np.array(table["label"].to_pylist()) == "OFF"
    rejected = np.array([r is not None for r in judge(Toxicity(), *table["text"].to_pylist())])
    found = (rejected & offensive).sum()
    assert found / rejected.sum() > 0.76
    assert found / offensive.sum() > 0.41


def test_paragraphs_of_old_books_are_kept(shared):
    paragraphs = []
    for path in sorted(Path(shared("books/gutenberg")).glob("*.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        if "Language: English" in text:
            paragraphs += [p for p in re.split(r"\r?\n\s*\r?\n", text) if len(p.split()) >= 10]
    assert len(paragraphs) > 10_000
    assert sum(r is not None for r in judge(Toxicity(), *paragraphs)) < 0.01 * len(paragraphs)
