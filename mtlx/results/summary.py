"""The figures behind tables and pictures: one row a (model, method) and quantity."""

from typing import Literal

import pandas as pd

from mtlx.metrics import METRICS
from mtlx.results.statistics import delta_m, delta_p, mean_interval, welch_p_value
from mtlx.results.store import Study

BASELINE_MODEL, BASELINE_BALANCER = "single_task", "equal"
SIGNIFICANCE = 0.05
Over = Literal["headline", "all"]
# A quantity is (quantity, task, metric); the deltas' "metric" says what they span.
QUANTITY = ["quantity", "task", "metric"]
GROUP = ["model", "balancer", "settings", "method"]


def summarise(study: Study, data: str, over: Over = "headline") -> pd.DataFrame:
    """Mean, interval and standing of every quantity of every (model, method).

    Args:
        study: the runs.
        data: name of the data set.
        over: "headline" takes the first metric of each task, for the columns and for
            both deltas; "all" takes every metric for both.

    Returns:
        Long form with columns model, balancer, settings, method (see `Study`), runs,
        quantity ("metric", "delta_m", "delta_p", "num_parameters", "train_seconds"),
        task, metric, higher_is_better (None where neither is), mean, ci95 (half-width),
        n (runs with a value), best, and tied: not significantly different from the best
        by Welch's t-test. Rows are in order of first appearance, `single_task` and
        `equal` first.
    """
    measured = measure_runs(study, data, over)
    groups = _groups(study, data)
    parts = [_column(measured[quantity], quantity, groups) for quantity in measured]
    summary = pd.concat(parts, ignore_index=True)
    order = {group: place for place, group in enumerate(groups)}
    place = summary[GROUP].apply(lambda row: order[tuple(row)], axis=1)
    return summary.loc[place.sort_values(kind="stable").index].reset_index(drop=True)


def measure_runs(study: Study, data: str, over: Over = "headline") -> pd.DataFrame:
    """The same quantities run by run: index run, columns (quantity, task, metric).

    Both deltas of a run are against the mean of its `baseline_runs`; NaN without any.
    """
    costs = study.costs[study.costs["data"] == data].set_index("run")
    test = study.runs.query("split == 'test' and data == @data")
    wide = test.pivot(index="run", columns=["task", "metric"], values="value")
    chosen = {
        task: metrics[: 1 if over == "headline" else None]
        for task, metrics in study.tasks[data].items()
    }
    columns = [(task, metric) for task, names in chosen.items() for metric in names]
    wide = wide.reindex(index=costs.index, columns=pd.MultiIndex.from_tuples(columns))
    measured = {("metric", *column): wide[column] for column in columns}
    baselines = {
        settings: _by_task(
            wide.loc[baseline_runs(study, data, settings)].mean(), chosen
        )
        for settings in costs["settings"].unique()
    }
    bases = costs["settings"].map(baselines.get)
    higher = {t: [METRICS[m].higher_is_better for m in chosen[t]] for t in chosen}
    for name, delta in (("delta_m", delta_m), ("delta_p", delta_p)):
        measured[name, "", over] = pd.Series(
            {
                run: delta(_by_task(row, chosen), bases[run], higher)
                for run, row in wide.iterrows()
            }
        )
    for name in ("num_parameters", "train_seconds"):
        measured[name, "", ""] = costs[name].astype(float)
    return pd.DataFrame(measured).rename_axis(columns=QUANTITY)


def baseline_runs(study: Study, data: str, settings: str) -> list[str]:
    """The `single_task` runs that runs of these settings on `data` are compared with.

    Those of the same settings, else all; of these, those with `equal` weights, else
    all.
    """
    runs = study.costs.query("data == @data and model == @BASELINE_MODEL")
    for column, wanted in (("settings", settings), ("balancer", BASELINE_BALANCER)):
        alike = runs[runs[column] == wanted]
        runs = alike if len(alike) else runs
    return list(runs["run"])


def _by_task(row: pd.Series, chosen: dict[str, tuple[str, ...]]) -> dict[str, list]:
    return {task: [row[task, name] for name in chosen[task]] for task in chosen}


def _groups(study: Study, data: str) -> dict[tuple[str, ...], list[str]]:
    """GROUP -> its runs, in the order of the table's rows."""
    costs = study.costs[study.costs["data"] == data]
    models = _reference_first(costs["model"], BASELINE_MODEL)
    balancers = _reference_first(costs["balancer"], BASELINE_BALANCER)
    runs = costs.groupby(GROUP, sort=False)["run"].agg(list).to_dict()
    order = sorted(runs, key=lambda g: (models.index(g[0]), balancers.index(g[1])))
    return {group: runs[group] for group in order}


def _reference_first(names: pd.Series, reference: str) -> list[str]:
    return sorted(names.unique(), key=lambda name: name != reference)


def _column(values, quantity, groups) -> pd.DataFrame:
    """The rows of one quantity."""
    name, task, metric = quantity
    higher = {"delta_m": False, "delta_p": True}.get(name)
    if name == "metric":
        higher = METRICS[metric].higher_is_better
    rows = []
    for group, runs in groups.items():
        mean, ci95, n = mean_interval(values[runs])
        rows.append((*group, len(runs), *quantity, higher, mean, ci95, n))
    names = [*GROUP, "runs", *QUANTITY, "higher_is_better", "mean", "ci95", "n"]
    column = pd.DataFrame(rows, columns=names)
    column["higher_is_better"] = pd.Series([higher] * len(column), dtype=object)
    return _rank(column, [values[runs] for runs in groups.values()], higher)


def _rank(column: pd.DataFrame, samples: list, higher: bool | None) -> pd.DataFrame:
    """Mark the best mean, and what Welch's test cannot tell from it."""
    if higher is None or column["mean"].isna().all():
        return column.assign(best=False, tied=False)
    top = column["mean"].max() if higher else column["mean"].min()
    best = column["mean"] == top
    winner = samples[int(best.to_numpy().argmax())]
    p = pd.Series([welch_p_value(winner, sample) for sample in samples])
    return column.assign(best=best, tied=(p > SIGNIFICANCE) & ~best)
