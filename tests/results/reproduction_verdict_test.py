"""Each verdict, and the interval that it is read off."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from mtlx.results.reproduction.difference import difference_between, difference_from
from mtlx.results.reproduction.spec import Published, Rule
from mtlx.results.reproduction.verdict import judge_cell, judge_claim

CONSISTENT = Rule("consistent", 0.01, "made up")
EQUIVALENT = Rule("equivalent", 0.01, "made up")
EXACT = Rule("exact", 0.01, "made up")
TIGHT = 0.5 + np.array([-0.002, 0.002, -0.001, 0.001, 0.0])  # ± 0.002 around .5
WIDE = 0.5 + np.array([-0.1, 0.1, 0.0])
LARGE = 7  # digits: no rounding to speak of


@pytest.mark.parametrize(
    ("rule", "values", "printed", "word", "reason"),
    [
        (CONSISTENT, TIGHT, 0.501, "reproduced", "holds 0 and is no wider"),
        (CONSISTENT, TIGHT, 0.504, "not reproduced", "ours is lower"),
        (CONSISTENT, TIGHT, 0.496, "not reproduced", "ours is higher"),
        (CONSISTENT, WIDE, 0.501, "not comparable", "wider than ± 0.01"),
        (EQUIVALENT, TIGHT, 0.507, "reproduced", "within ± 0.01"),
        (EQUIVALENT, TIGHT, 0.52, "not reproduced", "ours is lower.* beyond ± 0.01"),
        (EQUIVALENT, TIGHT, 0.48, "not reproduced", "ours is higher"),
        (EQUIVALENT, TIGHT, 0.51, "not comparable", "crosses ± 0.01"),
        (EQUIVALENT, WIDE, 0.5, "not comparable", "too few runs"),
        (EXACT, [0.5], 0.509, "reproduced", "tolerance of 0.01"),
        (EXACT, [0.5], 0.511, "not reproduced", "further apart"),
        (CONSISTENT, [0.5], 0.5, "not comparable", "one run"),
        (EQUIVALENT, [0.5], 0.5, "not comparable", "one run"),
        (EXACT, [], 0.5, "not run", "^$"),
        (EQUIVALENT, [math.nan, math.inf], 0.5, "not reproduced", "none of 2 runs"),
    ],
)
def test_each_verdict(rule, values, printed, word, reason):
    verdict = judge_cell(values, Published(printed), LARGE, rule)
    assert verdict.word == word
    assert re.search(reason, verdict.reason)


def test_a_cell_may_say_that_it_is_not_comparable():
    printed = Published(0.5, not_comparable="a misprint")
    verdict = judge_cell(TIGHT, printed, LARGE, EQUIVALENT)
    assert (verdict.word, verdict.reason) == ("not comparable", "a misprint")
    verdict = judge_cell(TIGHT, Published(0.5), LARGE, EQUIVALENT, "other data")
    assert (verdict.word, verdict.reason) == ("not comparable", "other data")
    assert verdict.difference.mean == pytest.approx(0.0)


def test_what_is_not_published_is_ours_alone():
    assert judge_cell(TIGHT, None, 4, EQUIVALENT).word == "ours alone"


def test_a_diverged_run_is_named_and_left_out():
    verdict = judge_cell([*TIGHT, math.nan], Published(0.5), LARGE, EQUIVALENT)
    assert verdict.word == "reproduced"
    assert "1 of 6 runs have no value" in verdict.reason
    assert verdict.difference == difference_from(TIGHT, Published(0.5), LARGE)


def test_more_runs_decide_what_few_leave_open():
    few, many = np.tile(WIDE, 1), np.tile(WIDE, 2000)
    assert judge_cell(few, Published(0.5), LARGE, EQUIVALENT).word == "not comparable"
    assert judge_cell(many, Published(0.5), LARGE, EQUIVALENT).word == "reproduced"


def test_without_a_spread_the_interval_is_students_and_the_rounding():
    low, high = stats.t.interval(0.95, 4, TIGHT.mean(), stats.sem(TIGHT))
    found = difference_from(TIGHT, Published(0.4), 2)
    assert found.low == pytest.approx(low - 0.4 - 0.005)
    assert found.high == pytest.approx(high - 0.4 + 0.005)


@pytest.mark.parametrize("spread", ["std", "ci95"])
def test_with_a_spread_the_interval_is_welchs(spread):
    theirs = np.array([0.41, 0.43, 0.39, 0.44, 0.40, 0.42, 0.38])
    n = len(theirs)
    printed = {
        "std": theirs.std(ddof=1),
        "ci95": stats.t.ppf(0.975, n - 1) * stats.sem(theirs),
    }[spread]
    published = Published(theirs.mean(), n=n, **{spread: printed})
    expected = stats.ttest_ind(TIGHT, theirs, equal_var=False).confidence_interval()
    found = difference_from(TIGHT, published, 12)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    between = difference_between(TIGHT, theirs)
    assert (between.low, between.high) == pytest.approx((expected.low, expected.high))


def test_a_wide_published_spread_keeps_a_difference_from_being_one():
    apart = Published(0.52)
    assert judge_cell(TIGHT, apart, 4, CONSISTENT).word == "not reproduced"
    unsure = Published(0.52, std=0.04, n=5)
    assert judge_cell(TIGHT, unsure, 4, CONSISTENT).word == "not comparable"


@pytest.mark.parametrize(
    ("lower", "higher", "word"),
    [
        (TIGHT, TIGHT + 0.01, "reproduced"),
        (TIGHT + 0.01, TIGHT, "not reproduced"),
        (TIGHT, TIGHT + 0.001, "not comparable"),
        ([0.1], [0.2], "not comparable"),
        ([0.1, 0.2], [math.nan, math.nan], "not reproduced"),
        ([0.1, 0.2], [], "not run"),
    ],
)
def test_each_verdict_on_a_claim(lower, higher, word):
    assert judge_claim(lower, higher).word == word


def test_runs_without_any_spread():
    assert judge_claim([0.1, 0.1], [0.2, 0.2]).word == "reproduced"
    assert judge_cell([0.5, 0.5], Published(0.5), 4, EQUIVALENT).word == "reproduced"
