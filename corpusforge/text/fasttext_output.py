"""The output layer of a fastText model: softmax, or hierarchical softmax over a Huffman tree of the labels.

Sums and rounding follow fastText step by step, since labels of nearly equal probability hang on the last bit.
Source: Joulin et al. 2017 (arXiv:1607.01759), section 2.1.
"""

import math

import numpy as np
from numba import njit

from corpusforge.text.arrays import Int32s, Int64s
from corpusforge.text.fasttext_words import Float32s


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
def _dot(a: Float32s, b: Float32s) -> np.float32:
    total = np.float32(0)
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(cache=True)
def _log(x: np.float32) -> np.float32:
    return np.float32(math.log(np.float64(x) + 1e-5))


@njit(cache=True)
def descend(vector: Float32s, output: Float32s, children: Int32s) -> tuple[int, np.float32]:
    """Return the most probable leaf and its probability: depth first, left before right, as fastText prunes."""
    leaves = len(output)
    stack = np.empty(len(children) + 1, np.int64)
    waiting = np.empty(len(children) + 1, np.float32)
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
        f = _dot(output[node - leaves], vector)
        f = np.float32(1.0 / np.float64(np.float32(1) + math.exp(np.float32(-f))))
        stack[depth] = children[node, 1]
        waiting[depth] = score + _log(f)
        stack[depth + 1] = children[node, 0]
        waiting[depth + 1] = score + _log(np.float32(1.0 - np.float64(f)))
        depth += 2
    return best, np.float32(math.exp(best_score))


@njit(cache=True)
def softmax(vector: Float32s, output: Float32s) -> tuple[int, np.float32]:
    """Return the most probable label and its probability; of equal ones the last, as fastText's heap keeps it."""
    values = np.empty(len(output), np.float32)
    top = np.float32(-np.inf)
    for i in range(len(output)):
        values[i] = _dot(output[i], vector)
        top = max(top, values[i])
    total = np.float32(0)
    for i in range(len(values)):
        values[i] = np.float32(math.exp(np.float64(values[i] - top)))
        total += values[i]
    best = 0
    best_score = np.float32(-np.inf)
    for i in range(len(values)):
        score = _log(values[i] / total)
        if score >= best_score:
            best = i
            best_score = score
    return best, np.float32(math.exp(best_score))
