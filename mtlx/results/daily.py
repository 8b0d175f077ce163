"""A frozen model and one that is trained on each day, day by day."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.statistics import mean_interval

DAYS = "days.csv"  # beside a run's result.json
MODELS = {"frozen": "frozen", "tuned": "trained on all days before"}


class DayRow(NamedTuple):
    """One measured number, as written to `days.csv`."""

    date: int  # YYYYMMDD
    rows: int
    model: str  # one of MODELS
    task: str
    metric: str
    value: float


def read_days(folders: Iterable[Path]) -> pd.DataFrame:
    """The rows of all runs, with the folder as column `run`.

    Raises:
        FileNotFoundError: a run that was not fine-tuned.
        ValueError: a file with other columns, or runs of different days.
    """
    return _alike(pd.concat([_read(folder) for folder in folders]))


def _read(folder: Path) -> pd.DataFrame:
    file = folder / DAYS
    if not file.is_file():
        raise FileNotFoundError(
            f"Expected {file}, found no such file. Write it: python -m "
            f"experiments.ecommerce.fine_tune, with the folder of the study."
        )
    rows = pd.read_csv(file)
    if tuple(rows.columns) != DayRow._fields:
        raise ValueError(
            f"{file}: expected the columns {DayRow._fields}, found "
            f"{tuple(rows.columns)}. Write it again: "
            f"python -m experiments.ecommerce.fine_tune."
        )
    return rows.assign(run=str(folder))


def _alike(rows: pd.DataFrame) -> pd.DataFrame:
    days = rows.groupby("run")["date"].agg(lambda dates: tuple(np.unique(dates)))
    if days.nunique() != 1:
        raise ValueError(
            f"Expected runs of the same days, found {sorted(set(days))}. Give a study "
            f"of one data set."
        )
    return rows


def gains(rows: pd.DataFrame, dates: Iterable[int]) -> pd.DataFrame:
    """Frozen and tuned over `dates`, seeds paired: the mean of the days first.

    Returns:
        One row a task and metric: `frozen` and `tuned`, means over runs; `gain`, the
        mean of tuned - frozen within a run, and `half_width` of its 95 % t-interval.
    """
    chosen = rows[rows["date"].isin(list(dates))]
    means = chosen.groupby(["task", "metric", "model", "run"], sort=False)["value"]
    wide = means.mean().unstack("model").reset_index()
    found = []
    for (task, metric), part in wide.groupby(["task", "metric"], sort=False):
        gain = mean_interval(part["tuned"] - part["frozen"])
        each = part["frozen"].mean(), part["tuned"].mean()
        found.append((task, metric, *each, gain.mean, gain.half_width))
    names = ["task", "metric", "frozen", "tuned", "gain", "half_width"]
    return pd.DataFrame(found, columns=names)


def draw_days(rows: pd.DataFrame, title: str) -> Figure:
    """Metrics down, tasks across; a line for each model over the days."""
    tasks, names = rows["task"].unique(), rows["metric"].unique()
    size = (1.0 + 2.3 * len(tasks), 1.2 + 1.6 * len(names))
    figure, axes = style.panels(len(names), len(tasks), size, sharex=True)
    for metric, across in zip(names, axes, strict=True):
        arrow = "↑" if METRICS[metric].higher_is_better else "↓"
        across[0].set_ylabel(f"{metric} {arrow}")
        for task, axis in zip(tasks, across, strict=True):
            part = rows[(rows["task"] == task) & (rows["metric"] == metric)]
            _lines(axis, part)
    for task, axis in zip(tasks, axes[0], strict=True):
        axis.set_title(task, loc="left")
    style.head(figure, title)
    what = "mean over seeds, band: lowest to highest seed"
    style.legend_below(figure, axes[0, 0], title=what)
    return figure


def _lines(axis, rows: pd.DataFrame) -> None:
    for (model, label), color in zip(MODELS.items(), style.COLORS, strict=False):
        wide = rows[rows["model"] == model].pivot(
            index="date", columns="run", values="value"
        )
        places, dashes = np.arange(len(wide)), "--" if model == "frozen" else "-"
        look = {"color": color, "marker": "o", "ms": 2.5, "lw": 1.2}
        axis.plot(places, wide.mean(axis=1), dashes, label=label, **look)
        band = wide.min(axis=1), wide.max(axis=1)
        axis.fill_between(places, *band, color=color, alpha=0.15, lw=0)
        axis.set_xticks(
            places, [short(date) for date in wide.index.tolist()], rotation=90
        )


def short(date: int) -> str:
    """Day and month of YYYYMMDD.

    >>> short(20220501)
    '1.5.'
    """
    return f"{date % 100}.{date // 100 % 100}."
