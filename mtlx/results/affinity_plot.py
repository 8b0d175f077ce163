"""Affinities of tasks as a heat map."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mtlx.results import style

CELL, MARGIN = 0.42, 1.6  # inch
WRITTEN = 12  # tasks up to which the numbers stand in the cells


def draw_affinity(
    affinity: np.ndarray, tasks: Sequence[str], title: str, order: Sequence[int] = ()
) -> Figure:
    """One cell a pair: from the task of the row onto that of the column.

    The diagonal is left blank: it is no affinity to another task, and would set the
    scale of the colours.

    Args:
        affinity: Z [T, T].
        tasks: T names.
        title: above the map.
        order: of the tasks in rows and columns, e.g. by group; (): as they come.
    """
    order = list(order or range(len(tasks)))
    values = np.array(affinity, np.float64)
    np.fill_diagonal(values, np.nan)
    values = values[np.ix_(order, order)]
    names = [tasks[place] for place in order]
    side = MARGIN + max(CELL * len(names), 2.0)
    figure, axes = style.panels(1, 1, (side + 0.9, side))
    axis, top = axes[0, 0], np.nanmax(np.abs(values))
    picture = axis.imshow(values, cmap="RdBu", vmin=-top, vmax=top)
    axis.grid(False)
    axis.set_xticks(range(len(names)), names, rotation=90)
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("onto the loss of")
    axis.set_ylabel("a step on")
    label = "affinity"
    if len(names) <= WRITTEN:
        _write(axis, values, top)
        label = "affinity; numbers are per cent of the largest"
    figure.colorbar(picture, ax=axis, label=label, shrink=0.8)
    style.head(figure, title)
    return figure


def _write(axis, values: np.ndarray, top: float) -> None:
    """The numbers, in hundredths of the largest: the colour bar has the scale."""
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            share = value / top if top else 0.0
            color = "white" if abs(share) > 0.6 else "black"
            text = f"{100 * share:.0f}"
            axis.text(column, row, text, ha="center", va="center", color=color)
