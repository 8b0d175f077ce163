"""Metrics of tasks with K labels a row, each 0, 1 or -1 (none); on the host in float64.

`METRICS` has measure, merge and compute of each; `mtlx.metrics` names them. All but
`lrap` are read off one table of positives and negatives by label and score.
"""

import math

import numpy as np

from mtlx import auc_metrics as auc


def measure_counts(outputs, labels, where) -> np.ndarray:
    """State [U, 4]: each distinct (label, score), its positives and its negatives.

    Args:
        outputs: [B, K] logits.
        labels: [B, K] of 0, 1 or -1.
        where: [B] rows that count.
    """
    outputs, labels = _rows(outputs, labels, where)
    known = labels >= 0
    number = np.broadcast_to(np.arange(labels.shape[1]), labels.shape)[known]
    positive = labels[known] == 1
    return auc.measure_groups(number, outputs[known], positive)


def macro_auc(state: np.ndarray) -> float:
    """Mean over the labels of AUC_k; labels of one class alone are left out."""
    aucs, _ = auc.group_aucs(state)
    return float(aucs.mean()) if aucs.size else math.nan


def micro_auc(state: np.ndarray) -> float:
    """AUC of all (row, label) pairs together."""
    empty = np.empty((0, 3))
    return auc.compute(auc.merge(state[:, 1:], empty))


def macro_ap(state: np.ndarray) -> float:
    """Mean over the labels of AP_k = sum_n (R_n - R_(n-1)) P_n, also called mAP.

    P_n and R_n are precision and recall of the rows that score at least the n-th
    highest score. Labels without a positive are left out.

    Reference: as scikit-learn's `average_precision_score`, without interpolation.
    """
    if np.isnan(state[:, 1]).any():
        return math.nan
    state = state[::-1]  # by label, scores from high to low
    _, label = np.unique(state[:, 0], return_inverse=True)
    hits = _running(state[:, 2], label)
    precision = hits / (hits + _running(state[:, 3], label))
    positives = np.bincount(label, state[:, 2])
    sums = np.bincount(label, state[:, 2] * precision)
    there = positives > 0
    return float(np.mean(sums[there] / positives[there])) if there.any() else math.nan


def measure_lrap(outputs, labels, where) -> np.ndarray:
    """(sum over rows of LRAP_i, number of rows), for label ranking average precision.

    LRAP_i is the mean over the row's positive labels k of the share of positives among
    its labels that score at least x_k. A row whose known labels are all alike has 1, as
    in scikit-learn's `label_ranking_average_precision_score`.
    """
    outputs, labels = _rows(outputs, labels, where)
    known, positive = labels >= 0, labels == 1
    outputs = np.where(known, outputs, -np.inf)
    totals = np.zeros(len(labels))
    # By label: [rows, K, K] at once would take gigabytes.
    for k in range(labels.shape[1]):
        above = (outputs >= outputs[:, k, None]) & known
        share = (above & positive).sum(axis=1) / np.maximum(above.sum(axis=1), 1)
        totals += np.where(positive[:, k], share, 0.0)
    positives = positive.sum(axis=1)
    alike = (positives == 0) | (positives == known.sum(axis=1))
    values = np.where(alike, 1.0, totals / np.maximum(positives, 1))
    values = np.where(np.isnan(outputs).any(axis=1), np.nan, values)
    return np.array([values.sum(), len(values)])


def mean(state: np.ndarray) -> float:
    """Sum over count."""
    total, count = state
    return float(total / count) if count else math.nan


METRICS = {
    "macro_auc": (measure_counts, auc.merge_groups, macro_auc),
    "micro_auc": (measure_counts, auc.merge_groups, micro_auc),
    "macro_ap": (measure_counts, auc.merge_groups, macro_ap),
    "lrap": (measure_lrap, np.add, mean),
}


def _running(counts: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Sums from the first row of each label on; equal labels lie side by side."""
    total = np.cumsum(counts)
    first = np.flatnonzero(np.append(True, label[1:] != label[:-1])[: len(label)])
    lengths = np.diff(np.append(first, len(label)))
    return total - np.repeat(total[first] - counts[first], lengths)


def _rows(outputs, labels, where) -> tuple[np.ndarray, np.ndarray]:
    """The rows that count."""
    outputs, labels, where = (np.asarray(x) for x in (outputs, labels, where))
    if labels.ndim != 2 or outputs.shape != labels.shape or len(where) != len(labels):
        raise ValueError(
            f"expected outputs and labels of shape [B, K] and a mask [B], found "
            f"{outputs.shape}, {labels.shape}, {where.shape}; this metric is for tasks "
            f"of kind 'multilabel'."
        )
    where = where.astype(bool)
    outputs, labels = outputs[where].astype(np.float64), labels[where]
    strange = labels[~np.isin(labels, (-1, 0, 1))]
    if strange.size:
        raise ValueError(
            f"expected labels 0, 1 or -1 (none), found {strange[0]:g}; mend the labels."
        )
    return outputs, labels
