"""Whether predicted probabilities are frequencies."""

import math
from typing import NamedTuple

import numpy as np

ECE_BINS = 15


class ReliabilityCurve(NamedTuple):
    """The bins that hold a row, in order."""

    confidence: np.ndarray  # [b] mean predicted probability
    frequency: np.ndarray  # [b] share of positives
    count: np.ndarray  # [b] rows


def reliability_curve(
    probabilities: np.ndarray,
    labels: np.ndarray,
    bins: int = ECE_BINS,
    strategy: str = "uniform",
) -> ReliabilityCurve:
    """Predicted probability against the share of positives, bin by bin.

    Args:
        probabilities: [B] in [0, 1].
        labels: [B], 0 or 1.
        bins: their number.
        strategy: "uniform" cuts [0, 1] in bins of one width, each with its left edge
            and the last with both; "quantile" in bins of about as many rows.

    Raises:
        ValueError: another strategy, fewer than one bin, or a value outside [0, 1].
    """
    probabilities = np.asarray(probabilities, np.float64)
    if strategy not in ("uniform", "quantile") or bins < 1:
        raise ValueError(
            f'expected strategy "uniform" or "quantile" and bins >= 1, found '
            f"{strategy!r} and {bins}."
        )
    if probabilities.size and not (
        probabilities.min() >= 0 and probabilities.max() <= 1
    ):
        raise ValueError("expected probabilities in [0, 1]; pass no logits, no NaN.")
    edges = np.linspace(0, 1, bins + 1)
    if strategy == "quantile" and probabilities.size:
        edges = np.quantile(probabilities, edges)
    state = bin_rows(probabilities, labels, edges[1:-1])
    confidence, positives, count = state[:, state[2] > 0]
    return ReliabilityCurve(confidence / count, positives / count, count)


def bin_rows(
    probabilities: np.ndarray, labels: np.ndarray, inner: np.ndarray
) -> np.ndarray:
    """[3, bins]: sum of probabilities, of labels, and rows; such states add up.

    Args:
        probabilities, labels: [B].
        inner: [bins - 1] edges between the bins; a row on an edge is in the upper bin.
    """
    bins = np.searchsorted(inner, probabilities, side="right")
    size = len(inner) + 1
    return np.stack(
        [
            np.bincount(bins, weights, size)
            for weights in (probabilities, labels, np.ones(len(bins)))
        ]
    )


def expected_error(state: np.ndarray) -> float:
    """ECE = sum_b n_b / N |mean probability_b - share of positives_b|, of `bin_rows`.

    Reference: Naeini et al., "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015; in the binary form, of the probability of the positive class.
    """
    rows = state[2].sum()
    return float(np.abs(state[0] - state[1]).sum() / rows) if rows else math.nan
