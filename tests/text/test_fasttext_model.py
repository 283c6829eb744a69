"""FastTextModel against fastText itself, on hard texts, made texts, real texts and other kinds of models."""

import random
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.errors import RecipeError
from corpusforge.stages.quality.fasttext_file import model_path, read_labels, read_model
from corpusforge.stages.quality.language import Language
from corpusforge.testing import docs, run_stage
from corpusforge.text import segment
from corpusforge.text.fasttext_model import Binding, FastTextModel
from corpusforge.training.zeroed_memory import zeroed_memory

PIECES = ["the", " ", "\n", "\t", "\x00", "\x0b", "\x85", "\u3000", "</s>", "</s>x", "__label__en", "__label__zz"]
PIECES += ["__label__", "Straße", "の", "日本語", "ไทยภาษา", "é", "👩‍👩‍👧", "<", ">", "a" * 70, "д" * 40, "\u0301", "x"]


@pytest.fixture(scope="module")
def lid():
    return FastTextModel(read_model(model_path("lid.176")))


@pytest.fixture(scope="module")
def reference():
    path = model_path("lid.176")
    return Binding(path, read_labels(path))


def assert_same(model, reference, texts):
    batch = segment(pa.array(texts, pa.large_string()))
    labels, scores = model.predict(batch)
    expected_labels, expected_scores = reference.predict(batch)
    wrong = [t for t, a, b in zip(texts, labels, expected_labels, strict=True) if a != b]
    assert not wrong
    assert np.abs(scores - expected_scores).max(initial=0) <= 1e-6


@given(st.lists(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=12).map("".join), max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_text_gets_the_answer_of_fasttext(lid, reference, texts):
    assert_same(lid, reference, texts)


def test_hard_texts_get_the_answer_of_fasttext(lid, reference):
    assert_same(lid, reference, [None, "", " \n", "a</s>b", "a </s> b", "</s>", "\x00a\x00", "日" * 99])
    assert_same(lid, reference, ["x" * 300_000, "é" * 1000, "дом " * 5000])


def test_real_texts_of_many_languages_get_the_answer_of_fasttext(lid, reference, shared):
    texts = pq.read_table(shared("lid/lid_dev.parquet"))["text"].to_pylist()
    assert_same(lid, reference, texts[::20])
    assert_same(lid, reference, ["\n".join(texts[i : i + 30]) for i in range(0, len(texts), 1000)])


def test_bytes_that_are_no_utf8_do_no_harm(lid):
    data = b"\x80\x80 \x80" + b"\xbf" * 70 + b" abc" + b"\x80" * 300 + b"\xff\xc3 \xf0\x9f the end"
    offsets = pa.py_buffer(np.array([0, 2, len(data)], np.int64))
    column = pa.LargeStringArray.from_buffers(2, offsets, pa.py_buffer(data))
    labels, scores = lid.predict(segment(column))
    assert (labels >= 0).all() and (scores > 0).all()


def test_a_text_without_words_has_no_label(lid):
    labels, scores = lid.predict(segment(pa.array([None, "", " \t\r\n\x0b\x0c\x00", "a"], pa.large_string())))
    assert labels[:3].tolist() == [-1, -1, -1]
    assert scores[:3].tolist() == [0, 0, 0]
    assert labels[3] >= 0


@pytest.mark.parametrize("bound", [1, 100, 5000])
def test_the_bound_on_remembered_words_changes_nothing(lid, bound):
    draw = random.Random(7)
    words = ["".join(draw.choices("aeiouäнтрнсд的", k=draw.randint(1, 20))) for _ in range(3000)]
    batch = segment([" ".join(draw.choices(words, k=200)) for _ in range(40)])
    small = FastTextModel(read_model(model_path("lid.176")), remember_words=bound)
    for _ in range(2):
        for a, b in zip(small.predict(batch), lid.predict(batch), strict=True):
            assert a.tobytes() == b.tobytes()


def test_a_slice_of_a_column_gets_the_answers_of_its_rows(lid):
    column = pa.array(["Guten Morgen allerseits", "good morning", None, "bonjour tout le monde"], pa.large_string())
    whole, part = lid.predict(segment(column)), lid.predict(segment(column.slice(1, 3)))
    assert part[0].tolist() == whole[0][1:].tolist()
    assert part[1].tolist() == whole[1][1:].tolist()


# ------------------------------------------------------------------------------ other kinds of models

WORDS = ["</s>", "the", "of", "été", "дом", "a", "1917", "no"]
LABELS = ["good", "bad", "ugly", "other", "none"]
DIM, BUCKET, PRUNED = 10, 64, 40


def write_model(path: Path, loss: int, n: tuple[int, int], word_ngrams: int = 1, quantised: bool = False) -> Path:
    """Write a model of random numbers in fastText's format (fastText cannot train one so small reproducibly)."""
    draw = np.random.default_rng(3)
    out = struct.pack("<2i12id", 793712314, 12, DIM, 5, 5, 1, 5, word_ngrams, loss, 3, BUCKET, *n, 100, 1e-4)
    size = len(WORDS) + len(LABELS)
    out += struct.pack("<3i2q", size, len(WORDS), len(LABELS), 1000, PRUNED if quantised else -1)
    for i, word in enumerate(WORDS):
        out += word.encode() + struct.pack("<xqb", 900 - i, 0)
    for i, label in enumerate(LABELS):
        out += f"__label__{label}".encode() + struct.pack("<xqb", 500 - 100 * i, 1)
    if quantised:
        for row, bucket in enumerate(draw.permutation(BUCKET)[:PRUNED]):
            out += struct.pack("<2i", bucket, row)
        rows, pieces = len(WORDS) + PRUNED, 4  # 3 + 3 + 3 + 1 columns
        out += struct.pack("<??2qi", True, True, rows, DIM, rows * pieces)
        out += draw.integers(0, 256, rows * pieces, np.uint8).tobytes()
        out += struct.pack("<4i", DIM, pieces, 3, 1) + draw.normal(size=DIM * 256).astype(np.float32).tobytes()
        out += draw.integers(0, 256, rows, np.uint8).tobytes()
        out += struct.pack("<4i", 1, 1, 1, 1) + draw.uniform(1, 2, 256).astype(np.float32).tobytes()
    else:
        rows = len(WORDS) + BUCKET
        out += struct.pack("<?2q", False, rows, DIM) + draw.normal(size=rows * DIM).astype(np.float32).tobytes()
    out += struct.pack("<?2q", False, len(LABELS), DIM)
    path.write_bytes(out + draw.normal(size=len(LABELS) * DIM).astype(np.float32).tobytes())
    return path


TREE, NEGATIVE, SOFTMAX, ONE_VERSUS_ALL = 1, 2, 3, 4
KINDS = {
    "dense softmax without n-grams": (SOFTMAX, (0, 0)),
    "dense softmax": (SOFTMAX, (1, 3)),
    "dense tree": (TREE, (2, 2)),
    "quantised softmax": (SOFTMAX, (1, 3), 1, True),
    "quantised tree": (TREE, (2, 4), 1, True),
    "word n-grams": (SOFTMAX, (0, 0), 3),
    "word and character n-grams of a tree": (TREE, (2, 3), 2),
    "quantised word n-grams": (SOFTMAX, (2, 3), 2, True),
    "one versus all": (ONE_VERSUS_ALL, (0, 0)),
    "negative sampling": (NEGATIVE, (1, 2), 2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_of_models_give_the_answer_of_fasttext(tmp_path, kind):
    path = write_model(tmp_path / "model.bin", *KINDS[kind])
    model = read_model(path)
    assert model is not None
    assert model.labels == tuple(LABELS)
    draw = random.Random(2)
    texts = [" ".join(draw.choices(WORDS + PIECES, k=draw.randint(1, 30))) for _ in range(300)]
    assert_same(FastTextModel(model), Binding(path, read_labels(path)), texts)


def test_a_matrix_too_large_to_be_made_dense_is_left_to_fasttext(tmp_path, monkeypatch):
    monkeypatch.setattr("corpusforge.stages.quality.fasttext_file._DENSE_ROWS_BYTES", 100)
    path = write_model(tmp_path / "model.bin", SOFTMAX, (1, 3), 1, True)
    assert read_model(path) is None
    labels, scores = Binding(path, read_labels(path)).predict(segment(["the of", " ", "a\nno"]))
    assert labels[1] == -1
    assert labels[0] >= 0 and labels[2] >= 0 and scores[0] > 0


def test_a_stage_says_in_the_log_that_fasttext_runs_its_model(tmp_path, monkeypatch, caplog):
    path = write_model(tmp_path / "model.bin", SOFTMAX, (1, 3), 1, True)
    stage, texts = Language(model=str(path), keep=("good", "bad", "none")), docs("the of", None, "a no", "été")
    ours = run_stage(stage, texts)
    assert set(ours["language"].to_pylist()) <= {*LABELS, None}
    assert not caplog.records
    monkeypatch.setattr("corpusforge.stages.quality.fasttext_file._DENSE_ROWS_BYTES", 100)
    assert run_stage(stage, texts).equals(ours)
    assert "fastText itself runs it" in caplog.text


# ------------------------------------------------------------------------------ models that fastText trained

SENTENCES = {
    "eng_Latn": ["the cat sat on the mat", "a dog is not a cat", "no rain in the old town", "it is what it is"],
    "deu_Latn": ["die Katze saß auf der Matte", "ein Hund ist keine Katze", "kein Regen über der Stadt", "so ist das"],
    "rus_Cyrl": ["кошка сидела на коврике", "собака не кошка", "в городе нет дождя", "это так"],
    "jpn_Jpan": ["猫がマットの上に座った", "犬は猫ではない", "雨 は 降らない", "そうです"],
}
TRAINED = {
    "word bigrams": {"wordNgrams": 2, "dim": 17},
    "word 4-grams, one versus all": {"wordNgrams": 4, "loss": "ova", "dim": 100},
    "tree with character n-grams": {"wordNgrams": 2, "loss": "hs", "minn": 2, "maxn": 5},
    "negative sampling": {"wordNgrams": 1, "loss": "ns", "minn": 1, "maxn": 1, "dim": 4},
    "quantised, output too": {
        "wordNgrams": 2,
        "minn": 2,
        "maxn": 3,
        "dim": 6,
        "labels": 300,
        "quantised": {"qout": True},
    },
    "quantised and pruned, norms": {"minn": 2, "maxn": 4, "quantised": {"qnorm": True, "cutoff": 300}},
    "quantised and pruned tree": {"wordNgrams": 2, "loss": "hs", "quantised": {"qnorm": True, "cutoff": 260}},
}
WORDS_OF_ALL = [word for lines in SENTENCES.values() for line in lines for word in line.split()]


@pytest.fixture(scope="module", params=TRAINED)
def trained(request, tmp_path_factory):
    import fasttext

    folder = tmp_path_factory.mktemp("trained")
    draw = random.Random(5)
    lines = [(label, line) for label, all_lines in SENTENCES.items() for line in all_lines] * 8
    lines += [("deu_Latn", "".join(draw.choices("aeiounrst", k=6))) for _ in range(300)]
    lines += [
        (f"l{i}", "".join(draw.choices("aeiounrst", k=6))) for i in range(TRAINED[request.param].get("labels", 0))
    ]
    (folder / "train.txt").write_text("".join(f"__label__{label} {line}\n" for label, line in lines), "utf-8")
    options = {"dim": 10, "bucket": 500, "minCount": 1, "epoch": 8, "thread": 1, "verbose": 0} | TRAINED[request.param]
    quantised = options.pop("quantised", None)
    options.pop("labels", None)
    with zeroed_memory():  # else training on so little fails now and then
        model = fasttext.train_supervised(str(folder / "train.txt"), **options)
    path = folder / "model.bin"
    if quantised:
        model.quantize(str(folder / "train.txt"), dsub=2, thread=1, verbose=False, **quantised)
    model.save_model(str(path))
    parameters = read_model(path)
    assert parameters is not None
    return FastTextModel(parameters), Binding(path, read_labels(path))


ODD = st.lists(st.sampled_from(PIECES + [" ", " ", *WORDS_OF_ALL]) | st.text(max_size=6), max_size=20).map("".join)


@given(texts=st.lists(ODD, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_trained_model_gives_the_answers_of_fasttext_bit_for_bit(trained, texts):
    model, reference = trained
    batch = segment(pa.array(texts, pa.large_string()))
    for ours, theirs in zip(model.predict(batch), reference.predict(batch), strict=True):
        assert ours.tolist() == theirs.tolist()
    every, expected = model.predict_all(batch), reference.predict_all(batch)
    assert np.array_equal(every[expected > 0], expected[expected > 0])
    assert every[expected == 0].max(initial=0) < 2e-5  # what a tree leaves out
    assert model.score(batch, "deu_Latn").tolist() == every[:, model.labels.index("deu_Latn")].tolist()


def test_long_texts_of_a_trained_model_get_the_answers_of_fasttext(trained):
    model, reference = trained
    draw = random.Random(1)
    texts = [" ".join(draw.choices(WORDS_OF_ALL + PIECES[12:], k=k)) for k in (0, 1, 7, 1023, 1024, 1025, 5000, 30_000)]
    assert_same(model, reference, texts)


def test_pieces_of_texts_are_judged_one_by_one(lid):
    texts = segment(["Guten Morgen allerseits\nthis is an English line\n\nbonjour tout le monde", None])
    labels, _ = lid.predict(texts.full_lines)
    assert [lid.labels[i] if i >= 0 else None for i in labels] == ["de", "en", "fr", None]


def test_a_file_that_is_no_model_or_breaks_off_says_so(tmp_path):
    other = tmp_path / "other.bin"
    other.write_bytes(b"PK\x03\x04" * 100)
    with pytest.raises(RecipeError, match="no fastText model"):
        read_labels(other)
    whole = model_path("lid.176").read_bytes()
    for size in (4, 80, 100, 50_000, 300_000, 900_000, len(whole) - 1):
        other.write_bytes(whole[:size])
        with pytest.raises(RecipeError, match="broken fastText model"):
            read_model(other)
