"""Rows of a split by how much the training split knew of their users and items."""

from collections.abc import Mapping

import numpy as np

PARTS = 10


def activity_slices(activity: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """ "new_<name>", and tenths of the other rows from the least to the most active.

    Rows of one activity are in one slice, so that tenths may differ in size; one
    without rows is left out.

    Args:
        activity: [B] training rows of the row's user, or of its item.
        name: of what is active, e.g. "user".

    Returns:
        Slice -> [B] bool; each row is in one.
    """
    activity = np.asarray(activity)
    new = activity == 0
    slices = {f"new_{name}": new}
    if not new.all():
        shares = np.arange(1, PARTS) / PARTS
        edges = np.quantile(activity[~new], shares, method="lower")
        part = np.searchsorted(edges, activity, side="left")
        for number in range(PARTS):
            slices[f"{name}_decile_{number + 1}"] = ~new & (part == number)
    return {name: rows for name, rows in slices.items() if rows.any()}


def by_slice(
    ranks: np.ndarray, slices: Mapping[str, np.ndarray], k: int
) -> dict[str, dict[str, float | int]]:
    """Of each slice its rows, and accuracy@k and the mean reciprocal rank of these.

    Args:
        ranks: [B] of the rows' items, see `mtlx.ranking_metrics`.
        slices: slice -> [B] bool.
        k: length of the lists.
    """
    return {
        name: {
            "rows": int(rows.sum()),
            f"accuracy@{k}": float(np.mean(_within(ranks[rows], k))),
            "mrr": float(np.mean(1.0 / ranks[rows])),
        }
        for name, rows in slices.items()
    }


def _within(ranks: np.ndarray, k: int) -> np.ndarray:
    return np.where(np.isnan(ranks), np.nan, ranks <= k)
