"""One look for all pictures."""

from collections.abc import Iterable

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Petroff's ten colours: told apart under the common colour-vision deficiencies.
COLORS = matplotlib.color_sequences["petroff10"]
MARKERS = "osD^vPX*<>"
REFERENCE = {"color": "#555555", "linewidth": 1.0, "linestyle": (0, (4, 3))}
ENTRY_WIDTH, SYMBOL_WIDTH, LETTER_WIDTH = 1.4, 0.5, 0.07  # inch, in a legend
PARAMETERS = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "axes.axisbelow": True,
    "axes.edgecolor": "#888888",
    "axes.formatter.useoffset": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.title_fontsize": 9,
}


def colors(names: Iterable[str]) -> dict[str, tuple[float, float, float]]:
    """A colour a name; after ten names they repeat, told apart by `markers`."""
    return {name: COLORS[i % len(COLORS)] for i, name in enumerate(names)}


def faces(names: Iterable[str]) -> dict[str, tuple[float, float, float] | str]:
    """A marker's inside a name: its colour, hollow at the next round of the colours."""
    return {
        name: color if (i // len(COLORS)) % 2 == 0 else "white"
        for i, (name, color) in enumerate(colors(names).items())
    }


def markers(names: Iterable[str]) -> dict[str, str]:
    """A marker a name; shifted by one at each round of the colours."""
    return {
        name: MARKERS[(i + i // len(COLORS)) % len(MARKERS)]
        for i, name in enumerate(names)
    }


def panels(rows: int, columns: int, size: tuple[float, float], **kwargs):
    """A figure and its axes [rows, columns]; draw and save within `look`."""
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **kwargs)


def look():
    """Context in which all drawing and saving takes the house's look."""
    return matplotlib.rc_context(PARAMETERS)


def head(figure: Figure, text: str) -> None:
    """The figure's title, at its left."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, fontweight="bold")


def legend_below(figure: Figure, axes: Axes, title: str) -> None:
    """One legend for all panels below them, in as many columns as there is room for."""
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    longest = max(
        ENTRY_WIDTH, SYMBOL_WIDTH + LETTER_WIDTH * max(map(len, unique), default=0)
    )
    columns = int(figure.get_figwidth() / longest)
    figure.legend(
        list(unique.values()),
        list(unique),
        title=title,
        loc="outside lower center",
        ncols=max(1, min(len(unique), columns)),
    )
