"""Dot plots with intervals: who is better, by how much, how surely."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mtlx.results import style
from mtlx.results.outliers import show_far
from mtlx.results.summary import BASELINE_BALANCER, BASELINE_MODEL

ARROWS = {True: "higher is better →", False: "← lower is better"}
ROW_HEIGHT, MOST_HEIGHT = 0.17, 12.0  # inch


def draw_delta(summary: pd.DataFrame, data: str) -> Figure:
    """delta_m of every (model, method), with zero, the single-task mean."""
    rows = summary[summary["quantity"] == "delta_m"]
    figure, axes = style.panels(1, 1, (8.0, _height(summary)))
    _dots(axes[0, 0], rows, reference=0.0)
    axes[0, 0].set_xlabel("Δm on the test split (%)     " + ARROWS[False])
    style.head(figure, f"{data}: mean relative drop against single-task")
    _finish(figure, axes[0, 0])
    return figure


def draw_headlines(summary: pd.DataFrame, data: str) -> Figure:
    """The headline metric of every task, with the single-task mean."""
    metrics = summary[summary["quantity"] == "metric"]
    tasks = list(metrics["task"].unique())
    size = (min(10.0, 2.2 + 2.8 * len(tasks)), _height(summary))
    figure, axes = style.panels(1, len(tasks), size, sharey=True)
    for axis, task in zip(axes[0], tasks, strict=True):
        rows = metrics[metrics["task"] == task]
        _dots(axis, rows, reference=_single_task(rows))
        metric, higher = rows["metric"].iloc[0], rows["higher_is_better"].iloc[0]
        axis.set_title(task, loc="left")
        axis.set_xlabel(f"test {metric}\n{ARROWS[higher]}")
        axis.xaxis.get_major_locator().set_params(nbins=4)
    style.head(figure, f"{data}: headline metrics")
    _finish(figure, axes[0, 0])
    return figure


def draw_trade_off(summary: pd.DataFrame, data: str) -> Figure:
    """The first task's headline metric against the second's."""
    metrics = summary[summary["quantity"] == "metric"]
    first, second = metrics["task"].unique()[:2]
    x, y = (_indexed(metrics, task) for task in (first, second))
    figure, axes = style.panels(1, 1, (8.5, 5.0))
    axis = axes[0, 0]
    color = style.colors(summary["method"].unique())
    face = style.faces(summary["method"].unique())
    shape = style.markers(summary["model"].unique())
    for (model, method), at in x.iterrows():
        other = y.loc[model, method]
        axis.errorbar(
            at["mean"],
            other["mean"],
            xerr=_drawable(at["ci95"]),
            yerr=_drawable(other["ci95"]),
            fmt="none",
            ecolor=color[method],
            elinewidth=0.6,
            alpha=0.35,
        )
        look = {"color": color[method], "mfc": face[method], "ms": 6}
        axis.plot(at["mean"], other["mean"], shape[model], **look)
    _label_trade_off(axis, x, y, (first, second))
    style.head(figure, f"{data}: {first} against {second}")
    _legend_trade_off(figure, color, face, shape)
    return figure


def _dots(axis, rows: pd.DataFrame, reference: float) -> None:
    """One row a (model, method): models in blocks, methods in colours."""
    color = style.colors(rows["method"].unique())
    shape = style.markers(rows["method"].unique())
    models = list(rows["model"].unique())
    block = rows["model"].map(models.index).to_numpy()
    y = np.arange(len(rows)) + block  # one empty line between blocks
    for place, row in zip(y, rows.itertuples(), strict=True):
        axis.errorbar(
            row.mean,
            place,
            xerr=_drawable(row.ci95),
            fmt=shape[row.method],
            color=color[row.method],
            label=row.method,
            markersize=5,
            elinewidth=1.2,
            capsize=2,
        )
    show_far(axis, rows["mean"].to_numpy(), rows["ci95"].to_numpy(), y)
    if not np.isnan(reference):
        axis.axvline(reference, label="single-task mean", zorder=1, **style.REFERENCE)
    axis.set_yticks([y[block == i].mean() for i in range(len(models))], models)
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=False, axis="y")
    for i in range(1, len(models)):
        edge = y[block == i].min() - 1
        axis.axhline(edge, color="#eeeeee", linewidth=0.8, zorder=0)
    axis.set_ylim(y.max() + 1, -1)


def _single_task(rows: pd.DataFrame) -> float:
    """Mean of the baseline, weighed by runs; NaN if settings differ: no one mean."""
    rows = rows[(rows["model"] == BASELINE_MODEL) & (rows["n"] > 0)]
    if rows["settings"].nunique() > 1:
        return np.nan
    plain = rows[rows["balancer"] == BASELINE_BALANCER]
    rows = plain if len(plain) else rows
    return float(np.average(rows["mean"], weights=rows["n"])) if len(rows) else np.nan


def _drawable(half_width: float) -> float | None:
    return None if np.isnan(half_width) else half_width


def _indexed(metrics: pd.DataFrame, task: str) -> pd.DataFrame:
    return metrics[metrics["task"] == task].set_index(["model", "method"])


def _height(summary: pd.DataFrame) -> float:
    rows = len(summary.drop_duplicates(["model", "method"]))
    lines = rows + summary["model"].nunique()
    return min(MOST_HEIGHT, 1.7 + ROW_HEIGHT * lines)


def _finish(figure: Figure, axis) -> None:
    style.legend_below(figure, axis, title="dot: mean over seeds, bar: 95 % interval")


def _label_trade_off(axis, x, y, tasks) -> None:
    for task, rows, set_label in zip(
        tasks, (x, y), (axis.set_xlabel, axis.set_ylabel), strict=True
    ):
        higher = rows["higher_is_better"].iloc[0]
        set_label(f"{task} test {rows['metric'].iloc[0]}     {ARROWS[higher]}")


def _legend_trade_off(figure: Figure, color, face, shape) -> None:
    axis = figure.axes[0]
    models = [axis.plot([], [], shape[m], color="#444444", label=m)[0] for m in shape]
    rules = [
        axis.plot([], [], "s", color=color[name], mfc=face[name], label=name)[0]
        for name in color
    ]
    headed = [axis.plot([], [], " ", label=word)[0] for word in ("model", "balancer")]
    handles = [headed[0], *models, headed[1], *rules]
    figure.legend(handles=handles, loc="outside right center")
