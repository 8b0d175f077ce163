"""Bootstrap, interquartile mean, probability of improvement."""

import math

import numpy as np
import pytest
from scipy import stats

from mtlx.results.bootstrap import bootstrap_interval, interquartile_mean
from mtlx.results.improvement import probability_of_improvement

SKEWED = np.random.default_rng(3).exponential(2.0, 25)


def test_the_interval_is_scipys_bca():
    expected = stats.bootstrap(
        (SKEWED,), np.mean, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert bootstrap_interval(SKEWED) == pytest.approx(expected)
    assert bootstrap_interval([*SKEWED, math.nan]) == pytest.approx(expected)


def test_bca_follows_the_skew():
    """The percentile interval of a right-skewed sample lies too far left."""
    low, high = bootstrap_interval(SKEWED)
    plain = stats.bootstrap(
        (SKEWED,), np.mean, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    assert low > plain.low and high > plain.high


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [1.0, 2.0, math.inf]])
def test_what_says_nothing_is_nan(values):
    assert all(math.isnan(end) for end in bootstrap_interval(values))


def test_no_spread_has_no_width():
    assert bootstrap_interval([0.5] * 4) == (0.5, 0.5)


def test_interquartile_mean_by_hand():
    values = [1000.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1000.0]
    assert interquartile_mean(values) == (2 + 3 + 4 + 5) / 4
    assert interquartile_mean([1.0, 2.0, 6.0]) == 3.0
    rows = np.array([values, np.arange(8.0)])
    assert interquartile_mean(rows, axis=1) == pytest.approx([3.5, 3.5])
    assert math.isnan(interquartile_mean([1.0, math.nan, 2.0, 3.0]))


def test_improvement_is_mann_whitneys_u_over_the_pairs():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, (7, 1)), rng.integers(0, 4, (9, 1))  # with ties
    u = stats.mannwhitneyu(x[:, 0], y[:, 0]).statistic
    found = probability_of_improvement(x, y)
    assert found.probability == pytest.approx(u / (7 * 9))
    assert found.bounds.low < found.probability < found.bounds.high


def test_improvement_by_hand():
    x = [[1.0, 5.0], [3.0, 5.0]]
    y = [[2.0, 5.0], [2.0, 6.0]]
    # first task: 3 of the runs beats both, 1 none: 1/2; second: tie, loss: 1/4.
    assert probability_of_improvement(x, y).probability == (0.5 + 0.25) / 2


def test_improvement_draws_whole_runs():
    """Two tasks that say the same are as sure as one, not surer."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.3, 1, (10, 1)), rng.normal(0, 1, (10, 1))
    one = probability_of_improvement(x, y)
    both = probability_of_improvement(np.tile(x, 2), np.tile(y, 2))
    assert both == one


@pytest.mark.parametrize("x", [[[math.nan]], [[1.0], [math.nan]]])
def test_improvement_without_a_value_is_nan(x):
    found = probability_of_improvement(x, [[1.0], [2.0]])
    assert math.isnan(found.probability) and math.isnan(found.bounds.low)


def test_one_run_has_no_interval():
    found = probability_of_improvement([[3.0]], [[1.0], [2.0]])
    assert found.probability == 1.0 and math.isnan(found.bounds.low)
