"""Every metric epoch by epoch, on every split that was scored."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.store import Study

SPLITS = {"train": ":", "validation": "-", "test": "--"}


def draw_splits(study: Study, data: str, task: str) -> Figure:
    """Metrics across; a colour a model, a kind of line a split, the mean over seeds.

    Raises:
        ValueError: no such data set or task in the study.
    """
    curves = study.curves.query("data == @data and task == @task")
    names = study.tasks.get(data, {}).get(task, ())
    if curves.empty or not names:
        raise ValueError(
            f"Expected a study of {data!r} with the task {task!r}, found "
            f"{ {k: sorted(v) for k, v in study.tasks.items()} }."
        )
    figure, axes = style.panels(1, len(names), (0.6 + 2.4 * len(names), 3.8))
    color = style.colors(curves["model"].unique())
    for axis, metric in zip(axes[0], names, strict=True):
        of = curves[curves["metric"] == metric]
        for (model, split), part in of.groupby(["model", "split"], sort=False):
            _line(axis, part, color[model], SPLITS[split])
        arrow = "↑" if METRICS[metric].higher_is_better else "↓"
        axis.set_title(f"{metric} {arrow}", loc="left")
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    for model, look in color.items():
        axes[0, 0].plot([], [], color=look, label=model)
    for split, dashes in SPLITS.items():
        axes[0, 0].plot([], [], dashes, color="#555555", label=split)
    style.head(figure, f"{data}, {task}: epoch by epoch")
    style.legend_below(figure, axes[0, 0], title="mean over seeds")
    return figure


def _line(axis, rows: pd.DataFrame, color: tuple, dashes: str) -> None:
    means = rows.groupby("epoch")["value"].mean()
    axis.plot(means.index, means, dashes, color=color, lw=1.2, marker="o", ms=2)
