"""Far values do not stretch an axis, and are still told."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mtlx.results.outliers import far_values, show_far

NEAR = np.array([0.946, 0.947, 0.9455, 0.9465, 0.9475, 0.9462, 0.9468, np.nan])
VALUES = np.append(NEAR, [0.7, 0.9466])


def test_values_far_outside_the_middle_half_are_found():
    np.testing.assert_array_equal(np.flatnonzero(far_values(VALUES)), [8])
    np.testing.assert_array_equal(np.flatnonzero(far_values(-VALUES)), [8])


@pytest.mark.parametrize("values", [NEAR, np.array([1.0, 2, 50]), np.eye(9)[0]])
def test_few_or_close_values_are_not_far(values):
    assert not far_values(values).any()


def drawn(values):
    axis = Figure().subplots()
    y = np.arange(len(values))
    axis.plot(values, y, "o")
    show_far(axis, values, np.full(len(values), 0.001), y)
    return axis


@pytest.mark.parametrize(("sign", "text"), [(1, "◂ 0.7"), (-1, "-0.7 ▸")])
def test_the_axis_holds_the_others_with_their_intervals(sign, text):
    axis = drawn(sign * VALUES)
    low, high = sorted(sign * bound for bound in axis.get_xlim())
    assert 0.94 < low < 0.9445
    assert 0.9485 < high < 0.95
    (note,) = axis.texts
    assert note.get_text() == text
    assert note.xy[1] == 8


def test_without_far_values_the_axis_stays():
    axis = drawn(NEAR)
    assert axis.get_xlim() == pytest.approx((0.9454, 0.9476))
    assert not axis.texts
