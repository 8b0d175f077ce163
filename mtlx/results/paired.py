"""Paired tests of two methods, and Holm's correction for making many of them."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats


class PairedTests(NamedTuple):
    """Two-sided p-values that `n` differences are around 0, and their mean."""

    difference: float
    t: float
    wilcoxon: float
    n: int


def paired_tests(a: Iterable[float], b: Iterable[float]) -> PairedTests:
    """Student's paired t-test and Wilcoxon's signed-rank test of a - b.

    Args:
        a, b: values of the two sides, pair by pair (of the same seed). A pair that
            lacks a value (NaN) is left out; so is one with an infinite value, of a
            diverged run, of which no difference is defined.

    Returns:
        Below two pairs both p-values are NaN. Differences without spread give the
        t-test 1 where they are 0, else 0. Wilcoxon's leaves out differences of 0 (1 if
        all are), and is exact for up to 50 pairs without ties: with n pairs it can give
        no less than 2^(1 - n), so that five seeds never reach .05.

    Raises:
        ValueError: sides of different lengths.

    Reference: F. Wilcoxon, Biometrics Bulletin 1, 1945; `scipy.stats.ttest_rel`,
        `scipy.stats.wilcoxon`.
    """
    a, b = (np.asarray(list(side), np.float64) for side in (a, b))
    if a.shape != b.shape:
        raise ValueError(
            f"Expected one value of each side a pair, found {a.size} and {b.size}. "
            "Give both sides the same seeds in the same order."
        )
    kept = np.isfinite(a) & np.isfinite(b)
    gaps = (a - b)[kept]
    if gaps.size < 2:
        mean = float(gaps.mean()) if gaps.size else np.nan
        return PairedTests(mean, np.nan, np.nan, int(gaps.size))
    return PairedTests(float(gaps.mean()), _t(gaps), _wilcoxon(gaps), int(gaps.size))


def holm(p_values: Iterable[float]) -> np.ndarray:
    """p-values that hold for a whole family of m tests, by Holm's step-down rule.

        p'_(i) = min(1, max_{j <= i} (m - j + 1) p_(j)),   p_(1) <= ... <= p_(m)

    The chance of one false finding or more among all of them is then at most the level,
    however the tests depend on one another. NaN stays NaN and is no member.

    Reference: S. Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    p_values = np.asarray(list(p_values), np.float64)
    adjusted = np.full_like(p_values, np.nan)
    made = np.flatnonzero(~np.isnan(p_values))
    order = made[np.argsort(p_values[made], kind="stable")]
    scaled = p_values[order] * np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def _t(gaps: np.ndarray) -> float:
    if np.ptp(gaps) == 0:
        return float(gaps[0] == 0)
    return float(stats.ttest_1samp(gaps, 0.0).pvalue)


def _wilcoxon(gaps: np.ndarray) -> float:
    moved = gaps[gaps != 0]
    return float(stats.wilcoxon(moved).pvalue) if moved.size else 1.0
