"""Means over many tasks as dots, a panel a data set."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mtlx.results import style
from mtlx.results.outliers import show_far
from mtlx.results.statistics import mean_interval

ROW_HEIGHT, PANEL_WIDTH = 0.19, 3.6  # inch


def draw_task_means(found: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """delta_m of every method on every data set, zero being the single tasks.

    Each panel has its methods in an order of its own, the best on top; values far from
    all others stand at the edge (`mtlx.results.outliers`).

    Args:
        found: data set -> the rows of `task_means`.
        title: of the figure.
    """
    most = max(rows["method"].nunique() for rows in found.values())
    size = (PANEL_WIDTH * len(found), 1.3 + ROW_HEIGHT * most)
    figure, axes = style.panels(1, len(found), size)
    for axis, (data, rows) in zip(axes[0], found.items(), strict=True):
        _panel(axis, rows)
        axis.set_title(data, loc="left")
        axis.set_xlabel("Δm %, ← lower is better")
    style.head(figure, title)
    return figure


def _panel(axis, rows: pd.DataFrame) -> None:
    spans = rows.groupby("method")["delta_m"].apply(mean_interval)
    spans = spans.iloc[np.argsort([span.mean for span in spans], kind="stable")]
    means = np.array([span.mean for span in spans])
    widths = np.array([span.half_width for span in spans])
    places = np.arange(len(spans))
    axis.axvline(0.0, zorder=1, **style.REFERENCE)
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
    axis.set_yticks(places, list(spans.index), fontsize=7)
    axis.set_ylim(len(spans) - 0.4, -0.6)
    axis.grid(visible=False, axis="y")
