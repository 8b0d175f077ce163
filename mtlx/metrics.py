"""Metrics whose states merge: measured piece by piece, read once.

A `Metric` turns arrays into a small state, adds states up, and reads the value off the
sum, so that a split may be scored in pieces and give the figure of the whole. All of it
runs on the host in float64. A row counts exactly where `where` is True. A value that is
not defined is NaN: no row, one class only (AUC; GAUC: in every group), or a counted
output that is NaN; such values are left out of means (`nanmean_over_tasks`), never
replaced.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from mtlx import list_metrics, value_metrics
from mtlx import pixel_metrics as pixel
from mtlx.metric_rows import class_numbers, counted, one_output, positive
from mtlx.types import Array, Bool, Float, Int

HostArray = np.ndarray | Array
Outputs = Float[HostArray, "batch ..."]
Labels = Float[HostArray, "batch ..."] | Int[HostArray, "batch ..."]
Where = Bool[HostArray, "batch"]


class Metric(NamedTuple):
    """A figure of merit: `compute(merge(measure(...), measure(...)))`.

    `measure(outputs, labels, where) -> state`, `merge(state, state) -> state` and
    `compute(state) -> float` are pure; `merge` is associative and commutative. One that
    is `grouped` has `measure(outputs, labels, where, groups)`.
    """

    name: str
    higher_is_better: bool
    measure: Callable[..., np.ndarray]
    merge: Callable[[np.ndarray, np.ndarray], np.ndarray]
    compute: Callable[[np.ndarray], float]
    grouped: bool = False


def evaluate(
    tasks: Iterable[Any],
    outputs: Mapping[str, Outputs],
    labels: Mapping[str, Labels],
    where: Mapping[str, Where],
    groups: Int[HostArray, "batch"] | None = None,
) -> dict[str, dict[str, float]]:
    """Every metric of every task, on one set of rows.

    Args:
        tasks: `mtlx.tasks.Task`s; their `name` and `metrics` are read.
        outputs: task -> logits [B], logits [B, C] (multiclass) or predictions [B]; for
            tasks with a label a pixel, [B, H, W] or [B, H, W, C].
        labels: task -> [B]; 0 or 1, 0 .. C - 1, or a value; or likewise of each pixel.
        where: task -> [B] bool, True for the rows that count.
        groups: [B] which rows a grouped metric compares with one another.

    Returns:
        task -> metric -> value; NaN where the metric is not defined.

    Raises:
        ValueError: an unknown metric, arrays that do not fit the metric, or a grouped
            metric without groups.
    """
    return {
        task.name: {
            name: _evaluate(task.name, name, outputs, labels, where, groups)
            for name in task.metrics
        }
        for task in tasks
    }


def nanmean_over_tasks(values: Mapping[str, float]) -> float:
    """Mean of one value a task, leaving out NaN; NaN if nothing is left."""
    defined = [value for value in values.values() if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan


def _evaluate(task, name, outputs, labels, where, groups):
    if name not in METRICS:
        raise ValueError(
            f"Task {task!r}: expected metrics from {sorted(METRICS)}, found {name!r}."
        )
    metric = METRICS[name]
    if metric.grouped and groups is None:
        raise ValueError(
            f"Task {task!r}, metric {name!r}: expected groups of rows, e.g. users, "
            f"found none; give the evaluation splits Batch.groups, or mend its metrics."
        )
    extra = (groups,) if metric.grouped else ()
    try:
        state = metric.measure(outputs[task], labels[task], where[task], *extra)
    except ValueError as error:
        raise ValueError(f"Task {task!r}, metric {name!r}: {error}") from error
    return metric.compute(state)


def _mean_metric(name, higher_is_better, per_row, finish=float):
    """A metric that is `finish` of the mean of `per_row` values; state (sum, count)."""

    def measure(outputs, labels, where):
        # A diverged model puts out inf or NaN: that is its result, not a fault here.
        with np.errstate(invalid="ignore", over="ignore"):
            values = per_row(*counted(outputs, labels, where))
            return np.array([values.sum(), values.size], np.float64)

    def compute(state):
        total, count = state
        return float(finish(total / count)) if count else math.nan

    return Metric(name, higher_is_better, measure, np.add, compute)


def _correct(outputs, labels):
    if outputs.ndim == 1:
        right, undefined = (outputs > 0) == positive(labels), np.isnan(outputs)
    else:
        right = np.argmax(outputs, axis=1) == class_numbers(labels, outputs.shape[1])
        undefined = np.isnan(outputs).any(axis=1)
    # NaN > 0 is False: without this a diverged model would score the majority class.
    return np.where(undefined, np.nan, right)


def _negative_log_likelihood(outputs, labels):
    if outputs.ndim == 1:
        return np.logaddexp(0.0, np.where(positive(labels), -outputs, outputs))
    label = class_numbers(labels, outputs.shape[1])
    largest = np.max(outputs, axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(outputs - largest), axis=1))
    return log_sum - (outputs - largest)[np.arange(label.size), label]


def _squared_error(outputs, labels):
    one_output(outputs)
    return np.square(outputs - labels)


def _absolute_error(outputs, labels):
    one_output(outputs)
    return np.abs(outputs - labels)


def _measure_auc(outputs, labels, where):
    """State [U, 3]: each distinct score with its positives and its negatives."""
    scores, labels = counted(outputs, labels, where)
    one_output(scores)
    yes = positive(labels)
    return _add_up(np.stack([scores, yes, ~yes], axis=1))


def _merge_auc(a, b):
    return _add_up(np.concatenate([a, b]))


def _add_up(table):
    scores, index = np.unique(table[:, 0], return_inverse=True)
    counts = [np.bincount(index, table[:, c], scores.size) for c in (1, 2)]
    return np.stack([scores, *counts], axis=1)


def _compute_auc(state):
    """U / (P N): of all (positive, negative) pairs, the share in the right order.

    U is the Mann-Whitney statistic, a tie counting one half. The sums are of whole and
    half numbers, hence exact up to 2^53 pairs.
    """
    scores, positives, negatives = state.T
    pairs = positives.sum() * negatives.sum()
    if pairs == 0 or np.isnan(scores).any():
        return math.nan
    below = np.cumsum(negatives) - negatives
    return float(np.sum(positives * (below + negatives / 2)) / pairs)


def _measure_gauc(outputs, labels, where, groups):
    """State [U, 4]: each distinct (group, score), its positives and its negatives."""
    scores, labels = counted(outputs, labels, where)
    one_output(scores)
    yes = positive(labels)
    groups = np.asarray(groups)[np.asarray(where).astype(bool)].astype(np.float64)
    return _add_up_groups(np.stack([groups, scores, yes, ~yes], axis=1))


def _merge_gauc(a, b):
    return _add_up_groups(np.concatenate([a, b]))


def _add_up_groups(table):
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    changes = (table[1:, :2] != table[:-1, :2]).any(axis=1)
    first = np.flatnonzero(np.append(True, changes)[: len(table)])
    if not len(first):
        return table
    return np.hstack([table[first, :2], np.add.reduceat(table[:, 2:], first)])


def _compute_gauc(state):
    """sum_g n_g AUC_g / sum_g n_g over the groups that have both classes.

    n_g counts the rows of group g. AUC_g is exact, as above.

    Reference: Zhu et al., "Optimized Cost per Click in Taobao Display Advertising",
    KDD 2017; as used by Zhou et al. (DIN), KDD 2018, there weighed by impressions.
    """
    groups, scores, positives, negatives = state.T
    if np.isnan(scores).any():
        return math.nan
    _, group = np.unique(groups, return_inverse=True)
    total = [np.bincount(group, counts) for counts in (positives, negatives)]
    pairs, rows = total[0] * total[1], total[0] + total[1]
    before = np.cumsum(total[1]) - total[1]  # negatives of the groups in front
    below = np.cumsum(negatives) - negatives - before[group]
    ordered = np.bincount(group, positives * (below + negatives / 2))
    both = pairs > 0
    if not both.any():
        return math.nan
    return float(np.average(ordered[both] / pairs[both], weights=rows[both]))


def _pixel_metrics():
    def mean(name, higher_is_better, measure):
        return Metric(name, higher_is_better, measure, np.add, pixel.mean_of)

    def angles(name, compute):
        return Metric(name, False, pixel.measure_angles, pixel.concatenate, compute)

    confusion = (True, pixel.measure_confusion, np.add)
    return (
        Metric("miou", *confusion, pixel.mean_iou),
        Metric("pixel_accuracy", *confusion, pixel.pixel_accuracy),
        mean("abs_error", False, pixel.measure_absolute),
        mean("rel_error", False, pixel.measure_relative),
        mean("mean_angle", False, pixel.measure_angle),
        angles("median_angle", pixel.median_of),
        mean("within_11", True, pixel.measure_within(11.25)),
        mean("within_22", True, pixel.measure_within(22.5)),
        mean("within_30", True, pixel.measure_within(30.0)),
    )


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("auc", True, _measure_auc, _merge_auc, _compute_auc),
        Metric("gauc", True, _measure_gauc, _merge_gauc, _compute_gauc, grouped=True),
        _mean_metric("log_loss", False, _negative_log_likelihood),
        _mean_metric("accuracy", True, _correct),
        _mean_metric("rmse", False, _squared_error, finish=np.sqrt),
        _mean_metric("mae", False, _absolute_error),
        *_pixel_metrics(),
        *(Metric(*row) for row in (*value_metrics.TABLE, *list_metrics.TABLE)),
    )
}
