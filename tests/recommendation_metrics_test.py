"""What lists are like, against loops; reliability against scikit-learn."""

import itertools
import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from mtlx import recommendation_metrics as beyond
from mtlx.calibration_metrics import bin_rows, expected_error, reliability_curve

COUNTS = np.array([50, 20, 10, 5, 1, 0, 0, 2])
VECTORS = np.random.default_rng(0).normal(size=(8, 3))
LISTS = np.array([[0, 1, 2], [0, 5, -1], [3, -1, -1], [-1, -1, -1], [0, 7, 4]])
FULL = [[i for i in row if i >= 0] for row in LISTS.tolist()]


def test_coverage():
    assert beyond.catalogue_coverage(LISTS, 8) == 7 / 8


def test_novelty():
    total = COUNTS.sum() + 8
    bits = [math.log2(total / (COUNTS[i] + 1)) for row in FULL for i in row]
    assert beyond.novelty(LISTS, COUNTS) == pytest.approx(np.mean(bits))


def test_diversity():
    def distance(i, j):
        a, b = VECTORS[i], VECTORS[j]
        return 1 - a @ b / math.sqrt((a @ a) * (b @ b))

    means = [
        np.mean([distance(*pair) for pair in itertools.combinations(row, 2)])
        for row in FULL
        if len(row) > 1
    ]
    found = beyond.intra_list_diversity(LISTS, VECTORS)
    assert found == pytest.approx(np.mean(means))
    one = np.ones((2, 4))
    assert beyond.intra_list_diversity(np.array([[0, 1]]), one) == pytest.approx(0)
    assert beyond.intra_list_diversity(np.array([[0, 1]]), 0 * one) == 1


def test_popularity():
    means = [np.mean(COUNTS[row]) for row in FULL if row]
    assert beyond.average_popularity(LISTS, COUNTS) == pytest.approx(np.mean(means))


def test_gini():
    times = np.bincount(np.concatenate([np.array(r, int) for r in FULL]), minlength=8)
    pairs = np.abs(times[:, None] - times[None]).sum()
    expected = pairs / (2 * 8 * times.sum())  # the relative mean difference
    assert beyond.gini(LISTS, 8) == pytest.approx(expected)
    assert beyond.gini(np.arange(8)[None], 8) == pytest.approx(0)
    assert beyond.gini(np.zeros((3, 1), int), 8) == pytest.approx(1 - 1 / 8)


@pytest.mark.parametrize(
    "measure",
    [
        lambda lists: beyond.catalogue_coverage(lists, 8),
        lambda lists: beyond.gini(lists, 8),
        lambda lists: beyond.novelty(lists, COUNTS),
        lambda lists: beyond.average_popularity(lists, COUNTS),
        lambda lists: beyond.intra_list_diversity(lists, VECTORS),
    ],
)
def test_empty_lists_are_nan_and_strange_items_refused(measure):
    assert math.isnan(measure(np.full((2, 3), -1)))
    assert math.isnan(measure(np.zeros((0, 3), int)))
    with pytest.raises(ValueError, match="items 0 .. 7, found 8"):
        measure(np.array([[1, 8]]))
    with pytest.raises(ValueError, match=r"shape \[Q, K\]"):
        measure(np.array([1]))


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_reliability_curve_is_scikit_learns(strategy):
    rng = np.random.default_rng(0)
    probabilities = rng.beta(1, 3, 500)
    labels = (rng.random(500) < probabilities**1.5).astype(int)
    curve = reliability_curve(probabilities, labels, 12, strategy)
    frequency, confidence = calibration_curve(
        labels, probabilities, n_bins=12, strategy=strategy
    )
    np.testing.assert_allclose(curve.frequency, frequency)
    np.testing.assert_allclose(curve.confidence, confidence)
    assert curve.count.sum() == 500


def test_calibration_of_a_perfect_and_of_a_bold_forecast():
    labels = np.array([0, 1] * 50)
    edges = np.linspace(0, 1, 11)[1:-1]
    assert expected_error(bin_rows(np.full(100, 0.5), labels, edges)) == 0
    assert expected_error(bin_rows(np.ones(100), labels, edges)) == 0.5
    assert len(reliability_curve(np.zeros(0), np.zeros(0)).count) == 0


def test_what_is_no_probability_is_refused():
    for strange in (1.5, -0.1, np.nan):
        with pytest.raises(ValueError, match=r"probabilities in \[0, 1\]"):
            reliability_curve(np.array([strange]), np.array([1]))
    with pytest.raises(ValueError, match='"uniform" or "quantile".*found .deciles.'):
        reliability_curve(np.array([0.5]), np.array([1]), strategy="deciles")
