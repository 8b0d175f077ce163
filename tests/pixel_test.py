"""Losses and metrics of tasks with a label a pixel, against formulas in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from mtlx import pixel_losses
from mtlx.metrics import METRICS, evaluate
from mtlx.tasks import Task

RNG = np.random.default_rng(0)
ROWS, SIDE, CLASSES = 5, 4, 3
KNOWN = RNG.random((ROWS, SIDE, SIDE)) < 0.7
KNOWN[3] = False  # a row without any label
KNOWN[:3, 0, 0] = True
WHERE = np.array([True, False, True, True, True])
COUNTED = KNOWN & WHERE[:, None, None]


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def rows(kind):
    """(outputs, full labels, labels with holes)."""
    if kind == "segmentation":
        outputs = RNG.normal(size=(ROWS, SIDE, SIDE, CLASSES))
        full = RNG.integers(0, CLASSES, KNOWN.shape)
        return outputs, full, np.where(KNOWN, full, -1)
    if kind == "depth":
        full = RNG.uniform(1, 3, KNOWN.shape)
        return RNG.normal(2, 1, KNOWN.shape), full, np.where(KNOWN, full, np.nan)
    full = unit(RNG.normal(size=(*KNOWN.shape, 3)))
    outputs = full * 2 + RNG.normal(0, 0.7, full.shape)
    return outputs, full, np.where(KNOWN[..., None], full, np.nan)


def pixel_values(kind, outputs, full):
    if kind == "segmentation":
        shares = np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True)
        return -np.log(np.take_along_axis(shares, full[..., None], -1)[..., 0])
    if kind == "depth":
        return np.abs(outputs - full)
    return 1 - np.sum(unit(outputs) * full, axis=-1)


@pytest.mark.parametrize("kind", ["segmentation", "depth", "normals"])
def test_the_loss_of_a_row_is_the_mean_over_its_labelled_pixels(kind):
    outputs, full, labels = rows(kind)
    values = pixel_values(kind, outputs, full)
    counts = KNOWN.sum(axis=(1, 2))
    expected = (values * KNOWN).sum(axis=(1, 2)) / np.maximum(counts, 1)
    task = Task(kind, kind, num_classes=CLASSES if kind == "segmentation" else None)
    given = jnp.asarray(labels if labels.dtype.kind == "i" else np.float32(labels))
    found = task.loss(jnp.float32(outputs), given)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert found[3] == 0.0


@pytest.mark.parametrize("kind", ["segmentation", "depth", "normals"])
def test_no_gradient_comes_from_pixels_without_a_label(kind):
    outputs, _, labels = rows(kind)
    task = Task(kind, kind, num_classes=CLASSES if kind == "segmentation" else None)
    given = jnp.asarray(labels if labels.dtype.kind == "i" else np.float32(labels))
    gradient = jax.grad(lambda x: task.loss(x, given).sum())(jnp.float32(outputs))
    assert np.isfinite(gradient).all()
    moved = np.abs(gradient) > 0
    if kind != "depth":
        moved = moved.any(axis=-1)
    np.testing.assert_array_equal(moved, KNOWN)


def test_a_normal_of_length_zero_has_a_finite_gradient():
    label = jnp.array([[[[0.0, 0.0, -1.0]]]])
    loss, gradient = jax.value_and_grad(
        lambda x: pixel_losses.pixel_cosine(x, label).sum()
    )(jnp.zeros((1, 1, 1, 3)))
    assert loss == 1.0
    assert np.isfinite(gradient).all()


def iou(outputs, full):
    taken = outputs[COUNTED].argmax(axis=-1)
    return jaccard_score(full[COUNTED], taken, average="macro")


def angles(outputs, full):
    cosine = np.sum(unit(outputs[COUNTED]) * full[COUNTED], axis=-1)
    return np.degrees(np.arccos(cosine))


REFERENCE = {
    "miou": ("segmentation", iou),
    "pixel_accuracy": (
        "segmentation",
        lambda x, y: np.mean(x.argmax(axis=-1)[COUNTED] == y[COUNTED]),
    ),
    "abs_error": ("depth", lambda x, y: np.mean(np.abs(x - y)[COUNTED])),
    "rel_error": ("depth", lambda x, y: np.mean((np.abs(x - y) / y)[COUNTED])),
    "mean_angle": ("normals", lambda x, y: np.mean(angles(x, y))),
    "median_angle": ("normals", lambda x, y: np.median(angles(x, y))),
    "within_11": ("normals", lambda x, y: np.mean(angles(x, y) < 11.25)),
    "within_22": ("normals", lambda x, y: np.mean(angles(x, y) < 22.5)),
    "within_30": ("normals", lambda x, y: np.mean(angles(x, y) < 30)),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_metrics_are_their_formulas_over_labelled_pixels_of_rows_that_count(name):
    kind, formula = REFERENCE[name]
    outputs, full, labels = rows(kind)
    expected = formula(outputs, full)
    metric = METRICS[name]
    whole = metric.compute(metric.measure(outputs, labels, WHERE))
    assert whole == pytest.approx(expected, rel=1e-9)
    parts = [
        metric.measure(outputs[part], labels[part], WHERE[part])
        for part in (slice(0, 1), slice(1, 3), slice(3, None))
    ]
    merged = metric.merge(metric.merge(parts[2], parts[0]), parts[1])
    assert metric.compute(merged) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", REFERENCE)
def test_without_pixels_or_with_nan_a_metric_is_not_defined(name):
    kind, _ = REFERENCE[name]
    outputs, _, labels = rows(kind)
    metric = METRICS[name]
    for given, where in ((outputs, np.zeros(ROWS, bool)), (outputs * np.nan, WHERE)):
        assert np.isnan(metric.compute(metric.measure(given, labels, where)))


def test_a_class_that_is_nowhere_is_no_part_of_the_mean():
    outputs = np.eye(4)[np.array([[[0, 1], [1, 2]]])]  # class 3 is never taken
    labels = np.array([[[0, 1], [2, 2]]])
    metric = METRICS["miou"]
    found = metric.compute(metric.measure(outputs, labels, np.array([True])))
    assert found == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)


def test_the_kinds_have_their_metrics_and_refuse_other_shapes():
    tasks = (
        Task("s", "segmentation", num_classes=CLASSES),
        Task("d", "depth"),
        Task("n", "normals"),
    )
    assert [task.outputs for task in tasks] == [CLASSES, 1, 3]
    made = {task.name: rows(task.kind) for task in tasks}
    outputs = {name: made[name][0] for name in made}
    labels = {name: made[name][2] for name in made}
    where = dict.fromkeys(made, WHERE)
    scores = evaluate(tasks, outputs, labels, where)
    named = [name for task in tasks for name in scores[task.name]]
    assert set(named) == set(REFERENCE)
    with pytest.raises(ValueError, match="'d', metric 'abs_error'.*a label a pixel"):
        evaluate(tasks[1:2], {"d": np.ones(5)}, {"d": np.ones(5)}, {"d": WHERE})


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        ("miou", np.full(KNOWN.shape, 7), "labels below 3, found 7"),
        ("rel_error", np.zeros(KNOWN.shape), "depths above 0, found 0"),
    ],
)
def test_labels_out_of_range_are_refused(name, labels, message):
    outputs, *_ = rows(REFERENCE[name][0])
    with pytest.raises(ValueError, match=message):
        METRICS[name].measure(outputs, labels, WHERE)


def test_segmentation_states_its_classes():
    with pytest.raises(ValueError, match="states num_classes"):
        Task("s", "segmentation")
