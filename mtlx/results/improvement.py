"""How likely a run of one method is to beat a run of another."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mtlx.results.bootstrap import SEED, UNDEFINED, Bounds
from mtlx.results.statistics import CONFIDENCE

RESAMPLES = 2000  # as in the paper


class Improvement(NamedTuple):
    """The probability, and its interval."""

    probability: float
    bounds: Bounds


def probability_of_improvement(
    runs: np.ndarray | Sequence,
    others: np.ndarray | Sequence,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Improvement:
    """P(X > Y), the mean over tasks of the share of pairs of runs that are better.

        P(X > Y) = 1 / T  sum_t 1 / (N M)  sum_ij S(x_it, y_jt),
        S(x, y) = 1 if x > y, 1/2 if x = y, 0 otherwise

    Args:
        runs: [N, T], each task's value in each run of the method; higher is better.
        others: [M, T], of the method that it is compared with.
        confidence: coverage of the percentile bootstrap interval.
        resamples: draws with replacement, of the runs of either side.

    Returns:
        The interval is NaN where a side has a single run, all is NaN where a value is.
        With fewer than some ten runs it is too short, and 0 or 1 has no width at all.

    Departs from the paper in what is resampled: its tasks (games) are runs of their
        own, drawn apart; here the tasks of a run belong together, and whole runs are
        drawn.

    Reference: Agarwal et al., "Deep Reinforcement Learning at the Edge of the
        Statistical Precipice", NeurIPS 2021, section 4.3.
    """
    runs, others = (np.asarray(side, np.float64) for side in (runs, others))
    wins = _wins(runs, others)
    if np.isnan(wins).any():
        return Improvement(np.nan, UNDEFINED)
    probability = float(wins.mean())
    if min(wins.shape) < 2:
        return Improvement(probability, UNDEFINED)
    rng = np.random.default_rng(SEED)
    rows, columns = (rng.integers(size, size=(resamples, size)) for size in wins.shape)
    drawn = wins[rows[:, :, None], columns[:, None, :]].mean(axis=(1, 2))
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Improvement(probability, Bounds(float(low), float(high)))


def _wins(runs: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[N, M]: mean over tasks of S(x_it, y_jt)."""
    x, y = runs[:, None, :], others[None, :, :]
    wins = np.where(x == y, 0.5, x > y)
    return np.where(np.isnan(x) | np.isnan(y), np.nan, wins).mean(axis=2)
