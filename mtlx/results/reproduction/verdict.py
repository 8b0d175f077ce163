"""Reproduced, not reproduced, not comparable: read off an interval.

Each table names one rule and its number before anything is run (`Rule`). With D the
95 % interval of ours minus published (`difference_from`):

consistent  reproduced      D holds 0 and is no wider than +- the resolution
            not reproduced  D does not hold 0
            not comparable  D holds 0 and is wider: the runs are too few to tell
equivalent  reproduced      D lies within +- the margin
            not reproduced  D lies outside of it altogether
            not comparable  D crosses its edge: the runs are too few to tell
exact       reproduced      |ours - published| <= the tolerance, for what has no seeds
            not reproduced  it is more

A claim, that one row of ours is below another, is reproduced where the interval of the
difference lies below 0, not reproduced where it lies above, and not comparable where it
holds 0.

Not comparable, whatever the figures: a cell whose file says why; a mean of one run,
unless the rule is exact; the best of another number of runs. Runs that ended without a
value are left out and named; where none has one, the cell is not reproduced. "not run"
is no verdict: nothing has been tried.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mtlx.results.reproduction.difference import (
    Difference,
    difference_between,
    difference_from,
)
from mtlx.results.reproduction.spec import Published, Rule

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
NOT_COMPARABLE, NOT_RUN, OURS_ALONE = "not comparable", "not run", "ours alone"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, NOT_COMPARABLE, NOT_RUN, OURS_ALONE)
NONE = Difference(np.nan, np.nan, np.nan)


class Verdict(NamedTuple):
    """One of VERDICTS, why, and the difference that it was read off."""

    word: str
    reason: str
    difference: Difference = NONE


def judge_cell(
    values: Sequence[float] | np.ndarray,
    published: Published | None,
    digits: int,
    rule: Rule,
    not_comparable: str = "",
    difference: Callable[..., Difference] = difference_from,
) -> Verdict:
    """The verdict on the mean of `values`, one a run, against a printed value.

    Args:
        values: NaN for a run without one; none: not run.
        published: None: there is nothing to hold ours against.
        digits: decimals that the paper prints.
        rule: of the table.
        not_comparable: a reason that holds whatever the figures.
        difference: of the values, the printed one and its digits.
    """
    values = np.asarray(values, np.float64)
    if values.size == 0:
        return Verdict(NOT_RUN, "")
    if published is None:
        return Verdict(OURS_ALONE, "nothing is published")
    kept = values[np.isfinite(values)]
    if kept.size == 0:
        return Verdict(NOT_REPRODUCED, f"none of {values.size} runs has a value")
    found = difference(kept, published, digits)
    if reason := not_comparable or published.not_comparable:
        return Verdict(NOT_COMPARABLE, reason, found)
    word, reason = _apply(rule, found, kept.size)
    if lost := values.size - kept.size:
        reason += f"; {lost} of {values.size} runs have no value"
    return Verdict(word, reason, found)


def judge_claim(
    lower: Sequence[float] | np.ndarray,
    higher: Sequence[float] | np.ndarray,
    difference: Callable[..., Difference] = difference_between,
) -> Verdict:
    """Whether `lower` is below `higher`, each one value a run.

    `difference` is of the two.
    """
    sides = [np.asarray(side, np.float64) for side in (lower, higher)]
    if not all(side.size for side in sides):
        return Verdict(NOT_RUN, "")
    kept = [side[np.isfinite(side)] for side in sides]
    if not all(side.size for side in kept):
        return Verdict(NOT_REPRODUCED, "no run of one side has a value")
    found = difference(*kept)
    if np.isnan(found.low):
        return Verdict(NOT_COMPARABLE, "one run has no interval", found)
    if found.high < 0:
        return Verdict(REPRODUCED, "the interval lies below 0", found)
    if found.low > 0:
        return Verdict(NOT_REPRODUCED, "the interval lies above 0", found)
    return Verdict(NOT_COMPARABLE, "the interval holds 0: no order is shown", found)


def _apply(rule: Rule, found: Difference, n: int) -> tuple[str, str]:
    if rule.kind == "exact":
        return _exact(rule, found)
    if n < 2:
        return NOT_COMPARABLE, "one run has no interval"
    if rule.kind == "consistent":
        return _consistent(rule, found)
    return _equivalent(rule, found)


def _exact(rule: Rule, found: Difference) -> tuple[str, str]:
    if abs(found.mean) <= rule.width:
        return REPRODUCED, f"within the tolerance of {rule.width:g}"
    return NOT_REPRODUCED, f"further apart than the tolerance of {rule.width:g}"


def _consistent(rule: Rule, found: Difference) -> tuple[str, str]:
    if found.low > 0 or found.high < 0:
        return NOT_REPRODUCED, f"ours is {_side(found)}: the interval does not hold 0"
    if found.half_width > rule.width:
        return (
            NOT_COMPARABLE,
            f"the interval is wider than ± {rule.width:g}: too few runs to tell",
        )
    return REPRODUCED, f"the interval holds 0 and is no wider than ± {rule.width:g}"


def _equivalent(rule: Rule, found: Difference) -> tuple[str, str]:
    if -rule.width <= found.low and found.high <= rule.width:
        return REPRODUCED, f"the interval lies within ± {rule.width:g}"
    if found.low > rule.width or found.high < -rule.width:
        return (
            NOT_REPRODUCED,
            f"ours is {_side(found)}: the interval lies beyond ± {rule.width:g}",
        )
    return (
        NOT_COMPARABLE,
        f"the interval crosses ± {rule.width:g}: too few runs to tell",
    )


def _side(found: Difference) -> str:
    return "higher" if found.mean > 0 else "lower"
