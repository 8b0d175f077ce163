"""Differences of shares of runs, with intervals that hold for few runs.

Runs that are all alike have no spread: Welch's interval would shrink to a point.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from mtlx.results.reproduction.difference import Difference
from mtlx.results.reproduction.spec import Published
from mtlx.results.statistics import CONFIDENCE

Values = Sequence[float] | np.ndarray  # 1 or 0, one a run, without NaN


def share_difference_from(
    values: Values,
    published: Published,
    digits: int,
    confidence: float = CONFIDENCE,
) -> Difference:
    """Ours minus a printed share, which is taken as exact without its `n`.

    Half a unit of the last printed digit is added, as in `difference_from`.
    """
    ours, share = _wilson(values, confidence), published.mean
    theirs = (share, share, share)
    if published.n is not None:
        theirs = _wilson_of(share * published.n, published.n, confidence)
    mean, low, high = _newcombe(ours, theirs)
    return Difference(mean, low - 0.5 * 10.0**-digits, high + 0.5 * 10.0**-digits)


def share_difference_between(
    a: Values, b: Values, confidence: float = CONFIDENCE
) -> Difference:
    """The share of `a` minus that of `b`, two of our rows, with Newcombe's interval.

        d - sqrt((a - l_a)^2 + (u_b - b)^2)  to  d + sqrt((u_a - a)^2 + (b - l_b)^2)

    with Wilson's score intervals [l, u] of each side.

    Returns:
        Below two values a side there is no interval: its ends are NaN.

    Reference: R. G. Newcombe, Statistics in Medicine 17, 1998, pp. 873-890, method 10;
        E. B. Wilson, Journal of the American Statistical Association 22, 1927.
    """
    return _newcombe(_wilson(a, confidence), _wilson(b, confidence))


def _newcombe(a: tuple[float, ...], b: tuple[float, ...]) -> Difference:
    gap = a[0] - b[0]
    below = np.hypot(a[0] - a[1], b[2] - b[0])
    above = np.hypot(a[2] - a[0], b[0] - b[1])
    return Difference(float(gap), float(gap - below), float(gap + above))


def _wilson(values: Values, confidence: float) -> tuple[float, float, float]:
    values = np.asarray(values, np.float64)
    if values.size < 2:
        return float(values.mean()), np.nan, np.nan
    return _wilson_of(float(values.sum()), values.size, confidence)


def _wilson_of(count: float, n: int, confidence: float) -> tuple[float, float, float]:
    """Share, and Wilson's interval of it: where |share - p| = z sqrt(p (1 - p) / n)."""
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share = count / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    spread = np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    half = float(z * spread / (1 + z**2 / n))
    return share, middle - half, middle + half
