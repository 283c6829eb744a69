"""Train the model of main text of extract.html (corpusforge/stages/extract/main_text.npz) from labelled pages.

    pip install "lightgbm>=4.5,<5"
    python tests/benchmarks/train_main_text.py DATA OUT.npz [--pages all | tune] [--folds 5]

DATA is the folder of compare_extractors.py. A block is labelled by aligning its words with those of a page's expected
text. Where a set has only snippets or the beginning of a text, the label of the other blocks is the share of
extractors (three modes of trafilatura, resiliparse) that keep them; snippets overrule that. `--pages tune` trains on
the tune half of compare_extractors.py, so that the other half can report. `--folds` first prints figures of models
that have not seen the registered domain of the page. The same data and versions give the same file.

The second trees learn from answers of first trees that have not seen the page. Tried on three folds and left out, as
they made no difference beyond 0.003: trees of 31 leaves, 160 of them, fractions as labels, more weight on full texts.
"""

import argparse
import logging
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np
import regex
from compare_extractors import Page, fold, libraries, load_pages, scores
from numba import njit
from resiliparse.parse.html import HTMLTree

from corpusforge.stages.extract.block_features import features
from corpusforge.stages.extract.block_model import choose, context
from corpusforge.stages.extract.main_text import LEAST
from corpusforge.stages.extract.page_blocks import LENGTH, PageBlocks, blocks
from corpusforge.stages.extract.page_text import text
from corpusforge.stages.extract.page_tree import CODE, TEXT, PageTree, tree

TEACHERS = {"trafilatura": 0.5, "trafilatura precision": 0.2, "trafilatura recall": 0.2, "resiliparse main": 0.1}
MATCHED = 0.6  # of a block's words in the alignment: the block is main text
TREES = 120  # of each of the two sets
INNER_FOLDS = 4
WORD = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]|[\w--[\p{Han}\p{Hiragana}\p{Katakana}]]+", regex.V1)
PARAMETERS = {
    "objective": "cross_entropy",
    "learning_rate": 0.08,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


class Labelled(NamedTuple):
    """A page with the label (0..1) and the weight of each of its blocks."""

    page: Page
    tree: PageTree
    blocks: PageBlocks
    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def labelled(page: Page, taught: dict[str, str]) -> Labelled:
    """Label the blocks of a page; `taught` holds the texts of the extractors."""
    parsed = tree(str(HTMLTree.parse(page.html)).encode("utf-8", "replace"))
    cut = blocks(parsed)
    texts = [_block_text(parsed, cut, b) for b in range(len(cut.elements))]
    words = [WORD.findall(one.lower()) for one in texts]
    sizes = np.array([len(one) for one in words], np.int64)
    labels = np.zeros(len(sizes))
    weights = np.sqrt(np.minimum(sizes, 100)) + 0.3
    if page.set == "readability":
        labels = (_matched(words, page.expected) > MATCHED).astype(float)
    else:
        for name, share in TEACHERS.items():
            labels += share * _matched(words, taught[name])
        weights *= 0.5
    if page.set == "goose3" and page.expected:
        begins = _matched(words, page.expected) > MATCHED
        known = slice(0, int(np.flatnonzero(begins)[-1]) + 1 if begins.any() else 0)
        labels[known] = begins[known]
        weights[known] *= 2
    if page.set == "trafilatura-eval-dev":
        plain = [" ".join(one.split()) for one in texts]
        inside = np.array([any(" ".join(s.split()) in one for s in page.gold["with"]) for one in plain], bool)
        outside = np.array([any(" ".join(s.split()) in one for s in page.gold["without"]) for one in plain], bool)
        outside &= ~inside
        labels[inside], labels[outside] = 1, 0
        weights[inside] *= 4
        weights[outside] = 4 * weights[outside] + 2
    if len(weights):
        weights /= np.sqrt(weights.sum() / 10)  # a page of many blocks does not outweigh the others
    return Labelled(page, parsed, cut, features(parsed, cut), labels, weights)


def _block_text(parsed: PageTree, cut: PageBlocks, block: int) -> str:
    parts = []
    for token in range(*cut.tokens[block]):
        element = parsed.elements[token]
        if cut.skipped[element]:
            continue
        if parsed.kinds[token] == TEXT:
            parts.append(parsed.html[slice(*parsed.spans[token])].tobytes().decode("utf-8", "replace"))
        elif parsed.tags[element] == CODE["br"]:
            parts.append(" ")
    return unescape("".join(parts))


def _matched(words: list[list[str]], expected: str) -> np.ndarray:
    """Return the share of each block's words that the alignment with an expected text matches."""
    ids: dict[str, int] = {}
    mine = np.array([ids.setdefault(word, len(ids)) for block in words for word in block], np.int64)
    theirs = np.array([ids.setdefault(word, len(ids)) for word in WORD.findall(expected.lower())[:30_000]], np.int64)
    hits = align(mine, theirs) if len(mine) and len(theirs) else np.zeros(len(mine), bool)
    sizes = np.array([len(block) for block in words], np.int64)
    sums, ends = np.concatenate([[0], np.cumsum(hits)]), np.cumsum(sizes)
    share: np.ndarray = (sums[ends] - sums[ends - sizes]) / np.maximum(sizes, 1)
    return share


@njit(cache=True)
def align(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return which of my words a global alignment matches: 2 for a match, 1 more where it continues a run."""
    n, m = len(mine), len(theirs)
    score, run = np.zeros((2, m + 1), np.int32), np.full((2, m + 1), -1_000_000, np.int32)
    steps = np.zeros((n + 1, m + 1), np.uint8)  # 1 match, 2 skip mine, 3 skip theirs; 4: the match continues a run
    for i in range(1, n + 1):
        now, before = i & 1, (i - 1) & 1
        for j in range(1, m + 1):
            best, step = score[before, j], 2
            if score[now, j - 1] > best:
                best, step = score[now, j - 1], 3
            ending, continues = -1_000_000, 0
            if mine[i - 1] == theirs[j - 1]:
                ending = score[before, j - 1] + 2
                if run[before, j - 1] + 3 >= ending:
                    ending, continues = run[before, j - 1] + 3, 4
                if ending > best:
                    best, step = ending, 1
            run[now, j], score[now, j], steps[i, j] = ending, best, step | continues
    hits = np.zeros(n, np.bool_)
    i, j, inside = n, m, False
    while i > 0 and j > 0:
        step = steps[i, j]
        if inside or step & 3 == 1:
            hits[i - 1] = True
            inside = step & 4 != 0
            i, j = i - 1, j - 1
        elif step & 3 == 2:
            i -= 1
        else:
            j -= 1
    return hits


def train(of: Sequence[Labelled], rows: Sequence[np.ndarray], seed: int) -> lightgbm.Booster:
    """Return boosted trees over `rows` of the blocks of pages."""
    data = lightgbm.Dataset(
        np.concatenate(rows),
        np.concatenate([one.labels for one in of]),
        weight=np.concatenate([one.weights for one in of]),
    )
    return lightgbm.train({**PARAMETERS, "seed": seed}, data, TREES)


def predict(trees: lightgbm.Booster, rows: np.ndarray) -> np.ndarray:
    """Return probabilities."""
    return trees.predict(rows, num_threads=1).astype(np.float32) if len(rows) else np.zeros(0, np.float32)


def with_context(one: Labelled, first: np.ndarray) -> np.ndarray:
    """Return the features that the second trees see."""
    return np.hstack((one.features, context(first, one.blocks.counts, one.blocks.elements, one.tree.parents)))


def train_both(of: Sequence[Labelled]) -> tuple[lightgbm.Booster, lightgbm.Booster]:
    """Return the first and the second trees."""
    inner = np.array([fold(one.page, 1000) // 7 % INNER_FOLDS for one in of])
    seen: list[np.ndarray | None] = [None] * len(of)
    for number in range(INNER_FOLDS):
        rest = [one for one, k in zip(of, inner, strict=True) if k != number]
        trees = train(rest, [one.features for one in rest], 1)
        for i in np.flatnonzero(inner == number):
            seen[i] = predict(trees, of[i].features)
    first = train(of, [one.features for one in of], 1)
    return first, train(of, [with_context(one, p) for one, p in zip(of, seen, strict=True)], 2)


def arrays(trees: lightgbm.Booster, number: int) -> dict[str, np.ndarray]:
    """Return the arrays of block_model.Trees, in one numbering of nodes and leaves over all trees."""
    roots, chosen, thresholds, children, leaves = [], [], [], [], []
    for one in trees.dump_model()["tree_info"]:

        def walk(node: dict) -> int:
            if "leaf_value" in node:
                leaves.append(node["leaf_value"])
                return -len(leaves)
            place = len(chosen)
            chosen.append(node["split_feature"])
            thresholds.append(_below(node["threshold"]))
            children.append((0, 0))
            children[place] = (walk(node["left_child"]), walk(node["right_child"]))
            return place

        roots.append(walk(one["tree_structure"]))
    return {
        f"roots{number}": np.array(roots, np.int32),
        f"features{number}": np.array(chosen, np.uint8),
        f"thresholds{number}": np.array(thresholds, np.float32),
        f"children{number}": np.array(children, np.int16),
        f"leaves{number}": np.array(leaves, np.float32),
    }


def _below(threshold: float) -> np.float32:
    """Return the largest float32 at or below a threshold: float32 features fall on the same side of both."""
    rounded = np.float32(threshold)
    return rounded if rounded <= threshold else np.nextafter(rounded, np.float32(-np.inf))


def main() -> None:
    """Train, print figures, write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--pages", choices=("all", "tune"), default="all")
    options.add_argument("--folds", type=int, default=0)
    chosen = options.parse_args()
    logging.disable(logging.CRITICAL)
    found = [page for page in load_pages(chosen.data) if chosen.pages == "all" or fold(page, 2) == 0]
    teachers = {name: extract for name, extract in libraries().items() if name in TEACHERS}
    of = []
    for page in found:
        needs = page.set != "readability"
        of.append(labelled(page, {name: extract(page.html) for name, extract in teachers.items()} if needs else {}))
    print(f"{len(of)} pages, {sum(len(one.labels) for one in of)} blocks", flush=True)
    if chosen.folds:
        unseen = [""] * len(of)
        for number in range(chosen.folds):
            held = [i for i, one in enumerate(of) if fold(one.page, chosen.folds) == number]
            first, second = train_both([of[i] for i in sorted(set(range(len(of))) - set(held))])
            for i in held:
                one = of[i]
                if len(one.labels):
                    probable = predict(second, with_context(one, predict(first, one.features)))
                    keep = choose(probable, one.blocks.counts[:, LENGTH], LEAST["balanced"])
                    unseen[i] = text(one.tree, one.blocks, keep)
        print(f"unseen domains, {chosen.folds} folds: {scores(unseen, found)}", flush=True)
    first, second = train_both(of)
    np.savez_compressed(chosen.out, **arrays(first, 1), **arrays(second, 2))
    print(f"{chosen.out}: {chosen.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
