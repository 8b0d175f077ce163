"""Each task alone and all jointly, as dots with intervals."""

import pandas as pd
from matplotlib.figure import Figure

from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.dots import ARROWS
from mtlx.results.statistics import mean_interval

ROW_HEIGHT, PANEL_WIDTH = 0.24, 2.4  # inch
MOST_COLUMNS = 5


def draw_joint(heads: pd.DataFrame, alone: str, title: str) -> Figure:
    """The headline metric of every task, and the mean of the task alone as a line.

    Args:
        heads: a row a run and task, with its headline: method, task, metric, value.
        alone: the method of the reference line.
        title: of the figure.
    """
    methods, tasks = heads["method"].unique(), heads["task"].unique()
    lines = -(-len(tasks) // MOST_COLUMNS)
    columns = -(-len(tasks) // lines)
    height = 1.0 + ROW_HEIGHT * len(methods)
    size = (1.8 + PANEL_WIDTH * columns, 0.3 + lines * height)
    figure, axes = style.panels(lines, columns, size, sharey=True)
    color = style.colors(methods)
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    for axis, task in zip(axes.flat, tasks, strict=False):
        rows = heads[heads["task"] == task]
        metric = rows["metric"].iloc[0]
        for place, method in enumerate(methods):
            values = rows[rows["method"] == method]["value"]
            mean, half_width, _ = mean_interval(values)
            axis.errorbar(
                mean,
                place,
                xerr=None if pd.isna(half_width) else half_width,
                fmt="o",
                color=color[method],
                markersize=5,
                elinewidth=1.2,
                capsize=2,
            )
            if method == alone:
                axis.axvline(mean, zorder=1, **style.REFERENCE)
        axis.set_title(task, loc="left")
        axis.set_xlabel(f"test {metric}\n{ARROWS[METRICS[metric].higher_is_better]}")
        axis.xaxis.get_major_locator().set_params(nbins=4)
        axis.grid(visible=False, axis="y")
        axis.set_yticks(range(len(methods)), methods)
        axis.set_ylim(len(methods) - 0.5, -0.5)
    style.head(figure, f"{title}: mean over seeds, 95 % interval")
    return figure
