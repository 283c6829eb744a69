"""The model of main text: its trees, what they see of other blocks, and its file."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from corpusforge.stages.extract.block_features import features, names
from corpusforge.stages.extract.block_model import CONTEXT, MODEL, apply, choose, context, main_probability, model
from corpusforge.stages.extract.page_blocks import LENGTH, blocks
from corpusforge.stages.extract.page_tree import tree

SENTENCE = "The quick brown fox jumps over the lazy dog, and so on. "


def parsed(html: str):
    page = tree(str(HTMLTree.parse(html)).encode())
    return page, blocks(page)


def test_the_file_is_small_and_its_trees_fit_the_features() -> None:
    assert MODEL.stat().st_size < 200_000
    for trees, columns in zip(model(), (len(names()), len(names()) + CONTEXT), strict=True):
        assert trees.features.max() < columns
        assert np.isfinite(trees.thresholds).all()
        # every node and leaf but the roots is the child of one node, so no walk goes in circles
        children = np.concatenate([trees.children.ravel(), trees.roots])
        assert sorted(children) == list(range(-len(trees.leaves), len(trees.thresholds)))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_trees_are_walked_as_written(seed: int) -> None:
    rows = np.random.default_rng(seed).normal(0, 2, (20, len(names()))).astype(np.float32)
    trees = model()[0]

    def odds(row: np.ndarray) -> float:
        total = 0.0
        for node in trees.roots:
            while node >= 0:
                node = trees.children[node][int(row[trees.features[node]] > trees.thresholds[node])]
            total += float(trees.leaves[-1 - node])
        return total

    np.testing.assert_allclose(apply(rows, *trees), [1 / (1 + np.exp(-odds(row))) for row in rows], rtol=1e-5)


def test_context_holds_the_neighbours_and_the_means_around() -> None:
    page, cut = parsed("<div><p>aaaa<p>bb</div><div><p>cccc</div>")
    first = np.array([1.0, 0.5, 0.25], np.float32)
    found = context(first, cut.counts, cut.elements, page.parents)
    assert cut.counts[:, LENGTH].tolist() == [4, 2, 4]
    assert found[:, 0].tolist() == first.tolist()
    assert found[:, 1].tolist() == [-1, 1, 0.5]  # before
    assert found[:, 2].tolist() == [0.5, 0.25, -1]  # after
    everything = (4 * 1 + 2 * 0.5 + 4 * 0.25) / 10
    np.testing.assert_allclose(found[:, 9], [everything] * 3)
    np.testing.assert_allclose(found[:, 12], first)  # the innermost element holds the block alone
    np.testing.assert_allclose(found[:, 13], [5 / 6, 5 / 6, everything])


def test_navigation_and_comments_are_told_from_the_article() -> None:
    links = "<li><a href=/>Topic</a>" * 9
    article = f"<h1>A heading</h1><p>{SENTENCE * 6}<p>{SENTENCE * 5}"
    comments = "<div class=comments><p class=comment>First! Great post.</div>"
    page, cut = parsed(
        f"<nav><ul>{links}</ul></nav><article>{article}</article>{comments}<footer><a href=/>Imprint</a></footer>"
    )
    chosen = main_probability(page, cut, features(page, cut), model()) > 0.5
    texts = cut.counts[:, LENGTH] > 150
    assert chosen[texts].all()
    assert not chosen[:9].any()
    assert not chosen[-1]


def test_a_page_is_judged_the_same_whatever_was_judged_before() -> None:
    page, cut = parsed(f"<h1>A</h1><p>{SENTENCE * 4}<p>b")
    again = main_probability(page, cut, features(page, cut), model())
    other, others = parsed("<p>x" * 400)
    main_probability(other, others, features(other, others), model())
    assert (main_probability(page, cut, features(page, cut), model()) == again).all()


def test_a_page_without_probable_blocks_gives_its_best_ones() -> None:
    lengths = np.array([30, 200, 400, 20], np.float32)
    assert choose(np.array([0.9, 0.2, 0.5, 0.1], np.float32), lengths, 0.45).tolist() == [True, False, True, False]
    assert choose(np.array([0.01, 0.2, 0.3, 0.1], np.float32), lengths, 0.45).tolist() == [False, True, True, False]
    assert not choose(np.full(4, 0.01, np.float32), lengths, 0.45).any()
    assert choose(np.zeros(0, np.float32), np.zeros(0, np.float32), 0.45).tolist() == []
