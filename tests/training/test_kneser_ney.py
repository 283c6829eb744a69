"""Trained n-gram models against modified Kneser-Ney written down in plain Python, and what their files promise."""

import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.errors import RecipeError, RunError
from corpusforge.text.arpa_file import read_arpa
from corpusforge.text.lm_tokens import TextForm, line_tokens
from corpusforge.text.ngram_file import read_form, read_ngrams
from corpusforge.text.ngram_table import NgramTable
from corpusforge.training import ngram_counts
from corpusforge.training.perplexity import Options, train

FORM = TextForm("none", "line", "whitespace")
SENTENCES = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=7), min_size=1, max_size=12)
Gram = tuple[str, ...]


class Reference:
    """Modified Kneser-Ney by the definition, for a handful of sentences."""

    def __init__(self, sentences: list[list[str]], order: int, prune: int = 0) -> None:
        self.order = order
        raw: list[Counter[Gram]] = [Counter() for _ in range(order + 1)]
        for words in sentences:
            line = ["<s>", *words, "</s>"]
            for end in range(1, len(line)):
                for n in range(1, min(order, end + 1) + 1):
                    raw[n][tuple(line[end - n + 1 : end + 1])] += 1
        self.vocabulary = sorted({w for words in sentences for w in words} | {"</s>", "<unk>"})
        self.adjusted: list[dict[Gram, int]] = [{} for _ in range(order + 1)]
        for n in range(1, order + 1):
            for gram, times in raw[n].items():
                before = len({longer[0] for longer in raw[n + 1] if longer[1:] == gram}) if n < order else 0
                self.adjusted[n][gram] = before or times
        self.kept = {g for n in range(1, order + 1) for g, times in raw[n].items() if n == 1 or times > prune}
        self.discounts = [(0.0,) * 4] + [self._discounts(n) for n in range(1, order + 1)]
        self.continuations: list[dict[Gram, list[Gram]]] = [defaultdict(list) for _ in range(order + 1)]
        for n in range(1, order + 1):
            for gram in self.adjusted[n]:
                self.continuations[n][gram[:-1]].append(gram)

    def _discounts(self, n: int) -> tuple[float, ...]:
        many = [sum(a == k for a in self.adjusted[n].values()) for k in range(1, 5)]
        if min(many) == 0:
            return (0.0, 0.5, 1.0, 1.5)
        y = many[0] / (many[0] + 2 * many[1])
        found = [k - (k + 1) * y * many[k] / many[k - 1] for k in range(1, 4)]
        return (0.0, *found) if all(0 < d <= k for k, d in enumerate(found, 1)) else (0.0, 0.5, 1.0, 1.5)

    def probability(self, word: str, history: Gram) -> float:
        n = len(history) + 1
        grams = self.continuations[n].get(history, [])
        lower = self.probability(word, history[1:]) if history else 1 / len(self.vocabulary)
        if not grams:
            return lower
        total = sum(self.adjusted[n][g] for g in grams)
        left = sum(
            self.discounts[n][min(3, self.adjusted[n][g])] if g in self.kept else self.adjusted[n][g] for g in grams
        )
        gram = (*history, word)
        count = self.adjusted[n][gram] if gram in self.kept and gram in self.adjusted[n] else 0
        return (count - self.discounts[n][min(3, count)]) / total + left / total * lower

    def line(self, words: list[str]) -> float:
        known = [w if w in self.vocabulary else "<unk>" for w in words]
        line = ["<s>", *known, "</s>"]
        return sum(
            math.log10(self.probability(line[i], tuple(line[max(0, i - self.order + 1) : i])))
            for i in range(1, len(line))
        )


def column(sentences: list[list[str]]) -> pa.Array:
    return pa.array([" ".join(words) for words in sentences], pa.large_string())


def scores(table: NgramTable, texts: pa.Array, form: TextForm = FORM) -> list[float]:
    tokens = line_tokens(texts, form)
    return list(table.line_scores(table.ids(tokens.hashes), tokens.offsets))


@settings(max_examples=40, deadline=None)
@given(sentences=SENTENCES, asked=SENTENCES, order=st.integers(1, 5), prune=st.integers(0, 2), run=st.integers(1, 9))
def test_models_equal_the_definition(
    sentences: list[list[str]],
    asked: list[list[str]],
    order: int,
    prune: int,
    run: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("model")
    asked = [*asked, *sentences[:2], ["zebra", "a", "zebra"]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram_counts, "RUN", run)  # many runs, merged in many ranges
        train([column(sentences)], Options(order, (0, prune), form=FORM), folder / "m", folder / "m.arpa")
    reference = Reference(sentences, order, prune)
    expected = [reference.line(words) for words in asked]
    for table in (read_ngrams(folder / "m"), read_arpa(folder / "m.arpa")):
        assert scores(table, column(asked)) == pytest.approx(expected, abs=2e-4 * 9)  # steps of 16 bits


@pytest.mark.parametrize("prune", [(0,), (0, 0, 1), (0, 2)])
def test_probabilities_sum_to_one_after_every_context(prune: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    sentences = [list(rng.choice(list("abcdefghij"), rng.integers(1, 9))) for _ in range(60)]
    train([column(sentences)], Options(4, prune, min_count=25, form=FORM), tmp_path / "m", tmp_path / "arpa")
    ngrams: dict[Gram, tuple[float, float]] = {}
    for line in (tmp_path / "arpa").read_text().splitlines():
        if "\t" in line:
            probability, gram, backoff = [*line.split("\t"), "0"][:3]
            ngrams[tuple(gram.split())] = float(probability), float(backoff)

    def log10(word: str, history: Gram) -> float:
        if (*history, word) in ngrams:
            return ngrams[(*history, word)][0]
        return ngrams.get(history, (0.0, 0.0))[1] + log10(word, history[1:])

    words = [gram[0] for gram in ngrams if len(gram) == 1 and gram != ("<s>",)]
    assert "<unk>" in words
    contexts = [gram for gram in ngrams if len(gram) < 4 and gram[-1] != "</s>"]
    assert len({len(context) for context in contexts}) == 3 or prune == (0, 2)
    for context in [(), *contexts, ("a", "<unk>"), ("<unk>", "<unk>")]:
        assert sum(10 ** log10(word, context) for word in words) == pytest.approx(1, abs=1e-5)


def test_the_same_texts_give_the_same_bytes_in_any_order_and_batches(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(["sea", "ship", "Wind,", "sail!", "北京", "12"], 20)) for _ in range(200)]
    train([pa.array(texts, pa.large_string())], Options(4), tmp_path / "a")
    pieces = [pa.array(texts[i : i + 7][::-1], pa.large_string()) for i in range(0, 200, 7)]
    train(reversed(pieces), Options(4), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_form(tmp_path / "a") == TextForm()


def test_scores_do_not_depend_on_neighbours(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    texts = pa.array([" ".join(rng.choice(list("abcdefgh"), rng.integers(0, 900))) for _ in range(40)])
    texts = texts.cast(pa.large_string())
    train([texts], Options(5, form=FORM), tmp_path / "m")
    table = read_ngrams(tmp_path / "m")
    alone = [scores(table, texts.slice(i, 1))[0] for i in range(len(texts))]
    assert scores(table, texts) == alone


def test_rare_words_are_unknown_and_less_likely_than_known_ones(tmp_path: Path) -> None:
    made = train([column([["a", "b"]] * 50 + [["a", "q"], ["r", "b"]])], Options(3, min_count=2), tmp_path / "m")
    assert made.facts["unknown_tokens"] == 2
    table = read_ngrams(tmp_path / "m")
    known, unknown = scores(table, column([["a", "b"], ["a", "zebra"]]))
    assert known > unknown


def test_bounds_and_damage_are_errors(tmp_path: Path) -> None:
    texts = column([["a", "b", "c", "d"]])
    with pytest.raises(RunError, match=r"distinct n-grams.*--max-ngrams is 5"):
        train([texts], Options(3, max_ngrams=5, form=FORM), tmp_path / "m")
    with pytest.raises(RunError, match="no word in the texts"):
        train([column([[]])], Options(), tmp_path / "m")
    train([texts], Options(3, form=FORM), tmp_path / "m")
    whole = (tmp_path / "m").read_bytes()
    for place in (60, len(whole) // 2, len(whole) - 1):
        (tmp_path / "m").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(RecipeError, match=r"damaged|broken"):
            read_ngrams(tmp_path / "m")
    (tmp_path / "m").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecipeError):
        read_ngrams(tmp_path / "m")
