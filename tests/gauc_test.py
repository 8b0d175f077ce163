"""GAUC against scikit-learn's AUC, group by group."""

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from mtlx.metrics import METRICS, evaluate
from mtlx.tasks import Task

GAUC = METRICS["gauc"]


def rows(seed, count=400, groups=60):
    """Many ties, many groups of one class, ids that are no small numbers."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.3).astype(np.float64)
    scores = np.round(rng.normal(labels, 2.0))
    return scores, labels, rng.integers(0, groups, count) * 7919 + 10**6


def expected(scores, labels, groups):
    values, weights = [], []
    for group in np.unique(groups):
        of = groups == group
        if 0 < labels[of].sum() < of.sum():
            values.append(sk.roc_auc_score(labels[of], scores[of]))
            weights.append(of.sum())
    return np.dot(values, weights) / np.sum(weights)


def score(scores, labels, groups, where=None):
    where = np.ones(len(labels), bool) if where is None else where
    return GAUC.compute(GAUC.measure(scores, labels, where, groups))


@pytest.mark.parametrize("seed", range(3))
def test_is_the_mean_auc_of_groups_by_their_rows(seed):
    table = rows(seed)
    assert score(*table) == pytest.approx(expected(*table), abs=1e-12)


def test_one_group_is_auc():
    scores, labels, groups = rows(0, groups=1)
    assert score(scores, labels, groups) == pytest.approx(
        sk.roc_auc_score(labels, scores), abs=1e-12
    )


def test_a_constant_for_each_group_changes_nothing():
    """What AUC rewards and GAUC does not: knowing who clicks, not what."""
    scores, labels, groups = rows(1)
    assert score(scores + groups, labels, groups) == score(scores, labels, groups)


def test_rows_outside_the_mask_never_count():
    scores, labels, groups = rows(2)
    where = np.random.default_rng(0).random(len(labels)) < 0.5
    wanted = expected(scores[where], labels[where], groups[where])
    scores[~where], labels[~where] = np.nan, -1
    assert score(scores, labels, groups, where) == pytest.approx(wanted, abs=1e-12)


def test_pieces_merge_to_the_whole():
    table, where = rows(3), np.ones(400, bool)
    parts = (slice(0, 9), slice(9, 9), slice(9, 250), slice(250, 400))
    a, b, c, d = (
        GAUC.measure(*(x[p] for x in table[:2]), where[p], table[2][p]) for p in parts
    )
    whole = score(*table)
    assert GAUC.compute(GAUC.merge(GAUC.merge(GAUC.merge(a, b), c), d)) == whole
    assert GAUC.compute(GAUC.merge(GAUC.merge(d, c), GAUC.merge(b, a))) == whole


def test_not_defined_is_nan():
    scores, labels, groups = rows(0)
    assert math.isnan(score(scores, np.ones(400), groups))
    assert math.isnan(score(scores[:0], labels[:0], groups[:0]))
    assert math.isnan(score(scores, labels, np.arange(400)))  # a group a row
    scores[5] = np.nan
    assert math.isnan(score(scores, labels, groups))


def test_evaluate_wants_groups():
    scores, labels, groups = rows(0)
    task, where = Task("click", "binary", metrics=("gauc",)), np.ones(400, bool)
    arrays = ({"click": x} for x in (scores, labels, where))
    found = evaluate([task], *arrays, groups)
    assert found["click"]["gauc"] == score(scores, labels, groups)
    arrays = ({"click": x} for x in (scores, labels, where))
    with pytest.raises(ValueError, match="'gauc': expected groups .* Batch.groups"):
        evaluate([task], *arrays)
