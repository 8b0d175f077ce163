"""States of AUC and of grouped AUC; `mtlx.metrics` names them.

A state lists each distinct score (in its group) with its positives and its negatives.
"""

import math

import numpy as np


def measure(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """[U, 3] of rows [B]."""
    return _add_up(np.stack([scores, positive, ~positive], axis=1))


def merge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The state of both sets of rows."""
    return _add_up(np.concatenate([a, b]))


def compute(state: np.ndarray) -> float:
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


def measure_groups(
    groups: np.ndarray, scores: np.ndarray, positive: np.ndarray
) -> np.ndarray:
    """[U, 4] of rows [B]."""
    return _add_up_groups(np.stack([groups, scores, positive, ~positive], axis=1))


def merge_groups(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The state of both sets of rows."""
    return _add_up_groups(np.concatenate([a, b]))


def compute_groups(state: np.ndarray) -> float:
    """sum_g n_g AUC_g / sum_g n_g over the groups that have both classes.

    n_g counts the rows of group g. AUC_g is exact, as above.

    Reference: Zhu et al., "Optimized Cost per Click in Taobao Display Advertising",
    KDD 2017; as used by Zhou et al. (DIN), KDD 2018, there weighed by impressions.
    """
    aucs, rows = group_aucs(state)
    return float(np.average(aucs, weights=rows)) if aucs.size else math.nan


def group_aucs(state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUC [G] and number of rows [G] of the groups that have both classes.

    A single AUC of NaN if a score is NaN.
    """
    groups, scores, positives, negatives = state.T
    if np.isnan(scores).any():
        return np.full(1, np.nan), np.ones(1)
    _, group = np.unique(groups, return_inverse=True)
    total = [np.bincount(group, counts) for counts in (positives, negatives)]
    pairs, rows = total[0] * total[1], total[0] + total[1]
    before = np.cumsum(total[1]) - total[1]  # negatives of the groups in front
    below = np.cumsum(negatives) - negatives - before[group]
    ordered = np.bincount(group, positives * (below + negatives / 2))
    both = pairs > 0
    return ordered[both] / pairs[both], rows[both]


def _add_up(table: np.ndarray) -> np.ndarray:
    scores, index = np.unique(table[:, 0], return_inverse=True)
    counts = [np.bincount(index, table[:, c], scores.size) for c in (1, 2)]
    return np.stack([scores, *counts], axis=1)


def _add_up_groups(table: np.ndarray) -> np.ndarray:
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    changes = (table[1:, :2] != table[:-1, :2]).any(axis=1)
    first = np.flatnonzero(np.append(True, changes)[: len(table)])
    if not len(first):
        return table
    return np.hstack([table[first, :2], np.add.reduceat(table[:, 2:], first)])
