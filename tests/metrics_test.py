import math
import re

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from mtlx import list_metrics, value_metrics
from mtlx.calibration_metrics import ECE_BINS
from mtlx.metrics import METRICS, evaluate, nanmean_over_tasks
from mtlx.tasks import METRICS as KIND_METRICS
from mtlx.tasks import Task
from mtlx.types import PIXEL_KINDS

ROWS = 500


def score(name, outputs, labels, where=None):
    metric = METRICS[name]
    where = np.ones(len(labels), bool) if where is None else where
    return metric.compute(metric.measure(outputs, labels, where))


def binary_rows(seed=0, rows=ROWS, levels=20):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)
    logits = np.round(rng.normal(labels, 2.0) * levels) / levels  # many ties
    return logits, labels


def multiclass_rows(seed=0, rows=ROWS, classes=4):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 3, (rows, classes)), rng.integers(0, classes, rows)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def expected_error(probabilities, labels):
    """By scikit-learn's curve, which leaves out the bins that are empty."""
    frequency, confidence = calibration_curve(labels, probabilities, n_bins=ECE_BINS)
    edges = np.linspace(0, 1, ECE_BINS + 1)
    count, _ = np.histogram(probabilities, edges)
    return np.sum(count[count > 0] * np.abs(frequency - confidence)) / len(labels)


REFERENCE = {
    "auc": (binary_rows, lambda x, y: sk.roc_auc_score(y, x)),
    "log_loss": (binary_rows, lambda x, y: sk.log_loss(y, sigmoid(x))),
    "accuracy": (binary_rows, lambda x, y: sk.accuracy_score(y, x > 0)),
    "f1": (binary_rows, lambda x, y: sk.f1_score(y, x > 0)),
    "ece": (binary_rows, lambda x, y: expected_error(sigmoid(x), y)),
    "rmse": (binary_rows, lambda x, y: sk.root_mean_squared_error(y, x)),
    "mae": (binary_rows, lambda x, y: sk.mean_absolute_error(y, x)),
    "multiclass log_loss": (
        multiclass_rows,
        lambda x, y: sk.log_loss(y, softmax(x), labels=range(4)),
    ),
    "multiclass accuracy": (
        multiclass_rows,
        lambda x, y: sk.accuracy_score(y, x.argmax(1)),
    ),
}
CASES = pytest.mark.parametrize("case", REFERENCE)


def test_every_metric_has_a_reference():
    grouped = {name for name, metric in METRICS.items() if metric.grouped}
    lists = {row[0] for row in list_metrics.TABLE}  # tests/list_metrics_test.py
    assert grouped == {"gauc"} | lists  # tests/gauc_test.py
    amounts = {row[0] for row in value_metrics.TABLE}  # tests/value_metrics_test.py
    # tests/pixel_test.py, multilabel_test.py, vector_test.py
    kinds = (*PIXEL_KINDS, "multilabel", "vector")
    apart = grouped | amounts | {name for k in kinds for name in KIND_METRICS[k]}
    ranking = {name for name in METRICS if re.search("@|mrr", name)}
    apart |= ranking  # tests/ranking_metrics_test.py
    assert ranking == {n for n in METRICS if METRICS[n].by_query or "accuracy@" in n}
    assert {case.split()[-1] for case in REFERENCE} == set(METRICS) - apart
    assert all(name == metric.name for name, metric in METRICS.items())


@CASES
@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn(case, seed):
    rows, reference = REFERENCE[case]
    outputs, labels = rows(seed)
    assert score(case.split()[-1], outputs, labels) == pytest.approx(
        reference(outputs, labels), abs=1e-9
    )


@CASES
def test_rows_outside_the_mask_never_count(case):
    rows, reference = REFERENCE[case]
    outputs, labels = rows()
    where = np.random.default_rng(1).random(ROWS) < 0.4
    expected = reference(outputs[where], labels[where])
    outputs[~where], labels[~where] = np.nan, -1
    assert score(case.split()[-1], outputs, labels, where) == pytest.approx(expected)


@CASES
def test_pieces_merge_to_the_whole(case):
    outputs, labels = REFERENCE[case][0]()
    metric, where = METRICS[case.split()[-1]], np.ones(ROWS, bool)
    pieces = [
        metric.measure(outputs[i], labels[i], where[i])
        for i in (slice(0, 7), slice(7, 7), slice(7, 300), slice(300, ROWS))
    ]
    a, b, c, d = pieces
    whole = metric.compute(metric.measure(outputs, labels, where))
    left = metric.merge(metric.merge(metric.merge(a, b), c), d)
    right = metric.merge(metric.merge(d, c), metric.merge(b, a))
    assert metric.compute(left) == pytest.approx(whole, rel=1e-13)
    assert metric.compute(right) == pytest.approx(whole, rel=1e-13)


@CASES
def test_no_rows_is_nan(case):
    outputs, labels = REFERENCE[case][0]()
    name = case.split()[-1]
    assert math.isnan(score(name, outputs, labels, np.zeros(ROWS, bool)))
    assert math.isnan(score(name, outputs[:0], labels[:0]))


@CASES
def test_an_output_that_is_nan_makes_the_metric_nan(case):
    outputs, labels = REFERENCE[case][0]()
    outputs[3] = np.nan
    assert math.isnan(score(case.split()[-1], outputs, labels))


@pytest.mark.parametrize("label", [0, 1])
def test_auc_of_one_class_is_nan(label):
    assert math.isnan(score("auc", np.arange(5.0), np.full(5, label)))


def test_auc_counts_a_tie_half():
    assert score("auc", np.zeros(4), np.array([0, 1, 0, 1])) == 0.5
    assert score("auc", np.array([0.0, 1.0, 1.0]), np.array([0, 0, 1])) == 0.75


def test_auc_reads_raw_scores_where_the_sigmoid_saturates():
    logits = np.array([100.0, 200.0, 300.0, 400.0])
    labels = np.array([0, 0, 1, 1])
    assert np.unique(sigmoid(logits)).size == 1
    assert score("auc", logits, labels) == 1.0


def test_auc_of_a_large_split_is_exact():
    outputs, labels = binary_rows(rows=200_000, levels=1000)
    expected = sk.roc_auc_score(labels, outputs)
    assert score("auc", outputs, labels) == pytest.approx(expected, abs=1e-12)


def test_log_loss_of_extreme_logits():
    logits = np.array([1e4, -1e4, 1e4, -1e4])
    assert score("log_loss", logits[:2], np.array([1, 0])) == 0.0
    assert score("log_loss", logits, np.array([1, 0, 0, 1])) == pytest.approx(5e3)
    rows = np.array([[1e4, 0.0, -1e4], [-1e4, 1e4, 0.0]])
    assert score("log_loss", rows, np.array([0, 1])) == 0.0
    assert score("log_loss", rows, np.array([1, 2])) == pytest.approx(1e4)


def test_infinite_outputs_do_not_warn():
    assert score("log_loss", np.array([np.inf, -np.inf]), np.array([1, 0])) == 0.0
    assert score("log_loss", np.array([np.inf]), np.array([0])) == np.inf
    assert math.isnan(score("log_loss", np.array([[np.inf, 0.0]]), np.array([1])))


def test_float32_device_arrays_are_read_in_float64():
    outputs = jnp.asarray([1e-4] * 1000, jnp.float32)
    labels, where = jnp.ones(1000), jnp.ones(1000, bool)
    metric = METRICS["rmse"]
    expected = 1 - float(np.float32(1e-4))
    value = metric.compute(metric.measure(outputs, labels, where))
    assert value == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_low_precision_outputs(dtype):
    logits = jnp.asarray([-1.0, 0.5, 2.0, 3.0], dtype)
    assert score("auc", logits, np.array([0, 1, 0, 1])) == 0.75


def test_evaluate_scores_every_metric_of_every_task():
    logits, labels = binary_rows()
    rows, classes = multiclass_rows()
    tasks = [Task("click", "binary"), Task("group", "multiclass", num_classes=4)]
    where = {"click": labels >= 0, "group": labels == 1}
    values = evaluate(
        tasks,
        {"click": logits, "group": rows},
        {"click": labels, "group": classes},
        where,
    )
    assert {task: tuple(row) for task, row in values.items()} == {
        task.name: task.metrics for task in tasks
    }
    assert values["click"]["auc"] == score("auc", logits, labels)
    assert values["group"]["accuracy"] == score(
        "accuracy", rows[labels == 1], classes[labels == 1]
    )


def test_mean_over_tasks_leaves_out_nan():
    assert nanmean_over_tasks({"a": 0.9, "b": math.nan, "c": 0.7}) == pytest.approx(0.8)
    assert math.isnan(nanmean_over_tasks({"a": math.nan}))


@pytest.mark.parametrize(
    ("metric", "outputs", "labels", "message"),
    [
        ("ndcg", np.zeros(2), np.zeros(2), "expected metrics from .*found 'ndcg'"),
        ("auc", np.zeros(2), np.array([0.0, 2.0]), "expected labels 0 and 1, found 2"),
        ("auc", np.zeros((2, 3)), np.zeros(2), r"expected outputs of shape \[B\]"),
        ("rmse", np.zeros((2, 3)), np.zeros(2), r"expected outputs of shape \[B\]"),
        ("log_loss", np.zeros((2, 3)), np.array([0, -1]), "labels 0 .. 2, found -1"),
        ("accuracy", np.zeros((2, 3)), np.array([0, 3]), "labels 0 .. 2, found 3"),
    ],
)
def test_what_does_not_fit_is_refused(metric, outputs, labels, message):
    task = Task("click", "binary", metrics=(metric,))
    with pytest.raises(ValueError, match=message):
        evaluate(
            [task], {"click": outputs}, {"click": labels}, {"click": np.ones(2, bool)}
        )


def test_arrays_of_unequal_length_are_refused():
    metric = METRICS["auc"]
    with pytest.raises(ValueError, match=r"found shapes \(3,\), \(2,\), \(3,\)"):
        metric.measure(np.zeros(3), np.zeros(2), np.ones(3, bool))


def test_errors_of_standardised_labels_are_given_in_their_unit():
    outputs, labels, where = (
        np.array([1.0, 2.0]),
        np.array([0.5, 0.0]),
        np.ones(2, bool),
    )
    plain, scaled = (Task("y", "regression", unit=unit) for unit in (1.0, 20.0))
    found, expected = (
        evaluate((t,), {"y": outputs}, {"y": labels}, {"y": where})["y"]
        for t in (scaled, plain)
    )
    assert expected["mae"] == 1.25
    assert found == {name: 20 * value for name, value in expected.items()}


@pytest.mark.parametrize(("kind", "unit"), [("binary", 2.0), ("regression", 0.0)])
def test_a_unit_of_nothing_is_refused(kind, unit):
    with pytest.raises(ValueError, match=f"a unit above 0.*{unit} and kind '{kind}'"):
        Task("y", kind, unit=unit)


def test_f1_without_a_positive_is_not_defined():
    nobody = np.zeros(3)
    assert math.isnan(score("f1", nobody - 1, nobody))
    assert score("f1", nobody + 1, nobody) == 0.0
