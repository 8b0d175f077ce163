"""Whether no row is better than one, read off the differences of runs of one seed.

Of each other row that was run, gain is the difference to the reference by seed, with
its sign turned where lower is better. The m rows are a family: p-values of the paired
t-test are Holm's, and the interval of the mean gain holds for all of them at once
(Bonferroni: the t-quantile of 1 - .05 / 2m).

not reproduced  a row's p is below .05, and its gain above 0 (apart: not 0)
reproduced      no such row, and every interval ends below the width of the table's rule
                (apart: lies within +- it)
not comparable  no such row, and an interval that goes further: too few runs to tell
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mtlx.results.paired import holm, paired_tests
from mtlx.results.reproduction.difference import Difference, welch_half_width
from mtlx.results.reproduction.spec import PairedClaim
from mtlx.results.reproduction.verdict import (
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    Verdict,
)
from mtlx.results.statistics import CONFIDENCE

Values = Mapping[str, Mapping[int, float]]  # row -> seed -> value


class Pair(NamedTuple):
    """What a row gains over the reference."""

    row: str
    gain: Difference
    p: float
    p_holm: float
    n: int


def pair_rows(claim: PairedClaim, values: Values, sign: int) -> list[Pair]:
    """Every row of the claim that shares a seed with its reference.

    Args:
        claim: which rows.
        values: of its column; rows without runs are left out.
        sign: 1 where a higher value is better, else -1.
    """
    base = values.get(claim.reference, {})
    gains = {}
    for row in claim.among:
        of = values.get(row, {})
        both = [seed for seed in sorted(of) if seed in base]
        gaps = np.array([sign * (of[seed] - base[seed]) for seed in both])
        if gaps.size:
            gains[row] = gaps[np.isfinite(gaps)]
    tests = [paired_tests(gaps, np.zeros_like(gaps)) for gaps in gains.values()]
    adjusted = holm(test.t for test in tests)
    return [
        Pair(row, _interval(gaps, len(gains)), test.t, float(p), test.n)
        for (row, gaps), test, p in zip(gains.items(), tests, adjusted, strict=True)
    ]


def judge_paired(claim: PairedClaim, pairs: list[Pair], width: float) -> Verdict:
    """The verdict, with the gain that it was read off: the furthest one.

    Args:
        claim: whether rows that are worse count too.
        pairs: of `pair_rows`.
        width: the number of the table's rule.
    """
    if not pairs:
        return Verdict(NOT_RUN, "")
    few = [pair.row for pair in pairs if np.isnan(pair.p)]
    found = [
        pair
        for pair in pairs
        if pair.p_holm < 1 - CONFIDENCE and (claim.apart or pair.gain.mean > 0)
    ]
    of = max(found or pairs, key=lambda pair: _reach(claim, pair.gain))
    if found:
        names = ", ".join(f"{p.row} (p {p.p_holm:.2g})" for p in found)
        word = "apart" if claim.apart else "better"
        return Verdict(NOT_REPRODUCED, f"{word} by Holm's p: {names}", of.gain)
    if few:
        reason = f"fewer than two pairs of runs: {', '.join(few)}"
        return Verdict(NOT_COMPARABLE, reason, of.gain)
    if _reach(claim, of.gain) > width:
        reason = f"no row is, but the interval of {of.row} goes beyond {width:g}"
        return Verdict(NOT_COMPARABLE, f"{reason}: too few runs to tell", of.gain)
    reason = f"none of {len(pairs)} rows is, by Holm's p and within {width:g}"
    return Verdict(REPRODUCED, reason, of.gain)


def _interval(gaps: np.ndarray, family: int) -> Difference:
    if not gaps.size:
        return Difference(np.nan, np.nan, np.nan)
    mean = float(gaps.mean())
    if gaps.size < 2:
        return Difference(mean, np.nan, np.nan)
    error = gaps.var(ddof=1) / gaps.size
    confidence = 1 - (1 - CONFIDENCE) / family
    half_width = welch_half_width([(error, gaps.size - 1)], confidence)
    return Difference(mean, mean - half_width, mean + half_width)


def _reach(claim: PairedClaim, gain: Difference) -> float:
    """How far from 0 the gain may be."""
    ends = (gain.high, -gain.low) if claim.apart else (gain.high,)
    return -np.inf if np.isnan(gain.high) else max(ends)
