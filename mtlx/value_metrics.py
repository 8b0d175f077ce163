"""States of the metrics of amounts, e.g. what is spent; `mtlx.metrics` names them.

A state holds predicted and true amounts of all rows, [N, 2]: ranks need them all.
"""

import math

import numpy as np

from mtlx.metric_rows import amounts, counted, one_output
from mtlx.ziln import OUTPUTS, SMALLEST_SIGMA


def measure_amounts(outputs, labels, where) -> np.ndarray:
    """[N, 2] of predictions [B] and labels."""
    outputs, labels = counted(outputs, labels, where)
    one_output(outputs)
    return np.stack([outputs, amounts(labels)], axis=1)


def measure_ziln(outputs, labels, where) -> np.ndarray:
    """[N, 2] of what the outputs [B, 3] of `mtlx.ziln` expect, and labels."""
    outputs, labels = counted(outputs, labels, where)
    if outputs.shape[1:] != (OUTPUTS,):
        raise ValueError(
            f"expected the {OUTPUTS} outputs of a zero-inflated log-normal task a row, "
            f"found {outputs.shape}; a regression task has 'gini', 'rmse' and 'mae'."
        )
    logit, mu, raw = outputs.T
    # A diverged model puts out inf or NaN: that is its result, not a fault here.
    with np.errstate(over="ignore", invalid="ignore"):
        sigma = np.maximum(np.logaddexp(0.0, raw), SMALLEST_SIGMA)
        expected = np.exp(mu + sigma**2 / 2 - np.logaddexp(0.0, -logit))
    return np.stack([expected, amounts(labels)], axis=1)


def concatenate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The state of both sets of rows."""
    return np.concatenate([a, b])


def root_mean_square(state: np.ndarray) -> float:
    """sqrt(mean (x - y)^2)."""
    if not len(state):
        return math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.mean(np.square(state[:, 0] - state[:, 1]))))


def normalised_gini(state: np.ndarray) -> float:
    """G(x) / G(y): of the inequality of the amounts, how much the predictions find.

    G(x) = 2 sum_i r_i y_i / (N sum_i y_i) - (N + 1) / N, r_i the rank of x_i from the
    lowest, 1 to N; predictions that tie share the mean of their ranks, so that a
    constant scores 0 whatever the order of the rows. 1 is the order of the amounts
    themselves; for amounts of 0 and 1 it is 2 AUC - 1.

    Reference: Wang, Liu, Miao, arXiv:1912.07753, on evaluation. Their code ranks ties
    in the order of the rows.
    """
    predicted, amount = state.T
    if not amount.sum() > 0 or np.isnan(predicted).any():
        return math.nan
    best = _covariance(amount, amount)
    return float(_covariance(predicted, amount) / best) if best > 0 else math.nan


def _covariance(scores: np.ndarray, amount: np.ndarray) -> float:
    """sum_i (r_i - mean rank) y_i, which G is up to a factor."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = (last - (count - 1) / 2)[place]
    return float(np.dot(ranks - (len(scores) + 1) / 2, amount))


# name, whether higher is better, measure, merge, compute
TABLE = (
    ("gini", True, measure_amounts, concatenate, normalised_gini),
    ("ziln_gini", True, measure_ziln, concatenate, normalised_gini),
    ("ziln_rmse", False, measure_ziln, concatenate, root_mean_square),
)
