"""States of the metrics of lists of graded rows; `mtlx.metrics` names them.

A state holds group, score and gain of all rows, [N, 3].
"""

import functools
import math

import numpy as np

from mtlx.metric_rows import amounts, counted, one_output


def measure_lists(outputs, labels, where, groups) -> np.ndarray:
    """[N, 3] of the counted rows: group, score [B], gain."""
    scores, gains = counted(outputs, labels, where)
    one_output(scores)
    groups = np.asarray(groups)[np.asarray(where).astype(bool)].astype(np.float64)
    return np.stack([groups, scores, amounts(gains)], axis=1)


def concatenate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The state of both sets of rows."""
    return np.concatenate([a, b])


def mean_ndcg(state: np.ndarray, length: int | None = None) -> float:
    """Mean over groups of DCG / (DCG of the best order), DCG = sum y_i / log2(1 + r_i).

    Scores that tie share the mean discount of their places, so that a constant gets
    what an order at random gets. The gain y is the label itself. Groups without a gain
    are left out; one whose rows are all alike counts, and is 1.

    Args:
        state: see above.
        length: places that count, the first ones; None: all.

    Reference: Jarvelin, Kekalainen, "Cumulated Gain-Based Evaluation of IR Techniques",
    2002; ties as McSherry, Najork, ECIR 2008.
    """
    if np.isnan(state[:, 1]).any():
        return math.nan
    groups, scores, gains = state.T
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    discounts = _discounts(sizes, length)
    found = np.bincount(group, gains * _tied_discounts(group, scores, discounts))
    ideal = np.lexsort((-gains, group))
    best = np.bincount(group[ideal], gains[ideal] * discounts)
    known = best > 0
    return float(np.mean(found[known] / best[known])) if known.any() else math.nan


def _discounts(sizes: np.ndarray, length: int | None) -> np.ndarray:
    """[N] 1 / log2(1 + place), group after group; 0 beyond the length."""
    starts = np.cumsum(sizes) - sizes
    place = np.arange(sizes.sum()) - np.repeat(starts, sizes)
    return np.where(place < (length or np.inf), 1.0 / np.log2(2.0 + place), 0.0)


def _tied_discounts(
    group: np.ndarray, scores: np.ndarray, discounts: np.ndarray
) -> np.ndarray:
    """[N] the discount of each row: the mean over the rows that tie with it."""
    order = np.lexsort((-scores, group))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(group[order]) != 0) | (np.diff(scores[order]) != 0)
    tie = np.cumsum(new) - 1
    means = np.bincount(tie, discounts) / np.bincount(tie)
    shared = np.empty(len(order))
    shared[order] = means[tie]
    return shared


# name, whether higher is better, measure, merge, compute, whether grouped
TABLE = tuple(
    (
        name,
        True,
        measure_lists,
        concatenate,
        functools.partial(mean_ndcg, length=length),
        True,
    )
    for name, length in (("list_ndcg", None), ("list_ndcg_10", 10))
)
