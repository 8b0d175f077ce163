"""Means with intervals, Welch's test, and the two relative measures of the field."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """`mean` +- `half_width` over `n` values; `half_width` is NaN below two values."""

    mean: float
    half_width: float
    n: int


def mean_interval(values: Iterable[float], confidence: float = CONFIDENCE) -> Interval:
    """Mean with Student's t-interval, leaving out NaN.

        mean +- t_{(1 + confidence) / 2, n - 1} s / sqrt(n)

    Args:
        values: one value a run.
        confidence: coverage, in (0, 1).

    Returns:
        The interval. One value has no spread: its half-width is NaN. No value: all NaN.
    """
    values = np.asarray(list(values), np.float64)
    values = values[~np.isnan(values)]
    n = int(values.size)
    if n == 0:
        return Interval(np.nan, np.nan, 0)
    with np.errstate(invalid="ignore"):  # a diverged run may hold inf
        spread = stats.sem(values) if n > 1 else np.nan
        quantile = stats.t.ppf((1 + confidence) / 2, max(n - 1, 1))
        return Interval(float(values.mean()), float(quantile * spread), n)


def welch_p_value(a: Iterable[float], b: Iterable[float]) -> float:
    """Two-sided p-value of Welch's t-test that `a` and `b` have the same mean.

    Returns:
        NaN where a side has fewer than two values (NaN left out): nothing can be said.
        Two sides without any spread give 1 where they are equal and 0 otherwise.

    Reference: B. L. Welch, Biometrika 34, 1947.
    """
    sides = [np.asarray(list(side), np.float64) for side in (a, b)]
    sides = [side[~np.isnan(side)] for side in sides]
    if min(side.size for side in sides) < 2:
        return float("nan")
    if all(np.ptp(side) == 0 for side in sides):
        return float(sides[0][0] == sides[1][0])
    # From moments: SciPy's other form warns where one side has no spread.
    moments = [(side.mean(), side.std(ddof=1), side.size) for side in sides]
    test = stats.ttest_ind_from_stats(*moments[0], *moments[1], equal_var=False)
    return float(test.pvalue)


PerTask = Mapping[str, Sequence[float] | np.ndarray]
Directions = Mapping[str, Sequence[bool] | np.ndarray]


def delta_m(values: PerTask, baseline: PerTask, higher_is_better: Directions) -> float:
    """Mean relative drop over all metrics, in per cent; LOWER is better.

        delta_m = 100 / K  sum_k (-1)^{h_k} (M_k - B_k) / B_k

    over the K metrics of all tasks, h_k = 1 where higher is better. A task with more
    metrics weighs more.

    Args:
        values: task -> M, the values of its metrics.
        baseline: task -> B, the single-task values of the same metrics.
        higher_is_better: task -> h.

    Returns:
        The drop; NaN where a value is NaN or a baseline value is 0.

    Reference: Maninis et al., 1904.08918; as used by Navon et al. (Nash-MTL),
        2202.01017, section 5, and Liu et al. (FAMO), 2306.03792.
    """
    gains = _gains(values, baseline, higher_is_better)
    return -100 * float(np.concatenate(gains).mean())


def delta_p(values: PerTask, baseline: PerTask, higher_is_better: Directions) -> float:
    """Mean relative gain over metrics, then over tasks, in per cent; HIGHER is better.

        Delta_p = 100 / T  sum_t 1 / K_t  sum_k (-1)^{1 - h_tk} (M_tk - B_tk) / B_tk

    Every task weighs the same. With the same number of metrics in every task this is
    -`delta_m`; otherwise the two may differ in sign: the LS row of NYUv2 is 5.59 %
    worse by `delta_m` and 0.88 % better by `delta_p`.

    Args and Returns: as `delta_m`.

    Reference: Lin & Zhang (LibMTL), JMLR 24(209), 2023; Lin et al. (DB-MTL),
        2308.12029.
    """
    gains = _gains(values, baseline, higher_is_better)
    return 100 * float(np.mean([task.mean() for task in gains]))


def _gains(values, baseline, higher_is_better) -> list[np.ndarray]:
    """Per task, the relative change of each metric, positive where it is better."""
    gains = []
    for task in baseline:
        value, base, higher = (
            np.asarray(side[task], dtype)
            for side, dtype in (
                (values, np.float64),
                (baseline, np.float64),
                (higher_is_better, bool),
            )
        )
        undefined = np.full_like(base, np.nan)
        with np.errstate(invalid="ignore"):  # inf - inf of a diverged run
            change = np.divide(value - base, base, out=undefined, where=base != 0)
        gains.append(np.where(higher, change, -change))
    return gains
