"""Histograms of signals: every value once, and a bound parts what it rejects from what it keeps, exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.report.charts import histogram
from corpusforge.report.distributions import Distribution

VALUES = st.lists(st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3)), min_size=1, max_size=60)


@given(VALUES, st.none() | st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), st.booleans())
def test_bins_on_the_wrong_side_of_a_bound_hold_exactly_what_it_rejects(
    values: list[float], bound: float | None, below: bool
) -> None:
    bound = values[0] if bound is None else bound  # a value that is the bound itself is within
    low, high = (bound, None) if below else (None, bound)
    one = Distribution({0: "x"}, "x", low, high, values=[np.array(values)])
    drawn = one.histogram()
    assert drawn is not None
    assert sum(drawn["counts"]) == len(values)
    edges = np.array(drawn["edges"])
    assert (np.diff(edges) > 0).all()
    if not drawn["off"]:
        wrong = edges[1:] <= bound if below else edges[:-1] > bound
        rejected = sum(value < bound if below else value > bound for value in values)
        assert np.array(drawn["counts"])[wrong].sum() == rejected


def test_a_signal_that_nothing_has_is_no_chart() -> None:
    assert Distribution({0: "x"}, "x", None, 1.0, values=[np.array([np.nan])]).histogram() is None


@given(st.lists(st.integers(0, 10**5), min_size=1, max_size=60), st.integers(0, 10**5))
def test_an_axis_of_counts_has_no_more_than_a_bar_below_0_and_every_value_once(values: list[int], bound: int) -> None:
    drawn = Distribution({0: "x"}, "x", float(bound), None, values=[np.array(values, float)]).histogram()
    assert drawn is not None
    assert drawn["edges"][0] >= -0.05 * drawn["edges"][-1]
    assert sum(drawn["counts"]) == len(values)


def test_a_far_bound_makes_a_logarithmic_chart_whose_bins_are_of_about_one_width() -> None:
    values = np.geomspace(20, 5000, 400)
    drawn = Distribution({0: "x"}, "word_count", 50.0, 100_000.0, values=[values]).histogram()
    assert drawn is not None
    assert (drawn["scale"], drawn["off"]) == ("log", [])
    widths = np.diff(np.log1p(drawn["edges"]))
    assert widths.max() < 1.6 * widths.min()
    assert np.count_nonzero(drawn["counts"]) > 10
    svg = histogram(drawn["edges"], drawn["counts"], drawn["scale"], (50.0, 100_000.0), "word_count")
    assert all(f">{mark}</text>" in svg for mark in ("0", "10", "1k", "100k"))


def test_the_few_values_that_a_bound_of_0_rejects_are_drawn_beside_the_many_that_it_keeps() -> None:
    drawn = Distribution({0: "x"}, "xml_header", None, 0.0, values=[np.array([0.0] * 2000 + [1.0] * 4)]).histogram()
    assert drawn is not None
    widths, counts = np.diff(drawn["edges"]), np.array(drawn["counts"])
    assert sorted(counts[counts > 0]) == [4, 2000]
    assert (widths[counts > 0] > 0.01).all()
