"""Histograms of signals: every value once, and a bound parts what it rejects from what it keeps, exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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
