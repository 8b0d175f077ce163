"""Metrics of amounts against scikit-learn, SciPy and the areas that they stand for."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from mtlx import ziln
from mtlx.metrics import METRICS, evaluate
from mtlx.tasks import Task

GINI = METRICS["gini"]


def rows(seed=0, count=300):
    rng = np.random.default_rng(seed)
    amount = np.where(rng.random(count) < 0.4, rng.lognormal(3, 1, count), 0.0)
    return np.round(amount / 30 + rng.normal(0, 1, count), 1), amount


def gini(predicted, amount, where=None):
    where = np.ones(len(amount), bool) if where is None else where
    return GINI.compute(GINI.measure(predicted, amount, where))


def area(scores, amount):
    """Between the diagonal and the Lorenz curve of rows in the order of `scores`."""
    order = np.argsort(scores, kind="stable")
    curve = np.append(0.0, np.cumsum(amount[order])) / amount.sum()
    return 0.5 - np.trapezoid(curve, dx=1 / len(amount))


def test_it_is_the_ratio_of_areas_where_no_prediction_ties():
    predicted, amount = rows()
    predicted = stats.rankdata(predicted, method="ordinal")
    expected = area(predicted, amount) / area(amount, amount)
    assert gini(predicted, amount) == pytest.approx(expected, abs=1e-12)


def test_ties_count_as_the_mean_of_their_orders():
    predicted, amount = rows(1, 40)
    predicted = np.round(predicted)
    rng = np.random.default_rng(0)
    shuffled = [
        area(np.lexsort((rng.random(40), predicted)).argsort(), amount)
        for _ in range(4_000)
    ]
    standard_error = np.std(shuffled) / np.sqrt(len(shuffled))
    found = gini(predicted, amount) * area(amount, amount)
    assert abs(found - np.mean(shuffled)) < 5 * standard_error


def test_of_zeros_and_ones_it_is_auc():
    predicted, amount = rows(2)
    bought = (amount > 0).astype(float)
    expected = 2 * sk.roc_auc_score(bought, predicted) - 1
    assert gini(predicted, bought) == pytest.approx(expected, abs=1e-12)


def test_the_order_of_the_rows_changes_nothing_and_parts_merge():
    """A constant scores 0 even where the rows come sorted by their amounts."""
    predicted, amount = rows(3)
    order = np.argsort(amount)
    assert gini(np.ones(300), amount[order]) == pytest.approx(0.0, abs=1e-12)
    assert gini(amount, amount) == pytest.approx(1.0, abs=1e-12)
    where = np.ones(150, bool)
    parts = [
        GINI.measure(predicted[half], amount[half], where)
        for half in (slice(150, None), slice(150))
    ]
    whole = gini(predicted, amount)
    assert GINI.compute(GINI.merge(*parts)) == pytest.approx(whole, abs=1e-12)


def test_ziln_metrics_are_of_the_expected_amount():
    rng = np.random.default_rng(4)
    outputs, (_, amount) = rng.normal(0, 1, (300, 3)), rows(4)
    where = rng.random(300) < 0.7
    task = Task("spend", "ziln")
    (found,) = evaluate(
        [task], {"spend": outputs}, {"spend": amount}, {"spend": where}
    ).values()
    expected = np.asarray(ziln.ziln_mean(jnp.float32(outputs)), np.float64)[where]
    rmse = sk.root_mean_squared_error(amount[where], expected)
    assert found["ziln_rmse"] == pytest.approx(rmse, rel=1e-5)
    assert found["ziln_gini"] == pytest.approx(gini(expected, amount[where]), abs=1e-9)


@pytest.mark.parametrize(
    ("predicted", "amount"),
    [
        ([1.0, 2.0], [0.0, 0.0]),
        ([1.0, 2.0], [3.0, 3.0]),
        ([np.nan, 2.0], [0.0, 3.0]),
        ([], []),
    ],
    ids=["no amount", "all alike", "diverged", "no rows"],
)
def test_where_it_is_not_defined_it_is_nan(predicted, amount):
    assert math.isnan(gini(np.array(predicted), np.array(amount)))


def test_a_diverged_model_has_no_finite_error():
    outputs = np.array([[0.0, 900.0, 0.0], [0.0, np.nan, 0.0]])
    metric = METRICS["ziln_rmse"]
    for row, expected in zip(outputs, (math.inf, math.nan), strict=True):
        state = metric.measure(row[None], np.ones(1), np.ones(1, bool))
        np.testing.assert_equal(metric.compute(state), expected)


def test_wrong_rows_are_refused():
    with pytest.raises(ValueError, match="labels of 0 or more, found -1"):
        gini(np.ones(2), np.array([1.0, -1.0]))
    for outputs in (np.ones(2), np.ones((2, 4))):
        with pytest.raises(ValueError, match="the 3 outputs of a zero-inflated"):
            METRICS["ziln_gini"].measure(outputs, np.ones(2), np.ones(2, bool))
