"""Metrics of tasks with K values a row; on the host in float64.

They are over all values of all rows alike; the state is (their sum, their number).
"""

import math

import numpy as np


def measure_squared(outputs, labels, where) -> np.ndarray:
    """(sum of (x - y)^2, number of values).

    Args:
        outputs, labels: [B, K].
        where: [B] rows that count.
    """
    return _summed(np.square, outputs, labels, where)


def measure_absolute(outputs, labels, where) -> np.ndarray:
    """(sum of |x - y|, number of values)."""
    return _summed(np.abs, outputs, labels, where)


def mean_of(state: np.ndarray) -> float:
    """total / count; NaN without any."""
    total, count = state
    return float(total / count) if count else math.nan


def root_mean_of(state: np.ndarray) -> float:
    """sqrt(total / count)."""
    return math.sqrt(mean_of(state))


def _summed(of_gap, outputs, labels, where) -> np.ndarray:
    outputs, labels, where = (np.asarray(x) for x in (outputs, labels, where))
    if labels.ndim != 2 or outputs.shape != labels.shape or len(labels) != where.size:
        raise ValueError(
            "expected outputs and labels of shape [B, K] and one mask a row, found "
            f"shapes {outputs.shape}, {labels.shape}, {where.shape}; this metric is "
            "one of tasks of the kind 'vector'."
        )
    where = where.astype(bool)
    # A diverged model puts out inf or NaN: that is its result, not a fault here.
    with np.errstate(over="ignore", invalid="ignore"):
        gaps = of_gap(outputs[where].astype(np.float64) - labels[where])
        return np.array([gaps.sum(), gaps.size], np.float64)


# name, whether higher is better, measure, merge, compute
TABLE = (
    ("vector_rmse", False, measure_squared, np.add, root_mean_of),
    ("vector_mae", False, measure_absolute, np.add, mean_of),
)
