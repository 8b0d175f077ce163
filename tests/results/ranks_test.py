"""Held against the worked example and the table of Demsar (2006)."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mtlx.results.critical_difference import draw_critical_difference
from mtlx.results.ranks import cliques, rank_methods

# Demsar, JMLR 7, 2006, table 6: AUC of C4.5 with two parameters tuned (m, cf) or not.
# The last two of "voting" (.972) are printed alike; the average ranks tell them apart.
METHODS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
AUC = """
.763 .768 .771 .798   .599 .591 .590 .569   .954 .971 .968 .967   .628 .661 .654 .657
.882 .888 .886 .898   .936 .931 .916 .931   .661 .668 .609 .685   .583 .583 .563 .625
.775 .838 .866 .875   1.00 1.00 1.00 1.00   .940 .962 .965 .962   .619 .666 .614 .669
.972 .981 .9751 .975   .957 .978 .946 .970
"""
# His table 5 (a): q of Nemenyi's test at .05, for two methods and more.
QUANTILES = (2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)


@pytest.fixture
def values():
    return pd.DataFrame(
        np.reshape([float(v) for v in AUC.split()], (14, 4)), None, METHODS
    )


def test_the_worked_example(values):
    ranking = rank_methods(values, higher_is_better=True)
    assert dict(ranking.average.round(3)) == {
        "C4.5+m+cf": 1.964,
        "C4.5+m": 2.0,
        "C4.5+cf": 2.893,
        "C4.5": 3.143,
    }
    assert ranking.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranking.blocks == 14
    squares = (ranking.average**2).sum()
    friedman = 12 * 14 / (4 * 5) * (squares - 4 * 5**2 / 4)
    assert friedman == pytest.approx(9.28, abs=0.01)
    # SciPy corrects for ties, which he does not: a larger statistic.
    assert 0.01 < ranking.p_value < stats.chi2.sf(9.28, 3)


def test_nemenyi_finds_what_the_paper_says(values):
    """Nothing at .05; at .10 the default is worse than tuning m, alone or with cf."""
    assert cliques(rank_methods(values, True)) == [
        ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    ]
    ranking = rank_methods(values, True, confidence=0.9)
    assert ranking.critical_difference == pytest.approx(1.12, abs=0.005)
    assert cliques(ranking) == [["C4.5+m+cf", "C4.5+m", "C4.5+cf"], ["C4.5+cf", "C4.5"]]


@pytest.mark.parametrize("methods", range(3, 11))
def test_the_published_quantiles(methods):
    values = np.random.default_rng(0).normal(size=(6, methods))
    found = rank_methods(pd.DataFrame(values), False).critical_difference
    expected = QUANTILES[methods - 3] * math.sqrt(methods * (methods + 1) / (6 * 6))
    assert found == pytest.approx(expected, rel=4e-4)


def test_ranks_are_scipys_either_way(values):
    expected = stats.rankdata(-values, axis=1).mean(axis=0)
    higher = rank_methods(values, True).average
    assert list(higher[list(METHODS)]) == pytest.approx(list(expected))
    lower = rank_methods(-values, False)
    assert lower.average.equals(higher)
    statistic = stats.friedmanchisquare(*values.to_numpy().T)
    assert lower.p_value == pytest.approx(statistic.pvalue)


def test_all_alike():
    ranking = rank_methods(pd.DataFrame(np.ones((3, 3)), columns=list("abc")), True)
    assert ranking.p_value == 1.0
    assert list(ranking.average) == [2.0, 2.0, 2.0]
    assert cliques(ranking) == [["a", "b", "c"]]


def test_cliques_are_the_longest_and_none_within_another():
    average = pd.Series([1.0, 2.0, 3.0, 6.0], list("abcd"))
    ranking = rank_methods(pd.DataFrame(np.eye(4)), True)
    near = ranking._replace(average=average, critical_difference=1.5)
    assert cliques(near) == [["a", "b"], ["b", "c"]]
    assert cliques(near._replace(critical_difference=2.0)) == [["a", "b", "c"]]
    assert cliques(near._replace(critical_difference=0.5)) == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((5, 2)), "3 methods and 2 blocks, found 2 and 5"),
        (np.ones((1, 3)), "found 3 and 1"),
        ([[1.0, 2.0, math.nan], [1.0, 2.0, 3.0]], r"none of \[2\]"),
    ],
)
def test_what_cannot_be_ranked_is_refused(table, message):
    with pytest.raises(ValueError, match=message):
        rank_methods(pd.DataFrame(table), True)


def test_the_diagram_has_methods_at_their_ranks(values):
    ranking = rank_methods(values, higher_is_better=True, confidence=0.9)
    axis = draw_critical_difference(ranking, "Demsar").axes[0]
    lines = axis.get_lines()
    dots = [line.get_xdata()[0] for line in lines if line.get_marker() == "o"]
    assert dots == pytest.approx(list(ranking.average))
    bars = [line for line in lines if line.get_marker() == "None"]
    assert len(bars) == len(cliques(ranking)) == 2
    (scale,) = [line for line in lines if line.get_marker() == "|"]
    assert np.ptp(scale.get_xdata()) == pytest.approx(ranking.critical_difference)
