"""Figures on held-out examples are what their names say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.training.held_out import area_under_curve, at_threshold, calibration, figures

SCORED = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])), min_size=2, max_size=40)


@given(SCORED)
def test_the_area_is_the_chance_that_a_positive_scores_higher(scored: list[tuple[bool, float]]) -> None:
    positives = [score for truth, score in scored if truth]
    negatives = [score for truth, score in scored if not truth]
    found = area_under_curve(np.array([t for t, _ in scored]), np.array([s for _, s in scored]))
    if not positives or not negatives:
        assert found is None
        return
    wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
    assert found == round(wins / (len(positives) * len(negatives)), 6)


def test_precision_and_recall_count_scores_from_the_threshold_on() -> None:
    truth, scores = np.array([True, True, False, False]), np.array([0.9, 0.5, 0.5, 0.1])
    assert at_threshold(truth, scores, 0.5) == {
        "threshold": 0.5, "precision": round(2 / 3, 6), "recall": 1.0, "kept_fraction": 0.75
    }  # fmt: skip
    assert at_threshold(truth, scores, 0.95)["precision"] is None


def test_scores_that_are_true_shares_have_no_calibration_error() -> None:
    truth = np.array([True] * 3 + [False] * 1 + [True] * 1 + [False] * 3)
    assert calibration(truth, np.array([0.75] * 4 + [0.25] * 4))["calibration_error"] == 0
    assert calibration(truth, np.array([1.0001] * 8))["calibration_error"] == 0.5001


def test_accuracy_and_confusion_are_of_the_best_label() -> None:
    found = figures(("a", "b"), np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]))
    assert found["accuracy"] == round(2 / 3, 6)
    assert found["confusion"] == {"a": {"a": 1, "b": 1}, "b": {"a": 0, "b": 1}}
