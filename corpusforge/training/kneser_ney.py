"""Interpolated modified Kneser-Ney smoothing over the levels of `ngram_counts`.

p(w | h) = max(a(hw) - D(a), 0) / sum_v a(hv) + g(h) p(w | h'), h' being h without its first word; a is the adjusted
count, and D has three values for each level, from the counts of counts n1..n4: D(k) = k - (k + 1) n1 / (n1 + 2 n2) *
n(k+1) / n(k). g(h) gives what the discounts left, and the whole counts of pruned n-grams. Under single words lies the
uniform distribution over all words and <unk>, so that <unk>, which is never counted, gets its share of that.

Source: Chen and Goodman 1998 (TR-10-98, section 3); Heafield et al. 2013 (ACL) for the interpolation of all levels,
<unk>, and pruning by the plain count, which keeps every prefix and suffix of what stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from corpusforge.text.arrays import Bools, Floats, Int64s, UInt32s
from corpusforge.training.ngram_counts import BEGIN, UNKNOWN, Level

Float32s = npt.NDArray[np.float32]
FALLBACK = (0.5, 1.0, 1.5)  # discounts where counts of counts give none, as KenLM's --discount_fallback


@dataclass
class Smoothed:
    """One level of the model: log10 of probabilities and backoffs of n-grams, and which of them stay.

    `probability`, `backoff` float32[nodes]; `kept` bool[nodes]; `discounts`: D1, D2, D3+; `estimated`: whether they
    come from the counts.
    """

    words: UInt32s
    suffix: UInt32s
    probability: Float32s
    backoff: Float32s
    kept: Bools
    discounts: tuple[float, float, float]
    estimated: bool


def smooth(levels: Sequence[Level], prune: Sequence[int]) -> list[Smoothed]:
    """Return the smoothed levels; n-grams of k words that occur at most `prune[k - 1]` times are left out."""
    made: list[Smoothed] = []
    context: UInt32s = np.zeros(0, np.uint32)
    lower: Floats = np.zeros(0)
    children: Int64s = np.zeros(0, np.int64)
    for k, level in enumerate(levels):
        discounts, estimated = discounts_of(level.adjusted)
        kept = level.raw > prune[k]
        if k == 0:
            kept[:] = True
            probability = _single_words(level.adjusted, discounts)
        else:
            if k > 1:
                nodes = len(levels[k - 2].words)
                children = np.searchsorted(levels[k - 1].suffix, np.arange(nodes + 1, dtype=np.uint32)).astype(np.int64)
            context = _contexts(level.words, level.suffix, context, children, made[-1].words)
            below = made[-1]
            parts = _context_sums(level.adjusted, kept, context, len(below.words))
            share = _left_over(parts, discounts)
            probability = _interpolated(level.adjusted, level.suffix, context, parts[0], share, lower, discounts)
            below.backoff[:] = np.log10(share)
        with np.errstate(divide="ignore"):
            log = np.log10(probability).astype(np.float32)
        if k == 0:
            log[BEGIN] = -99  # never predicted; ARPA files write it so
        made.append(
            Smoothed(level.words, level.suffix, log, np.zeros(len(log), np.float32), kept, discounts, estimated)
        )
        lower = probability
    return made


def discounts_of(adjusted: UInt32s) -> tuple[tuple[float, float, float], bool]:
    """Return D1, D2 and D3+ and whether the counts gave them; FALLBACK for too few or strange counts."""
    n = [int((adjusted == k).sum()) for k in range(1, 5)]
    if min(n) == 0:
        return FALLBACK, False
    y = n[0] / (n[0] + 2 * n[1])
    found = tuple(k - (k + 1) * y * n[k] / n[k - 1] for k in range(1, 4))
    if any(not 0 < d <= k for k, d in enumerate(found, 1)):
        return FALLBACK, False
    return (found[0], found[1], found[2]), True


def _single_words(adjusted: UInt32s, discounts: tuple[float, float, float]) -> Floats:
    total = int(adjusted.sum(dtype=np.uint64))
    taken = np.array([0.0, *discounts])[np.minimum(adjusted, 3)]
    uniform = taken.sum() / total / (len(adjusted) - 1)  # <s> is never predicted
    found: Floats = (adjusted - taken) / total + uniform
    found[BEGIN] = 0
    found[UNKNOWN] = uniform
    return found


@njit(cache=True)
def _contexts(words: UInt32s, suffix: UInt32s, of_suffix: UInt32s, children: Int64s, lower_words: UInt32s) -> UInt32s:
    """Return each n-gram's node without its last word, on the level below.

    It is the child of the context of the n-gram's suffix, `of_suffix`, that begins with the n-gram's first word;
    `children[c]` to `children[c + 1]` are the nodes whose suffix is `c`.
    """
    found = np.empty(len(words), np.uint32)
    if len(of_suffix) == 0:  # pairs of words: the context is the first word
        found[:] = words
        return found
    for i in range(len(words)):
        parent = of_suffix[suffix[i]]
        low, high = children[parent], children[parent + 1]
        while low < high:
            middle = (low + high) >> 1
            if lower_words[middle] < words[i]:
                low = middle + 1
            else:
                high = middle
        found[i] = low
    return found


@njit(cache=True)
def _context_sums(adjusted: UInt32s, kept: Bools, context: UInt32s, contexts: int) -> Floats:
    """Return per context: the sum of counts, how many kept n-grams count 1, 2, more, the sum of pruned counts."""
    parts = np.zeros((5, contexts))
    for i in range(len(adjusted)):
        c = context[i]
        count = adjusted[i]
        parts[0, c] += count
        if kept[i]:
            parts[min(count, 3), c] += 1
        else:
            parts[4, c] += count
    return parts


def _left_over(parts: Floats, discounts: tuple[float, float, float]) -> Floats:
    """Return g(h): the share of each context's probability that goes to the level below; 1 for an unseen one."""
    mass = discounts[0] * parts[1] + discounts[1] * parts[2] + discounts[2] * parts[3] + parts[4]
    return np.where(parts[0] == 0, 1.0, mass / np.maximum(parts[0], 1))


@njit(cache=True)
def _interpolated(
    adjusted: UInt32s,
    suffix: UInt32s,
    context: UInt32s,
    total: Floats,
    share: Floats,
    lower: Floats,
    discounts: tuple[float, float, float],
) -> Floats:
    found = np.empty(len(adjusted))
    for i in range(len(adjusted)):
        count = adjusted[i]
        c = context[i]
        left = count - discounts[min(count, 3) - 1]
        found[i] = left / total[c] + share[c] * lower[suffix[i]]
    return found
