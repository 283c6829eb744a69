"""How good scores are on held-out examples: accuracy, area under the ROC curve, precision and recall, calibration."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


def figures(labels: tuple[str, ...], truth: NDArray[np.int64], scores: Scores) -> dict[str, Any]:
    """Return every figure as plain data; `truth` holds indices of labels, `scores` [examples, labels] probabilities."""
    found = scores.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (truth, found), 1)
    return {
        "examples": len(truth),
        "accuracy": _rounded((found == truth).mean()) if len(truth) else None,
        "confusion": {
            label: {other: int(confusion[i, j]) for j, other in enumerate(labels)} for i, label in enumerate(labels)
        },
        "labels": {label: label_figures(truth == i, scores[:, i]) for i, label in enumerate(labels)},
    }


def label_figures(truth: Truth, scores: Scores) -> dict[str, Any]:
    """Return the figures of one label against all others."""
    return {
        "examples": int(truth.sum()),
        "auc": area_under_curve(truth, scores),
        "thresholds": [at_threshold(truth, scores, threshold) for threshold in THRESHOLDS],
        **calibration(truth, scores),
    }


def area_under_curve(truth: Truth, scores: Scores) -> float | None:
    """Return the chance that a positive scores above a negative, ties half; None without one of the two.

    >>> area_under_curve(np.array([True, False, True, False]), np.array([0.9, 0.1, 0.5, 0.5]))
    0.875
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    _, which, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of equal scores
    wins = ranks[which][truth].sum() - positives * (positives + 1) / 2
    return _rounded(wins / (positives * negatives))


def at_threshold(truth: Truth, scores: Scores, threshold: float) -> dict[str, float | None]:
    """Return precision and recall when scores from `threshold` on count, and the share of all that it keeps."""
    kept = scores >= threshold
    hits = int((kept & truth).sum())
    return {
        "threshold": threshold,
        "precision": _rounded(hits / kept.sum()) if kept.any() else None,
        "recall": _rounded(hits / truth.sum()) if truth.any() else None,
        "kept_fraction": _rounded(kept.mean()) if len(kept) else None,
    }


def calibration(truth: Truth, scores: Scores, bins: int = 10) -> dict[str, Any]:
    """Compare scores with shares of positives, in bins of equal width.

    The calibration error is the mean distance of the two, weighted by the examples of each bin (ECE).
    """
    which = np.minimum((scores * bins).astype(np.int64), bins - 1)
    counts = np.bincount(which, minlength=bins)
    safe = np.maximum(counts, 1)
    mean_score = np.bincount(which, scores, bins) / safe
    share = np.bincount(which, truth, bins) / safe
    error = float((np.abs(mean_score - share) * counts).sum() / max(len(truth), 1))
    filled = np.flatnonzero(counts)
    return {
        "calibration_error": _rounded(error),
        "calibration": [
            {"examples": int(counts[b]), "mean_score": _rounded(mean_score[b]), "true_fraction": _rounded(share[b])}
            for b in filled
        ],
    }


def _rounded(value: Any) -> float:
    return round(float(value), 6)
