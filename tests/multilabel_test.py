"""Tasks with several labels a row: loss, metrics and labels, against other code."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sk

from mtlx.data import DataError, build_labels
from mtlx.losses import multilabel_cross_entropy
from mtlx.metrics import METRICS, evaluate
from mtlx.tasks import METRICS as KIND_METRICS
from mtlx.tasks import Task

ROWS, LABELS = 120, 5
NAMES = KIND_METRICS["multilabel"]


def rows(seed=0):
    """Scores with ties, and labels of which the first is rare."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((ROWS, LABELS)) < [0.05, 0.3, 0.5, 0.6, 0.8]).astype(np.int8)
    labels[:2] = [[0] * LABELS, [1] * LABELS]
    return np.round(rng.normal(labels, 1.5), 1), labels


def score(name, outputs, labels, where=None):
    where = np.ones(len(labels), bool) if where is None else where
    metric = METRICS[name]
    return metric.compute(metric.measure(outputs, labels, where))


REFERENCE = {
    "macro_auc": lambda x, y: sk.roc_auc_score(y, x, average="macro"),
    "micro_auc": lambda x, y: sk.roc_auc_score(y, x, average="micro"),
    "macro_ap": lambda x, y: sk.average_precision_score(y, x, average="macro"),
    "lrap": lambda x, y: sk.label_ranking_average_precision_score(y, x),
}


def test_every_metric_of_the_kind_has_a_reference():
    assert set(REFERENCE) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn(name, seed):
    outputs, labels = rows(seed)
    expected = REFERENCE[name](outputs, labels)
    assert score(name, outputs, labels) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_rows_outside_the_mask_never_count(name):
    outputs, labels = rows()
    where = np.random.default_rng(1).random(ROWS) < 0.5
    expected = REFERENCE[name](outputs[where], labels[where])
    outputs[~where], labels[~where] = np.nan, 7
    assert score(name, outputs, labels, where) == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_missing_labels_never_count(name):
    outputs, labels = rows()
    known = np.random.default_rng(2).random(labels.shape) < 0.6
    known[:, 3] = True  # a row has at least one
    masked = np.where(known, labels, -1)
    by_label = [(outputs[known[:, k], k], labels[known[:, k], k]) for k in range(5)]
    expected = {
        "macro_auc": np.mean([sk.roc_auc_score(y, x) for x, y in by_label]),
        "micro_auc": sk.roc_auc_score(labels[known], outputs[known]),
        "macro_ap": np.mean([sk.average_precision_score(y, x) for x, y in by_label]),
        "lrap": np.mean(
            [
                sk.label_ranking_average_precision_score(y[None, k], x[None, k])
                if k.sum() > 1
                else 1.0  # scikit-learn takes one label for a binary task
                for x, y, k in zip(outputs, labels, known, strict=True)
            ]
        ),
    }
    wild = np.where(known, outputs, 99.0)
    assert score(name, wild, masked) == pytest.approx(expected[name], abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_pieces_merge_to_the_whole(name):
    outputs, labels = rows()
    metric, where = METRICS[name], np.ones(ROWS, bool)
    a, b, c = (
        metric.measure(outputs[i], labels[i], where[i])
        for i in (slice(0, 7), slice(7, 7), slice(7, ROWS))
    )
    whole = score(name, outputs, labels)
    for merged in (metric.merge(metric.merge(c, b), a), metric.merge(a, c)):
        assert metric.compute(merged) == pytest.approx(whole, rel=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_defined_is_nan(name):
    outputs, labels = rows()
    assert math.isnan(score(name, outputs, labels, np.zeros(ROWS, bool)))
    outputs[3, 1] = np.nan
    assert math.isnan(score(name, outputs, labels))


def test_a_label_of_one_class_is_left_out_of_the_mean():
    outputs, labels = rows()
    labels[:, 2] = 0
    others = [0, 1, 3, 4]
    for name in ("macro_auc", "macro_ap"):
        expected = REFERENCE[name](outputs[:, others], labels[:, others])
        assert score(name, outputs, labels) == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_other_shapes_and_labels_are_refused(name):
    outputs, labels = rows()
    with pytest.raises(ValueError, match=r"shape \[B, K\].*kind 'multilabel'"):
        METRICS[name].measure(outputs[:, 0], labels[:, 0], np.ones(ROWS, bool))
    with pytest.raises(ValueError, match=r"0, 1 or -1 \(none\), found 2"):
        METRICS[name].measure(outputs, labels * 2, np.ones(ROWS, bool))


def test_the_loss_is_the_mean_over_the_rows_labels():
    outputs, labels = rows()
    known = np.random.default_rng(2).random(labels.shape) < 0.6
    known[0] = False
    p = 1 / (1 + np.exp(-outputs))
    values = -np.log(np.where(labels == 1, p, 1 - p))
    expected = (values * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    given = jnp.asarray(np.where(known, labels, -1))

    def total(x):
        losses = multilabel_cross_entropy(x, given)
        return losses.sum(), losses

    gradient, losses = jax.grad(total, has_aux=True)(jnp.float32(outputs))
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    assert losses[0] == 0.0
    np.testing.assert_array_equal(np.abs(gradient) > 0, known)


def test_the_kind_states_two_labels_or_more():
    task = Task("tags", "multilabel", num_classes=3)
    assert task.outputs == 3
    outputs, labels = rows()
    task = Task("tags", "multilabel", num_classes=LABELS)
    arrays = ({"tags": x} for x in (outputs, labels, np.ones(ROWS, bool)))
    assert set(evaluate((task,), *arrays)["tags"]) == set(NAMES)
    with pytest.raises(ValueError, match="num_classes >= 2.*a binary task"):
        Task("tags", "multilabel", num_classes=1)
    with pytest.raises(ValueError, match="states num_classes"):
        Task("tags", "multilabel")


def test_labels_and_the_rows_that_count():
    tags = np.array([[0, 1], [-1, -1], [1, -1], [5, 5]], np.int8)
    columns = {"tags": tags, "known": np.array([1, 1, 1, 0])}
    task = Task("tags", "multilabel", space="known", num_classes=2)
    labels, where = build_labels(columns, (task,))
    np.testing.assert_array_equal(where["tags"], [True, False, True, False])
    np.testing.assert_array_equal(labels["tags"], [[0, 1], [0, 0], [1, -1], [0, 0]])
    assert labels["tags"].dtype == np.int8


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (np.array([[0, 1], [2, 0]]), r"row 1: expected 0, 1 or -1 .*found \[2 0\]"),
        (np.zeros((2, 3), int), r"shape \[B, 2\], found int64 of \(2, 3\)"),
        (np.zeros((2, 2)), r"whole numbers of .* found float64"),
    ],
)
def test_strange_labels_are_refused(tags, message):
    task = Task("tags", "multilabel", num_classes=2)
    with pytest.raises(DataError, match=message):
        build_labels({"tags": tags}, (task,))
