import math

import numpy as np
import pytest
from scipy import stats

from mtlx.results.paired import holm, paired_tests

rng = np.random.default_rng(0)
A, B = rng.normal(0.4, 1, 12), rng.normal(0, 1, 12)


def test_both_are_scipys():
    found = paired_tests(A, B)
    assert found.t == pytest.approx(stats.ttest_rel(A, B).pvalue)
    assert found.wilcoxon == pytest.approx(stats.wilcoxon(A, B).pvalue)
    assert (found.difference, found.n) == (pytest.approx(np.mean(A - B)), 12)


def test_pairs_without_a_value_are_left_out():
    a, b = [*A, math.nan, 1.0, math.inf], [*B, 1.0, math.nan, 1.0]
    assert paired_tests(a, b) == paired_tests(A, B)


def test_pairing_finds_what_welch_does_not():
    seeds = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    gain = np.array([1.0, 1.2, 0.9, 1.1, 0.8, 1.05])
    found = paired_tests(seeds + gain, seeds)
    assert found.t < 1e-4
    assert found.wilcoxon == 2 / 2**6  # the least that six pairs can give
    assert stats.ttest_ind(seeds + gain, seeds).pvalue > 0.9


def test_differences_without_spread():
    same = paired_tests([1.0, 2.0], [1.0, 2.0])
    assert (same.t, same.wilcoxon) == (1.0, 1.0)
    assert paired_tests([2.0, 3.0], [1.0, 2.0]).t == 0.0


def test_one_pair_says_nothing():
    found = paired_tests([1.0], [0.5])
    assert found.difference == 0.5
    assert math.isnan(found.t) and math.isnan(found.wilcoxon)


def test_sides_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="a pair, found 2 and 3"):
        paired_tests([1.0, 2.0], [1.0, 2.0, 3.0])


def test_holm_by_hand():
    # .005 x 4, .01 x 3, max(.03 x 2, .03), max(.04 x 1, .06)
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([]).size == 0


def test_holm_leaves_nan_out_of_the_family():
    found = holm([0.01, math.nan, 0.03])
    assert found[[0, 2]] == pytest.approx([0.02, 0.03])
    assert math.isnan(found[1])
