"""The output layer of a fastText model: hierarchical softmax over a Huffman tree of the labels, or a flat layer.

Sums and rounding follow fastText step by step, since labels of nearly equal probability hang on the last bit.
Source: Joulin et al. 2017 (arXiv:1607.01759), section 2.1.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from corpusforge.text.arrays import Floats, Int32s, Int64s
from corpusforge.text.fasttext_words import Float32s

_SLACK = np.float32(2e-3)  # logarithms are of p + 1e-5: a score may grow by 1e-5 a level
_TABLE, _LARGEST = 512, np.float32(8)  # of fastText's table of the sigmoid


class Output(NamedTuple):
    """A model's output side as compiled code reads it."""

    weights: Float32s  # [dim, labels]; of a tree [dim, inner nodes + 1]: so that sums of many labels run side by side
    scales: Float32s  # [labels]: norms of a quantised layer, else 1
    children: Int32s  # [nodes, 2] of the tree, leaves first, root last; no rows: a flat layer
    sigmoid: Float32s  # table of the sigmoid for labels that are judged one by one; empty: softmax


def output_tables(output: Float32s, scales: Float32s, counts: Int64s | None, one_by_one: bool) -> Output:
    """Build the tables; `counts` of the labels for a tree, `one_by_one` for losses that judge each label alone."""
    children = np.zeros((0, 2), np.int32) if counts is None else softmax_tree(counts)
    steps = np.arange(_TABLE + 1, dtype=np.float32) * np.float32(2) * _LARGEST / np.float32(_TABLE) - _LARGEST
    powers = np.exp(-steps.astype(np.float64)).astype(np.float32)  # NumPy's float32 exp is not the C library's
    sigmoid = (1.0 / (1.0 + powers.astype(np.float64))).astype(np.float32)
    return Output(np.ascontiguousarray(output.T), scales, children, sigmoid if one_by_one else sigmoid[:0])


def softmax_tree(counts: Int64s) -> Int32s:
    """Return the children of every node of the Huffman tree over the labels (leaves: -1), root last."""
    leaves = len(counts)
    weights = np.concatenate([counts, np.full(max(0, leaves - 1), 10**15, np.int64)])
    children = np.full((2 * leaves - 1, 2), -1, np.int32)
    leaf, inner = leaves - 1, leaves
    for node in range(leaves, 2 * leaves - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[inner]:
                children[node, side] = leaf
                leaf -= 1
            else:
                children[node, side] = inner
                inner += 1
        weights[node] = weights[children[node]].sum()
    return children


@njit(cache=True)
def best_labels(vectors: Float32s, totals: Int64s, o: Output, labels: Int32s, scores: Float32s) -> None:
    """Write the most probable label of each vector and its probability, as fastText gives them for one label."""
    values = np.empty(o.weights.shape[1], np.float32)
    stack = np.empty(len(o.children) + 1, np.int64)
    waiting = np.empty(len(o.children) + 1, np.float32)
    shares = np.empty(len(o.children) + 1, np.float64)
    for d in range(len(vectors)):
        if totals[d] == 0:
            continue
        _products(vectors[d], o, values)
        if len(o.children):
            best, score, sure = _best_leaf(values, o.children, stack, waiting, shares)
            if not sure:
                best, score = _first_leaf(values, o.children, stack, waiting)
            labels[d] = best
            scores[d] = np.float32(math.exp(score))
            continue
        _activate(values, o.sigmoid)
        best = 0
        top = np.float32(-np.inf)
        score = np.float32(-np.inf)
        for i in range(len(values)):
            if values[i] < top - np.float32(1e-3):  # too small to have an equal logarithm
                continue
            logarithm = _log(values[i])
            if logarithm >= score:  # of equal ones the last, as fastText's heap keeps it
                best = i
                score = logarithm
                top = values[i]
        labels[d] = best
        scores[d] = np.float32(math.exp(score))


@njit(cache=True)
def all_labels(vectors: Float32s, totals: Int64s, o: Output, probabilities: Float32s) -> None:
    """Write the probability of every label for each vector, as fastText gives them for all labels; 0 without words."""
    values = np.empty(o.weights.shape[1], np.float32)
    nodes = np.empty(len(o.children), np.float32)
    for d in range(len(vectors)):
        if totals[d] == 0:
            probabilities[d] = 0
            continue
        _products(vectors[d], o, values)
        if len(o.children):
            leaves = probabilities.shape[1]
            nodes[len(nodes) - 1] = 0
            for node in range(len(nodes) - 1, leaves - 1, -1):  # a child comes before its parent
                f = _sigmoid(values[node - leaves])
                nodes[o.children[node, 0]] = nodes[node] + _log(np.float32(1.0 - np.float64(f)))
                nodes[o.children[node, 1]] = nodes[node] + _log(f)
            for i in range(leaves):
                probabilities[d, i] = np.float32(math.exp(nodes[i]))
        else:
            _activate(values, o.sigmoid)
            for i in range(len(values)):
                probabilities[d, i] = np.float32(math.exp(_log(values[i])))


@njit(cache=True)
def _products(vector: Float32s, o: Output, values: Float32s) -> None:
    """Row by vector for all rows of the layer; each sum in fastText's order."""
    values[:] = 0
    for j in range(len(vector)):
        x = vector[j]
        for i in range(len(values)):
            values[i] += x * o.weights[j, i]
    for i in range(len(values)):
        values[i] *= o.scales[i]


@njit(cache=True)
def _activate(values: Float32s, sigmoid: Float32s) -> None:
    if len(sigmoid):
        for i in range(len(values)):
            x = values[i]
            if x < -_LARGEST:
                values[i] = 0
            elif x > _LARGEST:
                values[i] = 1
            else:
                values[i] = sigmoid[int((x + _LARGEST) * np.float32(_TABLE) / _LARGEST / np.float32(2))]
        return
    top = values[0]
    for i in range(len(values)):
        top = max(top, values[i])
    total = np.float32(0)
    for i in range(len(values)):
        values[i] = np.float32(math.exp(np.float64(values[i] - top)))
        total += values[i]
    for i in range(len(values)):
        values[i] /= total


@njit(cache=True)
def _log(x: np.float32) -> np.float32:
    return np.float32(math.log(np.float64(x) + 1e-5))


@njit(cache=True)
def _sigmoid(x: np.float32) -> np.float32:
    return np.float32(1.0 / np.float64(np.float32(1) + math.exp(np.float32(-x))))


@njit(cache=True)
def _best_leaf(
    values: Float32s, children: Int32s, stack: Int64s, waiting: Float32s, shares: Floats
) -> tuple[int, np.float32, bool]:
    """Return the most probable leaf, its score, and whether no other comes near, so that the order cannot matter.

    The more probable child comes first: most others need no logarithm, since log(p + 1e-5) < p.
    """
    leaves = len(values)
    best = -1
    best_score = np.float32(-np.inf)
    second = np.float32(-np.inf)
    stack[0] = len(children) - 1
    waiting[0] = 0
    shares[0] = 1
    depth = 1
    while depth:
        depth -= 1
        node = stack[depth]
        if waiting[depth] + np.float32(shares[depth] - 1.0) < best_score - _SLACK:
            continue
        score = waiting[depth] + _log(np.float32(shares[depth])) if node < len(children) - 1 else np.float32(0)
        while score >= best_score - _SLACK:
            if node < leaves:
                if score > best_score:
                    second = best_score
                    best = node
                    best_score = score
                else:
                    second = max(second, score)
                break
            f = _sigmoid(values[node - leaves])
            left = 1.0 - np.float64(f)
            right = np.float64(f)
            side = 1 if right > left else 0
            stack[depth] = children[node, 1 - side]
            waiting[depth] = score
            shares[depth] = min(left, right)
            depth += 1
            node = children[node, side]
            score += _log(np.float32(max(left, right)))
    return best, best_score, bool(second < best_score - np.float32(1e-3) and best_score > np.float32(-11))


@njit(cache=True)
def _first_leaf(values: Float32s, children: Int32s, stack: Int64s, waiting: Float32s) -> tuple[int, np.float32]:
    """Return the most probable leaf and its score: depth first, left before right, as fastText prunes."""
    leaves = len(values)
    stack[0] = len(children) - 1
    waiting[0] = 0
    depth = 1
    best = -1
    best_score = np.float32(-np.inf)
    lowest = _log(np.float32(0))
    while depth:
        depth -= 1
        node = stack[depth]
        score = waiting[depth]
        if score < lowest or score < best_score:
            continue
        if children[node, 0] < 0:
            best = node
            best_score = score
            continue
        f = _sigmoid(values[node - leaves])
        stack[depth] = children[node, 1]
        waiting[depth] = score + _log(f)
        stack[depth + 1] = children[node, 0]
        waiting[depth + 1] = score + _log(np.float32(1.0 - np.float64(f)))
        depth += 2
    return best, best_score
