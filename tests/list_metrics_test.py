"""NDCG of lists against scikit-learn and Rax, list by list."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
import rax
from sklearn import metrics as sk

from mtlx.metrics import METRICS

NDCG, NDCG_10 = METRICS["list_ndcg"], METRICS["list_ndcg_10"]


def rows(seed, ties=True, count=500, groups=30):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, count)
    gains = rng.choice([0.0, 0.01, 0.1, 1.0], count, p=[0.6, 0.1, 0.2, 0.1])
    of = rng.integers(0, groups, count) * 7919 + 10**6
    gains[of == of[0]] = 0.0
    return np.round(scores, 0 if ties else 9), gains, of


def value(metric, scores, gains, groups, where=None):
    where = np.ones(len(gains), bool) if where is None else where
    return metric.compute(metric.measure(scores, gains, where, groups))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("metric", "k"), [(NDCG, None), (NDCG_10, 10)])
def test_equals_scikit_learn_ties_included(seed, metric, k):
    scores, gains, groups = rows(seed)
    expected = [
        sk.ndcg_score(gains[of][None], scores[of][None], k=k)
        for of in (groups == group for group in np.unique(groups))
        if gains[of].any()
    ]
    assert len(expected) == len(np.unique(groups)) - 1
    found = value(metric, scores, gains, groups)
    assert found == pytest.approx(np.mean(expected), abs=1e-12)


def test_equals_rax_without_ties():
    scores, gains, groups = rows(0, ties=False)
    known = np.isin(groups, np.unique(groups[gains > 0]))
    expected = rax.ndcg_metric(
        jnp.float32(scores),
        jnp.float32(gains),
        where=jnp.asarray(known),
        segments=jnp.asarray(groups),
        gain_fn=lambda gain: gain,
    )
    assert value(NDCG, scores, gains, groups) == pytest.approx(float(expected), 1e-5)


def test_rows_outside_the_mask_never_count_and_parts_merge():
    scores, gains, groups = rows(1)
    where = np.random.default_rng(0).random(len(gains)) < 0.5
    kept = value(NDCG, scores[where], gains[where], groups[where])
    others = np.where(where, scores, np.nan)
    assert value(NDCG, others, gains, groups, where) == pytest.approx(kept, abs=1e-12)
    states = [
        NDCG.measure(scores[half], gains[half], where[half], groups[half])
        for half in (slice(200, None), slice(200))
    ]
    assert NDCG.compute(NDCG.merge(*states)) == pytest.approx(kept, abs=1e-12)


def test_a_constant_gets_what_chance_gets():
    """Whatever the order of the rows: here the best ones stand in front."""
    gains = np.array([1.0, 0.0, 0.0])
    discounts = 1 / np.log2([2.0, 3.0, 4.0])
    found = value(NDCG, np.zeros(3), gains, np.zeros(3, int))
    assert found == pytest.approx(discounts.mean(), abs=1e-12)


def test_where_it_is_not_defined_it_is_nan_and_wrong_rows_are_refused():
    groups = np.zeros(2, int)
    for scores, gains in (([1.0, 2.0], [0.0, 0.0]), ([np.nan, 1.0], [1.0, 0.0])):
        assert math.isnan(value(NDCG, np.array(scores), np.array(gains), groups))
    assert math.isnan(value(NDCG, np.zeros(0), np.zeros(0), np.zeros(0, int)))
    with pytest.raises(ValueError, match="labels of 0 or more, found -1"):
        value(NDCG, np.ones(2), np.array([1.0, -1.0]), groups)
