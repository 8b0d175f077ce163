"""Metrics whose states merge: measured piece by piece, read once.

A `Metric` turns arrays into a small state, adds states up, and reads the value off the
sum, so that a split may be scored in pieces and give the figure of the whole. All of it
runs on the host in float64. A row counts exactly where `where` is True. A value that is
not defined is NaN: no row, one class only (AUC; GAUC: in every group), or a counted
output that is NaN; such values are left out of means (`nanmean_over_tasks`), never
replaced.
"""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from mtlx import auc_metrics as auc
from mtlx import calibration_metrics as calibration
from mtlx import list_metrics, value_metrics, vector_metrics
from mtlx import multilabel_metrics as multilabel
from mtlx import pixel_metrics as pixel
from mtlx import ranking_metrics as ranking
from mtlx.metric_rows import class_numbers, counted, one_output, positive
from mtlx.types import Array, Bool, Float, Int

HostArray = np.ndarray | Array
Outputs = Float[HostArray, "batch ..."]
Labels = Float[HostArray, "batch ..."] | Int[HostArray, "batch ..."]
Where = Bool[HostArray, "batch"]

ON_LABELS = ("rmse", "mae")  # metrics in the unit of the labels
CUTOFFS = (1, 5, 10, 20, 50, 100)  # k of the metrics named "recall@k", ...


class Metric(NamedTuple):
    """A figure of merit: `compute(merge(measure(...), measure(...)))`.

    `measure(outputs, labels, where) -> state`, `merge(state, state) -> state` and
    `compute(state) -> float` are pure; `merge` is associative and commutative. One that
    is `grouped` has `measure(outputs, labels, where, groups)`, and one that is
    `by_query` `measure(outputs, labels, where, queries=None)`.
    """

    name: str
    higher_is_better: bool
    measure: Callable[..., np.ndarray]
    merge: Callable[[np.ndarray, np.ndarray], np.ndarray]
    compute: Callable[[np.ndarray], float]
    grouped: bool = False
    by_query: bool = False


def evaluate(
    tasks: Iterable[Any],
    outputs: Mapping[str, Outputs],
    labels: Mapping[str, Labels],
    where: Mapping[str, Where],
    groups: Int[HostArray, "batch"] | None = None,
    queries: Mapping[str, Int[HostArray, "batch"]] | None = None,
) -> dict[str, dict[str, float]]:
    """Every metric of every task, on one set of rows.

    Args:
        tasks: `mtlx.tasks.Task`s; their `name`, `metrics` and `unit` are read.
        outputs: task -> logits [B], logits [B, C] (multiclass, multilabel) or
            predictions [B]; for tasks with a label a pixel, [B, H, W] or [B, H, W, C];
            for retrieval tasks, the rank [B] of each row's item in its query's list,
            from 1.
        labels: task -> [B]; 0 or 1, 0 .. C - 1, or a value; [B, C] of 0, 1 or -1
            (multilabel, -1 is none) or of values (vector, as the outputs); or likewise
            of each pixel.
        where: task -> [B] bool, True for the rows that count.
        groups: [B] which rows a grouped metric compares with one another.
        queries: retrieval task -> [B], rows with one number have one list; of a task
            that is not here, every row is a query by itself.

    Returns:
        task -> metric -> value; NaN where the metric is not defined.

    Raises:
        ValueError: an unknown metric, arrays that do not fit the metric, or a grouped
            metric without groups.
    """
    return {
        task.name: {
            name: _evaluate(task.name, name, outputs, labels, where, groups, queries)
            * (task.unit if name in ON_LABELS else 1.0)
            for name in task.metrics
        }
        for task in tasks
    }


def nanmean_over_tasks(values: Mapping[str, float]) -> float:
    """Mean of one value a task, leaving out NaN; NaN if nothing is left."""
    defined = [value for value in values.values() if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan


def _evaluate(task, name, outputs, labels, where, groups, queries):
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
    if metric.by_query:
        extra = ((queries or {}).get(task),)
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
    scores, labels = counted(outputs, labels, where)
    one_output(scores)
    return auc.measure(scores, positive(labels))


def _measure_gauc(outputs, labels, where, groups):
    scores, labels = counted(outputs, labels, where)
    one_output(scores)
    groups = np.asarray(groups)[np.asarray(where).astype(bool)].astype(np.float64)
    return auc.measure_groups(groups, scores, positive(labels))


def _measure_f1(outputs, labels, where):
    """(right, said, there): rows that are positive by the output and the label."""
    logits, labels = counted(outputs, labels, where)
    one_output(logits)
    yes, said = positive(labels), logits > 0
    if np.isnan(logits).any():
        return np.full(3, np.nan)
    return np.array([(said & yes).sum(), said.sum(), yes.sum()], np.float64)


def _f1(state):
    """2 right / (said + there), of probabilities cut at .5; NaN of no positive."""
    right, said, there = state
    return float(2 * right / (said + there)) if said + there else math.nan


def _measure_ece(outputs, labels, where):
    logits, labels = counted(outputs, labels, where)
    one_output(logits)
    yes = positive(labels)
    if np.isnan(logits).any():
        return np.full((3, calibration.ECE_BINS), np.nan)
    edges = np.linspace(0, 1, calibration.ECE_BINS + 1)[1:-1]
    return calibration.bin_rows(np.exp(-np.logaddexp(0, -logits)), yes, edges)


def _measure_ranks(outputs, labels, where, queries=None):
    ranks, items = counted(outputs, labels, where)
    one_output(ranks)
    if queries is not None:
        queries = np.asarray(queries)[np.asarray(where).astype(bool)]
    return ranking.measure(ranks, items, queries)


def _within(k, ranks, labels):
    one_output(ranks)
    return np.where(np.isnan(ranks), np.nan, ranks <= k)


def _ranking_metrics():
    """Of retrieval tasks, whose outputs are here the ranks of the rows' items."""
    measure, merge = _measure_ranks, ranking.merge
    for k in CUTOFFS:
        yield _mean_metric(f"accuracy@{k}", True, functools.partial(_within, k))
        for name, figure in ranking.AT_K.items():
            compute = functools.partial(ranking.compute, figure=figure, k=k)
            yield Metric(f"{name}@{k}", True, measure, merge, compute, by_query=True)
    compute = functools.partial(ranking.compute, figure=ranking.mean_reciprocal_rank)
    yield Metric("mrr", True, measure, merge, compute, by_query=True)


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
        Metric("auc", True, _measure_auc, auc.merge, auc.compute),
        Metric(
            "gauc",
            True,
            _measure_gauc,
            auc.merge_groups,
            auc.compute_groups,
            grouped=True,
        ),
        _mean_metric("log_loss", False, _negative_log_likelihood),
        _mean_metric("accuracy", True, _correct),
        _mean_metric("rmse", False, _squared_error, finish=np.sqrt),
        _mean_metric("mae", False, _absolute_error),
        Metric("f1", True, _measure_f1, np.add, _f1),
        Metric("ece", False, _measure_ece, np.add, calibration.expected_error),
        *_ranking_metrics(),
        *(Metric(name, True, *parts) for name, parts in multilabel.METRICS.items()),
        *_pixel_metrics(),
        *(Metric(*row) for row in (*value_metrics.TABLE, *list_metrics.TABLE)),
        *(Metric(*row) for row in vector_metrics.TABLE),
    )
}
