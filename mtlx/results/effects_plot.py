"""The effects of an ablation as dots with intervals."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mtlx.results import style

LINE, HEAD = 0.24, 1.3  # inch


def draw_effects(tables: dict[str, pd.DataFrame], title: str) -> Figure:
    """One panel a quantity, one line an effect; right of 0 is better.

    Args:
        tables: name of a quantity -> `measure_effects`, of the same effects.
        title: above all panels.
    """
    names = next(iter(tables.values()))["effect"].tolist()
    size = (3.2 + 2.8 * len(tables), HEAD + LINE * len(names))
    figure, axes = style.panels(1, len(tables), size, sharey=True)
    for axis, (quantity, table) in zip(axes[0], tables.items(), strict=True):
        for place, row in enumerate(table.itertuples()):
            sure = row.p_holm < 0.05
            axis.errorbar(
                row.gain,
                place,
                xerr=None if np.isnan(row.ci95) else row.ci95,
                fmt="o" if row.kind == "main" else "D",
                color=style.COLORS[0],
                mfc=style.COLORS[0] if sure else "white",
                ms=5,
                capsize=2,
            )
        axis.axvline(0.0, zorder=1, **style.REFERENCE)
        axis.set_title(quantity, loc="left")
        axis.set_xlabel("gain, higher is better")
        axis.xaxis.get_major_locator().set_params(nbins=4)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    style.head(figure, title)
    return figure
