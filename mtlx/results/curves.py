"""Small multiples over epochs: tasks down, models across, methods in colours."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mtlx.results import style
from mtlx.results.store import Study

CELL = ["task", "model", "method"]


def draw_validation(study: Study, data: str, order: pd.DataFrame) -> Figure:
    """The headline metric on the validation split, epoch by epoch."""
    headline = {task: names[0] for task, names in study.tasks[data].items()}
    curves = study.curves.query("data == @data and split == 'validation'")
    curves = curves[curves["metric"] == curves["task"].map(headline)]
    labels = {task: f"{task}\n{metric}" for task, metric in headline.items()}
    figure = _multiples(curves, labels, order, f"{data}: validation")
    _zoom(figure, curves, list(labels))
    return figure


def draw_weights(study: Study, data: str, order: pd.DataFrame) -> Figure | None:
    """Each task's share of the weights, |w_t| / sum |w|; None if none is recorded.

    Balancers differ in the scale of their weights by convention; shares compare.
    """
    curves = study.curves.query("data == @data and metric == 'weight'")
    if curves.empty:
        return None
    size = curves["value"].abs()
    total = size.groupby([curves["run"], curves["epoch"]]).transform("sum")
    shares = curves.assign(value=size / total.where(total > 0))
    labels = {task: f"{task}\nshare of weights" for task in study.tasks[data]}
    return _multiples(shares, labels, order, f"{data}: task weights in training")


DIAGNOSTICS = {
    "cosine": "mean cosine",
    "conflict": "share of pairs\nin conflict",
    "magnitude_similarity": "similarity\nof norms",
    "worst_descent": "worst descent\nmin cos(g, d)",
}


def draw_diagnostics(study: Study, data: str, order: pd.DataFrame) -> Figure | None:
    """What the Gram matrix said of the task gradients; None without such balancers."""
    curves = study.curves.query("data == @data and task == 'all'")
    curves = curves[curves["metric"].isin(DIAGNOSTICS) & np.isfinite(curves["value"])]
    if curves.empty:
        return None
    curves = curves.assign(task=curves["metric"])
    return _multiples(curves, DIAGNOSTICS, order, f"{data}: task gradients in training")


def _multiples(curves, labels, order: pd.DataFrame, title: str) -> Figure:
    """`order` holds the (model, method) pairs in the order of the table."""
    models = [m for m in order["model"].unique() if m in set(curves["model"])]
    methods = list(order["method"].unique())
    tasks = [task for task in labels if task in set(curves["task"])]
    size = (min(10.0, 2.4 + 1.9 * len(models)), min(6.0, 1.4 + 1.5 * len(tasks)))
    figure, axes = style.panels(
        len(tasks), len(models), size, sharex=True, sharey="row"
    )
    color, shape = style.colors(methods), style.markers(methods)
    groups = dict(list(curves.groupby(CELL)))
    for task, row in zip(tasks, axes, strict=True):
        for model, axis in zip(models, row, strict=True):
            for method in methods:
                if (task, model, method) in groups:
                    look = {"color": color[method], "marker": shape[method]}
                    _line(axis, groups[task, model, method], method, look)
    _label(axes, models, [labels[task] for task in tasks])
    style.head(figure, title)
    _legend(figure, axes, methods, color, shape)
    return figure


def _zoom(figure: Figure, curves: pd.DataFrame, tasks: list[str]) -> None:
    """Fit the axes to the later epochs, where the runs differ.

    The rise of the first epochs is many times larger and would flatten the rest.
    """
    late = curves[curves["epoch"] > curves["epoch"].max() / 3]
    late = late[np.isfinite(late["value"])]
    across = len(figure.axes) // curves["task"].nunique()
    for place, task in enumerate(t for t in tasks if t in set(curves["task"])):
        values = late.loc[late["task"] == task, "value"]
        if values.nunique() > 1:
            margin = 0.05 * np.ptp(values)
            limits = values.min() - margin, values.max() + margin
            figure.axes[place * across].set_ylim(*limits)


def _line(axis, curves: pd.DataFrame, name: str, look: dict) -> None:
    """Mean over seeds, with a band from the lowest to the highest.

    Only epochs that every seed reached: a mean over the survivors of early stopping
    would jump where one leaves.
    """
    wide = curves.pivot(index="epoch", columns="run", values="value").dropna()
    if wide.empty:
        return
    axis.plot(wide.index, wide.mean(axis=1), label=name, lw=1.2, ms=2.5, **look)
    low, high = wide.min(axis=1), wide.max(axis=1)
    axis.fill_between(wide.index, low, high, color=look["color"], alpha=0.15, lw=0)


def _label(axes: np.ndarray, models: list[str], labels: list[str]) -> None:
    for axis, model in zip(axes[0], models, strict=True):
        axis.set_title(model)
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
    for axis, label in zip(axes[:, 0], labels, strict=True):
        axis.set_ylabel(label)
    for axis in axes.flat:
        axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axis.yaxis.get_major_locator().set_params(nbins=5)


def _legend(figure: Figure, axes, methods, color, shape) -> None:
    present = {name for ax in axes.flat for name in ax.get_legend_handles_labels()[1]}
    for name in methods:
        if name in present:
            look = {"color": color[name], "marker": shape[name], "ms": 4}
            axes[0, 0].plot([], [], label=name, **look)
    style.legend_below(
        figure, axes[0, 0], title="line: mean over seeds, band: lowest to highest seed"
    )
