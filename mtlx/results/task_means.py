"""Many tasks in a few figures, where a column a task would be a hundred columns."""

import numpy as np
import pandas as pd

from mtlx.metrics import METRICS
from mtlx.results.statistics import delta_m
from mtlx.results.store import Study
from mtlx.results.summary import BASELINE_MODEL, baseline_runs, measure_runs


def task_means(study: Study, data: str) -> pd.DataFrame:
    """What each run reached, over all tasks of a data set.

    Args:
        study: runs of one model, and of `single_task` to compare with.
        data: name of a data set, whose tasks have one headline metric.

    Returns:
        A row a run, those of `single_task` first: run, method (the balancer, or
        single_task), seed, mean (of the headline over the tasks that have one: an AUC
        needs both classes), delta_m (per cent against the mean of `single_task`, over
        the same tasks, lower is better; NaN without runs of it), step_ms (milliseconds
        of training a step; of runs in one program, its share).

    Raises:
        ValueError: other models than one beside it, or tasks of several headline
            metrics.
    """
    costs = study.costs[study.costs["data"] == data].set_index("run")
    metric = headline(study, data)
    others = sorted({*costs["model"]} - {BASELINE_MODEL})
    if len(others) != 1:
        raise ValueError(
            f"{study.path}, {data}: expected runs of one model beside "
            f"{BASELINE_MODEL}, found {sorted({*costs['model']})}."
        )
    values = task_values(study, data)
    higher = METRICS[metric].higher_is_better
    directions = {task: [higher] for task in values}
    base = _by_task(values.loc[baseline_runs(study, data, "")].mean())
    steps = study.curves.groupby("run")["step"].max()[costs.index]
    rows = pd.DataFrame(
        {
            "method": _methods(costs),
            "seed": costs["seed"],
            "mean": values.mean(axis=1, skipna=False),
            "delta_m": [
                delta_m(_by_task(row), base, directions) for _, row in values.iterrows()
            ],
            "step_ms": 1e3 * costs["train_seconds"] / steps,
        }
    )
    first = rows["method"].ne(BASELINE_MODEL)
    return rows.iloc[np.argsort(first, kind="stable")].rename_axis("run").reset_index()


def average_ranks(study: Study, data: str) -> pd.Series:
    """Method -> its rank among the methods, 1 the best, averaged over the tasks.

    Of a task's headline, the mean over the method's runs; equal values share the mean
    of their ranks, and a method without a value is last. Tasks of one training depend
    on one another: there is no test of these ranks.
    """
    values = task_values(study, data)
    costs = study.costs.set_index("run").loc[values.index]
    means = values.groupby(_methods(costs)).mean().T
    higher = METRICS[headline(study, data)].higher_is_better
    ranks = means.rank(axis=1, ascending=not higher, na_option="bottom")
    return ranks.mean().sort_values(kind="stable")


def task_values(study: Study, data: str) -> pd.DataFrame:
    """[runs, tasks] the headline of each run, without the tasks that nobody has."""
    values = measure_runs(study, data)["metric"].droplevel("metric", axis=1)
    return values.dropna(axis=1, how="all")


def headline(study: Study, data: str) -> str:
    """The first metric of all tasks of a data set.

    Raises:
        ValueError: tasks differ in it.
    """
    found = sorted({metrics[0] for metrics in study.tasks[data].values()})
    if len(found) != 1:
        raise ValueError(
            f"{study.path}, {data}: expected tasks with one headline metric, found "
            f"{found}: there is no mean of these."
        )
    return found[0]


def _methods(costs: pd.DataFrame) -> pd.Series:
    alone = costs["model"] == BASELINE_MODEL
    return costs["method"].mask(alone, BASELINE_MODEL).rename("method")


def _by_task(row: pd.Series) -> dict[str, list[float]]:
    return {task: [value] for task, value in row.items()}
