"""Runs of the e-commerce studies as rows of a table: each task alone, all jointly."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mtlx.metrics import METRICS
from mtlx.results.overrides import split_override
from mtlx.results.statistics import delta_m
from mtlx.results.store import Study
from mtlx.results.summary import BASELINE_BALANCER, BASELINE_MODEL

ALONE = "each alone"
ONE_RUN = ["method", "seed", "task", "metric"]


def outcomes(study: Study, data: str) -> pd.DataFrame:
    """Test metrics of the tasks that a run trained.

    Args:
        study: runs of one architecture with all tasks trained, or all but one only read
            (`model.read`), or of `single_task`, one network a task in one run; or of
            joined data sets with one of them alone (`data.only`).
        data: name of the data set.

    Returns:
        One row a run, task and metric: method (`ALONE`, else model and balancer), seed,
        task, metric, value, and train_seconds, the run's share for this task.

    Raises:
        ValueError: a run of some tasks, two of one method and seed, a task that no run
            trained alone, or no run that trained all.
    """
    parts = []
    seconds = study.costs.set_index("run")["train_seconds"]
    tests = study.runs.query("split == 'test' and data == @data")
    for run, rows in tests.groupby("run", sort=False):
        record = study.records[run]
        method, tasks = _trained(run, record)
        part = rows[rows["task"].isin(tasks)]
        share = seconds[run] / len(tasks)
        parts.append(part.assign(method=method, train_seconds=share))
    found = pd.concat(parts)[[*ONE_RUN, "value", "train_seconds"]]
    _check(study, data, found)
    return found.iloc[_order(found, list(study.tasks[data]))].reset_index(drop=True)


def headlines(study: Study, data: str, found: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first metric of each task."""
    first = {task: metrics[0] for task, metrics in study.tasks[data].items()}
    return found[found["metric"] == found["task"].map(first)]


def deltas(heads: pd.DataFrame) -> dict[str, list[float]]:
    """method -> delta_m of each seed, against the means of the tasks alone.

    The row of the tasks alone has, for a seed, the runs of all tasks with that seed.
    """
    wide = heads.pivot(index=["method", "seed"], columns="task", values="value")
    metric = heads.groupby("task")["metric"].first()
    higher = {task: [METRICS[name].higher_is_better] for task, name in metric.items()}
    base = _lists(wide.loc[ALONE].mean())
    return {
        method: [
            delta_m(_lists(row), base, higher) for _, row in wide.loc[method].iterrows()
        ]
        for method in heads["method"].unique()
    }


def _lists(row: pd.Series) -> dict[str, list[float]]:
    return {task: [value] for task, value in row.items()}


def _trained(run: str, record: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The method of a run, and the tasks that it trained."""
    asked = dict(split_override(override) for override in record["overrides"])
    read = [
        name for name in asked.get("model.read", "[]").strip("[]").split(",") if name
    ]
    tasks = [task for task in record["tasks"] if task not in read]
    apart = asked.get("data.only", "null") != "null"
    if record["model"] == BASELINE_MODEL or len(tasks) == 1 or apart:
        return ALONE, tasks
    if read:
        raise ValueError(
            f"{run}: expected a run of all tasks {list(record['tasks'])} or of one of "
            f"them, found one that only reads {read}. Take it out of the study."
        )
    return f"{record['model'].split('/')[-1]}, {record['balancer']}", tasks


def _check(study: Study, data: str, found: pd.DataFrame) -> None:
    twice = found[found.duplicated(ONE_RUN)]
    if len(twice):
        raise ValueError(
            f"{study.path}: expected one run of {data} for each method, seed and task, "
            f"found two of {twice.iloc[0][ONE_RUN].to_dict()}. Delete one."
        )
    alone = set(found[found["method"] == ALONE]["task"])
    missing = [task for task in study.tasks[data] if task not in alone]
    if missing or set(found["method"]) == {ALONE}:
        raise ValueError(
            f"{study.path}: expected runs of {data} with all tasks and with each task "
            f"alone, found {missing or 'all tasks together'} missing. Run make "
            f"ecommerce."
        )


def _order(found: pd.DataFrame, tasks: list[str]) -> list[int]:
    """Places of the rows: the tasks alone, then model by model, equal weights first."""
    methods = found["method"].to_list()
    first = list(dict.fromkeys(methods))
    models = list(dict.fromkeys(name.split(",")[0] for name in first))

    def key(place):
        name, task = methods[place], tasks.index(found["task"].iloc[place])
        model, _, balancer = name.partition(", ")
        plain = balancer != BASELINE_BALANCER
        row = (name != ALONE, models.index(model), plain, first.index(name))
        return *row, task, place

    return sorted(range(len(methods)), key=key)
