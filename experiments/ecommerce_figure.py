"""Each task alone and all jointly, as dots with intervals."""

import pandas as pd

from experiments.ecommerce_runs import ALONE
from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.dots import ARROWS
from mtlx.results.statistics import mean_interval

ROW_HEIGHT, PANEL_WIDTH = 0.24, 2.4  # inch


def draw_joint(heads: pd.DataFrame, title: str):
    """A figure: the headline metric of every task, the mean alone as a line.

    Args:
        heads: rows of `experiments.ecommerce_runs.headlines`.
        title: of the figure.
    """
    methods, tasks = heads["method"].unique(), heads["task"].unique()
    size = (1.8 + PANEL_WIDTH * len(tasks), 1.3 + ROW_HEIGHT * len(methods))
    figure, axes = style.panels(1, len(tasks), size, sharey=True)
    color = style.colors(methods)
    for axis, task in zip(axes[0], tasks, strict=True):
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
            if method == ALONE:
                axis.axvline(mean, zorder=1, **style.REFERENCE)
        axis.set_title(task, loc="left")
        axis.set_xlabel(f"test {metric}\n{ARROWS[METRICS[metric].higher_is_better]}")
        axis.xaxis.get_major_locator().set_params(nbins=4)
        axis.grid(visible=False, axis="y")
        axis.set_yticks(range(len(methods)), methods)
        axis.set_ylim(len(methods) - 0.5, -0.5)
    style.head(figure, f"{title}: mean over seeds, 95 % interval")
    return figure
