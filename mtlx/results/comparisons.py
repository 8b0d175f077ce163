"""Every row of a study against the single-task baseline, seed by seed."""

import numpy as np
import pandas as pd

from mtlx.metrics import METRICS
from mtlx.results.bootstrap import bootstrap_interval, interquartile_mean
from mtlx.results.improvement import probability_of_improvement
from mtlx.results.paired import holm, paired_tests
from mtlx.results.ranks import Ranking, rank_methods
from mtlx.results.store import Study
from mtlx.results.summary import GROUP, baseline_runs, measure_runs

COLUMNS = [
    *GROUP,
    "task",
    "metric",
    "gain",
    "low",
    "high",
    "n",
    "p_t",
    "p_wilcoxon",
    "p_t_holm",
    "p_wilcoxon_holm",
]


def compare_tasks(study: Study, data: str) -> pd.DataFrame:
    """Gains over the baseline runs of the same seeds, in each task's headline metric.

    Returns:
        Long form, one row a (model, method) and task: `gain`, the mean of the paired
        differences, positive where it is better; `low`, `high`, its BCa bootstrap
        interval; n pairs; p-values of both paired tests as they are, and by Holm's
        correction over all rows of the data set. Empty without a baseline.
    """
    rows = []
    for group, gains, base in _pairs(study, data):
        for task, metric in gains.columns:
            pair = gains[task, metric], base[task, metric]
            tests = paired_tests(*pair)
            bounds = bootstrap_interval(pair[0] - pair[1])
            p_values = (tests.t, tests.wilcoxon)
            rows.append(
                (*group, task, metric, tests.difference, *bounds, tests.n, *p_values)
            )
    table = pd.DataFrame(rows, columns=COLUMNS[:-2])
    return table.assign(
        p_t_holm=holm(table["p_t"]), p_wilcoxon_holm=holm(table["p_wilcoxon"])
    )


def compare_methods(study: Study, data: str) -> pd.DataFrame:
    """All tasks together: one row a (model, method).

    Returns:
        Columns of GROUP; `iqm`, the interquartile mean over runs and tasks of the
        relative gain in per cent over the baseline's mean; `improvement`, the
        probability that a run beats one of the baseline's, with `low` and `high`.
    """
    rows = []
    for group, gains, base in _pairs(study, data, paired=False):
        mean = base.mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = 100 * (gains - mean) / mean.abs()
        better = probability_of_improvement(gains.to_numpy(), base.to_numpy())
        iqm = float(interquartile_mean(relative.to_numpy()))
        rows.append((*group, iqm, better.probability, *better.bounds))
    return pd.DataFrame(rows, columns=[*GROUP, "iqm", "improvement", "low", "high"])


def rank_study(study: Study, data: str) -> Ranking | None:
    """Average ranks by delta_m, a block a seed; None where there is nothing to rank.

    Only seeds that every (model, method) has are blocks: delta_m needs a baseline, a
    ranking three rows and two seeds.
    """
    measured = measure_runs(study, data)
    names = study.costs.set_index("run").loc[measured.index]
    label = names["model"] + ", " + names["method"]
    values = measured["delta_m", "", "headline"].to_frame("delta_m")
    values = values.assign(label=label, seed=names["seed"])
    wide = values.pivot(index="seed", columns="label", values="delta_m").dropna()
    if len(wide) < 2 or wide.shape[1] < 3:
        return None
    return rank_methods(wide, higher_is_better=False)


def _pairs(study: Study, data: str, paired: bool = True):
    """(group, its runs, the baseline's) with the sign that makes higher better.

    Paired, both sides have a row for each seed that both ran.
    """
    costs = study.costs[study.costs["data"] == data].set_index("run")
    measured = measure_runs(study, data)["metric"]
    signs = [1 if METRICS[m].higher_is_better else -1 for _, m in measured.columns]
    signed = measured * signs
    for group, runs in costs.groupby(GROUP, sort=False).groups.items():
        base = baseline_runs(study, data, costs.loc[runs[0], "settings"])
        if not base or set(runs) & set(base):
            continue
        sides = [signed.loc[list(side)] for side in (runs, base)]
        if paired:
            sides = [side.groupby(costs["seed"]).mean() for side in sides]
            seeds = sides[0].index.intersection(sides[1].index)
            sides = [side.loc[seeds] for side in sides]
        yield group, *sides
