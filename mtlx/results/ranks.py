"""Average ranks of several methods over several blocks, and which of them differ."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from mtlx.results.statistics import CONFIDENCE


class Ranking(NamedTuple):
    """Average ranks, best first; 1 is best.

    Args:
        average: method -> average rank over the blocks.
        p_value: of Friedman's test that all methods are alike.
        critical_difference: average ranks further apart than this differ by Nemenyi's
            test, whichever pair is looked at.
        blocks: number of them.
    """

    average: pd.Series
    p_value: float
    critical_difference: float
    blocks: int


def rank_methods(
    values: pd.DataFrame, higher_is_better: bool, confidence: float = CONFIDENCE
) -> Ranking:
    """Ranks within each block, averaged; Friedman's test; Nemenyi's difference.

        CD = q sqrt(k (k + 1) / (6 N))

    for k methods and N blocks, with q the quantile of the range of k standard normal
    values, over sqrt(2). Equal values share the mean of their ranks.

    Args:
        values: one row a block (a data set, or the runs of a seed), one column a
            method. Blocks should not depend on one another.
        higher_is_better: whether the largest value has rank 1.
        confidence: 1 - the level of Nemenyi's test.

    Raises:
        ValueError: fewer than three methods or two blocks, or a value that is NaN.

    Reference: J. Demsar, "Statistical Comparisons of Classifiers over Multiple Data
        Sets", JMLR 7, 2006, section 3.2.2.
    """
    blocks, methods = values.shape
    if methods < 3 or blocks < 2:
        raise ValueError(
            f"Expected at least 3 methods and 2 blocks, found {methods} and {blocks}. "
            "Compare two methods by paired tests."
        )
    if values.isna().any(axis=None):
        lacking = list(values.columns[values.isna().any()])
        raise ValueError(
            f"Expected a value of every method in every block, found none of {lacking} "
            "in some. Leave these methods out, or let their runs end."
        )
    ranks = values.rank(axis=1, ascending=not higher_is_better)
    spread = stats.studentized_range.ppf(confidence, methods, np.inf) / np.sqrt(2)
    return Ranking(
        average=ranks.mean().sort_values(kind="stable"),
        p_value=_friedman(values),
        critical_difference=float(
            spread * np.sqrt(methods * (methods + 1) / (6 * blocks))
        ),
        blocks=blocks,
    )


def cliques(ranking: Ranking) -> list[list[str]]:
    """The longest runs of methods that Nemenyi's test does not tell apart."""
    ranks, found, reached = ranking.average, [], 0
    for first in range(len(ranks)):
        near = ranks <= ranks.iloc[first] + ranking.critical_difference
        last = int(near.to_numpy().sum())
        if last > max(reached, first + 1):
            found.append(list(ranks.index[first:last]))
        reached = max(reached, last)
    return found


def _friedman(values: pd.DataFrame) -> float:
    if (values.nunique(axis=1) == 1).all():  # all tied: SciPy would divide 0 by 0
        return 1.0
    return float(stats.friedmanchisquare(*values.to_numpy().T).pvalue)
