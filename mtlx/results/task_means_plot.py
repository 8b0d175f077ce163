"""Means over many tasks as dots, a panel a data set."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.dots import ARROWS
from mtlx.results.outliers import show_far
from mtlx.results.statistics import mean_interval
from mtlx.results.summary import BASELINE_MODEL

ROW_HEIGHT, PANEL_WIDTH = 0.19, 3.6  # inch


def draw_task_means(
    found: Mapping[str, pd.DataFrame], metrics: Mapping[str, str], title: str
) -> Figure:
    """The mean headline of every method on every data set; a line: the single tasks.

    Each panel has its methods in an order of its own, the best on top; values far from
    all others stand at the edge (`mtlx.results.outliers`).

    Args:
        found: data set -> the rows of `task_means`.
        metrics: data set -> its headline metric.
        title: of the figure.
    """
    most = max(rows["method"].nunique() for rows in found.values())
    size = (PANEL_WIDTH * len(found), 1.3 + ROW_HEIGHT * most)
    figure, axes = style.panels(1, len(found), size)
    for axis, (data, rows) in zip(axes[0], found.items(), strict=True):
        higher = METRICS[metrics[data]].higher_is_better
        _panel(axis, rows, higher)
        axis.set_title(data, loc="left")
        axis.set_xlabel(f"mean test {metrics[data]}\n{ARROWS[higher]}")
    style.head(figure, title)
    return figure


def _panel(axis, rows: pd.DataFrame, higher: bool) -> None:
    spans = {m: mean_interval(of["mean"]) for m, of in rows.groupby("method")}
    sign = -1 if higher else 1
    spans = dict(sorted(spans.items(), key=lambda item: sign * item[1].mean))
    means = np.array([span.mean for span in spans.values()])
    widths = np.array([span.half_width for span in spans.values()])
    places = np.arange(len(spans))
    if BASELINE_MODEL in spans:
        axis.axvline(spans[BASELINE_MODEL].mean, zorder=1, **style.REFERENCE)
    axis.errorbar(
        means,
        places,
        xerr=np.nan_to_num(widths),
        fmt="o",
        color=style.COLORS[0],
        markersize=4,
        elinewidth=1.1,
        capsize=2,
    )
    show_far(axis, means, widths, places)
    axis.set_yticks(places, list(spans), fontsize=7)
    axis.set_ylim(len(spans) - 0.4, -0.6)
    axis.grid(visible=False, axis="y")
