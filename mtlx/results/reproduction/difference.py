"""Ours minus published, with an interval that counts the spread of both."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from mtlx.results.reproduction.spec import Published
from mtlx.results.statistics import CONFIDENCE


class Difference(NamedTuple):
    """`mean` within [`low`, `high`]; NaN where it has no interval."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def difference_from(
    values: Sequence[float] | np.ndarray,
    published: Published,
    digits: int,
    confidence: float = CONFIDENCE,
) -> Difference:
    """The mean of `values` minus a printed one, with Welch's interval.

        d +- (t sqrt(s^2 / n + s_p^2 / n_p) + 10^-digits / 2)

    with the t-quantile of Welch and Satterthwaite's degrees of freedom. The last term
    is the rounding of the printed value.

    Args:
        values: one a run, without NaN.
        published: without a spread it is taken as exact: the interval is ours alone.
        digits: decimals that the paper prints.
        confidence: coverage.

    Returns:
        Below two values there is no interval: its ends are NaN.

    Reference: B. L. Welch, Biometrika 34, 1947; F. E. Satterthwaite, Biometrics
        Bulletin 2, 1946.
    """
    values = np.asarray(values, np.float64)
    gap = float(values.mean()) - published.mean
    if values.size < 2:
        return Difference(gap, np.nan, np.nan)
    parts = [(values.var(ddof=1) / values.size, values.size - 1)]
    if (error := _standard_error(published, confidence)) is not None:
        parts.append((error**2, published.n - 1))
    half_width = welch_half_width(parts, confidence) + 0.5 * 10.0**-digits
    return Difference(gap, gap - half_width, gap + half_width)


def difference_between(
    a: Sequence[float] | np.ndarray,
    b: Sequence[float] | np.ndarray,
    confidence: float = CONFIDENCE,
) -> Difference:
    """mean(a) - mean(b) of two of our rows, with Welch's interval."""
    a, b = (np.asarray(side, np.float64) for side in (a, b))
    gap = float(a.mean() - b.mean())
    if min(a.size, b.size) < 2:
        return Difference(gap, np.nan, np.nan)
    parts = [(side.var(ddof=1) / side.size, side.size - 1) for side in (a, b)]
    half_width = welch_half_width(parts, confidence)
    return Difference(gap, gap - half_width, gap + half_width)


def welch_half_width(parts: Sequence[tuple[float, int]], confidence: float) -> float:
    """From (squared standard error, degrees of freedom) of each side."""
    squared = sum(error for error, _ in parts)
    if squared == 0:
        return 0.0
    freedom = squared**2 / sum(error**2 / degrees for error, degrees in parts)
    return float(stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(squared))


def _standard_error(published: Published, confidence: float) -> float | None:
    if published.std is not None:
        return published.std / np.sqrt(published.n)
    if published.ci95 is not None:
        return published.ci95 / stats.t.ppf((1 + confidence) / 2, published.n - 1)
    return None
