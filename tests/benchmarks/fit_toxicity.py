"""Fit the weights of quality.toxicity and write filters/toxicity.yaml: `fit_toxicity.py DATA [--write]`.

DATA holds toxicity/olid.parquet, toxicity/davidson.parquet and bulk/*.parquet. Texts are halved by the CRC of the text
(the sentences of toxicity_cases.py by their frame); the even half is fitted on, the odd half judged. Each set weighs
what SETS says, whatever its size. A weight has the sign of its prior and is drawn to it (Gaussian, SPREAD): the tweets
hardly name groups, and weights of what they hardly show should stay what reason says. Paragraphs of the bulk text are
judged only; with them in the fit the intercept falls (-1.7 where they are a tenth of all) and nothing else changes.

Prints the area under the ROC curve on the odd halves, of the weights that are written and of weights fitted without
one of the sets, which show what a set of another origin may expect.
"""

import argparse
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.optimize import minimize
from scipy.stats import rankdata
from toxicity_cases import cases

from corpusforge.registry import shipped
from corpusforge.stages.quality.toxic_context import count_features
from corpusforge.stages.quality.toxic_model import FEATURES, MOST
from corpusforge.stages.quality.toxic_words import english_words
from corpusforge.text import segment

UNIT_WORDS = 30
SPREAD = 0.7  # standard deviation of a weight around its prior, after SETS' number of texts
PRIOR = {
    **{"swear": 2, "mild": 1, "abuse": 3, "slur": 3, "obscene": 1, "hostile": 1.5},
    **{"idiot_you": 2, "idiot_they": 1.5, "idiot_else": 1, "contempt_you": 1.5, "contempt_they": 1.2},
    **{"contempt_else": 0.5, "attack_group": 3, "attack_they": 1, "deed_group": 0.7, "every_group": 0.5},
    **{"abuse_aimed": 0.5, "kind": -0.3, "dark": 0.2},
}
SETS = {"olid": 300, "davidson": 100, "cases": 30}  # texts each set stands for


class Texts(NamedTuple):
    """The texts of a set: what the model sees of them, whether they are toxic, and their half."""

    seen: np.ndarray
    toxic: np.ndarray
    half: np.ndarray


def see(texts: list[str]) -> np.ndarray:
    """Return what the model sees of each text."""
    text = segment(texts)
    counts, _ = count_features(text, english_words(), np.zeros(text.documents, np.int32))
    before = np.concatenate([np.zeros((1, len(FEATURES))), np.cumsum(counts, axis=0)])
    sums = before[text.sentences.offsets[1:]] - before[text.sentences.offsets[:-1]]
    return np.minimum(sums / np.maximum(text.words.counts / UNIT_WORDS, 1)[:, None], MOST)


def read(data: Path) -> dict[str, Texts]:
    """Return the sets by name."""
    found = {}
    for name, toxic in (("olid", {"OFF"}), ("davidson", {"offensive", "hate_speech"})):
        table = pq.read_table(data / "toxicity" / f"{name}.parquet")
        texts = table["text"].to_pylist()
        labels = np.array([label in toxic for label in table["label"].to_pylist()])
        found[name] = Texts(see(texts), labels, np.array([zlib.crc32(text.encode()) & 1 for text in texts]))
    made = list(cases())
    found["cases"] = Texts(
        see([c.text for c in made]), np.array([c.toxic for c in made]), np.array([c.half for c in made])
    )
    clean, half = [], []
    for document in pa.concat_tables(map(pq.read_table, sorted(data.glob("bulk/*.parquet"))))["text"].to_pylist():
        paragraphs = [p for p in document.split("\n") if len(p.split()) >= 10][:20]
        clean += paragraphs
        half += [zlib.crc32(document.encode()) & 1] * len(paragraphs)
    found["clean"] = Texts(see(clean), np.zeros(len(clean), bool), np.array(half))
    return found


def fit(sets: dict[str, Texts], without: str = "") -> tuple[np.ndarray, float]:
    """Return the weights and the intercept, fitted on the even halves."""
    used = {name: texts for name, texts in sets.items() if name in SETS and name != without}
    x = np.concatenate([t.seen[t.half == 0] for t in used.values()])
    y = np.concatenate([t.toxic[t.half == 0] for t in used.values()])
    share = np.concatenate([np.full((t.half == 0).sum(), SETS[n] / (t.half == 0).sum()) for n, t in used.items()])
    prior = np.array([PRIOR[name] for name in FEATURES])

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ p[:-1] + p[-1]
        away = p[:-1] - prior
        wrong = share * (1 / (1 + np.exp(-z)) - y)
        value = (share * np.logaddexp(0, np.where(y, -z, z))).sum() + (away**2).sum() / (2 * SPREAD**2)
        return value, np.append(x.T @ wrong + away / SPREAD**2, wrong.sum())

    bounds = [(0, None) if p > 0 else (None, 0) for p in prior] + [(None, None)]
    found = minimize(loss, np.append(prior, -2.0), jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.round(found[:-1], 2), round(float(found[-1]), 2)


def auc(toxic: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the ROC curve."""
    ranks, some = rankdata(score), int(toxic.sum())
    return float((ranks[toxic].sum() - some * (some + 1) / 2) / (some * (len(toxic) - some)))


def main() -> None:
    """Fit, judge, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="write filters/toxicity.yaml")
    given = parser.parse_args()
    sets = read(given.data)
    print("AUC on odd halves      " + "".join(f"{name:>10}" for name in ("olid", "davidson", "cases")))
    for without in ("", "olid", "davidson", "cases"):
        weights, intercept = fit(sets, without)
        row = [auc(sets[n].toxic[sets[n].half == 1], (sets[n].seen @ weights)[sets[n].half == 1])
               for n in ("olid", "davidson", "cases")]  # fmt: skip
        print(f"fitted on {'all' if not without else 'all but ' + without:<16}" + "".join(f"{a:>10.3f}" for a in row))
        if not without:
            best = weights, intercept
    weights, intercept = best
    for name, texts in sets.items():
        odd = texts.half == 1
        score = 1 / (1 + np.exp(-(texts.seen[odd] @ weights + intercept)))
        flagged, toxic = score > 0.5, texts.toxic[odd]
        hits = (flagged & toxic).sum()
        f1 = 2 * hits / max(flagged.sum() + toxic.sum(), 1)
        print(f"{name}: {odd.sum()} texts, flagged {flagged.mean():.4f}, F1 {f1:.3f}, "
              f"mean score {score.mean():.3f} toxic {toxic.mean():.3f}")  # fmt: skip
    lines = [
        "# Made by tests/benchmarks/fit_toxicity.py, which says on what; do not edit by hand.",
        "about: >",
        "  Weights of quality.toxicity: the log odds that a listed word, or a word in a context, adds for each time it",
        "  stands in unit_words words.",
        "source: >",
        "  Own. Logistic regression with priors, on halves of OLID (Zampieri et al. 2019), of the tweets of Davidson",
        "  et al. 2017 and of sentences of ours.",
        f"unit_words: {UNIT_WORDS}",
        f"intercept: {intercept}",
        "weights:",
        *(f"  {name}: {weight}" for name, weight in zip(FEATURES, weights.tolist(), strict=True)),
    ]
    print("\n".join(lines[8:]))
    if given.write:
        (shipped("filters") / "toxicity.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
