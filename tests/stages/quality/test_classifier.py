"""Scores of a fastText model are fastText's own, and the rules over them are the published ones."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from corpusforge.checks import check
from corpusforge.errors import RecipeError
from corpusforge.pipeline import Pipeline, Source, Step
from corpusforge.stages.quality.classifier import Classifier
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.testing import docs, judge, reasons
from corpusforge.training.classifier import Parameters, train
from corpusforge.training.examples import Draw

EXOTIC = [
    "",
    " ",
    "\n",
    "one",
    "one\ntwo\r\n\tthree",
    "a\0b",
    "x </s> y",
    "__label__positive z",
    "日本語の文章。",
    "é ü\u00a0ñ",
]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of small models: two (bin, ftz), three labels, and one of lower-case texts with characters."""
    folder = tmp_path_factory.mktemp("models")
    draw = random.Random(3)
    words = [f"{a}{b}" for a in "bdfgklmn" for b in ("ar", "el", "ino", "ust", "o", "é")]
    for name, labels, lowercase in (("two", 2, False), ("three", 3, False), ("lower", 2, True)):
        examples = Draw(400, lowercase=lowercase)
        for i, label in enumerate(("positive", "negative", "other")[:labels]):
            mine = words[i * 12 : i * 12 + 30]
            examples.add(label, pa.array([" ".join(draw.choices(mine, k=20)).title() for _ in range(200)]))
        characters = {"minn": 2, "maxn": 4} if name == "lower" else {}
        parameters = Parameters(dim=12, bucket=3000, minCount=1, epoch=15, **characters)  # type: ignore[arg-type]
        train(examples.drawn(0.1, False), {}, parameters, {"lowercase": lowercase}, str(folder / name))
    return folder


def by_fasttext(path: Path, texts: list[str], label: str) -> list[float | None]:
    """Return fastText's own probabilities."""
    import fasttext

    model = fasttext.load_model(str(path))
    found = [dict(zip(*model.predict(text.replace("\n", " "), k=-1), strict=True)) for text in texts]
    return [
        answers.get(f"__label__{label}") if text.strip() else None for answers, text in zip(found, texts, strict=True)
    ]


def middling(model: Path) -> tuple[str, float]:
    """Return a text that is neither good nor bad, and its score."""
    draw = random.Random(5)
    texts = [" ".join(draw.choices(["Bar", "Del", "Fo", "Gé", "Kino", "Lust"], k=4)) for _ in range(100)]
    scores = Classifier(model=str(model)).open()(docs(*texts)).column("classifier_score").to_pylist()
    return next((text, score) for text, score in zip(texts, scores, strict=True) if score and 0.6 < score < 0.95)


@pytest.mark.parametrize(
    ("name", "label"),
    [("two.bin", "positive"), ("two.ftz", "negative"), ("three.bin", "other"), ("lower.bin", "positive")],
)
def test_scores_are_those_of_fasttext(models: Path, name: str, label: str) -> None:
    draw = random.Random(4)
    letters = "bdfgklmnaeiouré XY\n"
    texts = EXOTIC + ["".join(draw.choices(letters, k=draw.randint(1, 300))) for _ in range(200)]
    texts += [" ".join(draw.choices(["Bar", "Del", "Fino", "Gust", "Ko", "Lé"], k=40)) for _ in range(20)]
    stage = Classifier(model=str(models / name), label=label, lowercase=False)
    found = stage.open()(docs(*texts)).column("classifier_score").to_pylist()
    expected = by_fasttext(models / name, texts, label)
    assert [f is None for f in found] == [e is None for e in expected]
    pairs = [(f, e) for f, e in zip(found, expected, strict=True) if f is not None]
    assert np.allclose(*zip(*pairs, strict=True), rtol=1e-6, atol=0)


def test_real_texts_score_as_in_fasttext(models: Path, shared: Callable[[str], Path]) -> None:
    texts = pq.read_table(shared("quality/enron_spam.parquet"))["text"].to_pylist()[:300]
    found = Classifier(model=str(models / "two.bin")).open()(docs(*texts)).column("classifier_score").to_pylist()
    assert np.allclose(found, by_fasttext(models / "two.bin", texts, "positive"), rtol=1e-6, atol=0)


def test_text_is_lowercased_when_the_card_says_so(models: Path) -> None:
    def score(**options: bool) -> float:
        stage = Classifier(model=str(models / "lower.bin"), **options)  # type: ignore[arg-type]
        value: float = stage.open()(docs("BAR DEL FINO")).column("classifier_score")[0].as_py()
        return value

    assert score() == score(lowercase=True) != score(lowercase=False)


def test_unicode_line_breaks_are_those_of_python(models: Path) -> None:
    text = "\u3000Bar\u2028Del\x1cFino\u0085Gust\x1f"
    lines = " ".join(text.strip().splitlines())
    stage = Classifier(model=str(models / "two.bin"), line_breaks="unicode")
    found = stage.open()(docs(text, lines)).column("classifier_score").to_pylist()
    assert (
        found[0] == found[1] != Classifier(model=stage.model).open()(docs(text)).column("classifier_score")[0].as_py()
    )


def test_the_pareto_rule_keeps_the_share_that_gpt3_would(models: Path) -> None:
    count = 4000
    text, score = middling(models / "two.bin")
    batch = docs(*[text] * count)
    stage = Classifier(model=str(models / "two.bin"), pareto_alpha=9)
    out = stage.open()(batch)
    chance = (1 + 1 - score) ** -9.0  # P(Lomax sample > x) = (1 + x) ** -alpha
    kept = sum(reason is None for reason in reasons(out)) / count
    assert abs(kept - chance) < 4 * (chance * (1 - chance) / count) ** 0.5 + 1e-9
    split = [r for i in range(0, count, 700) for r in reasons(stage.open()(batch.slice(i, 700)))]
    assert split == reasons(out)
    other = Classifier(model=stage.model, pareto_alpha=9, seed=1)
    assert reasons(other.open()(batch)) != reasons(out)


def test_a_text_without_words_is_rejected_only_by_rules_for_low_scores(models: Path) -> None:
    model = str(models / "two.bin")
    assert judge(Classifier(model=model), None, "") == [None, None]
    assert judge(Classifier(model=model, max_score=0.0), None, "") == [None, None]
    assert judge(Classifier(model=model, min_score=0.0), None, "") == ["low_classifier_score"] * 2
    assert judge(Classifier(model=model, pareto_alpha=9), None, "") == ["classifier_not_drawn"] * 2


def test_bounds_are_inclusive(models: Path) -> None:
    text, score = middling(models / "two.bin")
    assert judge(Classifier(model=str(models / "two.bin"), min_score=score, max_score=score), text) == [None]


def test_two_rules_for_low_scores_are_refused() -> None:
    with pytest.raises(ValidationError, match="give one of them"):
        Classifier(model="m.bin", min_score=0.5, pareto_alpha=9)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Classifier(model="nowhere.bin"), "there is no model file 'nowhere.bin'"),
        (Classifier(model=__file__), "is no fastText model"),
        (Classifier(model="two.bin", label="positiv"), "has no label 'positiv'. Did you mean 'positive'?"),
    ],
)
def test_a_recipe_check_finds_what_is_wrong(
    models: Path, stage: Classifier, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    source = Source("s", "read.jsonl", Jsonl(paths=("x",)))
    with pytest.raises(RecipeError) as error:
        check(Pipeline((source,), (Step("quality.classifier", stage, where="r.yaml:7:5"),)))
    assert said in str(error.value)
    assert error.value.where == "r.yaml:7:5"
