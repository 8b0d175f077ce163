"""How runs are spread over a column's values, with the published histogram."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtlx.results import style

WIDTH, HEIGHT = 3.2, 1.9  # inch
OURS, PRINTED = {"color": "#3f5fa8", "alpha": 0.75}, {"color": "#222222", "lw": 1.3}


def draw_histogram(picture: Mapping[str, Any]) -> Figure | None:
    """One axis a row of the table, shares of its runs; None where nothing was run.

    Args:
        picture: as of `picture_record`.
    """
    rows = [row for row in picture["rows"] if row["ours"]]
    if not rows:
        return None
    across = min(picture["across"], len(rows))
    down = -(-len(rows) // across)
    size = (WIDTH * across, 0.9 + HEIGHT * down)
    figure, axes = style.panels(down, across, size, sharex=True, sharey=True)
    for axis in axes.flat[len(rows) :]:
        axis.remove()
    for axis, row in zip(axes.flat, rows, strict=False):
        axis.tick_params(labelbottom=True)
        _draw_row(axis, row, picture["bins_per_unit"])
    for axis in axes[-1]:
        axis.set_xlabel(picture["column"])
    for axis in axes[:, 0]:
        axis.set_ylabel("share of runs")
    style.head(figure, picture["title"])
    style.legend_below(
        figure, axes[0, 0], title=f"bins of 1/{picture['bins_per_unit']}"
    )
    return figure


def _draw_row(axis: Axes, row: Mapping[str, Any], per_unit: int) -> None:
    bins, shares = _shares(row["ours"])
    left = [b / per_unit for b in bins]
    axis.bar(left, shares, 1 / per_unit, align="edge", label="ours", **OURS)
    if row["published"]:
        bins, shares = _shares(row["published"])
        every = range(min(bins), max(bins) + 2)
        edges = [b / per_unit for b in every]
        found = dict(zip(bins, shares, strict=True))
        heights = [found.get(b, 0.0) for b in every[:-1]]
        axis.stairs(heights, edges, label="published", **PRINTED)
    runs = sum(count for _, count in row["ours"])
    axis.set_title(f"{row['row']} (n={runs})", loc="left", fontsize=9)


def _shares(counts: list[list[int]]) -> tuple[list[int], list[float]]:
    """Bins, and the share of runs in each."""
    total = sum(count for _, count in counts)
    return [b for b, _ in counts], [count / total for _, count in counts]
